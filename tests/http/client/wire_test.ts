import { assert, assertEquals, assertRejects } from "@std/assert";
import { createClient, type HttpRequestOptions } from "../../../http/client/client.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import { RawServer } from "../../_support/http_servers.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Sends one request, and returns the bytes that the server has heard. */
async function heard(method: string, path: string, options: HttpRequestOptions = {}) {
  await using server = new RawServer(OK, "hold");
  await using client = createClient({ retry: false });
  await client.request(method, server.url + path, options).text();
  return server.heard[0]!.replaceAll(new URL(server.url).host, "HOST");
}

Deno.test("a request is written as it should be", async () => {
  const agent = `User-Agent: Deno/${Deno.version.deno}\r\n`;
  const own = `Accept: */*\r\n${agent}Accept-Encoding: gzip, deflate, br, zstd\r\n`;
  assertEquals(
    await heard("GET", "a%20b?c#d"),
    `GET /a%20b?c HTTP/1.1\r\nHost: HOST\r\n${own}\r\n`,
  );
  assertEquals(
    await heard("POST", "", { json: { ä: 1 } }),
    `POST / HTTP/1.1\r\nHost: HOST\r\n${own}Content-Type: application/json\r\nContent-Length: 8\r\n\r\n{"ä":1}`,
  );
  assertEquals(
    await heard("POST", ""),
    `POST / HTTP/1.1\r\nHost: HOST\r\n${own}Content-Length: 0\r\n\r\n`,
  );
  assertEquals(
    await heard("get", "", { body: "x", headers: { "content-type": "a/b" } }),
    `GET / HTTP/1.1\r\nHost: HOST\r\n${own}content-type: a/b\r\nContent-Length: 1\r\n\r\nx`,
  );
  assertEquals(await heard("TRACE", ""), `TRACE / HTTP/1.1\r\nHost: HOST\r\n${own}\r\n`);
});

Deno.test("header names are sent as the caller writes them", async () => {
  const headers = {
    "X-API-Key": "k",
    "user-AGENT": "me",
    Host: "shop.example",
    Connection: "close",
  };
  const head = await heard("GET", "", { headers });
  for (
    const line of ["X-API-Key: k", "user-AGENT: me", "Host: shop.example", "Connection: close"]
  ) {
    assert(head.includes(`\r\n${line}\r\n`), head);
  }
  assert(!head.includes("Deno/"), head);
  const pairs = await heard("GET", "", { headers: [["X-One", "1"], ["X-One", "2"]] });
  assert(pairs.includes("\r\nX-One: 1, 2\r\n"), pairs);
});

Deno.test("a server with another port than the usual ones is reached, whatever the port", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.47", port: 6667 });
  const answering = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(1000));
    await conn.write(new TextEncoder().encode(OK));
  })();
  await using client = createClient({ retry: false });
  assertEquals(await client.get("http://127.0.0.47:6667/").text(), "ok");
  await answering;
});

Deno.test("interim responses go to a hook, which may end the request", async () => {
  const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
  await using server = new RawServer(`HTTP/1.1 102 Processing\r\n\r\n${hints}${OK}`);
  const told: [number, string | null, string][] = [];
  await using client = createClient({
    retry: false,
    hooks: {
      informational: ({ status, headers }, { method }) =>
        void told.push([status, headers.get("link"), method]),
    },
  });
  assertEquals(await client.get(server.url).text(), "ok");
  assertEquals(told, [[102, null, "GET"], [103, "</a.css>", "GET"]]);
  const reason = new Error("no");
  const strict = client.extend({
    hooks: {
      informational() {
        throw reason;
      },
    },
  });
  assertEquals(await assertRejects(() => strict.get(server.url)), reason);
  assertEquals(client.stats().active, 0);
  await using endless = new RawServer("HTTP/1.1 102 Processing\r\n\r\n".repeat(1000));
  const error = await assertRejects(() => client.get(endless.url), HttpRequestError);
  assertEquals(error.kind, "limit");
});

Deno.test("a body waits for 100 Continue, and is not sent if the server refuses it", async () => {
  const heard: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const encoder = new TextEncoder();
  const serving = (async () => {
    for await (const conn of listener) {
      const buffer = new Uint8Array(100_000);
      const read = async () =>
        new TextDecoder().decode(buffer.slice(0, await conn.read(buffer) ?? 0));
      const head = await read();
      heard.push(head.slice(head.indexOf("\r\n\r\n") + 4));
      if (head.startsWith("POST /no")) {
        await conn.write(encoder.encode("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno"));
      } else {
        await conn.write(encoder.encode("HTTP/1.1 100 Continue\r\n\r\n"));
        heard.push(await read());
        await conn.write(encoder.encode(OK));
      }
      heard.push(await read() === "" ? "end" : "more");
      conn.close();
    }
  })();
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  const bodies: HttpRequestOptions[] = [
    { body: "abc" },
    { body: ReadableStream.from([encoder.encode("abc")]), headers: { "content-length": "3" } },
  ];
  for (const options of bodies) {
    await using client = createClient({ retry: false, expectContinue: true });
    assertEquals(await client.post(url, options).text(), "ok");
  }
  await using client = createClient({ retry: false, raiseForStatus: false, expectContinue: 3 });
  assertEquals((await client.post(`${url}no`, { body: "abc" })).status, 417);
  await client.post(`${url}no`, { body: "ab" });
  client.close();
  listener.close();
  await serving;
  // The small body did not wait.
  assertEquals(heard, ["", "abc", "end", "", "abc", "end", "", "end", "ab", "end"]);
});

Deno.test("a server that speaks only HTTP/2 leads to the option", async () => {
  await using server = new RawServer(
    new Uint8Array([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]),
  );
  await using client = createClient({ retry: false });
  const error = await assertRejects(() => client.get(server.url), HttpRequestError, "http2: true");
  assertEquals(error.kind, "protocol");
});
