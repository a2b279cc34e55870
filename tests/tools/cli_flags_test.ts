/** The arguments of a program: accepted and rejected values, and the messages. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { defineCli, type Flag, type Flags, recordingIo, serverFlags } from "../../tools/cli.ts";

interface Outcome {
  code: number;
  values: Record<string, unknown> | undefined;
  out: string;
  err: string;
}

const NONE = { permissions: {}, name: "t", summary: "Test." } as const;

/** Runs a program with the given flags and returns its values. */
async function run(flags: Flags, ...args: string[]): Promise<Outcome> {
  const io = recordingIo();
  let values: Record<string, unknown> | undefined;
  const code = await defineCli({ ...NONE, flags }).run(args, io, (given) => {
    const { json: _json, logLevel: _level, help: _help, version: _version, ...own } = given as
      & typeof given
      & { help: boolean; version: boolean };
    values = own;
  });
  return { code, values, out: io.out, err: io.err };
}

/** Returns the value of one flag. */
async function value(flag: Flag, ...args: string[]): Promise<unknown> {
  const { values, err } = await run({ x: flag }, ...args);
  assert(values !== undefined, err);
  return values.x;
}

/** Returns the line that rejects one flag. */
async function refusal(flag: Flag, ...args: string[]): Promise<string> {
  const { code, err } = await run({ xx: flag }, ...args);
  assertEquals(code, 2, err);
  assertMatch(err, /^t: [^\n]+\n$/);
  return err.slice(3, -1);
}

const help = "h";

Deno.test("run() takes a value after a space, and after '='", async () => {
  const flag: Flag = { type: "string", help };
  assertEquals(await value(flag, "--x", "a"), "a");
  assertEquals(await value(flag, "--x=a"), "a");
  assertEquals(await value(flag, "--x=a=b"), "a=b");
  assertEquals(await value(flag, "--x", "-"), "-");
  assertEquals(await value(flag, "--x=--y"), "--y");
  assertEquals(await value(flag, "--x", "true"), "true");
  assertEquals(await value(flag, "--x", "007"), "007");
  assertEquals(await value(flag), undefined);
});

Deno.test("run() accepts aliases, long and of one letter", async () => {
  const flag: Flag = { type: "integer", help, alias: ["ex", "n"] };
  const flags = { theValue: flag };
  for (const args of [["--ex", "5"], ["--ex=5"], ["-n", "5"], ["-n5"], ["-n=5"]]) {
    const { values, err } = await run(flags, ...args);
    assertEquals(values?.theValue, 5, err);
  }
  assertEquals((await run(flags, "--the-value", "5")).values?.theValue, 5);
  assertEquals((await run(flags, "--theValue", "5")).code, 2);
});

Deno.test("run() rejects a flag with one value that is given twice", async () => {
  const flags: Flags = {
    theValue: { type: "integer", help, alias: "n" },
    list: { type: "list", help },
    loud: { type: "boolean", help },
  };
  const same = await run(flags, "--the-value=1", "--the-value", "2");
  assertEquals(
    [same.code, same.err],
    [2, "t: Flag given twice: --the-value (it has one value; see --help)\n"],
  );
  const alias = await run(flags, "-n1", "--the-value=1");
  assertStringIncludes(alias.err, "Flag given twice: -n and --the-value (");
  const opposite = await run(flags, "--loud", "--no-loud");
  assertStringIncludes(opposite.err, "Flag given twice: --loud and --no-loud (");
  const fine = await run(flags, "--list=a", "--list=b", "--loud", "--loud=true");
  assertEquals([fine.code, fine.values?.list, fine.values?.loud], [0, ["a", "b"], true]);
});

Deno.test("run() names the flag of a bad value as the user wrote it", async () => {
  const flags: Flags = { theValue: { type: "integer", help, alias: ["ex", "n"] } };
  for (const typed of ["--ex", "-n", "--the-value"]) {
    const { err } = await run(flags, typed, "five");
    assertEquals(err, `t: Bad value for ${typed}: "five" (expected a whole number)\n`);
  }
});

