/**
 * The common behaviour of all command-line programs: flags, help, exit codes, signals and logs.
 *
 * A program is a function `main(args, io?)` that returns its exit code. It receives its access to the
 * process as an argument ({@linkcode CliIo}), so that a test can call `main` directly. The last line
 * of the file passes the real process: `if (import.meta.main) Deno.exit(await main(Deno.args));`
 *
 * | Exit code | Meaning |
 * |---|---|
 * | 0 | success, or a server was stopped by a signal |
 * | 1 | failure, with one sentence on standard error |
 * | 2 | an unknown flag or a bad value, with one line that names it |
 * | 3 | a missing permission or program; the line names the `--allow-…` flag or the package |
 * | 70 | a bug: an unexpected error, with its stack |
 * | 130 | interrupted before the end of the work, or by a second signal |
 *
 * With `--json`, every line on standard output and every log is a JSON value. A failure is one line of
 * text on standard error also then.
 *
 * @example "A small program"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type CliIo, defineCli, recordingIo } from "@portside/kit/tools/cli";
 *
 * const cli = defineCli({
 *   name: "repeat",
 *   summary: "Prints a word several times.",
 *   flags: { times: { type: "integer", default: 2, min: 1, max: 100, help: "Number of times" } },
 *   positionals: { word: { help: "The word to print" } },
 *   permissions: {},
 * });
 *
 * function main(args: readonly string[], io?: CliIo): Promise<number> {
 *   return cli.run(args, io, ({ word, times }, ctx) => {
 *     for (let i = 0; i < times; i++) ctx.print(word);
 *   });
 * }
 *
 * const io = recordingIo();
 * assertEquals([await main(["hi"], io), io.out], [0, "hi\nhi\n"]);
 *
 * const wrong = recordingIo();
 * assertEquals(await main(["hi", "--times=many"], wrong), 2);
 * assertEquals(
 *   wrong.err,
 *   'repeat: Bad value for --times: "many" (expected a whole number from 1 to 100)\n',
 * );
 * ```
 *
 * **Permissions**: none. The module reads `Deno.noColor`, which needs no access to the environment.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import config from "../deno.json" with { type: "json" };
import { anObject, listOf, OptionRules, required, text, word } from "../net/internal/options.ts";
import { indexFlags, readArgs } from "./cli/_args.ts";
import { type CliContext, makeContext } from "./cli/_context.ts";
import { describeFailure, ExitCode } from "./cli/_failure.ts";
import { helpText } from "./cli/_help.ts";
import { type CliIo, systemIo } from "./cli/_io.ts";
import { configureLogging } from "./cli/_log.ts";
import { checkFlags, checkPositionals } from "./cli/_spec_rules.ts";
import type { Flags, FlagValue, Positionals, PositionalValue } from "./cli/_values.ts";

export { badValue } from "./cli/_args.ts";
export type { CliContext, CliLog, Stoppable } from "./cli/_context.ts";
export { CliError, ExitCode, missingProgram } from "./cli/_failure.ts";
export { readPem } from "./cli/_files.ts";
export { type CliIo, type RecordingIo, recordingIo, systemIo } from "./cli/_io.ts";
export { type ServerFlags, serverFlags } from "./cli/_server_flags.ts";
export type {
  BooleanFlag,
  ByteSize,
  ChoiceFlag,
  Duration,
  DurationFlag,
  Flag,
  FlagBase,
  Flags,
  FlagValue,
  GivenValue,
  ListFlag,
  NumberFlag,
  Positional,
  Positionals,
  PositionalValue,
  SizeFlag,
  StringFlag,
} from "./cli/_values.ts";

/** No flags, or no positional arguments. */
export type None = Readonly<Record<never, never>>;

