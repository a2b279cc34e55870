import { assert, assertEquals, assertMatch } from "@std/assert";
import { once } from "node:events";
import { connect as connectNode } from "node:net";
import { connect as connectNodeTls, createServer as createNodeTls } from "node:tls";
import { type NetErrorKind, type NetPhase, toNetError } from "../../../net/errors/errors.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { deadPort, errorOf, LOOPBACK, portOf } from "../../_support/errors.ts";

Deno.test("node:net: refused, with the address that the error carries", async () => {
  const port = deadPort();
  const cause = await errorOf(connectNode({ host: LOOPBACK, port }));
  const error = toNetError(cause);
  assertEquals([error.kind, error.phase, error.code], ["refused", "connect", "ECONNREFUSED"]);
  assertEquals(error.address, `127.0.0.1:${port}`);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}: connection refused`);
  const known = toNetError(cause, { hostname: "localhost", port });
  assertEquals(known.address, `localhost:${port}`);
});

Deno.test("node:net: an unknown host", async () => {
  const cause = await errorOf(connectNode({ host: "nope.invalid", port: 80 }));
  const error = toNetError(cause);
  assertEquals([error.kind, error.phase], ["dns", "resolve"]);
  const final = error.code === "ENOTFOUND";
  assertEquals(error.code, final ? "ENOTFOUND" : "EAI_AGAIN");
  assertEquals(error.retryable, !final);
  assertMatch(error.message, /^Cannot resolve: unknown host name/);
});

const failed = (code: string, address: string) =>
  Object.assign(new Error(`connect ${code} ${address}:9`), {
    code,
    syscall: "connect",
    address,
    port: 9,
  });

Deno.test("node:net: every address of a host refused, gathered in one error", async () => {
  const port = deadPort();
  const addresses = ["127.0.0.2", "127.0.0.1"].map((address) => ({ address, family: 4 }));
  const cause = await errorOf(connectNode({
    host: "two.test",
    port,
    autoSelectFamily: true,
    lookup: (_host, _options, callback) => callback(null, addresses),
  }));
  assert(cause instanceof AggregateError, `${cause}`);
  assertEquals(cause.errors.length, 2);
  const error = toNetError(cause);
  assertEquals([error.kind, error.code, error.retryable], ["refused", "ECONNREFUSED", true]);
  const tried = [`127.0.0.2:${port}`, `127.0.0.1:${port}`];
  assertEquals(error.addresses, tried);
  assertEquals(
    error.message,
    `Cannot connect to 127.0.0.2:${port}: connection refused (tried ${tried.join(", ")})`,
  );
  const wrapped = toNetError(new TypeError("fetch failed", { cause }));
  assertEquals(wrapped.message, error.message);
});

Deno.test("of several addresses, the one that was reached tells the most", () => {
  const gathered = (...errors: Array<Error & { code: string }>) =>
    Object.assign(new AggregateError(errors), { code: errors[0]?.code });
  const mixed = toNetError(
    gathered(failed("ENETUNREACH", "::1"), failed("ECONNREFUSED", "127.0.0.1")),
  );
  assertEquals([mixed.kind, mixed.code, mixed.address], [
    "refused",
    "ECONNREFUSED",
    "127.0.0.1:9",
  ]);
  const none = toNetError(
    gathered(failed("EADDRNOTAVAIL", "::1"), failed("ENETUNREACH", "127.0.0.1")),
  );
  assertEquals([none.kind, none.address], ["address-unavailable", "[::1]:9"]);
  assertEquals(none.addresses, ["[::1]:9", "127.0.0.1:9"]);
  const bare = toNetError(new AggregateError([failed("ECONNREFUSED", "::1")]));
  assertEquals([bare.kind, bare.code, bare.address], ["refused", "ECONNREFUSED", "[::1]:9"]);
  assertEquals(bare.addresses, undefined);
  const many = toNetError(new Deno.errors.ConnectionRefused(), {
    hostname: "many.test",
    port: 9,
    addresses: Array.from({ length: 10 }, (_, i) => `127.0.0.${i}:9`),
  });
  assertMatch(many.message, /^Cannot connect to many.test:9: .*127.0.0.7:9, and 2 more\)$/);
  const again = toNetError(new Error("outer", { cause: many }));
  assertEquals([again.message, again.addresses], [many.message, many.addresses]);
  const silent = Object.assign(new AggregateError([new Error("no")]), { code: "ETIMEDOUT" });
  assertEquals([toNetError(silent).kind, toNetError(silent).code], ["timeout", "ETIMEDOUT"]);
  const aborted = new AggregateError([failed("ECONNREFUSED", "::1")]);
  aborted.name = "AbortError";
  assertEquals(toNetError(aborted).kind, "aborted");
  // A cause is not an address: there the outer error has the last word.
  const lone = Object.assign(new Error("x", { cause: failed("ECONNREFUSED", "::1") }), {
    code: "ENETUNREACH",
  });
  assertEquals(toNetError(lone).kind, "unreachable");
});

Deno.test("node:tls: an untrusted and a wrong certificate, and plain text", async () => {
  const { ca, untrusted, wrongName } = await testCertificates();
  const rows = [
    [untrusted, "untrusted", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    [wrongName, "wrong-name", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ] as const;
  for (const [{ cert, key }, tls, code] of rows) {
    const server = createNodeTls({ cert, key }).on("tlsClientError", () => {});
    server.listen(0, LOOPBACK);
    await once(server, "listening");
    const cause = await errorOf(connectNodeTls({ host: LOOPBACK, port: portOf(server), ca }));
    const error = toNetError(cause);
    assertEquals([error.kind, error.tls, error.code], ["tls", tls, code]);
    server.close();
    await once(server, "close");
  }
  using plain = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const accepted = plain.accept();
  const failed = errorOf(connectNodeTls({ host: LOOPBACK, port: plain.addr.port }));
  using peer = await accepted;
  await peer.write(new TextEncoder().encode("220 mail.example ESMTP\r\n"));
  const error = toNetError(await failed);
  assertEquals([error.kind, error.tls], ["tls", "not-tls"]);
});

Deno.test("node:tls: a certificate whose time is over, or has not come", async () => {
  const { ca, expired, notYetValid } = await testCertificates();
  for (const { cert, key } of [expired, notYetValid]) {
    const server = createNodeTls({ cert, key }).on("tlsClientError", () => {});
    server.listen(0, LOOPBACK);
    await once(server, "listening");
    const cause = await errorOf(connectNodeTls({ host: LOOPBACK, port: portOf(server), ca }));
    const error = toNetError(cause);
    assertEquals([error.kind, error.retryable], ["tls", false]);
    // Under Deno 2.9 the code is that of an unknown authority: the sentence must not say more.
    assertMatch(error.message, /has expired|not valid yet|cannot be verified: .* not valid now/);
    server.close();
    await once(server, "close");
  }
});

Deno.test("codes of the system and of Node, whatever the message says", () => {
  const rows: Array<[string, NetErrorKind, string?]> = [
    ["ECONNREFUSED", "refused"],
    ["ETIMEDOUT", "timeout"],
    ["EHOSTUNREACH", "unreachable"],
    ["ENETDOWN", "unreachable"],
    ["ECONNRESET", "reset"],
    ["ENOTCONN", "reset"],
    ["EPIPE", "reset"],
    ["EADDRINUSE", "address-in-use"],
    ["EADDRNOTAVAIL", "address-unavailable"],
    ["EMFILE", "descriptor-limit"],
    ["ENFILE", "descriptor-limit"],
    ["EACCES", "permission"],
    ["EPERM", "permission"],
    ["EMSGSIZE", "limit"],
    ["EAFNOSUPPORT", "unsupported"],
    ["ENOTFOUND", "dns"],
    ["EAI_AGAIN", "dns"],
    ["EAI_OVERFLOW", "dns"],
    ["ABORT_ERR", "aborted"],
    ["ERR_STREAM_PREMATURE_CLOSE", "truncated"],
    ["ERR_SOCKET_CLOSED", "closed"],
    ["HPE_INVALID_CONSTANT", "protocol"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls", "untrusted"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "tls", "untrusted"],
    ["CERT_HAS_EXPIRED", "tls", "expired"],
    ["CERT_NOT_YET_VALID", "tls", "not-yet-valid"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls", "wrong-name"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls", "not-tls"],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "tls", "version"],
    ["ERR_SSL_SOMETHING_NEW", "tls", "handshake"],
    ["ETIMEOUT", "timeout"],
    ["ESERVFAIL", "dns"],
    ["ENODATA", "dns"],
    ["toString", "unknown"],
    ["ESOMETHINGNEW", "unknown"],
  ];
  for (const [code, kind, tls] of rows) {
    const error = toNetError(Object.assign(new Error("it did not work"), { code }));
    assertEquals([error.kind, error.tls], [kind, tls], code);
    // A code that nobody knows is worth a search; what is no code is not passed off as one.
    assertEquals(error.code, code === "toString" ? undefined : code);
  }
});

Deno.test("node:tls: what an alert says counts, whatever code Node has for it", () => {
  const rows = [
    ["TLSV1_ALERT_PROTOCOL_VERSION", "ProtocolVersion", "version"],
    ["TLSV13_ALERT_CERTIFICATE_REQUIRED", "CertificateRequired", "client-certificate"],
    ["TLSV1_ALERT_UNKNOWN_CA", "UnknownCA", "rejected"],
    ["TLSV1_ALERT_INTERNAL_ERROR", "InternalError", "handshake"],
  ];
  for (const [code, alert, tls] of rows) {
    const error = new Error(`received fatal alert: ${alert}`);
    assertEquals(toNetError(Object.assign(error, { code: `ERR_SSL_${code}` })).tls, tls);
  }
});

Deno.test("the call that failed tells the phase, the context tells it better", () => {
  const rows: Array<[string, NetPhase]> = [
    ["connect", "connect"],
    ["read", "read"],
    ["write", "write"],
    ["bind", "listen"],
    ["accept", "accept"],
    ["constructor", "connect"],
  ];
  for (const [syscall, phase] of rows) {
    const cause = Object.assign(new Error("no"), { code: "EACCES", syscall });
    assertEquals(toNetError(cause).phase, phase);
    assertEquals(toNetError(cause, { phase: "close" }).phase, "close");
  }
});

Deno.test("macOS: a write to a connection that is being torn down is a reset", () => {
  const cause = new Error("Protocol wrong type for socket (os error 41)");
  const error = toNetError(Object.assign(cause, { code: "EPROTOTYPE" }));
  assertEquals([error.kind, error.phase, error.code], ["reset", "write", "EPROTOTYPE"]);
});

Deno.test("Windows: the number at the end counts, in whatever language the words are", () => {
  const rows: Array<[number, NetErrorKind, string, boolean]> = [
    [10061, "refused", "ECONNREFUSED", true],
    [10060, "timeout", "ETIMEDOUT", true],
    [10054, "reset", "ECONNRESET", true],
    [10052, "reset", "ENETRESET", true],
    [10009, "closed", "EBADF", false],
    [10043, "unsupported", "EPROTONOSUPPORT", false],
    [10065, "unreachable", "EHOSTUNREACH", true],
    [10048, "address-in-use", "EADDRINUSE", false],
    [10013, "permission", "EACCES", false],
    [11001, "dns", "EAI_NONAME", false],
    [11002, "dns", "EAI_AGAIN", true],
  ];
  for (const [number, kind, code, retryable] of rows) {
    const text = `client error (Connect): tcp connect error: Es ging nicht. (os error ${number})`;
    for (const cause of [new Error(text), new TypeError("fetch failed", { cause: text })]) {
      const error = toNetError(cause);
      assertEquals([error.kind, error.code, error.retryable], [kind, code, retryable]);
    }
  }
  assertEquals(toNetError(new Error("odd (os error 10999)")).kind, "unknown");
  assertEquals(toNetError(new Error("(os error 10061) was long ago")).kind, "unknown");
});