Deno.test("run() reads whole numbers strictly", async () => {
  const flag: Flag = { type: "integer", help, min: -5, max: 10 };
  assertEquals(await value(flag, "--x", "-5"), -5);
  assertEquals(await value(flag, "--x=10"), 10);
  for (const bad of ["11", "-6", "1.5", "1e1", "0x1", " 1", "1 ", "one", "Infinity", "NaN", "+1"]) {
    assertEquals(
      await refusal(flag, `--xx=${bad}`),
      `Bad value for --xx: "${bad}" (expected a whole number from -5 to 10)`,
    );
  }
  assertMatch(await refusal({ type: "integer", help, min: 1 }, "--xx=0"), /of 1 or more/);
  assertMatch(await refusal({ type: "integer", help, max: 1 }, "--xx=2"), /of 1 or less/);
});

Deno.test("run() reads decimals for number, not for integer", async () => {
  assertEquals(await value({ type: "number", help }, "--x", "-0.5"), -0.5);
  assertMatch(await refusal({ type: "number", help }, "--xx=.5e3"), /expected a number\)/);
});

Deno.test("run() reads ports from 0 to 65535, or from 1", async () => {
  assertEquals(await value({ type: "port", help }, "--x=0"), 0);
  assertEquals(await value({ type: "port", help }, "--x=65535"), 65535);
  for (const bad of ["65536", "-1", "80.0", "http"]) {
    assertMatch(
      await refusal({ type: "port", help }, `--xx=${bad}`),
      /a port number from 0 to 65535/,
    );
  }
  assertMatch(await refusal({ type: "port", help, min: 1 }, "--xx=0"), /from 1 to 65535/);
});

Deno.test("run() reads times with their unit, as milliseconds", async () => {
  const flag: Flag = { type: "duration", help };
  const times: Array<[string, number]> = [
    ["0", 0],
    ["250ms", 250],
    ["5s", 5000],
    ["1.5s", 1500],
    ["2m", 120_000],
    ["1m30s", 90_000],
    ["1h", 3_600_000],
    ["24d", 2_073_600_000],
  ];
  for (const [text, ms] of times) assertEquals(await value(flag, `--x=${text}`), ms);
  for (const bad of ["5", "5 s", "s", "-5s", "5x", "5S", "s5"]) {
    assertMatch(await refusal(flag, `--xx=${bad}`), /a time with its unit, such as 250ms/);
  }
  // A timer of more than 2^31-1 ms fires at once.
  assertMatch(await refusal(flag, "--xx=25d"), /a time from 0 to 24d/);
  const age: Flag = { type: "duration", help, max: "3650d" };
  assertEquals(await value(age, "--x=90d"), 7_776_000_000);
  const bounded: Flag = { type: "duration", help, min: "1s", max: "1m" };
  assertMatch(await refusal(bounded, "--xx=61s"), /a time from 1s to 1m/);
  assertMatch(await refusal(bounded, "--xx=0"), /a time from 1s to 1m/);
});

Deno.test("run() reads sizes, decimal and binary, as bytes", async () => {
  const flag: Flag = { type: "size", help };
  const sizes: Array<[string, number]> = [
    ["0", 0],
    ["512", 512],
    ["1B", 1],
    ["1kB", 1000],
    ["256KiB", 262_144],
    ["1mb", 1_000_000],
    ["1.5MiB", 1_572_864],
    ["2gib", 2_147_483_648],
  ];
  for (const [text, bytes] of sizes) assertEquals(await value(flag, `--x=${text}`), bytes);
  for (const bad of ["1k", "-1", "1 kB", "KiB", "1TB"]) {
    assertMatch(await refusal(flag, `--xx=${bad}`), /a size in bytes, such as/);
  }
  const bounded: Flag = { type: "size", help, min: "1", max: "1KiB" };
  assertMatch(await refusal(bounded, "--xx=1025"), /a size from 1 to 1KiB/);
});

