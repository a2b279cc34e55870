import { assertEquals } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";

/** A server that answers each request with this head, counts its connections, and sees their ends. */
function counting(head: (request: number) => string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const state = { connections: 0, ended: Promise.withResolvers<void>() };
  const serving = (async () => {
    const work: Promise<void>[] = [];
    for await (const conn of listener) {
      state.connections++;
      work.push((async () => {
        const buffer = new Uint8Array(4096);
        for (let request = 1; await conn.read(buffer).catch(() => null) !== null; request++) {
          await conn.write(new TextEncoder().encode(`HTTP/1.1 200 OK\r\n${head(request)}\r\nok`));
        }
        conn.close();
        state.ended.resolve();
      })());
    }
    await Promise.all(work);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    state,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await serving;
    },
  };
}

const LENGTH = "Content-Length: 2\r\n";

Deno.test("a connection is kept only as long, and used only as often, as the server allows", async () => {
  const rows: [string, number][] = [
    ["", 1],
    ["Keep-Alive: timeout=60\r\n", 1],
    ["Keep-Alive: timeout=60, max=100\r\n", 1],
    // The client ends a connection a second before the server would.
    ["Keep-Alive: timeout=1\r\n", 4],
    ["Keep-Alive: timeout=60, max=0\r\n", 4],
    ["Connection: close\r\n", 4],
  ];
  for (const [line, connections] of rows) {
    await using server = counting(() => LENGTH + line);
    await using client = createClient({ maxPerHost: 1 });
    for (const method of ["GET", "POST", "PUT", "GET"]) {
      assertEquals(await client.request(method, server.url).text(), "ok");
    }
    assertEquals(server.state.connections, connections, line);
  }
});

Deno.test("a number of further requests counts down", async () => {
  await using server = counting((request) => `${LENGTH}Keep-Alive: max=${3 - request}\r\n`);
  await using client = createClient();
  for (let i = 0; i < 6; i++) assertEquals(await client.get(server.url).text(), "ok");
  assertEquals(server.state.connections, 2);
});

Deno.test("the end of an idle connection is seen at once, so a POST does not fail on it", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed: Promise<void>[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      closed.push((async () => {
        const buffer = new Uint8Array(4096);
        await conn.read(buffer);
        await conn.write(new TextEncoder().encode(`HTTP/1.1 200 OK\r\n${LENGTH}\r\nok`));
        await conn.closeWrite();
        // The client closes its side when it has seen the end.
        while (await conn.read(buffer) !== null);
        conn.close();
      })());
    }
  })();
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  await using client = createClient({ retry: false });
  for (let i = 0; i < 20; i++) {
    assertEquals(await client.post(url, { body: "x" }).text(), "ok");
    await closed[i];
  }
  assertEquals(closed.length, 20);
  listener.close();
  await serving;
});

Deno.test("bytes that nobody asked for end an idle connection", async () => {
  await using server = counting((request) =>
    request === 1 ? `${LENGTH}\r\nokHTTP/1.1 408 Late\r\nContent-Length: 0\r\n` : LENGTH
  );
  await using client = createClient({ retry: false });
  assertEquals(await client.get(server.url).text(), "ok");
  await server.state.ended.promise;
  assertEquals(await client.post(server.url, { body: "x" }).text(), "ok");
  assertEquals(server.state.connections, 2);
});
