/** `examples/pooled_client.ts`: few connections, and tries again. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../examples/pooled_client.ts";
import { recordingIo } from "../../tools/cli.ts";
import { deadPort, serve } from "../_support/http_servers.ts";

async function run(...args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out, err: io.err };
}

Deno.test("pooled_client keeps to its pool, and tries again what fails", async () => {
  const ports = new Set<number>();
  let [count, now, most] = [0, 0, 0];
  const handler = async (_: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => {
    ports.add(info.remoteAddr.port);
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 2));
    now--;
    return new Response("x", { status: ++count <= 2 ? 503 : 200 });
  };
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const { code, out } = await run(url, "-n", "30", "--pool=3", "--backoff=0.001", "--json");
  const { sent, retries, outcomes } = JSON.parse(out);
  assertEquals([code, sent, retries, outcomes], [0, 32, 2, { 200: 30 }]);
  assert(most <= 3 && ports.size <= 3, `${most} at once, ${ports.size} connections`);
});

Deno.test("pooled_client gives up after three tries again, and says with what", async () => {
  let count = 0;
  await using server = serve(() => new Response("x", { status: ++count && 502 }));
  const failed = await run(server.url, "-n1", "--backoff=0");
  assertEquals([failed.code, failed.out, count], [1, "502: 1\n", 4]);
  assertMatch(failed.err, /answered 502\n$/);
  const refused = await run(`http://u:secret@127.0.0.1:${deadPort()}/`, "-n1", "--backoff=0");
  assertEquals([refused.code, refused.out], [1, "refused: 1\n"]);
  assertEquals(refused.err.match(/retry in/g)?.length, 3);
  const json = await run(server.url.replace("//", "//u:secret@"), "-n1", "--retries=0", "--json");
  assert(!`${refused.err}${json.out}${json.err}`.includes("secret"), json.out);
});
