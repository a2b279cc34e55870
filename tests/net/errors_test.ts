import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { once } from "node:events";
import { connect as connectNode, createServer, type Server, type Socket } from "node:net";
import { connect as connectNodeTls, createServer as createNodeTls } from "node:tls";
import {
  type ErrorContext,
  NetError,
  type NetErrorKind,
  type NetPhase,
  toNetError,
} from "../../net/errors.ts";
import { testCertificates } from "../_support/certificates.ts";
import { needs } from "../_support/peers.ts";

const LOOPBACK = "127.0.0.1";

/** What a promise rejects with; fails if it does not. */
function thrown(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`nothing was thrown, but ${value} given`);
    },
    (error) => error,
  );
}

/** A port that nobody listens on. */
function deadPort(): number {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  listener.close();
  return listener.addr.port;
}

function portOf(server: Server): number {
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return address.port;
}

/** A Deno connection to a socket of Node, which can send a true RST. */
async function withNodePeer(
  use: (conn: Deno.TcpConn, peer: Socket) => Promise<void>,
): Promise<void> {
  const server = createServer();
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  const arrived = once(server, "connection");
  const conn = await Deno.connect({ hostname: LOOPBACK, port: portOf(server) });
  const [peer] = await arrived as [Socket];
  peer.on("error", () => {});
  try {
    await use(conn, peer);
  } finally {
    try {
      conn.close();
    } catch { /* The test has closed it. */ }
    peer.destroy();
    server.close();
    await once(server, "close");
  }
}

async function writeUntilItFails(conn: Deno.Conn, size = 1): Promise<never> {
  while (true) await conn.write(new Uint8Array(size));
}

Deno.test("refused: a connection to a port that nobody listens on", async () => {
  const port = deadPort();
  const cause = await thrown(Deno.connect({ hostname: LOOPBACK, port }));
  const error = toNetError(cause, { phase: "connect", hostname: LOOPBACK, port });
  assertEquals([error.kind, error.phase, error.code], ["refused", "connect", "ECONNREFUSED"]);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}: connection refused`);
  assertEquals(error.address, `127.0.0.1:${port}`);
  assertEquals(error.retryable, true);
  assertStrictEquals(error.cause, cause);
  assertEquals(toNetError(cause).message, "Cannot connect: connection refused");
});

Deno.test("timeout: a connection that the full backlog of a listener leaves hanging", async () => {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  using _first = await Deno.connect({ hostname: LOOPBACK, port });
  using _second = await Deno.connect({ hostname: LOOPBACK, port });
  const signal = AbortSignal.timeout(150);
  const cause = await thrown(Deno.connect({ hostname: LOOPBACK, port, signal }));
  assertStrictEquals(cause, signal.reason);
  const error = toNetError(cause, { phase: "connect", hostname: LOOPBACK, port, signal });
  assertEquals([error.kind, error.phase, error.retryable], ["timeout", "connect", true]);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}: timed out`);
});

Deno.test("timeout: the kernel's own, by class and by code", () => {
  for (
    const cause of [
      new Deno.errors.TimedOut("Connection timed out (os error 110)"),
      Object.assign(new Error("connect ETIMEDOUT"), { code: "ETIMEDOUT", syscall: "connect" }),
    ]
  ) {
    const error = toNetError(cause, { hostname: LOOPBACK, port: 9 });
    assertEquals([error.kind, error.phase], ["timeout", "connect"]);
    assertEquals(error.message, "Cannot connect to 127.0.0.1:9: timed out");
  }
});

Deno.test("dns: a name that does not exist", async () => {
  const cause = await thrown(Deno.connect({ hostname: "nope.invalid", port: 80 }));
  const error = toNetError(cause, { hostname: "nope.invalid", port: 80 });
  assertEquals([error.kind, error.phase, error.code], ["dns", "resolve", undefined]);
  assertEquals(error.message, "Cannot resolve nope.invalid:80: unknown host name");
  assertEquals(error.retryable, true);
});

