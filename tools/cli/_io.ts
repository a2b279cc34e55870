/** The process as a program sees it, and a stand-in for tests. Private to `tools/`. @module */

/** What a program touches of its process; injected, so that tests need no process. */
export interface CliIo {
  /** Writes to standard output. Throws `Deno.errors.BrokenPipe` when nobody reads any more. */
  stdout(text: string): void;
  /** Writes to standard error. */
  stderr(text: string): void;
  /** Whether standard output is a terminal. */
  readonly stdoutIsTerminal: boolean;
  /** Whether standard error is a terminal. */
  readonly stderrIsTerminal: boolean;
  /** Whether `NO_COLOR` is set. */
  readonly noColor: boolean;
  /** Calls the listener for SIGINT and SIGTERM until the returned function is called. */
  onSignal(listener: (name: string) => void): () => void;
  /** Ends the process at once: what a second signal does. */
  exit(code: number): void;
}

/** The real process. It needs no permission: `Deno.noColor` is free, unlike `Deno.env`. */
export function systemIo(): CliIo {
  return {
    stdout: (text) => writeAll(Deno.stdout, text),
    stderr: (text) => writeAll(Deno.stderr, text),
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    stderrIsTerminal: Deno.stderr.isTerminal(),
    noColor: Deno.noColor,
    onSignal(listener) {
      // Windows has no SIGTERM; closing the console or Ctrl+Break is its nearest kin.
      const names: Deno.Signal[] = Deno.build.os === "windows"
        ? ["SIGINT", "SIGBREAK"]
        : ["SIGINT", "SIGTERM"];
      const removers = names.map((name) => {
        const heard = () => listener(name);
        Deno.addSignalListener(name, heard);
        return () => Deno.removeSignalListener(name, heard);
      });
      return () => removers.forEach((remove) => remove());
    },
    exit: (code) => Deno.exit(code),
  };
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}

/** A {@linkcode CliIo} that keeps what was written and lets a test send signals. */
export interface RecordingIo extends CliIo {
  /** Everything written to standard output. */
  readonly out: string;
  /** Everything written to standard error. */
  readonly err: string;
  /** The code that {@linkcode CliIo.exit} was called with, if it was. */
  readonly exited: number | undefined;
  /** Delivers a signal to the program. */
  signal(name: "SIGINT" | "SIGTERM"): void;
}

/**
 * Makes a stand-in for the process: no terminal, no colour, nothing leaves it.
 *
 * @param overrides Members that should be something else, such as `stdoutIsTerminal: true`.
 * @returns The stand-in.
 *
 * @example "Testing a program without a process"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineCli, recordingIo } from "@portside/kit/tools/cli";
 *
 * const cli = defineCli({ name: "hello", summary: "Says hello.", flags: {}, permissions: {} });
 * const io = recordingIo();
 * const code = await cli.run([], io, (_values, ctx) => ctx.print("hello"));
 * assertEquals([code, io.out, io.err], [0, "hello\n", ""]);
 * ```
 */
export function recordingIo(overrides: Partial<CliIo> = {}): RecordingIo {
  const listeners = new Set<(name: string) => void>();
  let [out, err] = ["", ""];
  let exited: number | undefined;
  return {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    noColor: true,
    onSignal(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    exit: (code) => void (exited ??= code),
    ...overrides,
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    get exited() {
      return exited;
    },
    signal: (name) => listeners.forEach((listener) => listener(name)),
  };
}
