/** A page on real connections: it joins, returns after every loss, and sends again. @module */

import { delay } from "@std/async/delay";
import { connectWebSocket } from "../../../../ws/client/client.ts";
import type { WsConnection } from "../../../../ws/connection/connection.ts";
import type { Random } from "../../../_support/stress/random.ts";
import type { Place } from "./observations.ts";
import type { Incoming, Outgoing, PageView } from "./page_view.ts";

/** The maximum time without a message until a page gives up a connection, in milliseconds. */
const SILENCE = 3_000;

/** The longest pause before the next attempt to connect, in milliseconds. */
const MAX_PAUSE = 200;

/** A page. */
export class PageClient {
  readonly view: PageView;
  /** The number of connections that were welcomed. */
  returns = 0;
  /** The refusals to join, by code. */
  readonly refusals = new Map<string, number>();
  readonly #url: () => string;
  readonly #random: Random;
  readonly #waiting = new Map<number, (answer: Incoming) => void>();
  #conn: WsConnection | undefined;
  #joined = false;
  #nextQuestion = 1_000_000;

  /** @param url Returns the address for the next connection: that of a web side, or of a proxy in front of it. */
  constructor(view: PageView, url: () => string, random: Random) {
    this.view = view;
    this.#url = url;
    this.#random = random;
  }

  /** Whether the page is in the chat. */
  get joined(): boolean {
    return this.#joined;
  }

  /** Connects, again and again, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#visit(signal);
      } catch { /* The connection failed. The next one tells what is missing. */ }
      this.#joined = false;
      this.#conn = undefined;
      await delay(this.#random.below(MAX_PAUSE), { signal }).catch(() => {});
    }
  }

  /** Sends a line if the page is in the chat. Otherwise it waits in the view. */
  send(message: Outgoing): void {
    if (!this.#joined || this.#conn?.trySend(JSON.stringify(message)) !== false) return;
    // A line that does not fit must not come after later ones. The next connection sends all again.
    this.#joined = false;
    void this.#conn.close(1001);
  }

  /** Ends the connection, as a reload of the page does. */
  drop(): void {
    if (this.#conn !== undefined) void this.#conn.close(1001);
  }

  /** Reads the whole history of a place. */
  async readAll(place: Place, target: { room: string } | { peer: string }): Promise<void> {
    const events: Incoming[] = [];
    let before: number | undefined;
    while (true) {
      const answer = await this.#ask({
        type: "history",
        ...target,
        limit: 100,
        ...before !== undefined && { before },
      });
      if (answer.type !== "history") throw new Error(`No history: ${JSON.stringify(answer)}`);
      const page = answer.events as Incoming[];
      events.unshift(...page);
      if (answer.more !== true || page.length === 0) break;
      before = page[0]!.seq as number;
    }
    this.view.read(place, events);
  }

  #ask(question: Outgoing): Promise<Incoming> {
    const id = this.#nextQuestion++;
    const { promise, resolve, reject } = Promise.withResolvers<Incoming>();
    const timer = setTimeout(() => reject(new Error(`No answer to ${question.type}`)), 20_000);
    this.#waiting.set(id, resolve);
    this.send({ ...question, id });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(id);
    });
  }

  async #visit(signal: AbortSignal): Promise<void> {
    const conn = await connectWebSocket(`${this.#url()}/ws`, {
      timeout: SILENCE,
      maxMessageSize: 64 * 1024 * 1024,
      closeTimeout: 200,
      signal,
    });
    await using _ = { [Symbol.asyncDispose]: () => this.#end(conn) };
    this.#conn = conn;
    conn.trySend(JSON.stringify(this.view.join()));
    while (!signal.aborted) {
      const text = await this.#next(conn);
      if (typeof text !== "string") return;
      const message = JSON.parse(text) as Incoming;
      if (message.type === "bye") return;
      if (message.type === "error" && !this.#joined) return this.#count(String(message.code));
      this.#take(message);
    }
  }

  /** Waits for a message. In silence, a ping tells whether the connection lives. */
  async #next(conn: WsConnection): Promise<unknown> {
    try {
      return await conn.receive({ timeout: SILENCE / 2 });
    } catch (error) {
      if (!conn.open) throw error;
    }
    conn.trySend(JSON.stringify({ type: "rooms" }));
    return await conn.receive({ timeout: SILENCE });
  }

  #take(message: Incoming): void {
    const id = message.id as number | undefined;
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (waiting !== undefined) return waiting(message);
    this.view.receive(message);
    if (this.#joined || message.type !== "welcome") return;
    this.#joined = true;
    this.returns++;
    for (const line of this.view.unconfirmed()) this.send(line);
  }

  #count(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  #end(conn: WsConnection): Promise<void> {
    void conn.close(1001);
    return conn.gone;
  }
}
