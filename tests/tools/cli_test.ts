/** The run of a program: exit codes, output, signals, logs. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { getConfig, getLogger } from "@logtape/logtape";
import {
  badValue,
  type CliContext,
  CliError,
  type CliIo,
  type CliValues,
  defineCli,
  ExitCode,
  missingProgram,
  type None,
  type RecordingIo,
  recordingIo,
  serverFlags,
} from "../../tools/cli.ts";
import { escapeControls } from "../../net/text.ts";
import config from "../../deno.json" with { type: "json" };

const cli = defineCli({
  name: "probe",
  summary: "Probes things.",
  description: "More about it.",
  flags: {
    ...serverFlags(7000),
    maxConnections: { type: "integer", default: 10, min: 1, help: "Clients at once" },
    keepAlive: { type: "boolean", default: true, help: "Look for dead peers" },
    header: { type: "list", alias: "H", help: "A header", placeholder: "name: value" },
    lang: { type: "choice", choices: ["en", "zh"], default: "en", help: "Language" },
    token: { type: "string", required: true, help: "A secret" },
  },
  positionals: { target: { help: "What to probe", optional: true } },
  permissions: { "--allow-net=127.0.0.1": "listen there" },
  examples: ["deno task probe --port 0"],
});
const REQUIRED = ["--token=t"];

type Work = (
  values: CliValues<None, None>,
  ctx: CliContext,
  io: RecordingIo,
) => unknown;

/** Runs a program without flags of its own. */
async function run(work: Work, args: string[] = [], overrides: Partial<CliIo> = {}) {
  const io = recordingIo(overrides);
  const plain = defineCli({ name: "t", summary: "Test.", flags: {}, permissions: {} });
  const code = await plain.run(args, io, (values, ctx) => work(values, ctx, io));
  return { code, out: io.out, err: io.err, exited: io.exited };
}

