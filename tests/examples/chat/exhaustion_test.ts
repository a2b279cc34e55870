/** The chat with all of its file descriptors taken: it waits, and lives on. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { startPeer } from "../../_support/runnable.ts";
import { needs } from "../../_support/peers.ts";

const shell = needs("sh");
const ROOT = new URL("../../../", import.meta.url).pathname;

for (const crowd of ["terminal", "web"] as const) {
  Deno.test({
    name: `the chat survives too many connections on its ${crowd} side${shell.suffix}`,
    ignore: shell.ignore,
    async fn() {
      const command = `ulimit -n 128; cd "${ROOT}"; exec "${Deno.execPath()}" run -q ` +
        "-P=chat examples/chat.ts --port 0 --web-port 0 --max-connections-per-address 0";
      await using chat = await startPeer("sh", ["-c", command], 2);
      const [terminal, web] = chat.urls as [URL, URL];
      const connect = ({ port }: URL) =>
        Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      const held: Deno.Conn[] = [];
      // Deno.serve refuses while it listens again; then one on the other side too.
      for (let i = 0; i < 161; i++) {
        const side = (crowd === "web") === (i < 160) ? web : terminal;
        await connect(side).then((conn) => held.push(conn), () => {});
      }
      assert(held.length > 100, "too few to matter");
      await delay(400);
      for (const conn of held) conn.close();
      const end = performance.now() + 10_000;
      let status = 0;
      while (status !== 200) {
        assert(performance.now() < end, `the web side did not come back: ${chat.stderr}`);
        try {
          const response = await fetch(`${web.origin}/healthz`);
          status = response.status;
          await response.body?.cancel();
        } catch {
          await delay(50);
        }
      }
      using late = await connect(terminal);
      const greeting = new Uint8Array(200);
      assert((await late.read(greeting))! > 0);
      chat.signal("SIGTERM");
      assertEquals(await chat.exitCode(), 0, chat.stderr);
    },
  });
}
