import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveWithWorkers } from "../../../net/tcp/workers.ts";
import { exchange, rest } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";

const module = new URL("../../_support/http_worker.ts", import.meta.url);
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
  await late.readLine({ timeout: 30_000 });
  const report = server.shutdown({ deadline: 10_000 });
  await late.write("lf");
  assertStringIncludes(await rest(late), "half");
  assertEquals((await report).forced, 0);
});

Deno.test("reload() loses no request of an open connection", async () => {
  await using server = await serveWithWorkers({ module, workers: 2 });
  const { port } = server.addr;
  assertEquals(server.url, `http://127.0.0.1:${port}`);
  await using late = await connectTcp({ port });
  await late.write("POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nha");
  let stop = false;
  let answered = 0;
  // Each connection sends requests until the server announces its end. Then it connects again.
  const clients = Array.from({ length: 4 }, async () => {
    while (!stop) {
      await using conn = await connectTcp({ port });
      for (let open = true; open && !stop;) {
        await conn.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        const status = await conn.readLine({ timeout: 30_000 }).catch(() => null);
        // A server may end an idle connection; it did not see the request then.
        if (status === null) break;
        assertStringIncludes(status, "200 OK");
        let head = "";
        for (let line; (line = await conn.readLine({ timeout: 30_000 })) !== "";) {
          head += `${line}\n`;
        }
        await conn.readExact(1);
        answered++;
        open = !/^connection: close/im.test(head);
      }
    }
  });
  const reloading = server.reload({ deadline: 10_000 });
  await until(() => answered > 100);
  await late.write("lf");
  assertStringIncludes(await rest(late), "half");
  await reloading;
  stop = true;
  await Promise.all(clients);
});
