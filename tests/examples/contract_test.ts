/**
 * What every runnable promises, checked on each as a process with exactly its declared
 * permissions. A new runnable adds a row to {@linkcode TABLE}.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  comparePermissions,
  declaredPermissions,
  usedPermissions,
} from "../_support/permissions.ts";
import { freePorts } from "../_support/ports.ts";
import { fileOf, ROOT, type Runnable, runRunnable, startRunnable } from "../_support/runnable.ts";
import { bindUdp, connectUdp } from "../../net/udp/socket.ts";
import { testCertificates } from "../_support/certificates.ts";
import { connectWebSocket } from "../../ws/client/client.ts";
import { serveWebSocket } from "../../ws/server/server.ts";

/** One runnable. */
interface Row {
  /** Its name: of its task, its permission set and, with underscores, its file. */
  name: string;
  /** A flag with a value that it cannot take. */
  bad: readonly [flag: string, value: string];
  /** For servers: the arguments that they cannot do without. @default none */
  args?: readonly string[];
  /** For servers: does something with a running one. */
  visit?: (server: Runnable) => Promise<unknown>;
  /** For servers: what their port is taken with. @default a TCP listener */
  occupy?: () => Disposable & { addr: Deno.Addr };
  /** For servers: keeps work in hand that a shutdown has to wait for. */
  hold?: (server: Runnable) => Promise<Deno.Conn>;
  /** What it declares for other systems, or for when something is missing. @default none */
  elsewhere?: readonly string[];
  /** For clients: the arguments and permissions to reach the peer that this starts. */
  call?: (use: (args: string[], permissions?: string[]) => Promise<void>) => Promise<void>;
}

const connect = ({ port }: Runnable) => Deno.connect({ hostname: "127.0.0.1", port });
const bytes = (text: string) => new TextEncoder().encode(text);

async function say(server: Runnable, text: string): Promise<Deno.Conn> {
  const conn = await connect(server);
  await conn.write(bytes(text));
  return conn;
}

/** Says something, reads to the end. */
async function talk(server: Runnable, text: string): Promise<string> {
  const conn = await say(server, text);
  await conn.closeWrite();
  return await new Response(conn.readable).text();
}

/** Begins a TLS handshake; the certificate is the server's own, so it ends in mistrust. */
async function shakeHands({ port }: Runnable): Promise<void> {
  const conn = await Deno.connectTls({ hostname: "127.0.0.1", port });
  await assertRejects(() => conn.handshake(), Deno.errors.InvalidData, "UnknownIssuer");
  conn.close();
}

/** A TCP peer that answers whatever it hears; connects itself to whoever `use` starts. */
async function withPeer(listener: Deno.Listener<Deno.Conn>, work: (port: string) => Promise<void>) {
  const serving = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(100)).catch(() => null);
      await conn.write(bytes("Hello\n")).catch(() => 0);
      conn.close();
    }
  })();
  try {
    await work(String((listener.addr as Deno.NetAddr).port));
  } finally {
    listener.close();
    await serving;
  }
}

/** An HTTP server for the clients. */
async function withHttp(work: (url: string) => Promise<void>): Promise<void> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using server = Deno.serve(options, () => new Response("hello"));
  await work(`http://127.0.0.1:${server.addr.port}/`);
}