Deno.test("run() switches booleans on and off, and refuses other values", async () => {
  const flag: Flag = { type: "boolean", help };
  assertEquals(await value(flag), false);
  assertEquals(await value(flag, "--x"), true);
  assertEquals(await value(flag, "--x=false"), false);
  const on: Flag = { type: "boolean", help, default: true };
  assertEquals(await value(on), true);
  assertEquals(await value(on, "--no-x"), false);
  assertEquals(await value(on, "--x"), true);
  assertMatch(await refusal(flag, "--xx=maybe"), /^Bad value for --xx: "maybe" \(expected true, /);
  assertMatch(await refusal(flag, "--no-xx=true"), /^Unknown flag: --no-xx/);
});

Deno.test("run() does not take an argument for the value of a boolean", async () => {
  const cli = defineCli({
    ...NONE,
    flags: { x: { type: "boolean", help } },
    positionals: { word: { help } },
  });
  const seen: unknown[] = [];
  await cli.run(["--x", "true"], recordingIo(), ({ x, word }) => seen.push(x, word));
  assertEquals(seen, [true, "true"]);
});

Deno.test("run() collects a list in the order given", async () => {
  const flag: Flag = { type: "list", help, default: ["z"] };
  assertEquals(await value(flag), ["z"]);
  assertEquals(await value(flag, "--x=a", "--x", "b", "--x=a"), ["a", "b", "a"]);
  assertMatch(await refusal(flag, "--xx="), /expected a text that is not empty/);
});

Deno.test("run() accepts only one of the choices", async () => {
  const flag: Flag = { type: "choice", choices: ["en", "zh"], default: "en", help };
  assertEquals(await value(flag), "en");
  assertEquals(await value(flag, "--x=zh"), "zh");
  assertEquals(
    await refusal(flag, "--xx=fr"),
    'Bad value for --xx: "fr" (expected one of en, zh)',
  );
});

Deno.test("run() accepts only host names and addresses for a host", async () => {
  const flag: Flag = { type: "host", help };
  for (const host of ["localhost", "127.0.0.1", "::1", "fe80::1%eth0", "例え.jp", "-a.b"]) {
    assertEquals(await value(flag, `--x=${host}`), host);
  }
  for (const bad of ["", "a b", "a/b", "http://a", "a\n", "u@h", "a".repeat(256)]) {
    assertMatch(await refusal(flag, `--xx=${bad}`), /expected a host name or an address/);
  }
});

Deno.test("run() refuses an empty text unless the flag allows it", async () => {
  assertMatch(await refusal({ type: "string", help }, "--xx="), /^Bad value for --xx: ""/);
  assertMatch(await refusal({ type: "string", help }, "--xx", ""), /^Bad value for --xx: ""/);
  assertEquals(await value({ type: "string", help, allowEmpty: true }, "--x", ""), "");
});

Deno.test("run() names a flag without its value, and explains values with a dash", async () => {
  const flag: Flag = { type: "string", help };
  assertEquals(await refusal(flag, "--xx"), "Missing value for --xx (see --help)");
  assertEquals(await refusal(flag, "--xx", "--json"), "Missing value for --xx (see --help)");
  assertEquals(
    await refusal(flag, "--xx", "-a"),
    "Missing value for --xx (write --xx=-a if the value begins with a dash)",
  );
});

Deno.test("run() names an unknown flag and the nearest one", async () => {
  const flags = { ...serverFlags(1), keepAlive: { type: "boolean", help, default: true } } as const;
  const hint = async (arg: string) => (await run(flags, arg)).err;
  assertEquals(await hint("--prot"), "t: Unknown flag: --prot (did you mean --port? see --help)\n");
  assertEquals(await hint("--PORT=1"), "t: Unknown flag: --PORT (see --help)\n");
  assertMatch(await hint("-port"), /did you mean --port\?/);
  assertMatch(await hint("--hotsname=a"), /did you mean --hostname\?/);
  assertMatch(await hint("--keepalive"), /did you mean --keep-alive\?/);
  assertMatch(await hint("--no-keepalive"), /did you mean --no-keep-alive\?/);
  assertMatch(await hint("--frobnicate"), /^t: Unknown flag: --frobnicate \(see --help\)\n$/);
  assertMatch(
    await hint("--allow-read=."),
    /^t: Unknown flag: --allow-read \(a flag of Deno, which/,
  );
  assertMatch(await hint("--allow-reads"), /^t: Unknown flag: --allow-reads \(see --help\)\n$/);
  assertMatch(await hint("-z"), /Unknown flag: -z/);
  assertMatch(await hint("--__proto__=1"), /Unknown flag: --__proto__/);
  assertMatch(await hint("--no-port"), /Unknown flag: --no-port/);
  assertMatch(await hint("---port=1"), /Unknown flag: ---port/);
  assertMatch(await hint(`--${"a".repeat(100_000)}`), /^t: Unknown flag: --a{118}… \(see/);
});

Deno.test("run() requires the required flags and arguments", async () => {
  assertEquals(
    await refusal({ type: "string", help, required: true }),
    "Missing flag: --xx (see --help)",
  );
});

Deno.test("run() takes positional arguments in order, typed, the rest as a list", async () => {
  const cli = defineCli({
    ...NONE,
    flags: {},
    positionals: {
      host: { help },
      port: { type: "port", help, default: 80 },
      more: { type: "list", help, optional: true },
    },
  });
  const seen: unknown[] = [];
  const io = recordingIo();
  const call = async (...args: string[]) => {
    const code = await cli.run(args, io, ({ host, port, more }) => {
      // The types follow from the specification: this line is checked by the compiler.
      const typed: [string, number, string[]] = [host, port, more];
      seen.push(typed);
    });
    return code;
  };
  assertEquals(await call("a"), 0);
  assertEquals(await call("a", "--", "81", "--json"), 0);
  assertEquals(await call("-5", "82", "x", "y"), 0);
  assertEquals(seen, [["a", 80, []], ["a", 81, ["--json"]], ["-5", 82, ["x", "y"]]]);
  assertEquals(await call(), 2);
  assertEquals(await call("a", "b"), 2);
  assertEquals(
    io.err,
    "t: Missing argument: HOST (see --help)\n" +
      't: Bad value for PORT: "b" (expected a port number from 0 to 65535)\n',
  );
});

Deno.test("run() rejects additional arguments", async () => {
  assertEquals((await run({}, "a", "b")).err, 't: Too many arguments: "a" (see --help)\n');
});

Deno.test("run() escapes control characters of the arguments", async () => {
  const nasty = "\x1b]0;owned\x07\r\n\u202Eevil\u2028\x9b2J\u200B";
  for (const args of [[nasty], [`--${nasty}`], [`--port=${nasty}`], ["--port", nasty]]) {
    const { code, err } = await run({ ...serverFlags(1) }, ...args);
    assertEquals(code, 2);
    assertMatch(err, /^t: [^\p{Cc}\p{Zl}\u202E\u200B]*\n$/u);
    assertMatch(err, /\\x1B\]0;owned\\x07\\r\\n\\u\{202E\}evil/);
  }
});

Deno.test("run() returns 0, or 2 with one clean line, for any arguments", async () => {
  const flags = {
    ...serverFlags(1),
    list: { type: "list", help },
    size: { type: "size", help, alias: "s" },
  } as const;
  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("--port", "--port=", "-s", "--", "-", "--list", "--json", "--no-json", "1"),
  );
  await fc.assert(fc.asyncProperty(fc.array(part), async (args) => {
    const { code, err } = await run(flags, ...args);
    if (code === 0) assertEquals(err, "");
    else {
      assertEquals(code, 2);
      assertMatch(err, /^t: [^\p{Cc}]+\n$/u);
    }
  }));
});

Deno.test("defineCli() rejects invalid and duplicate names", () => {
  const define = (flags: Flags) => () => defineCli({ ...NONE, flags });
  const text: Flag = { type: "string", help };
  assertThrows(define({ noDelay: text }), TypeError, "as the name of a flag");
  assertThrows(define({ "a b": text }), TypeError, "as the name of a flag");
  assertThrows(define({ a: { ...text, alias: "b" }, b: text }), TypeError, "Two flags");
  assertThrows(define({ host: { ...text, alias: "h" } }), TypeError, "Two flags are named -h");
});

Deno.test("a digit can be the short name of a flag, and negative numbers stay numbers", async () => {
  const cli = defineCli({
    name: "t",
    summary: "s",
    flags: {
      ipv4: { type: "boolean", alias: "4", help: "h" },
      level: { type: "integer", help: "h" },
    },
    positionals: { rest: { type: "list", help: "h" } },
    permissions: {},
  });
  const io = recordingIo();
  let found: unknown;
  const code = await cli.run(["-4", "-5", "--level", "-7"], io, (values) => {
    found = values;
    return Promise.resolve(0);
  });
  assertEquals(code, 0, io.err);
  const { ipv4, level, rest } = found as { ipv4: boolean; level: number; rest: string[] };
  assertEquals([ipv4, level, rest], [true, -7, ["-5"]]);
});
