import { assert, assertEquals, assertRejects } from "@std/assert";
import { createClient, type HttpClientOptions } from "../../../http/client/client.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import { testCertificates } from "../../_support/certificates.ts";

/** A server of Deno with TLS. */
function serveTls({ cert, key }: { cert: string; key: string }) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    async (request) => new Response(request.body === null ? "ok" : await request.bytes()),
  );
  return {
    url: `https://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a response has what the handshake has agreed on, as far as the options ask for it", async () => {
  const { ca, good } = await testCertificates();
  await using server = serveTls(good);
  const caCerts = [ca];
  const rows: [HttpClientOptions, boolean][] = [
    [{}, false],
    [{ inspectTls: true }, true],
    [{ minVersion: "TLSv1.3" }, true],
  ];
  for (const [options, whole] of rows) {
    await using client = createClient({ caCerts, ...options });
    for (const reused of [false, true]) {
      const response = await client.post(server.url, { body: "x" });
      assertEquals([await response.text(), response.reused], ["x", reused]);
      const { tls, timings } = response;
      assertEquals(tls?.alpnProtocol, "http/1.1");
      assertEquals(tls?.version, whole ? "TLSv1.3" : undefined);
      assertEquals(tls?.cipher?.startsWith("TLS_"), whole ? true : undefined);
      assertEquals(tls?.peerCertificate?.fingerprint.length, whole ? 95 : undefined);
      assertEquals(timings?.tls !== undefined, !reused);
    }
  }
});

Deno.test("a pin identifies the server in place of an authority", async () => {
  const { ca, good, untrusted } = await testCertificates();
  await using server = serveTls(untrusted);
  await using other = serveTls(good);
  await using known = createClient({ caCerts: [ca], inspectTls: true });
  const { tls } = await known.get(other.url);
  const wrong = tls!.peerCertificate!.fingerprint;
  await using client = createClient({ pin: wrong, retry: false });
  assertEquals(await client.get(other.url).text(), "ok");
  const error = await assertRejects(
    () => client.post(server.url, { body: "secret" }),
    HttpRequestError,
  );
  assertEquals([error.kind, error.tls, error.sent], ["tls", "pin", "no"]);
  const seen = /sha256\/[A-Za-z0-9+/]{43}=/.exec(error.message)?.[0];
  assert(seen !== undefined, error.message);
  await using pinned = createClient({ pin: [wrong, seen] });
  for (const url of [server.url, other.url]) assertEquals(await pinned.get(url).text(), "ok");
});

Deno.test("large bodies go both ways over both implementations of TLS", async () => {
  const { ca, good } = await testCertificates();
  await using server = serveTls(good);
  const body = new Uint8Array(3_000_000).map((_, i) => i * 7);
  for (const inspectTls of [false, true]) {
    await using client = createClient({ caCerts: [ca], inspectTls });
    for (const sent of [body, new Blob([body])]) {
      const back = await client.put(server.url, { body: sent }).bytes();
      assert(back.length === body.length && back.every((byte, i) => byte === body[i]));
    }
    assertEquals(client.stats().active, 0);
  }
});
