import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { once } from "node:events";
import { createServer as createNodeTls } from "node:tls";
import { toNetError } from "../../../net/errors/errors.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { LOOPBACK, portOf, thrown } from "../../_support/errors.ts";

/** The errors of both ends of a TLS handshake that fails at the client. */
async function failingHandshake(
  server: { cert: string; key: string },
  ca: string | undefined,
): Promise<[unknown, unknown]> {
  using listener = Deno.listenTls({
    hostname: LOOPBACK,
    port: 0,
    cert: server.cert,
    key: server.key,
  });
  const accepted = listener.accept();
  using client = await Deno.connectTls({
    hostname: LOOPBACK,
    port: listener.addr.port,
    ...(ca !== undefined && { caCerts: [ca] }),
  });
  using peer = await accepted;
  return await Promise.all([thrown(client.handshake()), thrown(peer.handshake())]);
}

Deno.test("tls: an untrusted, wrong, expired and not yet valid certificate", async () => {
  const { ca, untrusted, wrongName, expired, notYetValid } = await testCertificates();
  const rows = [
    [untrusted, "untrusted", "its certificate is not signed by a trusted authority"],
    [expired, "expired", "its certificate has expired"],
    [notYetValid, "not-yet-valid", "its certificate is not valid yet"],
  ] as const;
  const [other] = await failingHandshake(wrongName, ca);
  const { message, tls } = toNetError(other, { hostname: LOOPBACK, port: 9 });
  assertEquals([message, tls], [
    "TLS handshake failed with 127.0.0.1:9: its certificate is for another name: " +
    "it is valid for wrong.test, not for 127.0.0.1",
    "wrong-name",
  ]);
  for (const [certificate, tls, sentence] of rows) {
    const [ours, theirs] = await failingHandshake(certificate, ca);
    assert(ours instanceof Deno.errors.InvalidData, `${ours}`);
    const error = toNetError(ours, { hostname: LOOPBACK, port: 9 });
    assertEquals([error.kind, error.tls, error.phase], ["tls", tls, "handshake"]);
    assertStringIncludes(
      error.message,
      `TLS handshake failed with 127.0.0.1:9: ${sentence} (invalid peer certificate: `,
    );
    assertEquals(error.retryable, false);
    const other = toNetError(theirs);
    assertEquals([other.kind, other.tls, other.phase], ["tls", "rejected", "handshake"]);
  }
});

Deno.test("tls: a certificate that names the reason of another failure", async () => {
  const { developmentAuthority } = await import("../../../net/tls/certificate.ts");
  const authority = await developmentAuthority();
  const certificate = await authority.issue({ names: ["unknownissuer.test", "expired.test"] });
  const [cause] = await failingHandshake(certificate, authority.cert);
  assertEquals(toNetError(cause).tls, "wrong-name");
});

Deno.test("tls: a certificate of many names", () => {
  const names = Array.from({ length: 7 }, (_, at) => `DnsName("${at}.test")`);
  const cause = new Deno.errors.InvalidData(
    'invalid peer certificate: certificate not valid for name "expired.test"; certificate is only ' +
      `valid for ${names.join(", ")} or IpAddress(127.0.0.1)`,
  );
  assertEquals(
    toNetError(cause, { hostname: LOOPBACK, port: 9 }).message,
    "TLS handshake failed with 127.0.0.1:9: its certificate is for another name: it is valid for " +
      "0.test, 1.test, 2.test, 3.test, 4.test and 3 more, not for expired.test",
  );
});

