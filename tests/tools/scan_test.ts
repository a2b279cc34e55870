/** `tools/scan.ts` against this machine. */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import fc from "fast-check";
import { once } from "node:events";
import { createServer } from "node:net";
import { recordingIo } from "../../tools/cli.ts";
import { main, scan, type ScanOptions, type ScanResult } from "../../tools/scan.ts";
import { testCertificates } from "../_support/certificates.ts";
import { isolated, needs, needsNamespace } from "../_support/peers.ts";
import { freePorts } from "../_support/ports.ts";
import { ROOT, Runnable, runPeer, runRunnable, startRunnable } from "../_support/runnable.ts";
import { LOCK } from "../_support/flags.ts";

const HOST = "127.0.0.1";
/** An address without servers of other tests, for scans of all ports. */
const QUIET_HOST = Deno.build.os === "linux" ? "127.77.0.1" : HOST;

async function all(ports: ScanOptions["ports"], options: ScanOptions = {}, host = HOST) {
  const found: ScanResult[] = [];
  for await (const result of scan(host, { ports, ...options })) found.push(result);
  return found;
}

/** Listeners on free ports that accept and send a text. */
function listen(count: number, banner = "", hostname = HOST) {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname, port: 0 }));
  const serving = listeners.map(async (listener) => {
    while (true) {
      try {
        const conn = await listener.accept();
        if (banner !== "") await conn.write(new TextEncoder().encode(banner)).catch(() => 0);
        conn.close();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        // nmap resets its connections, which accept() may report.
      }
    }
  });
  return {
    ports: listeners.map(({ addr }) => addr.port),
    async [Symbol.asyncDispose]() {
      listeners.forEach((listener) => listener.close());
      await Promise.all(serving);
    },
  };
}

/** A filtered port: its backlog is full. At 0.0.0.0 it is on every 127.x.x.x. */
async function filteredPort(hostname = HOST) {
  const listener = Deno.listen({ hostname, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const held = await Promise.all([1, 2].map(() => Deno.connect({ hostname: HOST, port })));
  return {
    port,
    [Symbol.dispose]() {
      for (const conn of held) conn.close();
      listener.close();
    },
  };
}

function closedPort(): number {
  return freePorts(1)[0]!;
}

async function run(...args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out, err: io.err };
}

Deno.test("scan() distinguishes open, closed and filtered", async () => {
  await using server = listen(1);
  using filtered = await filteredPort();
  const closed = closedPort();
  const ports = [server.ports[0]!, closed, filtered.port];
  const found = await all(ports, { timeout: 1000 });
  const states = new Map(found.map((one) => [one.port, one.state]));
  assertEquals(ports.map((port) => states.get(port)), ["open", "closed", "filtered"]);
  const of = (port: number) => found.find((one) => one.port === port);
  assert(of(ports[0]!)!.rtt! >= 0 && of(closed)!.rtt! >= 0);
  assertEquals([of(closed)!.reason, of(filtered.port)!.reason], ["ECONNREFUSED", "ETIMEDOUT"]);
  assertEquals([of(filtered.port)!.rtt, of(ports[0]!)!.reason], [undefined, undefined]);
});

Deno.test("a port that resets every connection at once is open", async () => {
  const server = createServer((socket) => socket.resetAndDestroy()).listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  for (let i = 0; i < 20; i++) {
    const [found] = await all([port]);
    assertEquals([found?.port, found?.state], [port, "open"]);
    assertMatch(found?.reason ?? "", /^(ECONNRESET|ENOTCONN)?$/);
  }
  server.close();
  await once(server, "close");
});

Deno.test("scan() yields each port of each host once", async () => {
  await using server = listen(3);
  const ports = [...server.ports, ...server.ports];
  const targets = ["127.0.0.1", "127.0.0.0/30", "127.0.0.1", "127.0.0.2/31"];
  const found: ScanResult[] = [];
  for await (const result of scan(targets, { ports })) found.push(result);
  const keys = found.map(({ address, port }) => `${address}:${port}`);
  assertEquals(new Set(keys).size, keys.length);
  assertEquals(keys.length, 12);
  const open = found.filter(({ state }) => state === "open");
  assertEquals(new Set(open.map(({ address }) => address)), new Set([HOST]));
});

Deno.test("scan() finds every open port, with Workers and without", async () => {
  await using server = listen(20, "", QUIET_HOST);
  const expected = [...server.ports].sort((a, b) => a - b);
  for (const workers of [1, 2]) {
    const options = { workers, concurrency: 200, timeout: 10_000 };
    const found = await all("1024-", options, QUIET_HOST);
    // No port is filtered here, except those of other tests.
    const silent = found.filter(({ state }) => state === "filtered").length;
    assert(silent < 20, `${silent} filtered with ${workers}`);
    const open = found.filter(({ state }) => state === "open").map(({ port }) => port);
    for (const port of expected) assert(open.includes(port), `${port} with ${workers}`);
  }
});

Deno.test({
  name: "a scan that connects to itself reports no open port",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const listening = async () => {
      const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((file) => Deno.readTextFile(file));
      const rows = (await Promise.all(tables)).join("\n").matchAll(/:([0-9A-F]{4}) 0+:0000 0A /g);
      return Array.from(rows, ([, port]) => parseInt(port!, 16));
    };
    for (let i = 0; i < 3; i++) {
      const real = new Set<number>();
      let scanning = true;
      // Other programs may listen only for a moment.
      const watching = (async () => {
        for (let last = false; !last;) {
          last = !scanning;
          for (const port of await listening()) real.add(port);
          await delay(20);
        }
      })();
      const found = await all("32768-60999", { concurrency: 500, workers: 2 }, QUIET_HOST);
      scanning = false;
      await watching;
      const open = found.filter(({ state }) => state === "open").map(({ port }) => port);
      assertEquals(open.filter((port) => !real.has(port)), []);
    }
  },
});

