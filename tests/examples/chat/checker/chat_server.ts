/** The real chat as a process that is killed and started again on the same ports and store. @module */

import { delay } from "@std/async/delay";
import { freePorts } from "../../../_support/ports.ts";
import { type Runnable, runRunnable, startRunnable } from "../../../_support/runnable.ts";
import { privatePlace, type StoredLine } from "./observations.ts";
import { keyOf } from "./page_view.ts";

/** The program with which the chat kills itself between two steps of a line, or has a wrong clock. */
const PROGRAM = "tests/examples/chat/checker/_checked_chat.ts";

/** The attempts to start the program. It ends if Redis does not answer it within 30 seconds. */
const ATTEMPTS = 5;

/** A step of a line, and how many lines to let pass before. */
export interface Crash {
  readonly step: string;
  readonly after: number;
}

/** The chat with its store. */
export class ChatServer implements AsyncDisposable {
  /** The port for terminals. */
  readonly port: number;
  /** The port of the web side. */
  readonly webPort: number;
  readonly #store: string | undefined;
  readonly #more: readonly string[];
  readonly #skew: number;
  #running: Runnable | undefined;

  /**
   * @param store The file of the store; undefined for a node that has none.
   * @param more Further flags of the program.
   * @param skew The difference of the clock of the program, in milliseconds.
   */
  constructor(store: string | undefined, more: readonly string[] = [], skew = 0) {
    const [port = 0, webPort = 0] = freePorts(2);
    this.port = port;
    this.webPort = webPort;
    this.#store = store;
    this.#more = more;
    this.#skew = skew;
  }

  /** What the program has written to stderr since its last start. */
  get log(): string {
    return this.#running?.stderr ?? "";
  }

  /** Starts the program, or one that kills itself. */
  async start(crash?: Crash): Promise<void> {
    const ports = ["--port", `${this.port}`, "--web-port", `${this.webPort}`];
    const store = this.#store === undefined ? [] : ["--store", this.#store];
    const flags = [...ports, ...store, ...this.#more];
    const env = {
      CHAT_CLOCK: `${this.#skew}`,
      ...crash && { CHAT_CRASH_STEP: crash.step, CHAT_CRASH_AFTER: `${crash.after}` },
    };
    const isPlain = crash === undefined && this.#skew === 0;
    for (let attempt = 1;; attempt++) {
      try {
        this.#running = await startRunnable("chat", flags, {
          listeners: 2,
          permissions: ["-A"],
          timeout: 300_000,
          ...!isPlain && { file: PROGRAM, env },
        });
        return;
      } catch (error) {
        if (attempt === ATTEMPTS || !/--bus: The bus/.test(`${error}`)) throw error;
      }
    }
  }

  /** Whether the program was killed and not started again. */
  get isDown(): boolean {
    return this.#running === undefined;
  }

  /** Ends the program at once (kill -9). */
  async kill(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.[Symbol.asyncDispose]();
  }

  /** Waits until a program that kills itself has done so; false if it has not within the time. */
  async hasCrashed(timeout: number): Promise<boolean> {
    try {
      await this.#running!.exitCode(timeout);
      return true;
    } catch {
      return false;
    }
  }

  /** Stops the program for a while, as a machine that swaps does. */
  async freeze(millis: number): Promise<void> {
    this.#running!.signal("SIGSTOP");
    await delay(millis);
    this.#running!.signal("SIGCONT");
  }

  /** Ends the program politely. */
  async stop(): Promise<number> {
    this.#running!.signal("SIGTERM");
    return await this.#running!.exitCode(60_000);
  }

  /** Returns everything in the store. The program must not run. */
  async stored(): Promise<StoredLine[]> {
    const flags = ["--store", this.#store!, "--export", "-"];
    const options = { permissions: ["-A"], timeout: 60_000 };
    const { code, stdout, stderr } = await runRunnable("chat", flags, options);
    if (code !== 0) throw new Error(`The export failed with ${code}: ${stderr}`);
    return storedLines(stdout.split("\n").filter((line) => line !== ""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Reads an export. */
export function storedLines(lines: readonly string[]): StoredLine[] {
  const records = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const names = new Map<string, string>();
  const rooms = new Map<string, string>();
  for (const { type, id, key, name } of records) {
    if (type === "user") names.set(`${id}`, `${name}`);
    else if (type === "room") rooms.set(`${key}`, `#${name}`);
  }
  const placeOf = (room: string) => {
    const [, one, other] = /^@(\d+):(\d+)$/.exec(room) ?? [];
    if (one === undefined || other === undefined) return rooms.get(room) ?? room;
    return privatePlace(names.get(one) ?? one, names.get(other) ?? other);
  };
  return records.filter(({ type }) => type === "message").map(({ seq, room, name, text }) => ({
    seq: Number(seq),
    place: placeOf(`${room}`),
    author: `${name}`,
    key: keyOf(`${text}`) ?? `${text}`,
  }));
}