Deno.test("a signal's reason is aborted or timeout, whatever value it is", async () => {
  const reasons: Array<[unknown, NetErrorKind]> = [
    [undefined, "aborted"],
    [new DOMException("too slow", "TimeoutError"), "timeout"],
    ["the user went away", "aborted"],
    [42, "aborted"],
    [null, "aborted"],
    [new TypeError("a reason of its own"), "aborted"],
    [new Deno.errors.ConnectionRefused("as a reason"), "aborted"],
  ];
  for (const [reason, kind] of reasons) {
    const signal = AbortSignal.abort(reason);
    const cause = await thrown(Deno.connect({ hostname: LOOPBACK, port: deadPort(), signal }));
    assertStrictEquals(cause, signal.reason);
    const error = toNetError(cause, { signal });
    assertEquals([error.kind, error.retryable], [kind, kind === "timeout"], String(reason));
    assertStrictEquals(error.cause, signal.reason);
    assertMatch(error.message, /^Cannot connect: (aborted|timed out)$/);
  }
});

Deno.test("a signal that is not aborted, or for another reason, explains nothing", () => {
  const open = new AbortController().signal;
  assertEquals(toNetError("why", { signal: open }).kind, "unknown");
  assertEquals(toNetError(undefined, { signal: open }).kind, "unknown");
  assertEquals(toNetError("why", { signal: AbortSignal.abort("other") }).kind, "unknown");
});

Deno.test("reset: an RST while reading is thrown once", async () => {
  await withNodePeer(async (conn, peer) => {
    const reading = thrown(conn.read(new Uint8Array(1)));
    peer.resetAndDestroy();
    const error = toNetError(await reading, { phase: "read", address: "127.0.0.1:9" });
    assertEquals([error.kind, error.phase, error.code], ["reset", "read", "ECONNRESET"]);
    assertEquals(error.message, "Cannot read from 127.0.0.1:9: the peer reset the connection");
    assertEquals(error.retryable, true);
    assertEquals(await conn.read(new Uint8Array(1)), null);
  });
});

Deno.test("reset: an RST while writing, and the broken pipe after it", async () => {
  await withNodePeer(async (conn, peer) => {
    peer.pause();
    const writing = thrown(writeUntilItFails(conn, 1 << 20));
    peer.resetAndDestroy();
    const first = toNetError(await writing, { phase: "write" });
    assertEquals([first.kind, first.phase], ["reset", "write"]);
    assert(first.code === "ECONNRESET" || first.code === "EPIPE", first.code);
    const cause = await thrown(writeUntilItFails(conn));
    assert(cause instanceof Deno.errors.BrokenPipe, `${cause}`);
    // Without a context: a pipe breaks under nothing but a write.
    const second = toNetError(cause);
    assertEquals([second.kind, second.phase, second.code], ["reset", "write", "EPIPE"]);
    assertEquals(second.message, "Cannot write: the peer reset the connection");
  });
});

Deno.test("closed: by this side while it was reading", async () => {
  await withNodePeer(async (conn) => {
    const reading = thrown(conn.read(new Uint8Array(1)));
    conn.close();
    const cause = await reading;
    assert(cause instanceof Deno.errors.Interrupted, `${cause}`);
    const error = toNetError(cause, { phase: "read", address: "127.0.0.1:9" });
    assertEquals([error.kind, error.phase, error.retryable], ["closed", "read", false]);
    assertEquals(
      error.message,
      "Cannot read from 127.0.0.1:9: the connection is closed on this side",
    );
  });
});

Deno.test("closed: used after it was closed", async () => {
  await withNodePeer(async (conn) => {
    conn.close();
    for (
      const cause of [
        await thrown(conn.read(new Uint8Array(1))),
        await thrown(conn.write(new Uint8Array(1))),
        assertThrows(() => conn.close()),
      ]
    ) {
      assert(cause instanceof Deno.errors.BadResource, `${cause}`);
      const error = toNetError(cause);
      assertEquals([error.kind, error.phase], ["closed", "close"]);
      assertEquals(error.message, "Connection ended: the connection is closed on this side");
    }
  });
});

