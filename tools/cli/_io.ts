import { callback, flag, OptionRules } from "../../net/internal/options.ts";

/** The access of a program to its process. A test passes a replacement. */
export interface CliIo {
  /**
   * Writes text or bytes to standard output. Throws `Deno.errors.BrokenPipe` when the reader has closed
   * it.
   */
  stdout(data: string | Uint8Array): void;
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
  /** Ends the process at once. The second signal does this. */
  exit(code: number): void;
}

/** The rules for the members of a replacement. */
const IO = new OptionRules<CliIo>({
  stdout: callback,
  stderr: callback,
  stdoutIsTerminal: flag,
  stderrIsTerminal: flag,
  noColor: flag,
  onSignal: callback,
  exit: callback,
});

/**
 * Returns the access to the real process. It needs no permission: `Deno.noColor` is free, unlike
 * `Deno.env`.
 *
 * @returns The standard streams, signals and exit of this process.
 */
export function systemIo(): CliIo {
  return {
    stdout: (data) => writeAll(Deno.stdout, bytesOf(data)),
    stderr: (text) => writeAll(Deno.stderr, bytesOf(text)),
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    stderrIsTerminal: Deno.stderr.isTerminal(),
    noColor: Deno.noColor,
    onSignal(listener) {
      // Windows has no SIGTERM. SIGBREAK is its equivalent: Ctrl+Break, or a closed console.
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

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}

/** A {@linkcode CliIo} that records the output and lets a test send signals. */
export interface RecordingIo extends CliIo {
  /** Everything written to standard output, as text. */
  readonly out: string;
  /** Everything written to standard output, as bytes. */
  readonly outBytes: Uint8Array<ArrayBuffer>;
  /** Everything written to standard error. */
  readonly err: string;
  /** The code of the first call of {@linkcode CliIo.exit}; undefined without a call. */
  readonly exited: number | undefined;
  /** Delivers a signal to the program. */
  signal(name: "SIGINT" | "SIGTERM"): void;
}

/**
 * Creates a replacement of the process for tests: no terminal, no colour, all output recorded.
 *
 * @param overrides Members to replace, such as `stdoutIsTerminal: true`. Default: none.
 * @returns The replacement, with the recorded output.
 * @throws {TypeError} If a member is unknown or has the wrong type.
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
  overrides = IO.check("recordingIo", overrides as CliIo);
  const listeners = new Set<(name: string) => void>();
  const written: Uint8Array[] = [];
  const decoder = new TextDecoder();
  let [out, err] = ["", ""];
  let exited: number | undefined;
  return {
    stdout(data) {
      // The caller may use its memory again.
      written.push(bytesOf(data).slice());
      out += typeof data === "string" ? data : decoder.decode(data, { stream: true });
    },
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
    get outBytes() {
      return Uint8Array.from(written.flatMap((bytes) => [...bytes]));
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
