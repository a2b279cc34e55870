/** `examples/chat.ts` as a program: real terminals, signals, flags, permissions. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connectTcp } from "../../net/tcp/client.ts";
import { needs, needsPython, pythonWith } from "../_support/peers.ts";
import {
  comparePermissions,
  declaredPermissions,
  usedPermissions,
} from "../_support/permissions.ts";
import { runPeer, runRunnable, startRunnable } from "../_support/runnable.ts";
import { enter, line, Nc, start } from "./_terminals.ts";

const nc = needs("nc");
const python = needsPython();

Deno.test({
  name: `two people talk by nc${nc.suffix}`,
  ignore: nc.ignore,
  async fn() {
    await using server = await start();
    await using ann = new Nc(server);
    await ann.see("* Welcome to the chat. Type your name and press Enter.\n");
    await ann.type("Ann\n");
    await ann.see("* You are Ann, alone in #lobby. /help lists the commands.\n");
    await ann.type("is anybody here?\n");
    await using bob = new Nc(server);
    await bob.type("Bob\r\n");
    await bob.see("Ann: is anybody here?\n* You are Bob in #lobby with Ann.");
    await ann.see("Bob joined\n");
    await ann.type("hello Bob 👋🏽\n");
    await bob.see("Ann: hello Bob 👋🏽\n");
    await bob.type("hi, \x1b[31mAnn\x1b[0m\r\n/me waves\n");
    await ann.see("Bob: hi, Ann\nBob: *waves*\n");
    await ann.type("/msg bob psst\n");
    await bob.see("[private] Ann -> Bob: psst\n");
    await bob.type("last words\n/quit\n");
    await ann.see("Bob: last words\nBob left\n");
    await bob.see("* Good-bye.\n");
    // What one says does not come back.
    assert(!ann.screen.includes("Ann: "), ann.screen);
    assertEquals(ann.screen.match(/Bob joined/g)?.length, 1);
    assertEquals(ann.screen.match(/Bob left/g)?.length, 1);
  },
});

Deno.test({
  name: `what is piped into nc -N is delivered, and its user leaves once${nc.suffix}`,
  ignore: nc.ignore,
  async fn() {
    await using server = await start();
    await using ann = await enter(server, "Ann");
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
    const piped = await runPeer(
      "nc",
      ["-N", "127.0.0.1", `${server.port}`],
      ["Bob", ...lines, "no end"].join("\n"),
    );
    assertEquals(piped.code, 0);
    const wanted = [
      "Bob joined",
      ...lines.map((text) => `Bob: ${text}`),
      "Bob: no end",
      "Bob left",
    ];
    for (const text of wanted) assertEquals(await line(ann), text);
  },
});

Deno.test({
  name: `a killed nc and a Python socket that resets leave once each${nc.suffix}${python.suffix}`,
  ignore: nc.ignore || python.ignore,
  async fn() {
    await using server = await start();
    await using ann = await enter(server, "Ann");
    await using bob = new Nc(server);
    await bob.type("Bob\n");
    assertEquals(await line(ann), "Bob joined");
    bob.kill();
    assertEquals(await line(ann), "Bob left");
    const reset = await runPeer(pythonWith()!, ["-c", RESET, `${server.port}`]);
    assertEquals([reset.code, reset.stderr], [0, ""]);
    assertEquals([await line(ann), await line(ann)], ["Cem joined", "Cem left"]);
    await server.until(({ stderr }) => /Cem left #lobby from \S+: lost/.test(stderr), "the log");
  },
});

const RESET = `
import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"Cem\\r\\n")
f = s.makefile("rb")
while not f.readline().startswith(b"* You are"): pass
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
f.close()
s.close()
`;

Deno.test({
  name: `fifty Python sockets hear the same order${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using server = await start("--rate=0");
    const result = await runPeer(pythonWith()!, ["-c", FIFTY, `${server.port}`], "", 60_000);
    assertEquals(result, { code: 0, stdout: "50 users, 1000 lines, one order\n", stderr: "" });
  },
});

const FIFTY = `
import socket, sys, threading
port, users, each = int(sys.argv[1]), 50, 20
files = []
for i in range(users):
    s = socket.create_connection(("127.0.0.1", port), timeout=30)
    f = s.makefile("rwb", buffering=0)
    f.write(b"user%d\\n" % i)
    r = s.makefile("rb")
    while not r.readline().startswith(b"* You are"): pass
    files.append((s, r))
heard = [[] for _ in range(users)]
def talk(i):
    for n in range(each): files[i][0].sendall(b"%d.%d\\n" % (i, n))
def hear(i):
    while len(heard[i]) < (users - 1) * each:
        line = files[i][1].readline().decode().rstrip("\\n")
        if ": " in line: heard[i].append(line)
threads = [threading.Thread(target=f, args=(i,)) for i in range(users) for f in (talk, hear)]
for t in threads: t.start()
for t in threads: t.join()
# Two users miss nothing but their own lines, so their common lines must be in one order.
def common(i, j): return [l for l in heard[i] if not l.startswith(f"user{j}: ")]
for i in range(1, users): assert common(0, i) == common(i, 0), i
total = len(set().union(*heard))
print(f"{users} users, {total} lines, one order")
`;

Deno.test("a peer that never reads is disconnected, delays nobody and costs no memory", async () => {
  await using server = await start("--rate=0", "--send-queue=64KiB");
  await using ann = await enter(server, "Ann");
  const deaf = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await deaf.write(new TextEncoder().encode("Deaf\n"));
  assertEquals(await line(ann), "Deaf joined");
  await using bob = await enter(server, "Bob");
  assertEquals(await line(ann), "Bob joined");
  const before = await memory(server.pid);
  const heard = (async () => {
    const seen: string[] = [];
    for (let lines = 0; lines < 10_000;) {
      const text = await line(ann);
      if (text.startsWith("Bob: ")) lines++;
      else seen.push(text);
    }
    return seen;
  })();
  // 20 MB: more than the kernel keeps for a peer that does not read.
  const text = `${"x".repeat(2000)}\n`.repeat(100);
  for (let i = 0; i < 100; i++) await bob.write(text);
  assertEquals(await heard, ["Deaf left"]);
  const grown = await memory(server.pid) - before;
  assert(grown < 64 * 1024 * 1024, `${grown} bytes`);
  await server.until(({ stderr }) => /Deaf left #lobby from \S+: slow/.test(stderr), "the log");
  deaf.close();
});

/** The resident memory of a process in bytes; 0 where nobody tells. */
async function memory(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

Deno.test("users who join and leave all the time are slowed down", async () => {
  await using server = await start("--rate=40", "--burst=6");
  const started = performance.now();
  await using ann = await enter(server, "Ann");
  for (let i = 0; i < 20; i++) {
    await using guest = await enter(server, `guest${i}`);
    await guest.write("/quit\n");
  }
  for (let i = 0; i < 20; i++) {
    assertEquals([await line(ann), await line(ann)], [`guest${i} joined`, `guest${i} left`]);
  }
  const took = performance.now() - started;
  // Ann and five others join at once, the other fifteen at a rate of 40 per second.
  assert(took >= 370, `${took} ms`);
});

const proc = Deno.build.os === "linux";

Deno.test({
  name: `the kernel looks for dead terminals${proc ? "" : " (no /proc/net/tcp)"}`,
  ignore: !proc,
  async fn() {
    await using server = await start();
    await using ann = await enter(server, "Ann");
    assert(ann.localAddr.transport === "tcp");
    const ports = [server.port, ann.localAddr.port]
      .map((port) => port.toString(16).toUpperCase().padStart(4, "0"));
    // The timer of the server's end: 02 is the one of keep-alive, once all is acknowledged.
    const ours = new RegExp(`:${ports[0]} \\w+:${ports[1]} \\w+ \\w+:\\w+ 02:`);
    const end = performance.now() + 10_000;
    while (!ours.test(await Deno.readTextFile("/proc/net/tcp"))) {
      assert(performance.now() < end, "nobody looks");
    }
  },
});

Deno.test("one user too many is told so", async () => {
  await using server = await start("--max-users=1");
  await using _ann = await enter(server, "Ann");
  await using bob = await connectTcp({ port: server.port });
  await bob.write("Bob\n");
  assertMatch(await line(bob), /^\* Welcome/);
  assertEquals(await line(bob), "* The chat is full. Try again later.");
  assertEquals(await bob.readLine(), null);
});

Deno.test("one connection too many from an address is turned away", async () => {
  await using server = await start("--max-connections-per-address=2");
  await using _ann = await enter(server, "Ann");
  await using _bob = await enter(server, "Bob");
  await using cem = await connectTcp({ port: server.port });
  assertEquals(await cem.readLine({ timeout: 10_000 }).catch(() => null), null);
  await server.until(({ stderr }) => stderr.includes("turned away 127.0.0.1: address"), "the log");
});

Deno.test("the log has joins and leaves, and no messages", async () => {
  await using server = await start();
  await using ann = await enter(server, "Ann");
  await using bob = await enter(server, "Bob");
  await bob.write(
    "a secret\n/msg Ann another secret\n/me keeps secrets\n/nick one secret\x1b[2J\n",
  );
  await bob.write("/nick Rob\n/join #tea\n/quit\n");
  while (await line(ann) !== "Rob left") continue;
  await server.until(({ stderr }) => stderr.includes("Rob left #tea"), "the log");
  assertMatch(server.stderr, /INFO +chat: Bob joined #lobby from 127\.0\.0\.1:\d+\n/);
  assertMatch(server.stderr, /chat: Bob is now Rob\n/);
  assertMatch(server.stderr, /chat: Rob went from #lobby to #tea\n/);
  assertMatch(server.stderr, /chat: Rob left #tea from 127\.0\.0\.1:\d+: quit\n/);
  assert(!server.stderr.includes("secret"), server.stderr);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} tells everyone, flushes and ends with 0`, async () => {
    await using server = await start();
    await using ann = await enter(server, "Ann");
    await using bob = await enter(server, "Bob");
    await bob.write("one more thing\n");
    assertEquals([await line(ann), await line(ann)], ["Bob joined", "Bob: one more thing"]);
    server.signal(signal);
    const rest = [];
    for (let text; (text = await ann.readLine()) !== null;) rest.push(text);
    assertEquals(rest, ["The server is stopping", "* Good-bye."]);
    assertEquals(await server.exitCode(), 0, server.stderr);
  });
}

Deno.test("the drain deadline ends a peer that does not read; a second signal does it at once", async () => {
  for (const [args, code] of [[["--drain=300ms"], 0], [["--drain=60s"], 130]] as const) {
    await using server = await start("--send-queue=4MiB", "--rate=0", ...args);
    const deaf = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await deaf.write(new TextEncoder().encode("Deaf\n"));
    await using bob = await enter(server, "Bob");
    const heard = (async () => {
      while (!(await line(bob)).includes("no command /end")) continue;
    })();
    // More than the kernel takes, less than the queue does.
    for (let i = 0; i < 60; i++) await bob.write(`${"x".repeat(2000)}\n`.repeat(50));
    await bob.write("/end\n");
    await heard;
    server.signal("SIGTERM");
    if (code === 130) {
      await server.until(({ stderr }) => stderr.includes("stopping"), "it is stopping");
      server.signal("SIGINT");
    }
    assertEquals(await server.exitCode(), code, server.stderr);
    deaf.close();
  }
});

Deno.test("the chat opens both sides and says so", async () => {
  await using server = await startRunnable("chat", ["--port=0", "--web-port=0"], { listeners: 2 });
  assertMatch(
    server.stdout,
    /^listening on tcp:\/\/127\.0\.0\.1:\d+\nlistening on http:\/\/127\.0\.0\.1:\d+\n$/,
  );
  assertEquals(await fetch(new URL("/healthz", server.urls[1])).then((r) => r.text()), "ok\n");
  server.signal("SIGTERM");
  assertEquals(await server.exitCode(), 0, server.stderr);
});

Deno.test("a port in use is told in one line: 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  for (const args of [[`--port=${port}`, "--web-port=0"], ["--port=0", `--web-port=${port}`]]) {
    const { code, stdout, stderr } = await runRunnable("chat", args);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^chat: [^\n]+ in use[^\n]*\n$/);
    assertStringIncludes(stderr, `127.0.0.1:${port}`);
  }
});

Deno.test("a bad flag is told in one line: 2", async () => {
  const table: [string, string][] = [
    ["--port", "99999"],
    ["--web-port", "x"],
    ["--lang", "fr"],
    ["--rate", "-1"],
    ["--burst", "0"],
    ["--send-queue", "1"],
    ["--max-line", "lots"],
    ["--drain", "5"],
    ["--allow-host", "chat.example:81"],
    ["--allow-origin", "chat.example"],
  ];
  for (const [flag, value] of table) {
    const { code, stdout, stderr } = await runRunnable("chat", [flag, value], { permissions: [] });
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, new RegExp(`^chat: Bad value for ${flag}: "${value}".*\n$`));
  }
  const { code, stderr } = await runRunnable("chat", ["--prot=1"], { permissions: [] });
  assertEquals(code, 2);
  assertMatch(stderr, /^chat: Unknown flag: --prot.*\n$/);
});

Deno.test("a missing permission is named: 3", async () => {
  const { code, stdout, stderr } = await runRunnable("chat", ["--port=0"], { permissions: [] });
  assertEquals([code, stdout], [3, ""]);
  assertMatch(stderr, /^chat: [^\n]+--allow-net=127\.0\.0\.1:0\b[^\n]*\n$/);
});

Deno.test("the chat uses exactly the permissions that it declares, in --help and shebang too", async () => {
  const log = await Deno.makeTempFile();
  try {
    const env = { DENO_AUDIT_PERMISSIONS: log };
    const args = ["--port=0", "--web-port=0"];
    await using server = await startRunnable("chat", args, { listeners: 2, env });
    await using ann = await enter(server, "Ann");
    await ann.write("hi\n/quit\n");
    assertEquals(await line(ann), "* Good-bye.");
    await fetch(server.urls[1]!).then((response) => response.body?.cancel());
    server.signal("SIGTERM");
    assertEquals(await server.exitCode(), 0, server.stderr);
    const used = usedPermissions(await Deno.readTextFile(log));
    assertEquals(comparePermissions(declaredPermissions("chat"), used), {
      unused: [],
      undeclared: [],
    });
  } finally {
    await Deno.remove(log);
  }
  const { stdout } = await runRunnable("chat", ["--help"], { permissions: [] });
  assertMatch(stdout, /^ {2}--allow-net=127\.0\.0\.1 {2}/m);
  const source = await Deno.readTextFile(new URL("../../examples/chat.ts", import.meta.url));
  assertEquals(source.split("\n")[0], "#!/usr/bin/env -S deno run --allow-net=127.0.0.1");
});
