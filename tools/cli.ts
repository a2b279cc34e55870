/**
 * The contract of every program of Portside in one place: flags, help, exit codes, signals, logs.
 *
 * A program is a `main(args, io?)` that returns its exit code. What it needs of the process is
 * injected ({@linkcode CliIo}), so a test calls `main` directly; the last line of the file hands
 * it the real process: `if (import.meta.main) Deno.exit(await main(Deno.args));`
 *
 * | Exit code | Meaning |
 * |---|---|
 * | 0 | the work was done, or a server was stopped by a signal |
 * | 1 | the work failed; one sentence on standard error |
 * | 2 | an unknown flag or a bad value; one line that names it |
 * | 3 | a permission or a program is missing; the line names the `--allow-…` flag or the package |
 * | 70 | a bug: an error that nobody foresaw, with its stack |
 * | 130 | interrupted before the work was done, or by a second signal |
 *
 * @example "A program of one page"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type CliIo, defineCli, recordingIo } from "@portside/kit/tools/cli";
 *
 * const cli = defineCli({
 *   name: "repeat",
 *   summary: "Prints a word several times.",
 *   flags: { times: { type: "integer", default: 2, min: 1, max: 100, help: "How often" } },
 *   positionals: { word: { help: "What to print" } },
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
 * **Permissions**: none. Colour is decided by `Deno.noColor`, which asks for no access to the
 * environment.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import config from "../deno.json" with { type: "json" };
import { indexFlags, readArgs } from "./cli/_args.ts";
import { describeFailure, ExitCode } from "./cli/_failure.ts";
import { helpText } from "./cli/_help.ts";
import { type CliIo, systemIo } from "./cli/_io.ts";
import { configureLogging } from "./cli/_log.ts";
import { escapeControls, escapeJson } from "../net/text.ts";
import type { Flags, FlagValue, Positionals, PositionalValue } from "./cli/_values.ts";

export { badValue } from "./cli/_args.ts";
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

/** What a program is: {@linkcode defineCli} makes it runnable. */
export interface CliSpec<F extends Flags = None, P extends Positionals = None> {
  /** Its name, as in `deno task NAME`. */
  name: string;
  /** What it does, in one line. */
  summary: string;
  /** More about it, for `--help`. @default none */
  description?: string;
  /** Its own flags, by the name of their value. The common ones are added. */
  flags: F;
  /** Its positional arguments, in their order. @default none */
  positionals?: P;
  /** The exact permissions, each with what it is for. */
  permissions: Readonly<Record<string, string>>;
  /** Command lines worth showing. @default none */
  examples?: readonly string[];
  /** Exit codes of its own besides the common ones, each with its meaning. @default none */
  exitCodes?: Readonly<Record<number, string>>;
}

/** The levels of `--log-level`, from the most talkative to the quietest. */
export type CliLogLevel = "trace" | "debug" | "info" | "warning" | "error" | "fatal";

/**
 * Writes to standard error, `{name}` in the message replaced by the property of that name.
 * It is a LogTape logger; properties are kept apart in the lines of `--json`.
 */
export interface CliLog {
  /** What only a developer wants to know. */
  debug(message: string, properties?: Record<string, unknown>): void;
  /** What happened. */
  info(message: string, properties?: Record<string, unknown>): void;
  /** What went wrong without harm. */
  warn(message: string, properties?: Record<string, unknown>): void;
  /** What went wrong. */
  error(message: string, properties?: Record<string, unknown>): void;
}

/**
 * The values of the flags that every program has. They are not enumerable, so that
 * `{ port, ...options }` contains only the values of the program's own flags.
 */
export interface CommonValues {
  /** `--json`: results and logs as JSON. */
  json: boolean;
  /** `--log-level`. */
  logLevel: CliLogLevel;
}

/** The values that a program is called with, typed by its specification. */
export type CliValues<F extends Flags, P extends Positionals> =
  & { -readonly [K in keyof F]: FlagValue<F[K]> }
  & { -readonly [K in keyof P]: PositionalValue<P[K]> }
  & CommonValues;

/** What can be stopped in an orderly way: every server of Portside. */
export interface Stoppable {
  /** Resolves when nothing is left of it. */
  readonly finished: Promise<unknown>;
  /** Stops accepting, waits for the work in hand up to the deadline in ms, then forces. */
  shutdown(options?: { deadline?: number }): Promise<unknown>;
}

/** What a running program has at hand. */
export interface CliContext {
  /** The process, or its stand-in. */
  readonly io: CliIo;
  /** Logs to standard error under `--log-level` and `--json`. */
  readonly log: CliLog;
  /** Aborted by the first SIGINT or SIGTERM, and when nobody reads standard output any more. */
  readonly signal: AbortSignal;
  /** Prints one line of the result, control characters but the tab escaped. */
  print(line: string): void;
  /** Prints a value as one line of JSON. */
  printJson(value: unknown): void;
  /** Says that a listener is ready: `listening on tcp://127.0.0.1:8000`. */
  listening(server: string | URL | { readonly url: string }): void;
  /**
   * Waits for a signal, or for the end of all servers; on a signal shuts them down.
   *
   * @param servers What to stop.
   * @param options `drain`: how long the work in hand may take, in ms.
   */
  untilShutdown(
    servers: Stoppable | readonly Stoppable[],
    options: { drain: number },
  ): Promise<void>;
}