const TABLE: Row[] = [
  {
    name: "tcp-server",
    bad: ["--port", "70000"],
    visit: async (server) => assertEquals(await talk(server, "hi"), "Hello, Client!"),
  },
  {
    name: "tcp-client",
    bad: ["--connect-timeout", "5"],
    call: (use) =>
      withPeer(
        Deno.listen({ hostname: "127.0.0.1", port: 0 }),
        (port) => use(["--port", port]),
      ),
  },
  {
    name: "concurrent-server",
    bad: ["--max-connections", "-1"],
    visit: async (server) => assertEquals(await talk(server, "a\n"), "Message received\n"),
    hold: async (server) => {
      const conn = await say(server, "a line\nhalf a line");
      // Its answer shows that this connection is in hand.
      await conn.read(new Uint8Array(100));
      return conn;
    },
  },
  {
    name: "fault-proxy",
    bad: ["--latency", "5"],
    args: ["--to=127.0.0.1:1"],
    visit: isReset,
  },
  {
    name: "http-server",
    bad: ["--max-body", "0"],
    visit: async ({ port }) => {
      const response = await fetch(`http://127.0.0.1:${port}/a`);
      const expected = { path: "/a", method: "GET", message: "Hello, World!" };
      assertEquals(await response.json(), expected);
    },
    // Half a body: its request is in hand once the first answer has come.
    hold: async (server) => {
      const conn = await say(
        server,
        "GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf",
      );
      await conn.read(new Uint8Array(1000));
      return conn;
    },
  },
  {
    name: "tls-server",
    bad: ["--handshake-timeout", "-1s"],
    visit: shakeHands,
    // A handshake that never comes; a later one shows that this one has been accepted.
    hold: async (server) => {
      const conn = await connect(server);
      await shakeHands(server);
      return conn;
    },
  },
  {
    name: "tls-client",
    bad: ["--port", "0"],
    call: async (use) => {
      const { cert, key } = (await testCertificates()).good;
      await withPeer(
        Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }),
        // Not trusted, hence a failure; with --ca it needs a read permission more.
        (port) => use(["--port", port]),
      );
    },
  },
  {
    name: "udp-server",
    bad: ["--inbox", "0"],
    visit: async ({ port }) => {
      await using socket = await connectUdp({ hostname: "127.0.0.1", port });
      const { data } = await socket.request("hi");
      assertEquals(new TextDecoder().decode(data), "Hello, Client!");
    },
    occupy: () => {
      const conn = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
      return { addr: conn.addr, [Symbol.dispose]: () => conn.close() };
    },
  },
  {
    name: "udp-client",
    bad: ["--resends", "11"],
    call: async (use) => {
      await using socket = await bindUdp();
      const serving = (async () => {
        for await (const { from } of socket) await socket.send("hello", from);
      })();
      await use(["--port", `${socket.addr.port}`]);
      socket.close();
      await serving;
    },
  },
  {
    name: "fetch-all",
    bad: ["--concurrency", "0"],
    call: (use) => withHttp((url) => use([url])),
  },
  {
    name: "http-client",
    bad: ["--timeout", "soon"],
    call: (use) => withHttp((url) => use(["GET", url])),
  },
  {
    name: "pooled-client",
    bad: ["--pool", "0"],
    call: (use) => withHttp((url) => use([url])),
  },
  {
    name: "ws-server",
    bad: ["--rate", "-1"],
    visit: async ({ port }) => {
      await using conn = await connectWebSocket(`ws://127.0.0.1:${port}`);
      await conn.sendJson({ hello: "world" });
      const expected = '{"status":"success","message":"Message received"}';
      assertEquals(await conn.receive({ timeout: 30_000 }), expected);
    },
    // Nobody answers its close frame.
    hold: async (server) => {
      const conn = await say(
        server,
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      await conn.read(new Uint8Array(1000));
      return conn;
    },
  },
  {
    name: "ws-client",
    bad: ["--timeout", "soon"],
    call: async (use) => {
      await using server = serveWebSocket({}, (conn) => conn.send("hello"));
      await use(["--url", server.url, "hi"]);
    },
  },
  {
    name: "diagnose",
    bad: ["--timeout", "soon"],
    call: (use) => withHttp((url) => use([url])),
    elsewhere: ["read /etc/resolv.conf"],
  },
  {
    name: "proxy",
    bad: ["--connect-port", "0"],
    args: ["--allow-private", "--connect-port=any"],
    visit: async ({ port }) => {
      const client = Deno.createHttpClient({ proxy: { url: `http://127.0.0.1:${port}` } });
      await withHttp(async (url) => {
        const response = await fetch(url, { client });
        assertEquals(await response.text(), "hello");
      });
      client.close();
    },
    // Half a head: it is in hand once the refusal before it has come.
    hold: async (server) => {
      const conn = await say(
        server,
        "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: h\r\n\r\nGET /half",
      );
      await conn.read(new Uint8Array(1000));
      return conn;
    },
  },
  {
    name: "scan",
    bad: ["--concurrency", "0"],
    call: (use) =>
      withPeer(
        Deno.listen({ hostname: "127.0.0.1", port: 0 }),
        (port) => use(["127.0.0.1", "-p", port]),
      ),
  },
  {
    name: "send-mail",
    bad: ["--tls", "maybe"],
    args: ["--from=a@a.test"],
    call: (use) =>
      withPeer(
        Deno.listen({ hostname: "127.0.0.1", port: 0 }),
        // It is no mail server, hence a failure.
        (port) =>
          use(["--port", port, "--from=a@a.test", "--to=b@b.test", "--text=x", "--timeout=300ms"]),
      ),
  },
  {
    name: "ftp-client",
    bad: ["--tls", "maybe"],
    args: ["ls"],
    call: (use) =>
      withPeer(
        Deno.listen({ hostname: "127.0.0.1", port: 0 }),
        // It is no FTP server, hence a failure.
        (port) => use(["ls", "--port", port, "--timeout=300ms"]),
      ),
  },
  {
    name: "read-mail",
    bad: ["--protocol", "smoke"],
    args: ["list"],
    call: (use) =>
      withPeer(
        Deno.listen({ hostname: "127.0.0.1", port: 0 }),
        // It is no mail server, hence a failure.
        (port) => use(["list", "--tls=none", "--timeout=300ms", "--port", port]),
      ),
  },
  {
    name: "dns",
    bad: ["--timeout", "soon"],
    args: ["host.test"],
    // tests/tools/dns_test.ts: a query to the servers of this machine would leave it.
    elsewhere: ["read /etc/resolv.conf"],
    call: (use) =>
      withPeer(
        Deno.listen({ hostname: "127.0.0.1", port: 0 }),
        // It is no DNS server, hence a failure.
        (port) => use(["host.test", "--server", `tcp://127.0.0.1:${port}`, "--timeout=300ms"]),
      ),
  },
  {
    name: "safe-connect",
    bad: ["--timeout", "soon"],
    call: (use) =>
      withPeer(Deno.listen({ hostname: "127.0.0.1", port: 0 }), (port) => use(["127.0.0.1", port])),
  },
];

