import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp, type ConnectTcpOptions } from "../../../net/tcp/client.ts";
import { serveTcp, type TcpServer } from "../../../net/tcp/server.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { needsIPv6, needsNamespaces } from "../../_support/peers.ts";
import { until } from "../../_support/until.ts";
import { deadPort, LOOPBACK, thrown } from "../../_support/errors.ts";
import { CONFIG } from "../../_support/flags.ts";

async function echo(conn: Connection): Promise<void> {
  for await (const line of conn.lines()) await conn.write(`${line}\n`);
}

/** A listener that takes no more connections: the next one gets no answer, as behind a firewall. */
class FullListener implements AsyncDisposable {
  readonly listener = Deno.listen({ hostname: LOOPBACK, port: 0, tcpBacklog: 1 });
  readonly #waiting: Deno.TcpConn[] = [];

  static async open(): Promise<FullListener> {
    const full = new FullListener();
    for (let i = 0; i < 2; i++) {
      full.#waiting.push(await Deno.connect({ hostname: LOOPBACK, port: full.port }));
    }
    return full;
  }

  get port(): number {
    return this.listener.addr.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const conn of this.#waiting) conn.close();
    this.listener.close();
    return Promise.resolve();
  }
}

Deno.test("connectTcp() opens a connection to 127.0.0.1 unless told otherwise", async () => {
  await using server = serveTcp({}, echo);
  await using conn = await connectTcp({ port: server.addr.port });
  assertEquals(conn.peer, `127.0.0.1:${server.addr.port}`);
  assertEquals(conn.tls, undefined);
  await conn.write("hello\n");
  assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
});

Deno.test("connectTcp() resolves localhost", async () => {
  await using server = serveTcp({}, echo);
  await using conn = await connectTcp({ hostname: "localhost", port: server.addr.port });
  await conn.write("hello\n");
  assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
});

const six = needsIPv6();
Deno.test({
  name: `connectTcp() speaks IPv6${six.suffix}`,
  ignore: six.ignore,
  async fn() {
    await using server = serveTcp({ hostname: "::1" }, echo);
    const { port } = server.addr;
    assertEquals(server.url, `tcp://[::1]:${port}`);
    await using conn = await connectTcp({ hostname: "::1", port });
    assertEquals(conn.peer, `[::1]:${port}`);
    await conn.write("hello\n");
    assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
  },
});

