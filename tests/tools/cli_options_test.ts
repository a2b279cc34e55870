/** `defineCli` and its helpers check their arguments. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  type CliIo,
  type CliSpec,
  defineCli,
  type Flags,
  type Positionals,
  recordingIo,
  serverFlags,
} from "../../tools/cli.ts";
import { checkEveryOption } from "../_support/options.ts";

const SPEC = { name: "t", summary: "Tests.", flags: {}, permissions: {} };

Deno.test("defineCli() checks every property of a specification", async () => {
  await checkEveryOption<CliSpec<Flags, Positionals>>("defineCli", {
    name: "text",
    summary: "text",
    version: "text",
    logger: "none",
    description: "text",
    flags: "none",
    positionals: "none",
    permissions: "none",
    examples: "none",
    exitCodes: "none",
  }, (spec) => defineCli({ ...SPEC, ...spec }));
});

Deno.test("defineCli() checks the declaration of each flag and argument", () => {
  const define = (flags: object, positionals: object = {}) => () =>
    defineCli({ ...SPEC, flags: flags as Flags, positionals: positionals as Positionals });
  const help = "h";
  assertThrows(
    define({ a: { type: "int", help } }),
    TypeError,
    'flags.a.type must be "string", "host"',
  );
  assertThrows(define({ a: { type: "port" } }), TypeError, "flags.a.help must be a string");
  assertThrows(
    define({ a: { type: "duration", help, default: "5" } }),
    TypeError,
    'flags.a.default must be a time with its unit, such as "250ms", got string "5"',
  );
  assertThrows(
    define({ a: { type: "integer", help, default: 5, max: 4 } }),
    RangeError,
    "flags.a.default must be a whole number of 4 or less, got 5",
  );
  assertThrows(
    define({ a: { type: "boolean", help, requierd: true } }),
    TypeError,
    'defineCli has no option "flags.a.requierd"; did you mean "required"?',
  );
  assertThrows(
    define({}, { a: { help, optional: 1 } }),
    RangeError,
    "positionals.a.optional must be true or false, got 1",
  );
  assertThrows(define({}, { a: { help, choices: [] } }), TypeError, "positionals.a.choices");
});

Deno.test("recordingIo(), serverFlags() and untilShutdown() check their options", async () => {
  await checkEveryOption<CliIo>("recordingIo", {
    stdout: "none",
    stderr: "none",
    stdoutIsTerminal: "none",
    stderrIsTerminal: "none",
    noColor: "none",
    onSignal: "none",
    exit: "none",
  }, recordingIo);
  assertThrows(() => serverFlags(65_536), RangeError, "port must be an integer from 0 to 65535");
  const io = recordingIo();
  await defineCli(SPEC).run([], io, async (_values, ctx) => {
    await ctx.untilShutdown([], { drain: NaN });
  });
  assertMatch(io.err, /drain must be a number of milliseconds of at least 0, got NaN/);
});

Deno.test("a program may have a version and a logger of its own", async () => {
  const cli = defineCli({ ...SPEC, version: "7.8.9", logger: ["mine", "web"] });
  const io = recordingIo();
  assertEquals([await cli.run(["--version"], io, () => {}), io.out], [0, "t 7.8.9\n"]);
  const log = recordingIo();
  await cli.run(["--json"], log, (_values, ctx) => ctx.log.info("hello"));
  assertEquals(JSON.parse(log.err).logger, "mine.web");
});

Deno.test("common values are available, but not part of the other values", async () => {
  let rest: object = {};
  const cli = defineCli({ ...SPEC, flags: { ...serverFlags(1) } });
  await cli.run(["--json"], recordingIo(), ({ drain, ...options }) => {
    assert(options.port === 1 && drain === 5000);
    rest = options;
  });
  assertEquals(Object.keys(rest), ["hostname", "port"]);
  await cli.run(["--json"], recordingIo(), ({ json, logLevel }) => {
    assertEquals([json, logLevel], [true, "info"]);
  });
});
