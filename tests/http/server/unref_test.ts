import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { LOCK } from "../../_support/flags.ts";
import { temporaryFolder } from "../../_support/repository.ts";

Deno.test({
  name: "servers of all kinds keep a program alive, except after unref()",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await temporaryFolder();
    const program = fileURLToPath(new URL("_unref_program.ts", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", "--no-check", LOCK, program, folder.path],
      stdin: "null",
      signal: AbortSignal.timeout(60_000),
    }).output();
    const names = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    assertEquals(names, ["tcp", "tls", "unix", "http", "hardened", "http on unix", "proxy"]);
  },
});
