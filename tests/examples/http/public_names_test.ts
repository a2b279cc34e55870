import { assertEquals, assertThrows } from "@std/assert";
import { hostOf, publicNames } from "../../../examples/http/public_names.ts";
import { CliError } from "../../../tools/cli.ts";

Deno.test("publicNames() allows the given hosts and this machine, and checks both flags", () => {
  assertEquals(publicNames([]), {});
  const { allowedHosts, trustProxy } = publicNames(["Chat.example"], ["10.0.0.0/8", "::1"]);
  assertEquals(allowedHosts?.slice(0, 2), ["chat.example", "localhost"]);
  assertEquals(trustProxy, ["10.0.0.0/8", "::1"]);
  assertThrows(
    () => publicNames([], ["10.0.0.0/8", "proxy"]),
    CliError,
    'Bad value for --trust-proxy: "proxy" (expected an address or a block such as 10.0.0.0/8)',
  );
  for (const host of ["http://a.test", "a.test:81", "a.test/x", "a b", ""]) {
    assertThrows(() => hostOf(host), CliError, "--allow-host");
  }
});