/** What a program does; a number it returns is its exit code. */
export type CliWork<V> = (values: V, ctx: CliContext) => unknown;

/** A defined program. */
export interface Cli<V> {
  /** The text of `--help`, without colour. */
  readonly help: string;
  /**
   * Runs it: reads the arguments, calls the work, and tells what went wrong.
   *
   * @param args The arguments, as in `Deno.args`.
   * @param io The process. @default the real one
   * @param work What to do; a number that it returns is the exit code, anything else is 0.
   * @returns The exit code. It never rejects.
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
  help: { type: "boolean", alias: "h", help: "Show this" },
  version: { type: "boolean", alias: "V", help: "Show the version" },
} as const satisfies Flags;

/** Ends a program whose output nobody reads: `| head -1`. */
class OutputClosed extends Error {}

/**
 * Defines a command-line program.
 *
 * @typeParam F The flags; each value has the type of its flag.
 * @typeParam P The positional arguments.
 * @param spec Name, flags, permissions.
 * @returns The program, to be run with arguments.
 * @throws {TypeError} If two flags share a name or a name cannot be typed.
 *
 * @example "Typed values"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineCli, recordingIo } from "@portside/kit/tools/cli";
 *
 * const cli = defineCli({
 *   name: "fetcher",
 *   summary: "Fetches.",
 *   flags: {
 *     timeout: { type: "duration", default: "10s", help: "Time limit" },
 *     maxBody: { type: "size", default: "1MiB", help: "Largest body" },
 *     header: { type: "list", help: "A header" },
 *   },
 *   positionals: { url: { help: "What to fetch" } },
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
  const positionals: Positionals = spec.positionals ?? {};
  const flags: Flags = { ...spec.flags, ...STANDARD_FLAGS };
  indexFlags(flags);
  const help = (color: boolean) =>
    helpText({ examples: [], ...spec, positionals, standardFlags: STANDARD_FLAGS }, color);
  return {
    help: help(false),
    async run(args, io = systemIo(), work) {
      const tell = (line: string) => {
        try {
          io.stderr(`${spec.name}: ${line}\n`);
        } catch {
          // Nobody reads standard error any more; the exit code still tells.
        }
      };
      const stop = new AbortController();
      const print = (text: string) => {
        try {
          io.stdout(text);
        } catch (error) {
          if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
          stop.abort(new OutputClosed("nobody reads standard output any more"));
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
          print(`${spec.name} ${config.version}\n`);
          return ExitCode.ok;
        }
        // A program passes the rest of its values on as options, without the common ones.
        for (const name of Object.keys(STANDARD_FLAGS)) {
          Object.defineProperty(values, name, { enumerable: false });
        }
        // The specification gives these values their types.
        const typed = values as CliValues<F, P>;
        restoreLogging = configureLogging(io, typed.logLevel, typed.json);
        const log = getLogger(["portside", spec.name]);
        forgetSignals = onStop(io, stop, tell);
        const result = await work(typed, makeContext(io, log, stop.signal, print));
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

/** `deno task` passes on the Ctrl+C that the terminal has sent to everyone: one press, two signals. */
const SAME_PRESS = 250;

/** The first signal aborts, the second ends the process. */
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

function makeContext(
  io: CliIo,
  log: CliLog,
  signal: AbortSignal,
  print: (text: string) => void,
): CliContext {
  return {
    io,
    log,
    signal,
    print: (line) => print(`${line.split("\t").map(escapeControls).join("\t")}\n`),
    printJson: (value) => print(`${escapeJson(JSON.stringify(value) ?? "null")}\n`),
    listening(server) {
      const url = typeof server === "object" && "url" in server ? server.url : String(server);
      // A URL object ends in a slash that nobody typed.
      print(`listening on ${escapeControls(url.replace(/\/$/, ""))}\n`);
    },
    async untilShutdown(servers, { drain }) {
      const all: readonly Stoppable[] = Array.isArray(servers) ? servers : [servers];
      const signalled = Promise.withResolvers<void>();
      const heard = () => signalled.resolve();
      if (signal.aborted) heard();
      signal.addEventListener("abort", heard, { once: true });
      try {
        await Promise.race([signalled.promise, Promise.all(all.map((one) => one.finished))]);
      } finally {
        signal.removeEventListener("abort", heard);
      }
      if (!signal.aborted) return;
      const seconds = drain / 1000;
      log.info("stopping: the work in hand has {seconds} s, a second signal ends it at once", {
        seconds,
      });
      const reports = await Promise.all(all.map((one) => one.shutdown({ deadline: drain })));
      for (const report of reports) {
        if (report === undefined) log.info("stopped");
        else log.info("stopped: {report}", { report });
      }
    },
  };
}
