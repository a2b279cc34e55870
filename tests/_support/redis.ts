/** A real `redis-server` for tests: on a port of its own, with its data in a folder of its own. @module */

import { freePorts } from "./ports.ts";
import { type Availability, needs } from "./peers.ts";
import { until } from "./until.ts";

/** Whether this machine has Redis. */
export const redis: Availability = needs("redis-server");

/** Whether it also has the client of Redis itself. */
export const redisTools: Availability = needs("redis-server", "redis-cli");

/**
 * Sends a command with the client of Redis itself.
 *
 * @param port The port of a server of 127.0.0.1.
 * @param args The words of the command.
 * @returns The reply as text.
 */
export async function redisCli(port: number, ...args: string[]): Promise<string> {
  const command = new Deno.Command("redis-cli", {
    args: ["-h", "127.0.0.1", "-p", `${port}`, ...args],
    stderr: "null",
  });
  return new TextDecoder().decode((await command.output()).stdout).trim();
}

/** A running server. */
export class RedisServer implements AsyncDisposable {
  /** The port of 127.0.0.1. */
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #child: Deno.ChildProcess | undefined;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  /**
   * Starts a server, which writes each command to the disk before it answers.
   *
   * @param args Further settings, such as `--requirepass` and a password.
   */
  static async start(args: readonly string[] = []): Promise<RedisServer> {
    const [port = 0] = freePorts(1);
    const folder = await Deno.makeTempDir({ prefix: "chat_redis_" });
    const server = new RedisServer(port, folder, args);
    await server.start();
    return server;
  }

  /** The URL for `--bus`. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** The process id. */
  get pid(): number {
    return this.#child!.pid;
  }

  /** Starts the server again, with its data. */
  async start(): Promise<void> {
    this.#child = new Deno.Command("redis-server", {
      args: [
        ...["--port", `${this.port}`, "--bind", "127.0.0.1", "--dir", this.#folder, "--save", ""],
        ...["--appendonly", "yes", "--appendfsync", "always", ...this.#args],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await until(() => this.#answers());
  }

  /** Whether the port accepts a connection. */
  async #answers(): Promise<boolean> {
    try {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
      await conn.write(new TextEncoder().encode("PING\r\n"));
      const reply = new Uint8Array(64);
      const size = await conn.read(reply);
      return size !== null && !/LOADING/.test(new TextDecoder().decode(reply.subarray(0, size)));
    } catch {
      return false;
    }
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    this.#child!.kill(name);
  }

  /** Ends the server at once. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = undefined;
  }

  /** Removes all data of the server. */
  async lose(): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
    await Deno.mkdir(this.#folder);
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
