/** People at terminals, for the tests of the chat as a program. @module */

import { assert } from "@std/assert";
import type { Connection } from "../../net/connection/connection.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import { type Runnable, startRunnable, within } from "../_support/runnable.ts";

/** The chat without its page. */
export function start(...args: string[]): Promise<Runnable> {
  return startRunnable("chat", ["--port=0", "--no-web", ...args], { listeners: 1 });
}

/** A program with a person before it. */
class Person implements AsyncDisposable {
  /** What is on the screen. */
  screen = "";
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #done: Promise<unknown>;
  #wake = () => {};

  constructor(program: string, args: string[]) {
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    const show = async () => {
      for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
        this.screen += text;
        this.#wake();
      }
    };
    this.#done = Promise.all([show(), this.#child.status]);
  }

  async type(text: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(text));
  }

  /** Waits for text on the screen. */
  async see(text: string): Promise<void> {
    while (!this.screen.includes(text)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      if (this.screen.includes(text)) return;
      await within(10_000, `${JSON.stringify(text)} on ${JSON.stringify(this.screen)}`, promise);
    }
  }

  /** Ends the input, and waits for the end of the program. */
  async end(): Promise<void> {
    await this.#keys.close();
    await this.ended();
  }

  /** Waits for the end of the program. */
  async ended(): Promise<void> {
    await within(10_000, "the end of the program", this.#done);
  }

  /** Kills it. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch { /* It has ended. */ }
    await this.#keys.close().catch(() => {});
    await this.#done;
  }
}

/** `nc`. Ctrl-D (`end`) half-closes the connection because of -N. */
export class Nc extends Person {
  constructor({ port }: Runnable) {
    super("nc", ["-N", "127.0.0.1", `${port}`]);
  }
}

/** A program in a terminal of its own, so that control characters are keys. */
export class InTerminal extends Person {
  constructor(command: string) {
    super("script", ["-qfc", command, "/dev/null"]);
  }
}

/** A user on a socket of ours, past the greeting and the welcome. */
export async function enter({ port }: { port: number }, name: string): Promise<Connection> {
  const conn = await connectTcp({ port, lingerTimeout: 0 });
  await conn.write(`${name}\n`);
  while (!(await line(conn)).startsWith("* You are")) continue;
  return conn;
}

/** The next line that a user hears. */
export async function line(conn: Connection): Promise<string> {
  const line = await conn.readLine({ timeout: 10_000 });
  assert(line !== null, "the end instead of a line");
  return line;
}