Deno.test("closed: a listener that was accepting", async () => {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const accepting = thrown(listener.accept());
  listener.close();
  const error = toNetError(await accepting, { phase: "accept" });
  assertEquals([error.kind, error.phase], ["closed", "accept"]);
  assertEquals(error.message, "Cannot accept: the listener is closed");
});

Deno.test("address-in-use: a second listener on the same port", () => {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = listener.addr;
  const cause = assertThrows(() => Deno.listen({ hostname: LOOPBACK, port }));
  const error = toNetError(cause, { hostname: LOOPBACK, port });
  assertEquals([error.kind, error.phase, error.code], ["address-in-use", "listen", "EADDRINUSE"]);
  assertEquals(error.message, `Cannot listen on 127.0.0.1:${port}: the address is in use`);
  assertEquals(error.retryable, false);
});

Deno.test("address-unavailable: an address of no interface", () => {
  // TEST-NET-1 of RFC 5737: binding fails, nothing is sent.
  const cause = assertThrows(() => Deno.listen({ hostname: "192.0.2.1", port: 0 }));
  const error = toNetError(cause, { hostname: "192.0.2.1", port: 8000 });
  assertEquals([error.kind, error.phase], ["address-unavailable", "listen"]);
  assertEquals(error.code, "EADDRNOTAVAIL");
  assertEquals(error.message, "Cannot listen on 192.0.2.1:8000: this machine has no such address");
});

Deno.test("usage: a port out of range", async () => {
  const connecting = await thrown(Deno.connect({ hostname: LOOPBACK, port: 70_000 }));
  const listening = assertThrows(() => Deno.listen({ hostname: LOOPBACK, port: 70_000 }));
  for (const cause of [connecting, listening]) {
    assert(cause instanceof RangeError, `${cause}`);
    const error = toNetError(cause, { phase: "listen" });
    assertEquals([error.kind, error.retryable], ["usage", false]);
    assertEquals(error.message, "Cannot listen: Invalid port (out of range): 70000");
  }
});

const PERMISSIONS: Array<{
  what: string;
  permissions: Deno.PermissionOptions;
  use: () => unknown;
  flag: string;
}> = [
  {
    what: "an IPv4 address",
    permissions: { net: false },
    use: () => Deno.connect({ hostname: LOOPBACK, port: 9000 }),
    flag: "--allow-net=127.0.0.1:9000",
  },
  {
    what: "an IPv6 address",
    permissions: { net: false },
    use: () => Deno.connect({ hostname: "::1", port: 9000 }),
    flag: "--allow-net=[::1]:9000",
  },
  {
    what: "a host that is not the permitted one",
    permissions: { net: ["127.0.0.1"] },
    use: () => Deno.connect({ hostname: "localhost", port: 9000 }),
    flag: "--allow-net=localhost:9000",
  },
  {
    what: "listening",
    permissions: { net: ["127.0.0.1:1"] },
    use: () => Deno.listen({ hostname: LOOPBACK, port: 9000 }),
    flag: "--allow-net=127.0.0.1:9000",
  },
  {
    what: "a WebSocket",
    permissions: { net: false },
    use: () => new WebSocket("ws://127.0.0.1:9000/"),
    flag: "--allow-net=127.0.0.1:9000",
  },
  {
    what: "fetch",
    permissions: { net: false },
    use: () => fetch("http://127.0.0.1:9000/"),
    flag: "--allow-net=127.0.0.1:9000",
  },
  {
    what: "reading a file",
    permissions: { read: false },
    use: () => Deno.readTextFile("/etc/hosts"),
    flag: "--allow-read=/etc/hosts",
  },
  {
    what: "a path that a shell would take apart",
    permissions: { read: false },
    use: () => Deno.readTextFile("/tmp/it's mine; $(id)"),
    flag: `'--allow-read=/tmp/it'\\''s mine; $(id)'`,
  },
  {
    what: "a path longer than a message may be",
    permissions: { read: false },
    use: () => Deno.readTextFile(`/tmp/${"long/".repeat(200)}end`),
    flag: `--allow-read=/tmp/${"long/".repeat(200)}end`,
  },
  {
    what: "a Unix socket",
    permissions: { read: false, write: false },
    use: () => Deno.listen({ transport: "unix", path: "/tmp/portside.sock" }),
    flag: "--allow-read=/tmp/portside.sock",
  },
  {
    what: "running a program",
    permissions: { run: false },
    use: () => new Deno.Command("sh").output(),
    flag: "--allow-run=sh",
  },
  {
    what: "a variable of the environment",
    permissions: { env: false },
    use: () => Deno.env.get("HOME"),
    flag: "--allow-env=HOME",
  },
  {
    what: "the whole environment",
    permissions: { env: false },
    use: () => Deno.env.toObject(),
    flag: "--allow-env",
  },
  {
    what: "the network interfaces",
    permissions: { sys: false },
    use: () => Deno.networkInterfaces(),
    flag: "--allow-sys=networkInterfaces",
  },
];

