/** Every flag of `tools/scan.ts` over its whole range: no value may crash the program. */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { recordingIo } from "../../../tools/cli.ts";
import { main, scan } from "../../../tools/scan.ts";
import { runRunnable } from "../../_support/runnable.ts";

const HOST = "127.77.6.1";
const ONE = ["-p", "1"];

/** Arguments, and the values of the flag that ends them. */
const GOOD: readonly [string[], string, readonly string[]][] = [
  [[], "--ports", ["1", "65535", "1-3", "-3", "65530-", "http,https", " 1 , 2 ", "1,1,1"]],
  [[], "--top-ports", ["1", "99", "100", "101", "246", "247", "248", "500", "1000", "4999"]],
  [["--udp", "-t", "1ms", "--retries", "0"], "--top-ports", ["1", "39", "40", "41", "60"]],
  [["-p", "1-9"], "--exclude-ports", ["1", "1-8", "http", "10-"]],
  [ONE, "--exclude", [
    "127.77.6.2",
    "127.0.0.0/16",
    "127.77.6.2-9",
    "::/96",
    "name.test",
    "fe80::1%lo",
  ]],
  [["-p", "1-200"], "--concurrency", ["1", "2", "63", "64", "65", "1000", "10000"]],
  [ONE, "--timeout", ["1ms", "1s", "24d"]],
  [ONE, "--retries", ["0", "1", "100"]],
  [["-p", "1-3"], "--rate", ["0", "100", "1000000"]],
  [ONE, "--seed", ["0", "1", "4294967295"]],
  [ONE, "--max-probes", ["0", "1", "9007199254740991"]],
  [["-p", "1-200"], "--workers", ["1", "2", "64"]],
  [ONE, "--output", ["table", "json", "ndjson", "csv"]],
  [["--service", ...ONE], "--output", ["table", "json", "ndjson", "csv"]],
  [["--tls", "--banner", "--open", ...ONE], "--output", ["table", "json", "ndjson", "csv"]],
  [["--udp", ...ONE], "--output", ["table", "json", "ndjson", "csv"]],
  [ONE, "--expect", ["none"]],
];

Deno.test("every value in the range of a flag works", async () => {
  for (const [before, flag, values] of GOOD) {
    for (const value of values) {
      const io = recordingIo();
      const code = await main([HOST, ...before, `${flag}=${value}`], io);
      assertEquals([code, io.err], [0, ""], `${before.join(" ")} ${flag}=${value}`);
    }
  }
});

/** Values that are refused. */
const BAD: readonly [string, readonly string[]][] = [
  ["--ports", ["", "0", "65536", "1--2", "x", ",", "1;2", "٣", "1e3", "0x10"]],
  ["--top-ports", ["0", "65536", "-1", "1.5", "x", ""]],
  ["--exclude-ports", ["0", "x"]],
  ["--exclude", ["1.2.3", "1.2.3.4/33", "-x", "a b"]],
  ["--concurrency", ["0", "10001", "x"]],
  ["--timeout", ["0", "-1s", "1", "x", "25d"]],
  ["--retries", ["-1", "101", "x"]],
  ["--rate", ["-1", "1000001"]],
  ["--seed", ["-1", "4294967296"]],
  ["--max-probes", ["-1", "1.5", "9007199254740992", "x"]],
  ["--workers", ["0", "65"]],
  ["--output", ["xml", ""]],
  ["--expect", ["", "x"]],
  ["--file", [""]],
];

Deno.test("every value out of the range is an error of usage that names the flag", async () => {
  for (const [flag, values] of BAD) {
    for (const value of values) {
      const io = recordingIo();
      const code = await main([HOST, `${flag}=${value}`], io);
      assertEquals([code, io.out], [2, ""], `${flag}=${value}: ${io.err}`);
      assertMatch(io.err, new RegExp(`^scan: [^\n]*${flag}[^\n]*\n$`));
    }
  }
});