Deno.test("the same seed gives the same order, another seed another order", async () => {
  const order = async (seed: number) =>
    (await all("1-200", { seed, concurrency: 1 })).map(({ port }) => port).join();
  const [first, again, other] = [await order(7), await order(7), await order(8)];
  assertEquals(first, again);
  assert(first !== other);
  const sorted = Array.from({ length: 200 }, (_, i) => i + 1).join();
  assert(first !== sorted);
});

Deno.test("one port of many hosts is scanned with the full concurrency, and no more", async () => {
  using filtered = await filteredPort("0.0.0.0");
  const sweep = async (options: ScanOptions) => {
    const started = performance.now();
    const found = await all([filtered.port], { timeout: 200, ...options }, "127.0.0.64/26");
    assertEquals(found.filter(({ state }) => state === "filtered").length, 64);
    return performance.now() - started;
  };
  // Two at once would take 6.4 s.
  const wide = await sweep({ concurrency: 64 });
  assert(wide < 4000, `${wide} ms`);
  const narrow = await sweep({ concurrency: 16, workers: 32 });
  assert(narrow >= 4 * 200, `${narrow} ms`);
});

Deno.test("a source of targets that never ends does not delay the end of a scan", async () => {
  async function* endless() {
    yield HOST;
    await new Promise(() => {});
  }
  for await (const _ of scan(endless(), { ports: [1] })) break;
  const stop = new AbortController();
  const scanning = (async () => {
    for await (const _ of scan(endless(), { ports: [1], signal: stop.signal })) {
      stop.abort("enough");
    }
  })();
  assertEquals(await scanning.catch((reason) => reason), "enough");
});