/** Connects to one that has nobody behind it. */
async function isReset(server: Runnable): Promise<void> {
  await assertRejects(async () => {
    using conn = await connect(server);
    await conn.read(new Uint8Array(1));
  }, Deno.errors.ConnectionReset);
}

const servers = TABLE.filter(({ visit }) => visit !== undefined);

for (const { name, bad, args = [] } of TABLE) {
  Deno.test(`${name} --help shows the exact permissions, and its shebang has them`, async () => {
    const { code, stdout, stderr } = await runRunnable(name, ["--help"]);
    assertEquals([code, stderr], [0, ""]);
    const byPermission = new Map<string, string[]>();
    for (const pair of declaredPermissions(name)) {
      const [permission = "", value = ""] = pair.split(" ");
      byPermission.set(permission, [...byPermission.get(permission) ?? [], value]);
    }
    const flags = [...byPermission].map(([permission, values]) =>
      values.includes("*") ? `--allow-${permission}` : `--allow-${permission}=${values.join(",")}`
    );
    for (const flag of flags) assertMatch(stdout, new RegExp(`^  ${flag}(?:  |$)`, "m"));
    const source = await Deno.readTextFile(new URL(fileOf(name), ROOT));
    const [first] = source.split("\n");
    assertEquals(first, `#!/usr/bin/env -S deno run ${flags.join(" ")}`);
    const { mode } = await Deno.stat(new URL(fileOf(name), ROOT));
    assert(mode === null || (mode & 0o100) !== 0, "its shebang is of no use: it is not executable");
    const example = fileOf(name).startsWith("examples/");
    assert(!example || source.split("\n").length <= 81, "more than 80 lines");
  });

  Deno.test(`${name} refuses an unknown flag and a bad value in one line: 2`, async () => {
    const unknown = runRunnable(name, ["--no-such-flag=1\x1b[2J"], { permissions: [] });
    const wrong = runRunnable(name, [...bad, ...args], { permissions: [] });
    const [first, second] = [await unknown, await wrong];
    assertEquals([first.code, first.stdout], [2, ""]);
    assertMatch(first.stderr, /^[a-z-]+: Unknown flag: --no-such-flag[^\p{Cc}]*\n$/u);
    assertEquals([second.code, second.stdout], [2, ""]);
    assertMatch(second.stderr, new RegExp(`^${name}: Bad value for ${bad[0]}: "${bad[1]}".*\n$`));
  });

  Deno.test(`${name} uses exactly the permissions that it declares`, async () => {
    const log = await Deno.makeTempFile();
    try {
      const row = TABLE.find((one) => one.name === name);
      const env = { DENO_AUDIT_PERMISSIONS: log };
      if (row?.visit !== undefined) {
        await using server = await startRunnable(name, ["--port=0", ...row.args ?? []], { env });
        await row.visit(server);
        server.signal("SIGTERM");
        assertEquals(await server.exitCode(), 0, server.stderr);
      }
      await row?.call?.(async (args, permissions) => {
        const { code, stderr } = await runRunnable(name, args, {
          env,
          ...(permissions && { permissions }),
        });
        assert(code === 0 || code === 1, stderr);
      });
      const used = usedPermissions(await Deno.readTextFile(log));
      assert(used.size > 0, "nothing was used: was it exercised?");
      const { unused, undeclared } = comparePermissions(declaredPermissions(name), used);
      // The audit log does not tell which programs were run.
      const idle = unused.filter((pair) =>
        !pair.startsWith("run ") && !row?.elsewhere?.includes(pair)
      );
      assertEquals({ unused: idle, undeclared }, { unused: [], undeclared: [] });
    } finally {
      await Deno.remove(log);
    }
  });

  Deno.test(`${name} names the permission that is missing: 3`, async () => {
    const row = TABLE.find((one) => one.name === name);
    const check = async (args: string[], flag: RegExp) => {
      const { code, stdout, stderr } = await runRunnable(name, args, { permissions: [] });
      assertEquals([code, stdout], [3, ""], stderr);
      assertMatch(stderr, flag);
      assertMatch(stderr, /^[^\n]+\n$/);
    };
    if (row?.visit) await check(["--port=0", ...row.args ?? []], /--allow-net=127\.0\.0\.1:0\b/);
    // The ports of FTP's data connections are the server's to choose.
    const flag = name === "ftp-client"
      ? /--allow-net=127\.0\.0\.1$/m
      : /--allow-net=127\.0\.0\.1:\d+/;
    await row?.call?.((args) => check(args, flag));
  });
}