Deno.test("a scan above --max-probes connects to nothing, and says how large it is", async () => {
  const cases: [string[], string, string][] = [
    [["127.0.0.0/8"], "16777216 hosts and 100 ports", "10000000: name"],
    [["127.0.0.0/24", "::1", "-p", "-"], "257 hosts and 65535 ports", "10000000: name"],
    [["127.77.6.1-9", "-p", "1-9", "--max-probes=80"], "9 hosts and 9 ports", "80: name"],
    [["127.0.0.0/8", "--udp", "--exclude", "127.1.0.0/16"], "16777216 hosts and 40 ports", "10"],
    [["::/96", "-p", "1"], "4294967296 hosts and 1 port", "10000000: name"],
  ];
  for (const [args, size, limit] of cases) {
    // A connection would be a missing permission, with exit code 3.
    const { code, stdout, stderr } = await runRunnable("scan", args, { permissions: [] });
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, new RegExp(`^scan: [^\n]*\\(${size}\\), more than --max-probes=${limit}`));
    assertMatch(stderr, /give --max-probes=\d+\n$/);
  }
  const io = recordingIo();
  // Duplicates count once.
  const nine = Array.from({ length: 9 }, () => HOST);
  assertEquals(await main([...nine, "-p", "1-9", "--max-probes", "9"], io), 0);
});

Deno.test("scan() with more than maxProbes probes is a RangeError", async () => {
  const targets = ["127.77.6.1-9"];
  const message = "9 hosts and 9 ports), more than maxProbes=80: name";
  assertThrows(() => scan(targets, { ports: "1-9", maxProbes: 80 }), RangeError, message);
  assertThrows(() => scan(["::/96"], { ports: [1] }), RangeError, "maxProbes=10000000");
  // Other iterables are counted while the scan goes on.
  const found: number[] = [];
  await assertRejects(
    async () => {
      const stream = new Set([HOST, "127.77.6.2-9"]);
      for await (const { port } of scan(stream, { ports: [1], maxProbes: 8 })) found.push(port);
    },
    RangeError,
    "9 hosts and 1 port",
  );
  assert(found.length <= 1);
  for (const maxProbes of [0, 9]) {
    let probed = 0;
    for await (const _ of scan(targets, { ports: [1], maxProbes })) probed++;
    assertEquals(probed, 9);
  }
});

Deno.test("with --json, the differences from --expect are a line of JSON", async () => {
  const io = recordingIo({ stderrIsTerminal: true });
  assertEquals(await main([HOST, "-p", "1", "--expect", "2", "--json"], io), 4);
  const { level, message, properties } = JSON.parse(io.err);
  assertEquals([level, message], ["warning", `${HOST}: expected open, but is not: 2`]);
  assertEquals(properties, { host: HOST, missing: [2], extra: [] });
});

Deno.test("a flag without an effect on a scan of UDP is an error of usage", async () => {
  for (const flag of ["--banner", "--tls", "--service", "--workers=2"]) {
    const io = recordingIo();
    assertEquals(await main([HOST, "--udp", flag], io), 2);
    assertEquals(io.err, `scan: ${flag.replace("=2", "")} does not apply to --udp\n`);
  }
});

Deno.test("a flag that is given twice is an error", async () => {
  const io = recordingIo();
  assertEquals(await main([HOST, "-p", "1", "-p", "2"], io), 2);
  assertMatch(io.err, /^scan: Flag given twice: -p /);
});

Deno.test("the common ports are different ones, and more follow in order", async () => {
  const scanned = async (count: number) => {
    const io = recordingIo();
    await main([HOST, "--top-ports", `${count}`, "--json"], io);
    return new Set(io.out.trim().split("\n").map((line) => JSON.parse(line).port as number));
  };
  const [some, more] = [await scanned(247), await scanned(3000)];
  assertEquals([some.size, more.size], [247, 3000]);
  assertEquals(some.difference(more).size, 0);
});
