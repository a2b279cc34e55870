/** People at terminals, for the tests of the chat as a program. @module */

import { assert } from "@std/assert";
import type { Connection } from "../../net/connection/connection.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import { type Runnable, startRunnable, within } from "../_support/runnable.ts";

/** The chat without its page. */
export function start(...args: string[]): Promise<Runnable> {
  return startRunnable("chat", ["--port=0", "--no-web", ...args], { listeners: 1 });
}

/** `nc` with a person before it. */
export class Nc implements AsyncDisposable {
  /** What is on the screen. */
  screen = "";
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #done: Promise<unknown>;
  #wake = () => {};

  constructor({ port }: Runnable) {
    this.#child = new Deno.Command("nc", {
      args: ["-N", "127.0.0.1", `${port}`],
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

  /** Ctrl-D: ends the input; with -N the connection is half-closed. */
  async end(): Promise<void> {
    await this.#keys.close();
    await within(10_000, "the end of nc", this.#done);
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
