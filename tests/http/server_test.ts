import { assertEquals, assertThrows } from "@std/assert";
import { NetError } from "../../net/errors.ts";
import { serveHttp } from "../../http/server.ts";
import { serverSuite } from "./_server_suite.ts";

serverSuite("Deno.serve", {});
serverSuite("the hardened transport", { hardened: true });

Deno.test("serveHttp() rejects options that are nonsense", () => {
  const handler = () => new Response();
  for (
    const options of [
      { port: -1 },
      { port: 65536 },
      { maxBody: -1 },
      { bodyTimeout: NaN },
      { handlerTimeout: -5 },
      { maxRequests: 1.5 },
      { minBodyRate: 0 },
    ]
  ) assertThrows(() => serveHttp(options, handler), RangeError);
  assertThrows(() => serveHttp({ cert: "x" }, handler), TypeError, "both cert and key");
  assertThrows(() => serveHttp({ allowedHosts: ["a/b"] }, handler), TypeError, '"a/b"');
});

Deno.test("serveHttp() says that a port is taken", async () => {
  await using server = serveHttp({}, () => new Response());
  const { port } = server.addr;
  const error = assertThrows(() => serveHttp({ port }, () => new Response()), NetError);
  assertEquals([error.kind, error.phase], ["address-in-use", "listen"]);
});
