/**
 * Child processes of the benchmarks: started, listened to line by line, ended by their process id.
 * Every wait is bounded.
 *
 * @module
 */

import { escapeControls } from "../../net/text.ts";
import { CliError, ExitCode } from "../../tools/cli.ts";

/** The folder of the repository. */
export const ROOT = new URL("../../", import.meta.url);

/** How long a server may take to listen, in milliseconds. */
const START_TIMEOUT = 20_000;
/** How long a process may take to end after SIGTERM, in milliseconds. */
const END_TIMEOUT = 3_000;
/** How long a server may take to collect its garbage, in milliseconds. */
const COLLECT_TIMEOUT = 20_000;
/** How much of its standard error is kept for the message of a failure. */
const KEPT = 2_000;

/** A running program, ended when it is disposed of. */
export class Child implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #command: string;
  readonly #lines: string[] = [];
  readonly #pumps: Promise<unknown>;
  #stderr = "";
  #ended = false;
  #changed = Promise.withResolvers<void>();

  /** Starts it, in the folder of the repository. */
  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    this.#command = command.join(" ");
    this.#child = new Deno.Command(program, {
      args,
      cwd: ROOT,
      env: { NO_COLOR: "1", PYTHONDONTWRITEBYTECODE: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#pumps = Promise.all([this.#readLines(), this.#readErrors(), this.#child.status])
      .finally(() => {
        this.#ended = true;
        this.#wake();
      });
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The next line of its standard output that matches; others are dropped. */
  async line(pattern: RegExp, timeout: number): Promise<RegExpExecArray> {
    const late = Symbol();
    const { promise, resolve } = Promise.withResolvers<typeof late>();
    const timer = setTimeout(() => resolve(late), timeout);
    try {
      while (true) {
        for (let line; (line = this.#lines.shift()) !== undefined;) {
          const match = pattern.exec(line);
          if (match !== null) return match;
        }
        if (this.#ended) throw this.#failure("it has ended");
        if (await Promise.race([this.#changed.promise, promise]) === late) {
          throw this.#failure(`no line ${pattern} in ${timeout} ms`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives it a line on its standard input. */
  async tell(line: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${line}\n`));
    writer.releaseLock();
  }

  /** Ends it: politely, then not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), END_TIMEOUT);
    try {
      await this.#child.stdin.close().catch(() => {});
      await this.#pumps;
    } finally {
      clearTimeout(timer);
    }
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch { /* It has ended already. */ }
  }

  #failure(what: string): CliError {
    const errors = escapeControls(this.#stderr.trim().replaceAll(/\n\s*/g, " | "));
    return new CliError(
      `${this.#command}: ${what}${errors === "" ? "" : `: ${errors}`}`,
      ExitCode.failure,
    );
  }

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#wake();
    }
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr = (this.#stderr + text).slice(-KEPT);
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** A server on a free port of 127.0.0.1. */
export interface RunningServer extends AsyncDisposable {
  /** Its process id. */
  readonly pid: number;
  /** The port that it has told. */
  readonly port: number;
  /** Makes a server with `peers/_collect.mjs` collect its garbage. */
  collect(): Promise<void>;
}

/** Starts a server and waits until it listens. */
export async function startServer(command: readonly string[]): Promise<RunningServer> {
  const child = new Child(command);
  try {
    const [, port] = await child.line(/^listening on \w+:\/\/127\.0\.0\.1:(\d+)/, START_TIMEOUT);
    return {
      pid: child.pid,
      port: Number(port),
      async collect() {
        Deno.kill(child.pid, "SIGUSR2");
        await child.line(/^collected$/, COLLECT_TIMEOUT);
      },
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

/** The standard output of a program that ends by itself; undefined when it cannot be run. */
export async function outputOf(command: readonly string[]): Promise<string | undefined> {
  const [program = "", ...args] = command;
  try {
    const { success, stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