Deno.test("retries repeat a filtered port, which may answer then", async () => {
  const listener = Deno.listen({ hostname: HOST, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const held = await Promise.all([1, 2].map(() => Deno.connect({ hostname: HOST, port })));
  const accepting = (async () => {
    await new Promise((resolve) => setTimeout(resolve, 250));
    for (let i = 0; i < 3; i++) held.push(await listener.accept());
  })();
  const [found] = await all([port], { timeout: 200, retries: 20 });
  assertEquals(found?.state, "open");
  listener.close();
  await accepting.catch(() => {});
  for (const conn of held) conn.close();
});

Deno.test("--rate limits the rate of connections", async () => {
  const started = performance.now();
  await all("1-20", { rate: 100 });
  assert(performance.now() - started >= 170);
});

Deno.test("a lack of file descriptors makes no port closed or open", async () => {
  await using server = listen(5);
  const flags = ["--allow-net=127.0.0.1"];
  const command = `ulimit -n 80; exec "${Deno.execPath()}" run -q ${LOCK} ${flags.join(" ")} ` +
    `tools/scan.ts 127.0.0.1 -p ${server.ports.join(",")},1-3000 -c 2000 -o ndjson --workers 1`;
  const { code, stdout, stderr } = await runPeer("sh", [
    "-c",
    `cd "${new URL(ROOT).pathname}"; ${command}`,
  ]);
  assertEquals(code, 0, stderr);
  const found = stdout.trimEnd().split("\n").map((line): ScanResult => JSON.parse(line));
  assertEquals(found.length, 3005);
  for (const port of server.ports) {
    assertEquals(found.find((one) => one.port === port)?.state, "open", `${port}`);
  }
});

const namespace = needsNamespace();

Deno.test({
  name:
    `a network that drops packets is filtered, an unreachable network is an error${namespace.suffix}`,
  ignore: namespace.ignore,
  async fn() {
    const options = ["-p", "1-200", "-t", "300ms", "-c", "500", "--json"];
    const targets = ["198.18.7.7", "203.0.113.7", "127.0.0.1"];
    const { code, stdout, stderr } = await runPeer(
      ...isolated(
        Deno.execPath(),
        ...["run", "-q", LOCK, "-P=scan", new URL("tools/scan.ts", ROOT).pathname, ...targets],
        ...options,
      ),
    );
    assertEquals([code, stderr], [0, ""]);
    const found = stdout.trimEnd().split("\n").map((line): ScanResult => JSON.parse(line));
    const states = new Set(found.map(({ host, state, reason }) => `${host} ${state} ${reason}`));
    assertEquals(
      states,
      new Set([
        "198.18.7.7 filtered ETIMEDOUT",
        "203.0.113.7 error EACCES",
        "127.0.0.1 closed ECONNREFUSED",
      ]),
    );
    assertEquals(found.length, 600);
  },
});

Deno.test({
  name: `an address with a zone is scanned on its interface${namespace.suffix}`,
  ignore: namespace.ignore,
  async fn() {
    const program = new URL("tools/scan.ts", ROOT).pathname;
    const add = 'ip addr add fe80::5/64 dev v0 nodad && exec "$0" "$@"';
    const { code, stdout, stderr } = await runPeer(
      ...isolated(
        ...["sh", "-c", add, Deno.execPath(), "run", "-q", LOCK, "-P=scan", program] as const,
        ...["fe80::5%v0", "[FE80:0::5%v0]", "-p", "1", "-o", "csv"],
      ),
    );
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^[^\n]+\nfe80::5%v0,fe80::5%v0,1,closed,[^\n]+\n$/);
  },
});

Deno.test({
  name: `several names are resolved at the same time${namespace.suffix}`,
  ignore: namespace.ignore,
  async fn() {
    const program = new URL("tools/scan.ts", ROOT).pathname;
    const config = await Deno.makeTempFile();
    // A name server in a network that drops packets, with a limit of one second.
    await Deno.writeTextFile(config, "nameserver 198.18.7.7\noptions timeout:1 attempts:1\n");
    const names = Array.from({ length: 12 }, (_, i) => `a${i}.test`);
    const mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
    const started = performance.now();
    const { code, stderr } = await runPeer(
      ...isolated(
        ...["unshare", "--mount", "sh", "-c", mount, config, Deno.execPath()] as const,
        ...["run", "-q", LOCK, "-P=scan", program, ...names, "-p", "1"],
      ),
    );
    await Deno.remove(config);
    const told = names.map((name) => `scan: ${name} has no address\n`);
    assertEquals([code, stderr], [1, told.join("")]);
    assert(performance.now() - started < 9000);
  },
});

Deno.test("an abort ends the scan at once, with its reason", async () => {
  using filtered = await filteredPort();
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("enough")), 50);
  await assertRejects(
    () => all([filtered.port], { timeout: 60_000, signal: stop.signal }),
    Error,
    "enough",
  );
  // Leaving the loop also ends the scan.
  for await (const _ of scan(HOST, { ports: "1-1000", workers: 2 })) break;
});

Deno.test("an abort during or after an identification is no unhandled error", async () => {
  const silent = Deno.listen({ hostname: HOST, port: 0 });
  const ports = [silent.addr.port, closedPort()];
  const aborted = new Error("enough");
  const during = new AbortController();
  const accepted = silent.accept().then((conn) => conn.close());
  const scanned = all(ports, { service: true, signal: during.signal });
  await accepted;
  during.abort(aborted);
  assertEquals(await assertRejects(() => scanned, Error), aborted);
  const later = new AbortController();
  for await (const _ of scan(HOST, { ports, service: true, signal: later.signal })) break;
  later.abort(aborted);
  silent.close();
});

