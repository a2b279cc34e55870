/**
 * Programs of this project as processes: started with exactly their declared permissions, waited
 * for until they listen, and ended by their process id. Every wait is bounded.
 *
 * @module
 */

import { LOCK } from "./flags.ts";

/** The folder of the repository. */
export const ROOT = new URL("../../", import.meta.url);

/** The file of a runnable by its name: a tool, or else an example. */
export function fileOf(name: string): string {
  const file = `${name.replaceAll("-", "_")}.ts`;
  try {
    Deno.statSync(new URL(`tools/${file}`, ROOT));
    return `tools/${file}`;
  } catch {
    return `examples/${file}`;
  }
}

/** How a runnable is started. */
export interface RunnableOptions {
  /** Its file, from the root. @default what `fileOf` gives */
  file?: string;
  /** The permission flags of Deno. @default the set of its name in deno.json */
  permissions?: readonly string[];
  /** More environment variables. @default none */
  env?: Record<string, string>;
  /** Number of lines that name a listener to wait for; 0 for a client. @default 1 */
  listeners?: number;
  /** How long to wait for them, in ms. @default 60000 */
  timeout?: number;
}

/** What a runnable that has ended left. */
export interface RunnableResult {
  /** Its exit code; 128 and the number for a signal. */
  code: number;
  /** Its standard output. */
  stdout: string;
  /** Its standard error. */
  stderr: string;
}

function command(name: string, args: readonly string[], options: RunnableOptions): Deno.Command {
  const file = options.file ?? fileOf(name);
  const permissions = options.permissions ?? [`-P=${name}`];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", LOCK, "--no-prompt", ...permissions, file, ...args],
    cwd: ROOT,
    // NO_COLOR keeps Deno's own messages plain; the runnable sees no terminal anyway.
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Rejects when something takes too long, saying what. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Not within ${ms} ms: ${what}`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A running program. Disposing of it kills it if it still runs. */
export class Runnable implements AsyncDisposable {
  /** What it has printed on standard output so far. */
  stdout = "";
  /** What it has printed on standard error so far. */
  stderr = "";
  /** The URLs that it listens on, in the order of its lines. */
  readonly urls: URL[] = [];

  readonly #child: Deno.ChildProcess;
  readonly #pumps: Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #ended = false;

  /** Takes over a child process with piped output. */
  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#pumps = Promise.all([
      this.#pump(child.stdout, (text) => this.stdout += text),
      this.#pump(child.stderr, (text) => this.stderr += text),
      child.status,
    ]).finally(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** The port of the first listener. */
  get port(): number {
    return Number(this.urls[0]?.port);
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until the output so far satisfies a condition. */
  async until(condition: (self: this) => boolean, what: string, timeout = 10_000): Promise<void> {
    const deadline = performance.now() + timeout;
    while (!condition(this)) {
      if (this.#ended) throw new Error(`Ended before: ${what}\n${this.#transcript()}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      const left = Math.max(1, deadline - performance.now());
      try {
        await within(left, what, promise);
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : error}\n${this.#transcript()}`);
      } finally {
        this.#waiting.delete(resolve);
      }
    }
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Waits for its end. */
  async exitCode(timeout = 60_000): Promise<number> {
    await within(timeout, `the end of process ${this.pid}\n${this.#transcript()}`, this.#pumps);
    return (await this.#child.status).code;
  }

  /** Kills it if it still runs, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) {
      try {
        this.#child.kill("SIGKILL");
      } catch {
        // It ended by itself in this very moment.
      }
    }
    await this.#pumps;
  }

  async #pump(stream: ReadableStream<Uint8Array>, keep: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      keep(text);
      const lines = this.stdout.slice(0, this.stdout.lastIndexOf("\n") + 1);
      const urls = [...lines.matchAll(/^(?:listening on |\{"listening":")([^\s"]+)(?:"\})?$/gm)]
        .map(([, url]) => new URL(url!));
      this.urls.push(...urls.slice(this.urls.length));
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }

  #transcript(): string {
    return `--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`;
  }
}

/**
 * Starts a server and waits until it listens.
 *
 * @param name Its name, which is also that of its permission set.
 * @param args Its arguments.
 * @param options How to start it.
 */
export async function startRunnable(
  name: string,
  args: readonly string[] = [],
  options: RunnableOptions = {},
): Promise<Runnable> {
  const running = new Runnable(command(name, args, options).spawn());
  return await listening(running, name, options.listeners ?? 1, options.timeout);
}

async function listening(
  running: Runnable,
  name: string,
  listeners: number,
  timeout = 60_000,
): Promise<Runnable> {
  try {
    const ready = (self: Runnable) => self.urls.length >= listeners;
    await running.until(ready, `${name} listens`, timeout);
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
  return running;
}

/** Runs a program to its end and keeps what it printed. */
export async function runRunnable(
  name: string,
  args: readonly string[] = [],
  options: RunnableOptions = {},
): Promise<RunnableResult> {
  await using running = new Runnable(command(name, args, options).spawn());
  const code = await running.exitCode(options.timeout ?? 60_000);
  return { code, stdout: running.stdout, stderr: running.stderr };
}

/** Starts another program as a peer and waits until it has printed `listening on` for each listener. */
export async function startPeer(
  program: string,
  args: readonly string[],
  listeners = 1,
): Promise<Runnable> {
  const running = new Runnable(
    new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  return await listening(running, program, listeners);
}

/** Runs another program as a peer, with something on its standard input. */
export async function runPeer(
  program: string,
  args: readonly string[],
  input = "",
  timeout = 60_000,
): Promise<RunnableResult> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await using running = new Runnable(child);
  const writer = child.stdin.getWriter();
  // A peer that ends early closes its input; that is no failure of the test.
  const fed = writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(
    () => {},
  );
  const code = await running.exitCode(timeout);
  await fed;
  return { code, stdout: running.stdout, stderr: running.stderr };
}