for (const { what, permissions, use, flag } of PERMISSIONS) {
  Deno.test({
    name: `permission: ${what} gives the exact flag`,
    permissions,
    async fn() {
      const cause = await thrown((async () => await use())());
      const error = toNetError(cause);
      assertEquals([error.kind, error.permission], ["permission", flag]);
      assertEquals(error.message, `Cannot connect: permission is missing, run again with ${flag}`);
      assertEquals(error.retryable, false);
    },
  });
}

Deno.test("permission: what the operating system forbids names no flag", () => {
  const cause = new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  const error = toNetError(cause, { phase: "listen", hostname: LOOPBACK, port: 80 });
  assertEquals([error.kind, error.permission], ["permission", undefined]);
  assertEquals(
    error.message,
    "Cannot listen on 127.0.0.1:80: the system does not allow it (Permission denied)",
  );
});

const MODULE = new URL("../../net/errors.ts", import.meta.url).href;

/** What a script gets told by toNetError in a process of its own, under a command that starts it. */
async function inProcess(script: string, start: (deno: string) => string[]): Promise<string> {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/script.ts`;
    const report = `console.log(JSON.stringify([e.kind, e.phase, e.code, e.message]));`;
    await Deno.writeTextFile(
      file,
      `import { toNetError } from "${MODULE}";\n${
        script.replace("REPORT", `const e = toNetError(error); ${report}`)
      }`,
    );
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const deno = `"${Deno.execPath()}" run -q --no-check --no-prompt --config "${config}" ` +
      `--allow-net "${file}"`;
    const [program, ...args] = start(deno);
    const { stdout, stderr } = await new Deno.Command(program!, { args, stdin: "null" }).output();
    return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const sh = needs("sh");
Deno.test({
  name: `descriptor-limit: no file descriptor is left${sh.suffix}`,
  ignore: sh.ignore || Deno.build.os === "windows",
  async fn() {
    const script = `
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      const held = [];
      try {
        while (true) held.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      } catch (error) {
        for (const conn of held.splice(0, 10)) conn.close();
        REPORT
      }
      Deno.exit(0);`;
    const output = await inProcess(script, (deno) => ["sh", "-c", `ulimit -n 96; exec ${deno}`]);
    assertEquals(JSON.parse(output), [
      "descriptor-limit",
      "connect",
      "EMFILE",
      "Cannot connect: too many open files; raise the limit with ulimit -n",
    ]);
  },
});

/** Whether this machine lets a test make a network of its own, where nothing can leave it. */
function isolation(): { ignore: boolean; suffix: string } {
  const found = needs("unshare", "sh");
  if (found.ignore) return found;
  const { success } = new Deno.Command("unshare", {
    args: ["-rn", "true"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? found : { ignore: true, suffix: " (no network namespaces for this user)" };
}

const isolated = isolation();
Deno.test({
  name: `unreachable: an address without a route${isolated.suffix}`,
  ignore: isolated.ignore,
  async fn() {
    const script = `
      try {
        await Deno.connect({ hostname: "192.0.2.1", port: 9 });
      } catch (error) {
        REPORT
      }`;
    const start = (deno: string) => ["unshare", "-rn", "sh", "-c", `exec ${deno}`];
    assertEquals(JSON.parse(await inProcess(script, start)), [
      "unreachable",
      "connect",
      "ENETUNREACH",
      "Cannot connect: network unreachable",
    ]);
  },
});

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
    [wrongName, "wrong-name", "its certificate is for another name"],
    [expired, "expired", "its certificate has expired"],
    [notYetValid, "not-yet-valid", "its certificate is not valid yet"],
  ] as const;
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
  const { developmentAuthority } = await import("../../net/certificate.ts");
  const authority = await developmentAuthority();
  const certificate = await authority.issue({ names: ["unknownissuer.test", "expired.test"] });
  const [cause] = await failingHandshake(certificate, authority.cert);
  assertEquals(toNetError(cause).tls, "wrong-name");
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

/** The error event of a socket of Node, which is gone afterwards. */
async function errorOf(socket: Socket): Promise<unknown> {
  const closed = once(socket, "close").catch(() => {});
  const error = await new Promise((resolve) => socket.once("error", resolve));
  socket.destroy();
  await closed;
  return error;
}

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
  assertEquals([error.kind, error.phase, error.code], ["dns", "resolve", "ENOTFOUND"]);
  assertEquals(error.message, "Cannot resolve: unknown host name");
});

Deno.test("node:net: every address of a host refused, gathered in one error", () => {
  const refused = (address: string) =>
    Object.assign(new Error(`connect ECONNREFUSED ${address}:9`), {
      code: "ECONNREFUSED",
      syscall: "connect",
      address,
      port: 9,
    });
  const bare = toNetError(new AggregateError([refused("::1"), refused("127.0.0.1")]));
  assertEquals([bare.kind, bare.code, bare.address], ["refused", "ECONNREFUSED", "[::1]:9"]);
  const cause = Object.assign(new AggregateError([refused("::1")]), { code: "ECONNREFUSED" });
  assertEquals(toNetError(cause).kind, "refused");
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
    ["toString", "unknown"],
    ["ESOMETHINGNEW", "unknown"],
  ];
  for (const [code, kind, tls] of rows) {
    const error = toNetError(Object.assign(new Error("it did not work"), { code }));
    assertEquals([error.kind, error.tls], [kind, tls], code);
    assertEquals(error.code, kind === "unknown" ? undefined : code);
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

Deno.test("an ordinary error that only sounds like the network is unknown", () => {
  for (
    const message of [
      "Session Expired",
      "no private key for this wallet",
      "3 keys found",
      "ProtocolVersion of the file is 3",
      "unsupported certificate of apprenticeship",
    ]
  ) {
    const error = toNetError(new Error(message), { phase: "read", address: "127.0.0.1:9" });
    assertEquals([error.kind, error.tls, error.retryable], ["unknown", undefined, false], message);
    assertEquals(error.message, `Cannot read from 127.0.0.1:9: ${message}`);
  }
});

Deno.test("wrong arguments are of kind usage, but not as the cause of something else", () => {
  assertEquals(toNetError(new TypeError("no host name")).kind, "usage");
  assertEquals(toNetError(new RangeError("port -1")).kind, "usage");
  assertEquals(toNetError(new Error("outer", { cause: new TypeError("inner") })).kind, "unknown");
  assertEquals(toNetError(new TypeError("fetch failed", { cause: "?" })).kind, "unknown");
});

Deno.test("a NetError comes back as it is, and its meaning survives being wrapped", async () => {
  const inner = new NetError("Cannot read a line from 127.0.0.1:9: it is longer than 80 bytes", {
    kind: "limit",
    phase: "read",
    address: "127.0.0.1:9",
    retryable: true,
  });
  assertStrictEquals(toNetError(inner, { phase: "connect", address: "elsewhere" }), inner);
  for (
    const outer of [
      new Error("while greeting", { cause: inner }),
      new AggregateError([inner]),
      await thrown(Promise.any([Promise.reject(inner)])),
    ]
  ) {
    const error = toNetError(outer);
    assertEquals([error.kind, error.phase, error.retryable], ["limit", "read", true]);
    assertEquals([error.message, error.address], [inner.message, inner.address]);
    assertStrictEquals(error.cause, outer);
  }
});

Deno.test("a NetError has defaults by kind, and a fixed name", async () => {
  const error = new NetError("no", { kind: "refused" });
  assertEquals([error.name, error.phase, error.retryable], ["NetError", "connect", true]);
  assertEquals(error.cause, undefined);
  assert(!("cause" in error) || error.cause === undefined);
  assertEquals(new NetError("no", { kind: "refused", retryable: false }).retryable, false);
  assertEquals(new NetError("no", { kind: "limit", phase: "write" }).phase, "write");
  assertEquals(`${error}`, "NetError: no");
  await assertRejects(() => Promise.reject(error), NetError, "no");
});

Deno.test("a reason deep in a chain is found, a circle of causes ends", () => {
  let chained: Error = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  for (let i = 0; i < 4; i++) chained = new Error(`level ${i}`, { cause: chained });
  assertEquals(toNetError(chained).kind, "refused");

  const a = new Error("chicken");
  const b = new Error("egg", { cause: a });
  a.cause = b;
  assertEquals(toNetError(b).message, "Cannot connect: egg");
  const self: AggregateError = new AggregateError([]);
  self.errors.push(self);
  assertEquals(toNetError(self).kind, "unknown");
});

// Everything that may stand in a message: what is visible, and what only joins or shapes it.
// deno-lint-ignore no-control-regex -- these are what must not be there
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

function assertTotal(value: unknown, context?: ErrorContext): NetError {
  const error = toNetError(value, context);
  assert(error instanceof NetError);
  for (const text of [error.message, error.address, error.code, error.permission]) {
    assert(text === undefined || !CONTROLS.test(text), JSON.stringify(text));
  }
  assert(error.message.length < 6000, `${error.message.length} characters`);
  assert((error.code ?? "").length < 3000 && (error.address ?? "").length < 3000);
  assertMatch(error.message, /\S/);
  return error;
}

function biting(): never {
  throw new Error("a trap");
}

/** A proxy that throws whatever is done to it. */
function horror(target: object): object {
  const traps = [
    "get",
    "has",
    "getPrototypeOf",
    "ownKeys",
    "getOwnPropertyDescriptor",
    "set",
    "defineProperty",
    "deleteProperty",
    "isExtensible",
    "preventExtensions",
    "setPrototypeOf",
    "apply",
    "construct",
  ];
  return new Proxy(target, Object.fromEntries(traps.map((trap) => [trap, biting])));
}

Deno.test("toNetError() takes what bites", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const endless = class extends Array<unknown> {
    override slice(): unknown[] {
      return {
        *[Symbol.iterator]() {
          while (true) yield 1;
        },
      } as unknown[];
    }
    override *[Symbol.iterator](): ArrayIterator<unknown> {
      while (true) yield 1;
    }
  };
  const values: unknown[] = [
    null,
    undefined,
    NaN,
    0n,
    -0,
    "",
    Symbol("s"),
    Symbol.iterator,
    () => {},
    class {},
    biting,
    Object.create(null),
    Object.freeze(new Error("frozen")),
    Object.freeze({ message: "frozen", code: "ECONNREFUSED" }),
    horror({}),
    horror(() => {}),
    horror(new Error("x")),
    horror(new NetError("x", { kind: "limit" })),
    revoked.proxy,
    new Error("outer", { cause: horror({}) }),
    new AggregateError([horror({}), horror([])]),
    { errors: horror([]) },
    { errors: endless.from([1, 2, 3]) },
    { errors: { 0: 1, length: 1e9 } },
    { errors: "errors", cause: "cause" },
    { message: 7, name: {}, code: [], errors: null, cause: 0 },
    { message: { toString: biting, valueOf: biting } },
    { toString: biting, valueOf: biting, [Symbol.toPrimitive]: biting },
    {
      get message() {
        return biting();
      },
      code: "ECONNREFUSED",
    },
    {
      get code() {
        return biting();
      },
    },
    new Proxy({}, { get: (_, key) => String(key), getPrototypeOf: biting }),
    Object.create(NetError.prototype),
    new Proxy(new NetError("x", { kind: "limit" }), { get: () => "a lie\n" }),
    new Event("error"),
    new ErrorEvent("error", { message: "no" }),
    new Error("\ud800 lone"),
    Object.assign(new Error("x"), { code: `ERR_TLS\n\x1b[2J${"y".repeat(1e6)}` }),
    Object.assign(new Error("x"), {
      code: "ECONNREFUSED",
      address: `\x1b[2J${"z".repeat(1e6)}`,
      port: 1,
    }),
    Object.assign(new Error("x"), { code: "ECONNREFUSED", address: "h\n", port: Infinity }),
    new Deno.errors.NotCapable(
      `Requires read access to "${"/x".repeat(1e6)}", run again with the --allow-read flag`,
    ),
    new Deno.errors.NotCapable(
      'Requires read access to "a\n\x1b]0;b", run again with the --allow-read flag',
    ),
  ];
  for (const value of values) assertTotal(value);
  for (const value of values) assertTotal(new Error("wrapped", { cause: value }));
  for (const value of values) {
    const signal = AbortSignal.abort(value);
    assertEquals(assertTotal(signal.reason, { signal }).kind, "aborted");
  }
});

Deno.test("toNetError() is not taken in by what pretends to be a NetError", () => {
  const empty = assertTotal(Object.create(NetError.prototype));
  assertEquals([empty.kind, empty.phase], ["unknown", "connect"]);
  const lying = new Proxy(new NetError("x", { kind: "limit" }), { get: () => "a lie\n" });
  assertEquals(assertTotal(lying).kind, "unknown");
});

Deno.test("a message of a megabyte, of escapes, of many lines becomes one short line", () => {
  const long = assertTotal(new Error("x".repeat(1 << 20)));
  assert(long.message.length < 400, `${long.message.length}`);
  assertMatch(long.message, /…$/);
  assertEquals(
    assertTotal(new Error("a\r\nb\x1b[31m\u202ec\x9b2J")).message,
    "Cannot connect: a\\r\\nb\\x1B[31m\\u{202E}c\\x9B2J",
  );
  const cut = assertTotal(new Error("\u{1f600}".repeat(1000)));
  assertEquals(cut.message.isWellFormed(), true);
});

Deno.test("an address that the caller got from a stranger is escaped and cut too", () => {
  for (const hostname of ["a\nb\x1b[2J", "x".repeat(1 << 20)]) {
    assertTotal(new Error("no"), { hostname, port: 1 });
    assertTotal(new Error("no"), { address: hostname });
  }
  assertEquals(
    assertTotal(new Error("no"), { hostname: "a\nb", port: 1 }).message,
    "Cannot connect to a\\nb:1: no",
  );
});

Deno.test("toNetError() is total over arbitrary values, contexts and properties", () => {
  const context = fc.record({
    phase: fc.constantFrom<NetPhase>("resolve", "read", "listen", "request", "response", "close"),
    address: fc.string({ unit: "binary" }),
    hostname: fc.string({ unit: "binary" }),
    port: fc.oneof(fc.integer(), fc.double()),
  }, { requiredKeys: [] });
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
  });
  const errorLike = fc.record({
    message: fc.oneof(fc.string({ unit: "binary" }), anything),
    name: fc.oneof(fc.constantFrom("AbortError", "TimeoutError", "Error"), anything),
    code: fc.oneof(fc.constantFrom("ECONNREFUSED", "ERR_TLS_X", "EPIPE"), anything),
    syscall: fc.oneof(fc.constantFrom("connect", "read", "__proto__"), anything),
    address: fc.string({ unit: "binary" }),
    port: fc.oneof(fc.double(), anything),
    errors: fc.oneof(fc.array(anything), anything),
    cause: anything,
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(anything, errorLike), context, (value, given) => {
      const plain = assertTotal(value, given);
      assertStrictEquals(plain.cause, value);
      assertEquals(plain.phase, given.phase ?? plain.phase);
    }),
    { numRuns: 500 },
  );
});
