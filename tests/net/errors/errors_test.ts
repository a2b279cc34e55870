import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type NetErrorKind, type NetPhase, toNetError } from "../../../net/errors/errors.ts";
import { needs, needsNamespaces } from "../../_support/peers.ts";
import { deadPort, LOOPBACK, portOf, thrown } from "../../_support/errors.ts";
import { CONFIG } from "../../_support/flags.ts";

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
  // Without a name server the system cannot know that; both cases are told apart further down.
  assertMatch(error.message, /^Cannot resolve nope\.invalid:80: unknown host name/);
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
    assertEquals(error.message, kind === "timeout" ? "Cannot connect: timed out" : "Aborted");
    const told = toNetError(cause, { signal, phase: "read", address: "127.0.0.1:9" });
    assertMatch(told.message, /^Cannot read from 127\.0\.0\.1:9: (aborted|timed out)$/);
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

Deno.test("usage: a host name that is none", async () => {
  for (const hostname of ["a..b", "", "exa mple", "a\0b", "x".repeat(300)]) {
    const cause = await thrown(Deno.connect({ hostname, port: 80 }));
    assert(cause instanceof URIError, `${cause}`);
    const error = toNetError(cause, { phase: "connect" });
    assertEquals([error.kind, error.retryable], ["usage", false]);
    assertMatch(error.message, /^Cannot connect: invalid (empty )?host/);
  }
});

Deno.test({
  name: "Unix sockets: none there, nobody behind it, taken, no such folder, a path too long",
  ignore: Deno.build.os === "windows",
  async fn() {
    const dir = await Deno.makeTempDir();
    const connect = (path: string) => thrown(Deno.connect({ transport: "unix", path }));
    const listen = (path: string) => assertThrows(() => Deno.listen({ transport: "unix", path }));
    await Deno.writeTextFile(`${dir}/left`, "");
    const rows: Array<[path: string, cause: unknown, NetPhase, NetErrorKind, string?]> = [
      [`${dir}/none`, await connect(`${dir}/none`), "connect", "refused", "ENOENT"],
      [`${dir}/left`, await connect(`${dir}/left`), "connect", "refused", "ECONNREFUSED"],
      [`${dir}/left`, listen(`${dir}/left`), "listen", "address-in-use", "EADDRINUSE"],
      [`${dir}/no/x`, listen(`${dir}/no/x`), "listen", "address-unavailable", "ENOENT"],
      [`${dir}/${"x".repeat(200)}`, listen(`/${"x".repeat(200)}`), "listen", "usage", "EINVAL"],
    ];
    await Deno.remove(dir, { recursive: true });
    const sentences = rows.map(([path, cause, phase, kind, code]) => {
      const error = toNetError(cause, { phase, path });
      assertEquals([error.kind, error.phase, error.code], [kind, phase, code]);
      assertEquals(error.address, `unix:${path}`);
      return error.message.replaceAll(dir, "").replace(/x{9,}/, "xx");
    });
    assertEquals(sentences, [
      "Cannot connect to unix:/none: there is no such socket",
      "Cannot connect to unix:/left: connection refused",
      "Cannot listen on unix:/left: the address is in use",
      "Cannot listen on unix:/no/x: there is no such folder",
      "Cannot listen on unix:/xx: path must be shorter than SUN_LEN",
    ]);
  },
});

Deno.test("a missing file or program is not the network's fault", async () => {
  const file = await thrown(Deno.readTextFile("/no/such/file"));
  const program = await thrown((async () => await new Deno.Command("/no/such").output())());
  for (const cause of [file, program]) {
    assert(cause instanceof Deno.errors.NotFound, `${cause}`);
    const error = toNetError(cause);
    assertEquals([error.kind, error.code, error.retryable], ["unknown", "ENOENT", false]);
  }
});

const MODULE = new URL("../../../net/errors/errors.ts", import.meta.url).href;

/** What a script gets told by toNetError in a process of its own, under a command that starts it. */
async function inProcess(script: string, start: (deno: string) => string[]): Promise<string> {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/script.ts`;
    const report = `console.log(JSON.stringify(
      [e.kind, e.phase, e.code ?? null, e.retryable, e.message]));`;
    await Deno.writeTextFile(
      file,
      `import { toNetError } from "${MODULE}";\n${
        script.replace("REPORT", `const e = toNetError(error); ${report}`)
      }`,
    );
    const deno = `"${Deno.execPath()}" run -q --no-check --no-prompt ${CONFIG.join(" ")} ` +
      `--allow-net "${file}"`;
    const [program, ...args] = start(deno);
    const { stdout, stderr } = await new Deno.Command(program!, { args, cwd: dir, stdin: "null" })
      .output();
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
      true,
      "Cannot connect: too many open files; raise the limit with ulimit -n",
    ]);
  },
});

const isolated = needsNamespaces();
const CONNECT = `
  try {
    await Deno.connect({ hostname: HOST, port: 9 });
  } catch (error) {
    REPORT
  }`;

/** Rows for a network of their own: what happens there first, and what toNetError makes of it. */
const ISOLATED: Array<{ name: string; setup: string; script: string; told: unknown[] }> = [
  {
    name: "unreachable: an address without a route",
    setup: "true",
    script: CONNECT.replace("HOST", `"192.0.2.1"`),
    told: ["unreachable", "connect", "ENETUNREACH", true, "Cannot connect: network unreachable"],
  },
  {
    name: "dns: no name server answers, which may change",
    setup: "true",
    script: CONNECT.replace("HOST", `"nope.invalid"`),
    told: [
      "dns",
      "resolve",
      null,
      true,
      "Cannot resolve: unknown host name, no name server answers",
    ],
  },
  {
    name: "dns: there is no such name, which will not change",
    setup: "echo 'hosts: files' > nss && mount --bind nss /etc/nsswitch.conf",
    script: CONNECT.replace("HOST", `"nope.invalid"`),
    told: ["dns", "resolve", null, false, "Cannot resolve: unknown host name"],
  },
  {
    name: "timeout: the kernel's own, when a full backlog never answers",
    // Two tries of a SYN, after 1 and 3 seconds, instead of two minutes of them.
    setup: "cd /proc/sys/net/ipv4 && echo 1 > tcp_syn_retries && " +
      "if [ -e tcp_syn_linear_timeouts ]; then echo 0 > tcp_syn_linear_timeouts; fi",
    script: `
      const { addr } = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
      try {
        while (true) await Deno.connect(addr);
      } catch (error) {
        REPORT
      }
      Deno.exit(0);`,
    told: ["timeout", "connect", "ETIMEDOUT", true, "Cannot connect: timed out"],
  },
];

for (const { name, setup, script, told } of ISOLATED) {
  Deno.test({
    name: name + isolated.suffix,
    ignore: isolated.ignore,
    async fn() {
      const start = (deno: string) => [
        "unshare",
        "-rnm",
        "sh",
        "-c",
        `ip link set lo up && ${setup} && exec ${deno}`,
      ];
      assertEquals(JSON.parse(await inProcess(script, start)), told);
    },
  });
}