Deno.test("tls: a peer that speaks plain text, seen from both sides", async () => {
  const { good } = await testCertificates();
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const accepted = listener.accept();
  using client = await Deno.connectTls({ hostname: LOOPBACK, port: listener.addr.port });
  using peer = await accepted;
  await peer.write(new TextEncoder().encode("220 mail.example ESMTP\r\n"));
  using tls = Deno.listenTls({ hostname: LOOPBACK, port: 0, cert: good.cert, key: good.key });
  using plain = await Deno.connect({ hostname: LOOPBACK, port: tls.addr.port });
  using asked = await tls.accept();
  await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  for (const cause of [await thrown(client.handshake()), await thrown(asked.handshake())]) {
    const error = toNetError(cause);
    assertEquals([error.kind, error.tls, error.phase], ["tls", "not-tls", "handshake"]);
    assertMatch(error.message, /^TLS handshake failed: the peer does not speak TLS \(/);
  }
});

Deno.test("truncated: a peer that closes instead of shaking hands", async () => {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const accepted = listener.accept();
  using client = await Deno.connectTls({ hostname: LOOPBACK, port: listener.addr.port });
  const peer = await accepted;
  const shaking = thrown(client.handshake());
  // The hello is read first: closing with unread bytes would be a reset.
  assert(await peer.read(new Uint8Array(4096)) !== null);
  peer.close();
  const cause = await shaking;
  assert(cause instanceof Deno.errors.UnexpectedEof, `${cause}`);
  const error = toNetError(cause, { phase: "handshake", address: "127.0.0.1:9" });
  assertEquals([error.kind, error.phase, error.retryable], ["truncated", "handshake", true]);
  assertEquals(
    error.message,
    "TLS handshake failed with 127.0.0.1:9: the peer ended in the middle",
  );
});

Deno.test("truncated: a TLS connection that is cut without a close_notify", async () => {
  const { ca, good } = await testCertificates();
  using listener = Deno.listenTls({ hostname: LOOPBACK, port: 0, cert: good.cert, key: good.key });
  using relay = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const relaying = relay.accept();
  const behind = listener.accept();
  using client = await Deno.connectTls({
    hostname: LOOPBACK,
    port: relay.addr.port,
    caCerts: [ca],
  });
  const front = await relaying;
  const back = await Deno.connect({ hostname: LOOPBACK, port: listener.addr.port });
  using server = await behind;
  const pumps = Promise.all([pump(front, back), pump(back, front)]);
  await Promise.all([client.handshake(), server.handshake()]);
  await server.write(new Uint8Array([7]));
  assertEquals(await client.read(new Uint8Array(8)), 1);
  const reading = [thrown(client.read(new Uint8Array(8))), thrown(server.read(new Uint8Array(8)))];
  front.close();
  back.close();
  await pumps;
  for (const cause of await Promise.all(reading)) {
    assert(cause instanceof Deno.errors.UnexpectedEof, `${cause}`);
    const error = toNetError(cause, { phase: "read", address: "127.0.0.1:9" });
    assertEquals([error.kind, error.phase, error.retryable], ["truncated", "read", true]);
    assertEquals(error.message, "Cannot read from 127.0.0.1:9: the peer ended in the middle");
  }
});

/** Passes raw bytes on until one side is closed. */
async function pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  try {
    for (let n; (n = await from.read(buffer)) !== null;) {
      for (let at = 0; at < n;) at += await to.write(buffer.subarray(at, n));
    }
  } catch (error) {
    assertEquals(toNetError(error).kind, "closed");
  }
}

Deno.test("tls: a certificate or key that is no use", async () => {
  const { good, client } = await testCertificates();
  const junk = (label: string) => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`;
  const rows: Array<[string, string]> = [
    ["no certificate", good.key],
    [good.cert, "no key"],
    [good.cert, client.key],
    [junk("CERTIFICATE"), good.key],
    [good.cert, junk("PRIVATE KEY")],
  ];
  for (const [cert, key] of rows) {
    const cause = assertThrows(() => Deno.listenTls({ hostname: LOOPBACK, port: 0, cert, key }));
    const error = toNetError(cause, { phase: "listen" });
    assertEquals([error.kind, error.tls], ["tls", "bad-certificate"], `${cause}`);
    assertMatch(error.message, /^Cannot listen: a certificate or key is malformed \(/);
  }
});

Deno.test("tls: a peer that wants a certificate, and the server that got none", async () => {
  const { ca, good } = await testCertificates();
  const { cert, key } = good;
  const server = createNodeTls({ cert, key, ca: [ca], requestCert: true });
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  const failed = once(server, "tlsClientError");
  const port = portOf(server);
  const conn = await Deno.connectTls({ hostname: LOOPBACK, port, caCerts: [ca] });
  // TLS 1.3 tells the client after its own handshake is done.
  await conn.handshake();
  const ours = toNetError(await thrown(conn.read(new Uint8Array(1))));
  assertEquals([ours.kind, ours.tls], ["tls", "client-certificate"]);
  const [cause] = await failed;
  const theirs = toNetError(cause);
  assertEquals([theirs.kind, theirs.tls], ["tls", "client-certificate"]);
  assertEquals(theirs.code, "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
  conn.close();
  server.close();
  await once(server, "close");
});

Deno.test("a bad record after the handshake is no failed handshake", () => {
  const cause = () => new Deno.errors.InvalidData("cannot decrypt peer's message");
  for (const phase of ["read", "write"] as const) {
    const error = toNetError(cause(), { phase, address: "a.test:1" });
    assertEquals([error.kind, error.tls], ["tls", "handshake"]);
    assertMatch(error.message, /^Cannot \w+ \w+ a\.test:1: TLS failed \(cannot decrypt/);
  }
  const { message } = toNetError(cause(), { phase: "handshake", address: "a.test:1" });
  assertMatch(message, /: the handshake failed \(cannot decrypt/);
});