/** The specification of a program for {@linkcode defineCli}. */
export interface CliSpec<F extends Flags = None, P extends Positionals = None> {
  /** Name of the program, as in `deno task NAME`. */
  name: string;
  /** One line that says what the program does. */
  summary: string;
  /** Text that `--version` prints after the name. @default the version of Portside */
  version?: string;
  /** Category of `ctx.log`. @default ["portside", name] */
  logger?: readonly string[];
  /** More text for `--help`. @default none */
  description?: string;
  /** Flags of the program, by the name of their value. The common flags are added. */
  flags: F;
  /** Positional arguments in order. @default none */
  positionals?: P;
  /** The exact permissions, each with its purpose. */
  permissions: Readonly<Record<string, string>>;
  /** Example command lines for `--help`. @default none */
  examples?: readonly string[];
  /** Exit codes of the program in addition to the common ones, each with its meaning. @default none */
  exitCodes?: Readonly<Record<number, string>>;
}

/** The levels of `--log-level`, from the most to the least detailed. */
export type CliLogLevel = "trace" | "debug" | "info" | "warning" | "error" | "fatal";

/**
 * The values of the flags that every program has. They are not enumerable, so that
 * `{ port, ...options }` contains only the values of the program's own flags.
 */
export interface CommonValues {
  /** The value of `--json`: results and logs as JSON. */
  json: boolean;
  /** The value of `--log-level`. */
  logLevel: CliLogLevel;
}

/** The values of flags and arguments, typed by the specification. */
export type CliValues<F extends Flags, P extends Positionals> =
  & { -readonly [K in keyof F]: FlagValue<F[K]> }
  & { -readonly [K in keyof P]: PositionalValue<P[K]> }
  & CommonValues;

/** The main function of a program. A number that it returns is the exit code. */
export type CliWork<V> = (values: V, ctx: CliContext) => unknown;

/** A program made by {@linkcode defineCli}. */
export interface Cli<V> {
  /** The text of `--help`, without colour. */
  readonly help: string;
  /**
   * Runs the program: reads the arguments, calls the work, and reports errors.
   *
   * @param args The arguments, as in `Deno.args`.
   * @param io The process. @default the real one
   * @param work The main function. A number that it returns is the exit code; otherwise it is 0.
   * @returns The exit code. The promise never rejects.
   */
  run(args: readonly string[], io: CliIo | undefined, work: CliWork<V>): Promise<number>;
}

const STANDARD_FLAGS = {
  logLevel: {
    type: "choice",
    choices: ["trace", "debug", "info", "warning", "error", "fatal"],
    default: "info",
    placeholder: "level",
    help: "Least log level shown: trace, debug, info, warning, error, fatal",
  },
  json: {
    type: "boolean",
    help: "Results and logs as JSON, one object per line",
  },
  help: { type: "boolean", alias: "h", help: "Show this help" },
  version: { type: "boolean", alias: "V", help: "Show the version" },
} as const satisfies Flags;

const SPEC = new OptionRules<CliSpec<Flags, Positionals>>({
  name: required(word),
  summary: required(text),
  version: word,
  logger: listOf(word),
  description: text,
  flags: required(anObject),
  positionals: anObject,
  permissions: required(anObject),
  examples: listOf(text),
  exitCodes: anObject,
});

/** Ends a program whose standard output is closed, as by `| head -1`. */
class OutputClosed extends Error {}

/**
 * Defines a command-line program.
 *
 * @typeParam F The flags. Each value has the type of its flag.
 * @typeParam P The positional arguments.
 * @param spec Name, summary, flags and permissions of the program.
 * @returns The program. Call its `run` with the arguments.
 * @throws {RangeError | TypeError} If the specification is invalid, or two flags share a name.
 *
 * @example "Typed values"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineCli, recordingIo } from "@portside/kit/tools/cli";
 *
 * const cli = defineCli({
 *   name: "fetcher",
 *   summary: "Fetches a URL.",
 *   flags: {
 *     timeout: { type: "duration", default: "10s", help: "Time limit" },
 *     maxBody: { type: "size", default: "1MiB", help: "Largest body" },
 *     header: { type: "list", help: "Header field to send" },
 *   },
 *   positionals: { url: { help: "The URL to fetch" } },
 *   permissions: { "--allow-net": "reach any host" },
 * });
 * const args = ["--timeout=250ms", "--max-body", "64KiB", "--header=a", "--header=b", "http://h/"];
 * await cli.run(args, recordingIo(), ({ timeout, maxBody, header, url }) => {
 *   assertEquals({ timeout, maxBody, header, url }, {
 *     timeout: 250,
 *     maxBody: 65536,
 *     header: ["a", "b"],
 *     url: "http://h/",
 *   });
 * });
 * ```
 */