Deno.test("banners are bounded and escaped, TLS details are read", async () => {
  await using server = listen(1, `\x1b]0;owned\x07${"x".repeat(1000)}\r\nmore`);
  const [found] = await all(server.ports, { banner: true });
  assertMatch(found!.banner!, /^\\x1B\]0;owned\\x07x+$/);
  assert(found!.banner!.length < 300);
  const { cert, key } = (await testCertificates()).good;
  const tls = Deno.listenTls({ hostname: HOST, port: 0, cert, key, alpnProtocols: ["h2"] });
  const accepting = (async () => {
    for await (const conn of tls) {
      await conn.handshake().catch(() => {});
      conn.close();
    }
  })();
  const [secure] = await all([tls.addr.port], { tls: true });
  assertEquals([secure?.tls?.protocol, secure?.tls?.alpn], ["TLSv1.3", "h2"]);
  assert(secure!.tls!.daysLeft! >= 0);
  tls.close();
  await accepting;
  const [plain] = await all(server.ports, { tls: true });
  assertEquals([plain?.state, plain?.tls], ["open", undefined]);
});

Deno.test("a service has the name of the IANA registry, also as a port", async () => {
  for (const [name, port] of [["https", 443], ["www", 80], ["sieve", 4190], ["ssdp", 1900]]) {
    const [found] = await all(`${name}`);
    assertEquals([found?.port, found?.service], [port, name === "www" ? "http" : name]);
  }
});

Deno.test("an invalid option is rejected, and the message names the invalid part", () => {
  for (
    const ports of [
      "",
      "0",
      "65536",
      "80-70",
      "1-70000",
      "80,,90",
      "80-90-100",
      "nosuch",
      "-1-5",
      " ",
    ]
  ) {
    assertThrows(() => scan(HOST, { ports }), RangeError, "Cannot use the ports");
  }
  for (const ports of ["22, 80", "-", "-1024", "60000-", "ssh,http"]) {
    void scan(HOST, { ports }).return();
  }
  assertThrows(() => scan(HOST, { concurrency: 0 }), RangeError, "concurrency");
  assertThrows(() => scan(HOST, { ports: [70_000] }), RangeError, "ports");
});

Deno.test("invalid targets are rejected before the scan connects", async () => {
  for (
    const target of [
      "127.0.0.1/33",
      "127.0.0.256",
      "1.2.3",
      "::1/129",
      "::/0",
      "a b",
      "-x",
      "",
      "a/b",
      "x;y",
      "127.0.0.1:80",
    ]
  ) {
    await assertRejects(() => all([1], {}, target), RangeError, "Cannot scan");
    const { code, out, err } = await run("--", target);
    assertEquals([code, out], [2, ""], target);
    assertMatch(err, /^scan: (Cannot scan|Bad value for TARGET:) [^\n]*\n$/);
  }
});

Deno.test("networks are expanded lazily, and their hosts are counted", async () => {
  const addresses: string[] = [];
  const options = { ports: [1], concurrency: 1, maxProbes: 0 };
  for await (const { address } of scan("127.0.0.0/8", options)) {
    addresses.push(address);
    if (addresses.length === 3) break;
  }
  assertEquals(addresses.length, 3);
  const six: string[] = [];
  for await (const { address } of scan("::1", { ports: [1] })) six.push(address);
  assertEquals(six, ["::1"]);
});

Deno.test("every list of ports yields each port once", async () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const lists = fc.array(port, { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(lists, async (ports) => {
      const found = await all(ports.map((port) => `${port},${port}-${port}`).join());
      const sorted = (list: Iterable<number>) => [...list].sort((a, b) => a - b);
      assertEquals(sorted(found.map(({ port }) => port)), sorted(new Set(ports)));
    }),
    { numRuns: 20 },
  );
});