Deno.test("connectTcp() says that nobody listens", async () => {
  const port = deadPort();
  const error = await assertRejects(() => connectTcp({ port }), NetError);
  assertEquals([error.kind, error.phase, error.code], ["refused", "connect", "ECONNREFUSED"]);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}: connection refused`);
  assertEquals(error.address, `127.0.0.1:${port}`);
});

Deno.test("connectTcp() says that a name does not exist", async () => {
  const error = await assertRejects(
    () => connectTcp({ hostname: "nope.invalid", port: 80 }),
    NetError,
  );
  assertEquals([error.kind, error.address], ["dns", "nope.invalid:80"]);
  assertStringIncludes(error.message, "nope.invalid:80: unknown host name");
});

const isolated = needsNamespaces();

Deno.test({
  name: `a host of several addresses: each is tried, and all are in the error${isolated.suffix}`,
  ignore: isolated.ignore,
  async fn() {
    const script = `
      import { connectTcp } from "${new URL("../../../net/tcp/client.ts", import.meta.url)}";
      const hostname = "several.test";
      const tell = (error) => console.log(error.kind, error.message);
      await connectTcp({ hostname, port: 7001 }).catch(tell);
      const last = Deno.listen({ hostname: "127.0.0.3", port: 7001 });
      const conn = await connectTcp({ hostname, port: 7001 });
      console.log(conn.peer);
      conn.abort();
      last.close();
      for (const address of ["127.0.0.2", "127.0.0.3"]) {
        Deno.listen({ hostname: address, port: 7002, tcpBacklog: 1 });
        for (let i = 0; i < 2; i++) await Deno.connect({ hostname: address, port: 7002 });
      }
      Deno.listen({ hostname: "127.0.0.2", port: 7003, tcpBacklog: 1 });
      for (let i = 0; i < 2; i++) await Deno.connect({ hostname: "127.0.0.2", port: 7003 });
      Deno.listen({ hostname: "127.0.0.3", port: 7003 });
      console.log((await connectTcp({ hostname, port: 7003 })).peer);
      await connectTcp({ hostname, port: 7002, timeout: 500 }).catch(tell);
      const signal = AbortSignal.timeout(100);
      await connectTcp({ hostname, port: 7002, signal }).catch((error) => console.log(error.name));
      Deno.exit(0);
    `;
    const dir = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${dir}/client.ts`, script);
      await Deno.writeTextFile(`${dir}/hosts`, "127.0.0.2 several.test\n127.0.0.3 several.test\n");
      const net =
        "--allow-net=several.test:7001,several.test:7002,several.test:7003,127.0.0.2,127.0.0.3";
      const command = `ip link set lo up && mount --bind "${dir}/hosts" /etc/hosts && ` +
        `exec "${Deno.execPath()}" run -q --no-prompt --no-check ${
          CONFIG.join(" ")
        } ${net} "${dir}/client.ts"`;
      const { stdout } = await new Deno.Command("unshare", {
        args: ["-rnm", "sh", "-c", command],
        stdin: "null",
        stderr: "inherit",
      }).output();
      const on = (port: number) => `(tried 127.0.0.2:${port}, 127.0.0.3:${port})`;
      assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), [
        `refused Cannot connect to several.test:7001: connection refused ${on(7001)}`,
        "127.0.0.3:7001",
        "127.0.0.3:7003",
        `timeout Cannot connect to several.test:7002: no answer in 500 ms ${on(7002)}`,
        "TimeoutError",
      ]);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("connectTcp() gives up on time where nothing answers", async () => {
  await using full = await FullListener.open();
  const started = performance.now();
  const error = await assertRejects(() => connectTcp({ port: full.port, timeout: 100 }), NetError);
  const took = performance.now() - started;
  assert(took >= 99 && took < 5000, `${took} ms`);
  assertEquals([error.kind, error.phase, error.retryable], ["timeout", "connect", true]);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${full.port}: no answer in 100 ms`);
});

/** How many sockets of this machine still knock at a port (SYN_SENT). */
function knocking(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/net/tcp").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state]) => remote?.endsWith(wanted) && state === "02").length;
}

const proc = Deno.build.os === "linux";
Deno.test({
  name: `an attempt that was given up knocks no more${proc ? "" : " (no /proc/net/tcp)"}`,
  ignore: !proc,
  async fn() {
    await using full = await FullListener.open();
    const stop = new AbortController();
    const connecting = thrown(connectTcp({ port: full.port, signal: stop.signal }));
    await until(() => knocking(full.port) === 1);
    stop.abort();
    await connecting;
    await until(() => knocking(full.port) === 0);
    await assertRejects(() => connectTcp({ port: full.port, timeout: 50 }), NetError);
    await until(() => knocking(full.port) === 0);
  },
});

Deno.test("a connection that comes off at the very moment of giving up is closed", async () => {
  await using server = serveTcp({ idleTimeout: 0 }, echo);
  let late = 0;
  for (let i = 0; i < 40; i++) {
    const stop = new AbortController();
    const connecting = connectTcp({ port: server.addr.port, signal: stop.signal });
    for (let turns = i % 4; turns > 0; turns--) await new Promise((done) => setImmediate(done));
    // A program that is busy finds both at once: a connection, and a time limit that is over.
    const timer = setTimeout(() => stop.abort("late"), 1);
    const end = performance.now() + 3;
    while (performance.now() < end);
    await connecting.then((conn) => conn.close(), (error) => {
      assertEquals(error, "late");
      late++;
    });
    clearTimeout(timer);
  }
  assert(late > 0, "no attempt was given up");
  await until(() => server.stats().active === 0);
});

Deno.test("a time limit beyond any timer is none", async () => {
  await using full = await FullListener.open();
  for (const timeout of [Infinity, 2 ** 31]) {
    const signal = AbortSignal.timeout(50);
    const error = await thrown(connectTcp({ port: full.port, timeout, signal }));
    assertStrictEquals(error, signal.reason);
  }
});

Deno.test("a signal that is aborted already prevents the attempt", async () => {
  await using server = serveTcp({}, echo);
  for (const reason of ["not today", new Error("gone"), 0]) {
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await thrown(connectTcp({ port: server.addr.port, signal })), reason);
  }
  assertEquals(server.stats().accepted, 0);
});

Deno.test("a signal ends the attempt at once, with its reason", async () => {
  await using full = await FullListener.open();
  for (const reason of ["the user went away", new Error("gone")]) {
    const stop = new AbortController();
    const started = performance.now();
    const connecting = thrown(connectTcp({ port: full.port, signal: stop.signal }));
    setTimeout(() => stop.abort(reason), 20);
    assertStrictEquals(await connecting, reason);
    const took = performance.now() - started;
    assert(took < 5000, `${took} ms`);
  }
});

Deno.test("a signal that fires later leaves the connection alone", async () => {
  await using server = serveTcp({}, echo);
  const stop = new AbortController();
  await using conn = await connectTcp({ port: server.addr.port, signal: stop.signal });
  stop.abort();
  await conn.write("still here\n");
  assertEquals(await conn.readLine({ timeout: 30_000 }), "still here");
});

Deno.test("connectTcp() without a time limit waits until the signal", async () => {
  await using full = await FullListener.open();
  const signal = AbortSignal.timeout(100);
  const error = await thrown(connectTcp({ port: full.port, timeout: 0, signal }));
  assertStrictEquals(error, signal.reason);
});

Deno.test("retry: a server that starts later is reached", async () => {
  const port = deadPort();
  const late: { server?: TcpServer } = {};
  const tries: string[] = [];
  try {
    await using conn = await connectTcp({
      port,
      retry: {
        maxAttempts: 50,
        minTimeout: 5,
        maxTimeout: 20,
        onRetry: (error, attempt) => {
          tries.push(error.kind);
          if (attempt === 3) late.server = serveTcp({ port }, echo);
        },
      },
    });
    assertEquals(tries, ["refused", "refused", "refused"]);
    await conn.write("at last\n");
    assertEquals(await conn.readLine({ timeout: 30_000 }), "at last");
  } finally {
    await late.server?.shutdown();
  }
});

Deno.test("retry: the last error is the one that is thrown", async () => {
  const port = deadPort();
  let retries = 0;
  const error = await assertRejects(
    () =>
      connectTcp({
        port,
        retry: { maxAttempts: 3, minTimeout: 1, onRetry: () => void retries++ },
      }),
    NetError,
  );
  assertEquals([error.kind, retries], ["refused", 2]);
});

Deno.test("retry: the time limit is for each attempt", async () => {
  await using full = await FullListener.open();
  const kinds: string[] = [];
  const started = performance.now();
  const error = await assertRejects(
    () =>
      connectTcp({
        port: full.port,
        timeout: 40,
        retry: { maxAttempts: 3, minTimeout: 1, onRetry: ({ kind }) => void kinds.push(kind) },
      }),
    NetError,
  );
  assertEquals([error.kind, ...kinds], ["timeout", "timeout", "timeout"]);
  assert(performance.now() - started >= 3 * 39, "the attempts were cut short");
});

Deno.test("retry: both signals end it, in an attempt and between two", async () => {
  await using full = await FullListener.open();
  const rows: Array<(signal: AbortSignal) => ConnectTcpOptions> = [
    (signal) => ({ port: full.port, signal, retry: { minTimeout: 60_000 } }),
    (signal) => ({ port: full.port, retry: { minTimeout: 60_000, signal } }),
    (signal) => ({
      port: deadPort(),
      signal,
      retry: { minTimeout: 60_000, maxTimeout: 60_000, jitter: 0 },
    }),
    (signal) => ({
      port: deadPort(),
      signal: new AbortController().signal,
      retry: { minTimeout: 60_000, maxTimeout: 60_000, jitter: 0, signal },
    }),
  ];
  for (const options of rows) {
    const stop = new AbortController();
    const connecting = thrown(connectTcp(options(stop.signal)));
    setTimeout(() => stop.abort("enough"), 20);
    assertEquals(await connecting, "enough");
  }
});

Deno.test({
  name: "a missing permission names the flag and is not tried again",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    let retries = 0;
    const error = await assertRejects(
      () =>
        connectTcp({
          hostname: "localhost",
          port: 9000,
          retry: { minTimeout: 1, onRetry: () => void retries++ },
        }),
      NetError,
    );
    assertEquals([error.kind, error.permission], ["permission", "--allow-net=localhost:9000"]);
    assertEquals(
      error.message,
      "Cannot connect to localhost:9000: permission is missing, " +
        "run again with --allow-net=localhost:9000",
    );
    assertEquals(retries, 0);
  },
});

Deno.test({
  name: "connectTcp() rejects nonsense before any I/O",
  permissions: { net: false },
  async fn() {
    const ranges: Array<[ConnectTcpOptions, string]> = [
      [{ port: 0 }, "port must be an integer"],
      [{ port: -1 }, "port must be an integer"],
      [{ port: 65536 }, "port must be an integer"],
      [{ port: 1.5 }, "port must be an integer"],
      [{ port: NaN }, "port must be an integer"],
      [{ port: 80, timeout: -1 }, "timeout"],
      [{ port: 80, timeout: NaN }, "timeout"],
      [{ port: 80, idleTimeout: -1 }, "idleTimeout"],
      [{ port: 80, readTimeout: NaN }, "readTimeout"],
      [{ port: 80, writeTimeout: -1 }, "writeTimeout"],
      [{ port: 80, lingerTimeout: -1 }, "lingerTimeout"],
      [{ port: 80, sendQueue: { limit: 0 } }, "sendQueue.limit"],
      [{ port: 80, retry: { maxAttempts: 0 } }, "maxAttempts"],
    ];
    for (const [options, message] of ranges) {
      await assertRejects(() => connectTcp(options), RangeError, message);
    }
    for (const hostname of ["", " ", "a b", "a\n", "a\0", "http://a/"]) {
      await assertRejects(
        () => connectTcp({ hostname, port: 80 }),
        TypeError,
        "hostname must be a host name",
      );
    }
    const policy = "never" as "wait";
    await assertRejects(() => connectTcp({ port: 80, sendQueue: { policy } }), TypeError, "never");
  },
});

Deno.test("the options of a connection reach it", async () => {
  await using server = serveTcp({}, async (conn) => {
    await conn.readLine();
  });
  await using conn = await connectTcp({ port: server.addr.port, readTimeout: 30 });
  const error = await assertRejects(() => conn.readLine(), NetError);
  assertEquals(error.kind, "timeout");
});