export function defineCli<const F extends Flags, const P extends Positionals = None>(
  spec: CliSpec<F, P>,
): Cli<CliValues<F, P>> {
  spec = SPEC.check("defineCli", spec) as CliSpec<F, P>;
  const { name, version = config.version, logger = ["portside", name] } = spec;
  const positionals: Positionals = spec.positionals ?? {};
  checkFlags(spec.flags);
  checkPositionals(positionals);
  const flags: Flags = { ...spec.flags, ...STANDARD_FLAGS };
  indexFlags(flags);
  const help = (color: boolean) =>
    helpText({ examples: [], ...spec, positionals, standardFlags: STANDARD_FLAGS }, color);
  return {
    get help() {
      return help(false);
    },
    async run(args, io = systemIo(), work) {
      const tell = (line: string) => {
        try {
          io.stderr(`${name}: ${line}\n`);
        } catch { /* Standard error is closed; the exit code still reports the failure. */ }
      };
      const stop = new AbortController();
      const print = (data: string | Uint8Array) => {
        try {
          io.stdout(data);
        } catch (error) {
          if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
          stop.abort(new OutputClosed("standard output is closed"));
          throw stop.signal.reason;
        }
      };
      let restoreLogging = () => {};
      let forgetSignals = () => {};
      try {
        const values = readArgs(args, flags, positionals);
        if (values.help === true) {
          print(help(io.stdoutIsTerminal && !io.noColor));
          return ExitCode.ok;
        }
        if (values.version === true) {
          print(`${name} ${version}\n`);
          return ExitCode.ok;
        }
        // A program passes the rest of its values on as options, without the common ones.
        for (const name of Object.keys(STANDARD_FLAGS)) {
          Object.defineProperty(values, name, { enumerable: false });
        }
        // The specification gives these values their types.
        const typed = values as CliValues<F, P>;
        restoreLogging = configureLogging(io, typed.logLevel, typed.json);
        const log = getLogger([...logger]);
        forgetSignals = onStop(io, stop, tell);
        const result = await work(typed, makeContext(io, log, typed.json, stop.signal, print));
        return typeof result === "number" ? result : ExitCode.ok;
      } catch (error) {
        if (error instanceof OutputClosed) return ExitCode.ok;
        const failure = describeFailure(error, stop.signal);
        tell(failure.line);
        if (failure.stack !== undefined) tell(failure.stack);
        return failure.exitCode;
      } finally {
        forgetSignals();
        restoreLogging();
      }
    },
  };
}

/** Time in milliseconds for two signals of one Ctrl+C: the terminal and `deno task` both send one. */
const SAME_PRESS = 250;

/** Aborts `stop` at the first signal and ends the process at the second. */
function onStop(io: CliIo, stop: AbortController, tell: (line: string) => void): () => void {
  let first: { name: string; at: number } | undefined;
  return io.onSignal((name) => {
    const at = performance.now();
    if (first === undefined) {
      first = { name, at };
      stop.abort(new DOMException(`interrupted by ${name}`, "AbortError"));
    } else if (name !== first.name || at - first.at > SAME_PRESS) {
      tell(`${name} again: stopped at once`);
      io.exit(ExitCode.interrupted);
    }
  });
}