for (const { name, visit, occupy, args = [] } of servers) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`${name} says where it listens, serves, and drains on ${signal}: 0`, async () => {
      await using server = await startRunnable(name, ["--port=0", "--json", ...args]);
      assertMatch(
        server.stdout,
        /^\{"listening":"(tcp|tls|udp|http|ws):\/\/127\.0\.0\.1:[1-9]\d*"\}\n$/,
      );
      await visit?.(server);
      server.signal(signal);
      assertEquals(await server.exitCode(), 0, server.stderr);
      const lines = server.stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
      assert(lines.some(({ message }) => message.startsWith("stopped")), server.stderr);
    });
  }

  Deno.test(`${name} tells that its port is taken: 1`, async () => {
    using taken = occupy?.() ?? Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr as Deno.NetAddr;
    const { code, stdout, stderr } = await runRunnable(name, [`--port=${port}`, ...args]);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^[^\n]+\n$/);
    assertStringIncludes(stderr, `127.0.0.1:${port}`);
    assertMatch(stderr, /in use/);
  });

  Deno.test(`${name} listens again on its port at once`, async () => {
    // Another test could take a port that the system chose, between the two servers.
    const [port] = freePorts(1);
    await using first = await startRunnable(name, [`--port=${port}`, ...args]);
    await visit?.(first);
    first.signal("SIGTERM");
    await first.exitCode();
    await using second = await startRunnable(name, [`--port=${first.port}`, ...args]);
    await visit?.(second);
    assertEquals(second.port, first.port);
  });
}

for (const { name, hold } of servers) {
  if (hold === undefined) continue;

  Deno.test(`${name} gives the work in hand the time of --drain, then ends it: 0`, async () => {
    await using server = await startRunnable(name, ["--port=0", "--drain=700ms"]);
    using _held = await hold(server);
    const started = performance.now();
    server.signal("SIGTERM");
    assertEquals(await server.exitCode(), 0);
    const took = performance.now() - started;
    assert(took >= 650 && took < 5000, `${took} ms`);
  });

  Deno.test(`${name} ends at once on a second signal: 130`, async () => {
    await using server = await startRunnable(name, ["--port=0", "--drain=60s"]);
    using _held = await hold(server);
    server.signal("SIGTERM");
    await server.until(({ stderr }) => stderr.includes("stopping"), "it is stopping");
    server.signal("SIGINT");
    assertEquals(await server.exitCode(), 130);
    assertStringIncludes(server.stderr, `${name}: SIGINT again: stopped at once\n`);
  });
}

Deno.test("chat with --store uses exactly the permissions of chat-store", async () => {
  const logs = [await Deno.makeTempFile(), await Deno.makeTempFile()] as const;
  const folder = new URL("chat-data/", ROOT);
  await Deno.mkdir(folder, { recursive: true });
  const store = `chat-data/${crypto.randomUUID()}.db`;
  try {
    const options = (log: string) => ({
      file: fileOf("chat"),
      env: { DENO_AUDIT_PERMISSIONS: log },
    });
    const args = ["--port=0", "--no-web", "--store", store];
    await using server = await startRunnable("chat-store", args, options(logs[0]));
    server.signal("SIGTERM");
    assertEquals(await server.exitCode(), 0, server.stderr);
    const backup = ["--store", store, "--backup", `${store}-copy`];
    const result = await runRunnable("chat-store", backup, options(logs[1]));
    assertEquals(result.code, 0, result.stderr);
    const text = (await Promise.all(logs.map((log) => Deno.readTextFile(log)))).join("\n");
    const used = usedPermissions(text.replaceAll(ROOT.pathname, ""));
    const places = new Set(
      [...used].map((pair) => pair.replace(/ chat-data(?:\/.*)?$/, " ./chat-data")),
    );
    assertEquals(places, declaredPermissions("chat-store"));
  } finally {
    for (const log of logs) await Deno.remove(log);
    for await (const { name } of Deno.readDir(folder)) {
      if (`chat-data/${name}`.startsWith(store)) await Deno.remove(new URL(name, folder));
    }
  }
});
