import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connectTcp } from "../../net/tcp_client.ts";
import { serveWithWorkers } from "../../net/workers.ts";
import { exchange, rest } from "../_support/raw_http.ts";

const module = new URL("../_support/http_worker.ts", import.meta.url);
const ASK = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

Deno.test("serveHttp() shares its port among Workers, and one shutdown ends all of them", async () => {
  await using server = await serveWithWorkers({ module, workers: 2 });
  const { port } = server.addr;
  const heard = new Set<string>();
  const end = performance.now() + 10_000;
  while (heard.size < 2) {
    assert(performance.now() < end, `only ${[...heard]} answered`);
    heard.add((await exchange(port, ASK)).at(-1)!);
  }
  assertEquals([...heard].sort(), ["0", "1"]);
  await using late = await connectTcp({ port });
  await late.write(
    "GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nha",
  );
  // The first answer shows that the second request is in hand.
  await late.readLine({ timeout: 5000 });
  const report = server.shutdown({ deadline: 10_000 });
  await late.write("lf");
  assertStringIncludes(await rest(late), "half");
  assertEquals((await report).forced, 0);
});