/** A class with the shape of `NetError`, as in another copy of the library. */
class NetError extends Error {
  override readonly name = "NetError";
  readonly kind: string;
  constructor(message: string, kind: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

Deno.test("run() prints help with every flag, default, permission, example and exit code", async () => {
  for (const args of [["--help"], ["-h"], ["--port", "nonsense", "--help"]]) {
    const io = recordingIo();
    let called = false;
    assertEquals(await cli.run(args, io, () => called = true), 0);
    assertEquals([called, io.err], [false, ""]);
    assertEquals(io.out, cli.help);
  }
  for (const line of cli.help.split("\n")) assert(line.length <= 80, line);
  const help = cli.help.replace(/(?<!\n)\n {32}/g, " ");
  const lines = help.split("\n").map((line) => line.trim().replace(/ {2,}/g, "  "));
  for (
    const line of [
      "probe: Probes things.",
      "Usage: probe [flags] [TARGET]",
      "More about it.",
      "[TARGET]  What to probe",
      "--port <port>  Port to listen on; 0 selects a free one [default: 7000]",
      "--max-connections <number>  Clients at once [default: 10]",
      "--[no-]keep-alive  Look for dead peers [default: on]",
      "-H, --header <name: value>  A header [repeatable]",
      "--lang <en|zh>  Language [default: en]",
      "--token <text>  A secret [required]",
      "--json  Results and logs as JSON, one object per line",
      "-h, --help  Show this help",
      "--allow-net=127.0.0.1  listen there",
      "deno task probe --port 0",
      "70  a bug in this program",
    ]
  ) assert(lines.includes(line), `no line ${line} in:\n${cli.help}`);
  assertMatch(help, /--hostname, --host <host> .*\[default: 127\.0\.0\.1\]/);
  assertMatch(help, /--drain <time> .*\[default: 5s\]/);
});

Deno.test("run() writes colour to a terminal only, and never under NO_COLOR", async () => {
  const help = async (overrides: Partial<CliIo>) => {
    const io = recordingIo(overrides);
    await cli.run(["--help"], io, () => {});
    return io.out;
  };
  assertStringIncludes(await help({ stdoutIsTerminal: true, noColor: false }), "\x1b[1mFlags:");
  assertEquals(await help({ stdoutIsTerminal: true, noColor: true }), cli.help);
  assertEquals(await help({ stdoutIsTerminal: false, noColor: false }), cli.help);
});

Deno.test("run() prints the version of the package", async () => {
  const { code, out } = await run(() => {}, ["--version"]);
  assertEquals([code, out], [0, `t ${config.version}\n`]);
});

Deno.test("run() returns the number of the work, otherwise 0", async () => {
  assertEquals((await run(() => {})).code, 0);
  assertEquals((await run(() => "text")).code, 0);
  assertEquals((await run(() => Promise.resolve(1))).code, 1);
});

Deno.test("run() passes values of the declared types", async () => {
  const io = recordingIo();
  let seen: unknown;
  await cli.run([...REQUIRED, "--no-keep-alive"], io, (values) => {
    // Compiled only if the inference is right: no value here is `any` or a wider type.
    const typed: {
      port: number;
      drain: number;
      header: string[];
      lang: "en" | "zh";
      token: string;
      keepAlive: boolean;
      target: string | undefined;
    } = values;
    const exact: Exact<typeof values.port, number> & Exact<typeof values.lang, "en" | "zh"> = true;
    assert(exact);
    seen = [typed.port, typed.drain, typed.header, typed.lang, typed.keepAlive, typed.target];
  });
  assertEquals(seen, [7000, 5000, [], "en", false, undefined]);
});
type Exact<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

Deno.test("run() reports a network failure in one sentence: 1", async () => {
  const message = "Cannot connect to 127.0.0.1:9: connection refused";
  const { code, out, err } = await run(() => {
    throw new NetError(message, "refused");
  });
  assertEquals([code, out, err], [1, "", `t: ${message}\n`]);
});

Deno.test("run() says what helps if a port is in use: 1", async () => {
  const { code, err } = await run(() => {
    throw new NetError("Cannot listen on 127.0.0.1:9: the address is in use", "address-in-use");
  });
  assertEquals(code, 1);
  assertStringIncludes(
    err,
    "in use; stop the other program, or choose another port (see --help)\n",
  );
});

Deno.test("run() names a missing permission flag: 3", async () => {
  const net = await run(() => {
    throw new NetError("Cannot listen on [::]:1: run again with --allow-net=[::]:1", "permission");
  });
  assertEquals(net.code, 3);
  assertStringIncludes(net.err, "--allow-net=[::]:1\n");
});

Deno.test({
  name: "run() names the exact flag of a missing permission, quoted for a shell: 3",
  permissions: { read: false, net: false, env: false, run: false, sys: false },
  async fn() {
    const cases: Array<[() => unknown, string]> = [
      [() => Deno.readTextFileSync("/x/cert.pem"), "--allow-read=/x/cert.pem"],
      [() => Deno.readTextFile("/x/a b's"), `'--allow-read=/x/a b'\\''s'`],
      [() => Deno.listen({ hostname: "127.0.0.1", port: 1 }), "--allow-net=127.0.0.1:1"],
      [() => Deno.env.get("HOME"), "--allow-env=HOME"],
      [() => new Deno.Command("/bin/sh").outputSync(), "--allow-run=/bin/sh"],
      [() => Deno.networkInterfaces(), "--allow-sys=networkInterfaces"],
    ];
    for (const [work, flag] of cases) {
      const { code, err } = await run(work);
      assertEquals([code, err], [3, `t: Permission is missing: run again with ${flag}\n`]);
    }
  },
});

Deno.test("run() names the package of a missing program: 3", async () => {
  const { code, err } = await run(() => {
    throw missingProgram("traceroute", "traceroute");
  });
  assertEquals(code, 3);
  assertEquals(err, "t: Program is missing: traceroute (install the package traceroute)\n");
  const unforeseen = await run(() => new Deno.Command("no-such-program").output());
  assertEquals([unforeseen.code, unforeseen.err], [3, "t: Program is missing: no-such-program\n"]);
});

Deno.test("run() reports a missing file as a failure, not as a bug: 1", async () => {
  const { code, err } = await run(() => Deno.readTextFile("no such\x1b.pem"));
  assertEquals(code, 1);
  assertMatch(err, /^t: Cannot use the file "no such\\x1B\.pem": no such file or directory\n$/);
});

Deno.test("the work may reject values and choose the exit code", async () => {
  const bad = await run(() => {
    throw badValue("--port", "7\n", "an even number");
  });
  assertEquals([bad.code, bad.err], [
    2,
    't: Bad value for --port: "7\\n" (expected an even number)\n',
  ]);
  const own = await run(() => {
    throw new CliError("all wrong", 4);
  });
  assertEquals([own.code, own.err], [4, "t: all wrong\n"]);
});

Deno.test("run() shows the stack of a bug and nothing else: 70", async () => {
  const { code, err } = await run(() => {
    throw new TypeError("x is not a function");
  });
  assertEquals(code, ExitCode.bug);
  assertMatch(err, /^t: unexpected TypeError, a bug in this program: x is not a function\n/);
  assertStringIncludes(err, "cli_test.ts:");
  assertEquals((await run(() => Promise.reject("text"))).code, ExitCode.bug);
});

Deno.test("run() ends quietly when standard output is closed", async () => {
  let printed = 0;
  const { code, err } = await run(
    (_values, ctx) => {
      for (let i = 0; i < 100; i++) {
        ctx.print("line");
        printed++;
      }
    },
    [],
    {
      stdout() {
        throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
      },
    },
  );
  assertEquals([code, printed, err], [0, 0, ""]);
});

Deno.test("run() reports output that cannot be written: 1", async () => {
  const { code, err } = await run((_values, ctx) => ctx.print("line"), [], {
    stdout() {
      throw new Error("No space left on device (os error 28)");
    },
  });
  assertEquals([code, err], [1, "t: no space left on device\n"]);
});

Deno.test("run() continues when standard error is closed", async () => {
  const stderr = () => {
    throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  };
  const fine = await run((_values, ctx) => ctx.log.info("hello"), [], { stderr });
  assertEquals(fine.code, 0);
  const failed = await run(() => Promise.reject(new CliError("no")), [], { stderr });
  assertEquals(failed.code, 1);
});

Deno.test("print() escapes control characters, printJson() keeps the value", async () => {
  const nasty = "a\x1b[2J\u202Eb\n\x9b👩‍👩‍👧 é";
  const { out } = await run((_values, ctx) => {
    ctx.print(nasty);
    ctx.printJson({ nasty });
  });
  const [line = "", json = "", rest] = out.split("\n");
  assertEquals([line, rest], ["a\\x1B[2J\\u{202E}b\\n\\x9B👩‍👩‍👧 é", ""]);
  assertMatch(json, /^[^\p{Cc}\u202E]+$/u);
  assertEquals(JSON.parse(json), { nasty });
  assertEquals((await run((_values, ctx) => ctx.print("a\tb\r"))).out, "a\tb\\r\n");
  assertEquals(escapeControls("\uD800"), "\\u{D800}");
});

Deno.test("listening() prints one line per listener, as text or as JSON", async () => {
  const work = (_values: unknown, ctx: CliContext) => {
    ctx.listening({ url: "tcp://127.0.0.1:8000" });
    ctx.listening("tls://[::1]:8443");
    ctx.listening(new URL("http://127.0.0.1:9080/"));
  };
  assertEquals(
    (await run(work)).out,
    "listening on tcp://127.0.0.1:8000\nlistening on tls://[::1]:8443\n" +
      "listening on http://127.0.0.1:9080\n",
  );
  assertEquals(
    (await run(work, ["--json"])).out.trimEnd().split("\n").map((line) => JSON.parse(line)),
    [
      { listening: "tcp://127.0.0.1:8000" },
      { listening: "tls://[::1]:8443" },
      { listening: "http://127.0.0.1:9080" },
    ],
  );
});

for (const name of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`untilShutdown() shuts down on ${name} with the drain as deadline: 0`, async () => {
    const deadlines: unknown[] = [];
    const server = {
      finished: new Promise<void>(() => {}),
      shutdown: (options?: { deadline?: number }) => {
        deadlines.push(options?.deadline);
        return Promise.resolve({ drained: 1, forced: 0, refused: 0 });
      },
    };
    const { code, err, exited } = await run(async (_values, ctx, io) => {
      queueMicrotask(() => io.signal(name));
      await ctx.untilShutdown([server, server], { drain: 1500 });
      assert(ctx.signal.aborted);
    });
    assertEquals([code, exited, deadlines], [0, undefined, [1500, 1500]]);
    assertStringIncludes(err, "INFO");
  });
}

Deno.test("untilShutdown() ends when the server ends, and rejects with its failure", async () => {
  const shutdown = () => Promise.reject(new Error("not wanted"));
  const ended = { finished: Promise.resolve(), shutdown };
  assertEquals((await run((_v, ctx) => ctx.untilShutdown(ended, { drain: 1 }))).code, 0);
  const failed = { finished: Promise.reject(new NetError("Listener died", "unknown")), shutdown };
  const { code, err } = await run((_v, ctx) => ctx.untilShutdown(failed, { drain: 1 }));
  assertEquals([code, err], [1, "t: Listener died\n"]);
});

Deno.test("A second signal ends the process at once: 130", async () => {
  const { exited, err } = await run((_values, _ctx, io) => {
    io.signal("SIGTERM");
    io.signal("SIGINT");
  });
  assertEquals(exited, 130);
  assertStringIncludes(err, "t: SIGINT again: stopped at once\n");
});

Deno.test("The same signal twice within one press of Ctrl+C counts once", async () => {
  const io = recordingIo();
  const code = await cli.run(["--token", "t"], io, (_, ctx) => {
    io.signal("SIGINT");
    io.signal("SIGINT");
    assert(ctx.signal.aborted);
  });
  assertEquals(code, 0);
});

Deno.test("A signal interrupts the work: 130", async () => {
  const byReason = await run(async (_values, ctx, io) => {
    queueMicrotask(() => io.signal("SIGINT"));
    await new Promise((_, reject) => {
      ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
    });
  });
  assertEquals([byReason.code, byReason.err], [130, "t: interrupted by SIGINT\n"]);
  const byNetError = await run((_values, ctx, io) => {
    io.signal("SIGTERM");
    throw new NetError("given up", "aborted", ctx.signal.reason);
  });
  assertEquals(byNetError.code, 130);
});

Deno.test("run() ignores signals after its end", async () => {
  const io = recordingIo();
  await cli.run(REQUIRED, io, () => {});
  io.signal("SIGINT");
  io.signal("SIGINT");
  assertEquals([io.exited, io.err], [undefined, ""]);
});

Deno.test("Logs are lines of text of the chosen level, with control characters escaped", async () => {
  const work: Work = (_values, ctx) => {
    ctx.log.debug("hidden");
    ctx.log.info("{peer} says {text}", { peer: "127.0.0.1:1", text: "hi\n\x1b[31mERROR fake" });
    getLogger(["portside", "net", "server"]).warn("deep {n}", { n: { a: 1 } });
  };
  const { out, err } = await run(work);
  const [first = "", second = "", rest] = err.split("\n");
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;
  assertMatch(first, time);
  assertEquals(
    [first, second].map((line) => line.replace(time, "")),
    [
      "INFO    t: 127.0.0.1:1 says hi\\n\\x1B[31mERROR fake",
      "WARNING net.server: deep { a: 1 }",
    ],
  );
  assertEquals([rest, out], ["", ""]);
  assertEquals((await run(work, ["--log-level", "error"])).err, "");
  assertStringIncludes((await run(work, ["--log-level=debug"])).err, "DEBUG   t: hidden");
});

Deno.test("Logs under --json are one object per line that keeps every value", async () => {
  const error = new NetError("Cannot read", "reset");
  const { err } = await run((_values, ctx) => {
    ctx.log.error("failed: {error}", { error, size: 5n, text: "a\u2028\x9b" });
  }, ["--json"]);
  assertMatch(err, /^[^\p{Cc}\u2028]+\n$/u);
  const { time, ...line } = JSON.parse(err);
  assertMatch(time, /Z$/);
  assertEquals(line, {
    level: "error",
    logger: "portside.t",
    message: "failed: Cannot read",
    properties: {
      error: { name: "NetError", message: "Cannot read", kind: "reset" },
      size: "5",
      text: "a\u2028\x9b",
    },
  });
});

Deno.test("Logs have colours only on a terminal", async () => {
  const work: Work = (_values, ctx) => ctx.log.warn("look");
  const terminal = { stderrIsTerminal: true, noColor: false };
  assertStringIncludes((await run(work, [], terminal)).err, "\x1b[33mWARNING\x1b[0m t: look");
  assert(!(await run(work, [], { ...terminal, noColor: true })).err.includes("\x1b"));
});

Deno.test("run() restores the previous log configuration", async () => {
  const before = getConfig();
  await run((_values, ctx) => ctx.log.info("x"));
  assertEquals(getConfig(), before);
});

Deno.test("--help lists the common exit codes and those of the program, in order", () => {
  const spec = { name: "t", summary: "Test.", flags: {}, permissions: {} };
  const codes = (help: string) =>
    help.slice(help.indexOf("Exit codes:")).match(/^ {2}\d+/gm)?.join();
  assertEquals(codes(defineCli(spec).help), "  0,  1,  2,  3,  70,  130");
  const own = defineCli({ ...spec, exitCodes: { 4: "too slow" } }).help;
  assertEquals(codes(own), "  0,  1,  2,  3,  4,  70,  130");
  assertMatch(own, /\n {2}4 +too slow\n/);
});