Deno.test("a name without an address is one error, and the other targets are scanned", async () => {
  await using server = listen(1);
  const found: ScanResult[] = [];
  for await (const result of scan(["nothing.invalid", HOST], { ports: server.ports })) {
    found.push(result);
  }
  const unknown = found.find(({ host }) => host === "nothing.invalid");
  assertEquals([unknown?.state, unknown?.port, unknown?.reason], ["error", 0, "ENOTFOUND"]);
  assert(found.some(({ state }) => state === "open"));
  const { code, err } = await run("nothing.invalid", HOST, "-p", `${server.ports[0]}`);
  assertEquals([code, err], [1, "scan: nothing.invalid has no address\n"]);
});

Deno.test("the table shows open ports and a summary of the others", async () => {
  await using server = listen(1);
  using filtered = await filteredPort();
  const [port] = server.ports;
  const { code, out, err } = await run(
    HOST,
    "-p",
    `${port},${filtered.port},${closedPort()}`,
    "-t",
    "1s",
  );
  assertEquals([code, err], [0, ""]);
  assertMatch(
    out,
    new RegExp(`^PORT +STATE +RTT +SERVICE +HOST\n${port} +open +[\\d.]+ ms +127\\.0\\.0\\.1\n`),
  );
  assertMatch(out, new RegExp(`\n127\\.0\\.0\\.1: filtered: ${filtered.port}\n`));
  assertMatch(out, /\n1 open, 1 closed, 1 filtered in [\d.]+ m?s\n$/);
});

Deno.test("json, ndjson and csv are valid formats", async () => {
  await using server = listen(2);
  const ports = server.ports.join();
  const closed = closedPort();
  const json = await run(HOST, "-p", `${ports},${closed}`, "-o", "json");
  const rows: ScanResult[] = JSON.parse(json.out);
  assertEquals(rows.length, 3);
  const open = await run(HOST, "-p", `${ports},${closed}`, "--json", "--open");
  assertEquals(open.out.trimEnd().split("\n").map((line) => JSON.parse(line).state), [
    "open",
    "open",
  ]);
  const csv = await run(HOST, "-p", ports, "-o", "csv");
  const [head, ...lines] = csv.out.trimEnd().split("\n");
  assertEquals(head, "host,address,port,state,service,rtt,reason,banner");
  assertEquals(lines.length, 2);
  assertEquals(JSON.parse((await run(HOST, "-p", `${closed}`, "--open", "-o", "json")).out), []);
});

Deno.test("--expect exits with 4 for other open ports, and lists them", async () => {
  await using server = listen(2);
  const [a, b] = server.ports.toSorted((x, y) => x - y);
  const good = await run(HOST, "-p", `${a},${b}`, "--expect", `${a},${b}`);
  assertEquals([good.code, good.err], [0, ""]);
  const closed = closedPort();
  const bad = await run(HOST, "-p", `${a},${b},${closed}`, "--expect", `${a},${closed}`);
  assertEquals(bad.code, 4);
  assertEquals(
    bad.err,
    `scan: 127.0.0.1: expected open, but is not: ${closed}; open, but not expected: ${b}\n`,
  );
  assertEquals((await run(HOST, "-p", `${closed}`, "--expect", "none")).code, 0);
});

Deno.test("--expect also scans the expected ports", async () => {
  await using server = listen(1);
  const [port] = server.ports;
  const good = await run(HOST, "-p", "1", "--expect", `${port}`);
  assertEquals([good.code, good.err], [0, ""]);
  const none = await run(HOST, "-p", "1", "--expect", "2");
  assertEquals([none.code, none.err], [4, "scan: 127.0.0.1: expected open, but is not: 2\n"]);
});

Deno.test("a bad value on the command line is reported with its flag", async () => {
  const cases: [string[], RegExp][] = [
    [["-p", "22,80-70"], /^scan: Bad value for --ports: "80-70": the first port/],
    [["--expect", "http,x"], /^scan: Bad value for --expect: "x": /],
    [["--exclude-ports", "0"], /^scan: Bad value for --exclude-ports: "0": /],
    [["-p", "1", "--top-ports", "5"], /^scan: Give --ports or --top-ports, not both\n$/],
    [["-p", "1,2", "--exclude-ports", "-5"], /^scan: No port is left to scan\n$/],
    [["--expect", "7,9", "--exclude-ports", "-8"], /both name 7\n$/],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await run(HOST, ...args);
    assertEquals([code, out], [2, ""], args.join(" "));
    assertMatch(err, message);
  }
});

