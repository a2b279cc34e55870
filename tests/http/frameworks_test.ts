import { assert, assertEquals } from "@std/assert";
import { startPeer } from "../_support/runnable.ts";

const HONO = "npm:hono@4.13.19";
const cached = await new Deno.Command(Deno.execPath(), { args: ["cache", "-q", "--no-lock", HONO] })
  .output();
const program = new URL("../_support/hono_server.ts", import.meta.url).pathname;

for (const transport of ["deno", "hardened"]) {
  Deno.test({
    name: `serveHttp() serves app.fetch of Hono as it is (${transport})` +
      (cached.success ? "" : ` (${HONO} is not to be had)`),
    ignore: !cached.success,
    fn: async () => {
      const args = ["run", "--no-lock", "-A", program, transport];
      await using server = await startPeer(Deno.execPath(), args);
      const ask = (path: string, body?: BodyInit) =>
        fetch(new URL(path, server.urls[0]), body === undefined ? {} : { method: "POST", body });
      assertEquals(await (await ask("/users/7")).json(), { id: "7", peer: "127.0.0.1" });
      assertEquals(await (await ask("/json", '{"a":[1]}')).json(), { a: [1] });
      assertEquals(await (await ask("/echo", "x".repeat(1000))).text(), "x".repeat(1000));
      const large = ReadableStream.from([new Uint8Array(800), new Uint8Array(800)]);
      const refused = await ask("/json", large);
      assertEquals([refused.status, (await refused.json()).status], [413, 413]);
      const bug = await ask("/bug");
      assertEquals(bug.status, 500);
      assert(!(await bug.text()).includes("secret"));
      const nothing = await ask("/nothing");
      assertEquals(nothing.status, 404);
      await nothing.body?.cancel();
    },
  });
}
