import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import { zstdCompressSync } from "node:zlib";
import { createClient } from "../../../http/client/client.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { writeCertificate } from "../../_support/x509_writer.ts";

/** A server of HTTP/2, which may also speak HTTP/1.1. */
async function serveHttp2(allowHTTP1: boolean, pair?: { cert: string; key: string }) {
  const { cert, key } = pair ?? (await testCertificates()).good;
  const sessions = new Set<ServerHttp2Session>();
  let total = 0;
  const server = createSecureServer({ cert, key, allowHTTP1 }, (request, response) => {
    request.on("data", () => {});
    request.on("end", () => response.end(`${request.method} ${request.httpVersion}`));
  });
  server.on("session", (session) => {
    total++;
    sessions.add(session);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as { port: number }).port}/`,
    total: () => total,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

Deno.test("a server that speaks only HTTP/2 is reached with the option, and the error names it", async () => {
  const { ca } = await testCertificates();
  await using server = await serveHttp2(false);
  await using plain = createClient({ caCerts: [ca], retry: false });
  const error = await assertRejects(() => plain.get(server.url), HttpRequestError, "http2: true");
  assertEquals(error.sent, "no");
  await using client = createClient({ caCerts: [ca], http2: true });
  for (const method of ["GET", "POST", "PUT"]) {
    const options = method === "GET" ? {} : { body: "x" };
    assertEquals(await client.request(method, server.url, options).text(), `${method} 2.0`);
  }
  // The first connection found out the protocol, the second one serves all requests.
  assert(server.total() <= 3, `${server.total()}`);
});

Deno.test("HTTP/2 refuses a trusted certificate of an authority, and the error says what helps", async () => {
  const { pem, key } = await writeCertificate({ cn: "x", names: [{ ip: "127.0.0.1" }], ca: true });
  await using server = await serveHttp2(true, { cert: pem, key });
  await using client = createClient({ caCerts: [pem], http2: true, retry: false });
  const advice = "leave http2 out and trust it with caCerts";
  await assertRejects(() => client.get(server.url), HttpRequestError, advice);
  await using plain = createClient({ caCerts: [pem], retry: false });
  assertEquals(await plain.get(server.url).text(), "GET 1.1");
  await using wary = createClient({ retry: false });
  const error = await assertRejects(() => wary.get(server.url), HttpRequestError, "trust it with");
  assert(!error.message.includes("http2"), error.message);
});

Deno.test("with http2, a server of HTTP/1.1 gets the connections of the client itself", async () => {
  const { ca, good: { cert, key } } = await testCertificates();
  const { createServer } = await import("node:https");
  let connections = 0;
  const server = createServer(
    { cert, key },
    (request, response) => response.end(request.httpVersion),
  );
  server.on("secureConnection", () => void connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as { port: number }).port}/`;
  {
    await using client = createClient({ caCerts: [ca], http2: true });
    for (let i = 0; i < 3; i++) {
      const response = await client.post(url, { body: "x" });
      assertEquals([await response.text(), response.reused], ["1.1", i > 0]);
    }
  }
  assertEquals(connections, 1);
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("HTTP/2 offers the same codings as HTTP/1.1", async () => {
  const { ca, good: { cert, key } } = await testCertificates();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    ({ headers }) =>
      new Response(new Uint8Array(zstdCompressSync(`${headers.get("accept-encoding")}`)), {
        headers: { "content-encoding": "zstd" },
      }),
  );
  await using client = createClient({ caCerts: [ca], http2: true });
  const text = await client.get(`https://127.0.0.1:${server.addr.port}/`).text();
  assertEquals(text, "identity, gzip, deflate, br, zstd");
});

Deno.test("HTTP/2 sends uploads with their length, reports them, and ends with their errors", async () => {
  const { ca, good: { cert, key } } = await testCertificates();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    async (request) => {
      const told = request.headers.get("content-length");
      const { length } = await request.arrayBuffer().catch(() => new ArrayBuffer(0))
        .then((bytes) => new Uint8Array(bytes));
      return Response.json({ told, length });
    },
  );
  const url = `https://127.0.0.1:${server.addr.port}/`;
  await using client = createClient({ caCerts: [ca], http2: true, retry: false });
  // The first request finds out the protocol.
  await client.get(url);
  const bytes = new Uint8Array(300_000);
  const told: number[] = [];
  const known = {
    body: new Blob([bytes]),
    onUpload: (sent: { transferred: number }) => void told.push(sent.transferred),
  };
  assertEquals(await client.put(url, known).json(), { told: "300000", length: 300_000 });
  assertEquals(told.at(-1), 300_000);
  const stream = () => ReadableStream.from([bytes, bytes.subarray(1)]);
  assertEquals(await client.put(url, { body: stream() }).json(), { told: null, length: 599_999 });
  const broken = new Error("the disk is gone");
  const failing = ReadableStream.from((async function* () {
    yield bytes;
    await Promise.reject(broken);
  })());
  const error = await assertRejects(() => client.put(url, { body: failing }));
  assert(error === broken || (error as Error).cause === broken, `${error}`);
  const onUpload = () => {
    throw broken;
  };
  assertEquals(await client.put(url, { body: stream(), onUpload }).catch((error) => error), broken);
});

Deno.test("http2 is rejected together with authorities for the proxy alone", async () => {
  const { ca } = await testCertificates();
  const proxy = { url: "https://127.0.0.1:1", caCerts: [ca] };
  assertThrows(() => createClient({ http2: true, proxy }), TypeError, "proxy.caCerts");
});