Deno.test("hosts with the same result share one line", async () => {
  using filtered = await filteredPort("0.0.0.0");
  const { out } = await run("127.0.0.64/30", "-p", `${filtered.port}`, "-t", "150ms");
  assertMatch(
    out,
    new RegExp(`^127\\.0\\.0\\.6\\d and 3 more hosts: filtered: ${filtered.port}\n`),
  );
});

Deno.test("targets may come from files and from standard input", async () => {
  await using server = listen(1);
  const [port] = server.ports;
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, `# this machine\n127.0.0.1\n\n127.0.0.1 # again\n`);
  const { code, out } = await run("--file", file, "-p", `${port}`, "--json");
  assertEquals([code, out.trimEnd().split("\n").length], [0, 1]);
  await Deno.writeTextFile(file, "127.0.0.1\n".repeat(200_000));
  assertEquals((await run("--file", file, "-p", `${port}`, "--json")).out.split("\n").length, 2);
  await Deno.remove(file);
  const piped = await runPeer(Deno.execPath(), [
    ...["run", "-q", LOCK, "-P=scan", new URL("tools/scan.ts", ROOT).pathname],
    ...["-", "-", "-p", `${port}`, "--open", "--json"],
  ], "127.0.0.1\n");
  assertEquals([piped.code, JSON.parse(piped.stdout).port], [0, port]);
});

Deno.test("Ctrl-C ends the program while it waits for standard input: 130", async () => {
  const program = new URL("tools/scan.ts", ROOT).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", LOCK, "-P=scan", program, "-", "--log-level", "debug"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await using waiting = new Runnable(child);
  await waiting.until(({ stderr }) => stderr.includes("standard input"), "that it reads");
  waiting.signal("SIGINT");
  assertEquals([await waiting.exitCode(), waiting.stdout], [130, ""]);
  assertMatch(waiting.stderr, /\nscan: interrupted by SIGINT\n$/);
  await child.stdin.close();
});

Deno.test("Ctrl-C prints the results so far: 130", async () => {
  using filtered = await filteredPort();
  await using server = listen(1);
  const ports = `${server.ports[0]},${filtered.port}`;
  const args = [HOST, "-p", ports, "-t", "60s", "-o", "ndjson"];
  await using scanning = await startRunnable("scan", args, { listeners: 0 });
  await scanning.until(({ stdout }) => stdout.includes('"open"'), "the open port");
  scanning.signal("SIGINT");
  assertEquals(await scanning.exitCode(), 130);
  assertEquals(JSON.parse(scanning.stdout).port, server.ports[0]);
});

Deno.test("the reader of the output may close it", async () => {
  const { code, stderr } = await runPeer("sh", [
    "-c",
    `"${Deno.execPath()}" run -q ${LOCK} -A "${
      new URL("tools/scan.ts", ROOT).pathname
    }" 127.0.0.1 -p 1-5000 ` +
    "--json | head -1",
  ]);
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("a missing permission is named: 3", async () => {
  const check = async (ports: string, says: RegExp) => {
    const { code, stderr } = await runRunnable("scan", [HOST, "-p", ports], { permissions: [] });
    assertEquals(code, 3);
    assertMatch(stderr, says);
  };
  await check("1", /^scan: [^\n]*--allow-net=127\.0\.0\.1:1[^\n]*\n$/);
  // One flag covers all ports.
  await check("1-9", /^scan: [^\n]*--allow-net=127\.0\.0\.1\n$/);
});

const nmap = needs("nmap");

Deno.test({
  name: `nmap finds the same${nmap.suffix}`,
  ignore: nmap.ignore,
  async fn() {
    // The range contains ports of other tests on the shared address.
    await using server = listen(10, "", QUIET_HOST);
    const first = Math.min(...server.ports);
    const last = Math.max(...server.ports);
    const range = `${first}-${Math.min(last, first + 5000)}`;
    const { stdout } = await runPeer("nmap", ["-sT", "-p", range, "-oG", "-", QUIET_HOST]);
    const theirs = Array.from(stdout.matchAll(/(\d+)\/open/g), ([, port]) => Number(port));
    const ours = (await all(range, {}, QUIET_HOST)).filter(({ state }) => state === "open").map((
      { port },
    ) => port);
    const mine = server.ports.filter((port) => port <= first + 5000);
    for (const port of mine) assert(theirs.includes(port) && ours.includes(port), `${port}`);
  },
});
