/** A terminal as `nc` has it: it sends lines, shows lines, and cannot return as the same user. @module */

import { connectTcp } from "../../../../net/tcp/client.ts";
import type { Connection } from "../../../../net/connection/connection.ts";
import { type Observation, privatePlace, type Witness } from "./observations.ts";
import { keyOf, textWith } from "./page_view.ts";

/**
 * The line of the server that tells the room: before its history, or without one. A cut connection can end
 * within the name of the room, so the character behind it counts.
 */
const WELCOME = /^\* (?:Earlier in #([^\s:]+):$|You are \S+ (?:alone )?in #([^\s.]+)[ .])/;

/** A private message. */
const PRIVATE = /^\[private\] (\S+) -> (\S+): /;

/** A terminal on one connection. */
export class TerminalClient {
  readonly name: string;
  readonly #observations: Observation[] = [];
  readonly #conn: Connection;
  #room: string | undefined;
  /** Whether the terminal has asked for another room and has no answer yet. */
  #isMoving = false;

  private constructor(name: string, conn: Connection) {
    this.name = name;
    this.#conn = conn;
  }

  /** Connects, and gives the name. */
  static async connect(name: string, port: number): Promise<TerminalClient> {
    const conn = await connectTcp({ port, lingerTimeout: 0, timeout: 3_000 });
    const terminal = new TerminalClient(name, conn);
    await conn.write(`${name}\n`);
    return terminal;
  }

  /** The name of the room in which the terminal is; undefined before the server has told it. */
  get room(): string | undefined {
    return this.#room;
  }

  /** What the terminal saw. Nobody promises it that it sees everything. */
  get witness(): Witness {
    return { name: this.name, observations: this.#observations, complete: [] };
  }

  /** Shows lines until the connection ends. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const line = await this.#conn.readLine();
        if (line === null) return;
        this.#show(line);
      }
    } catch { /* The connection was cut. */ }
  }

  /** Writes a line to the room, if the terminal knows the room. */
  async say(key: string, text: string): Promise<void> {
    if (this.#room === undefined || this.#isMoving) return;
    this.#observations.push({ type: "sent", key, place: `#${this.#room}` });
    await this.#write(textWith(key, text));
  }

  /** Writes a private line. */
  async whisper(key: string, text: string, to: string): Promise<void> {
    this.#observations.push({ type: "sent", key, place: privatePlace(this.name, to) });
    await this.#write(`/msg ${to} ${textWith(key, text)}`);
  }

  /** Asks to be in another room, and writes nothing until the server has answered. */
  async move(room: string): Promise<void> {
    if (this.#room === undefined || this.#isMoving || this.#room === room) return;
    this.#isMoving = true;
    this.#observations.push({ type: "entered", place: `#${room}` });
    await this.#write(`/join #${room}`);
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    await this.#conn.close();
  }

  async #write(line: string): Promise<void> {
    try {
      await this.#conn.write(`${line}\n`);
    } catch { /* The connection was cut. */ }
  }

  #show(line: string): void {
    const welcome = WELCOME.exec(line);
    if (welcome !== null) return this.#enter((welcome[1] ?? welcome[2])!);
    const key = keyOf(line);
    if (key === undefined) return;
    const secret = PRIVATE.exec(line);
    const place = secret === null ? `#${this.#room}` : privatePlace(secret[1]!, secret[2]!);
    this.#observations.push({ type: "shown", place, key });
  }

  #enter(room: string): void {
    if (this.#room === room) return;
    if (this.#room !== undefined) {
      this.#observations.push({ type: "left", place: `#${this.#room}` });
    }
    this.#room = room;
    this.#isMoving = false;
    this.#observations.push({ type: "entered", place: `#${room}` });
    this.#observations.push({ type: "reset", place: `#${room}`, from: 0 });
  }
}
