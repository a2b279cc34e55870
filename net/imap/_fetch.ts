/** The command FETCH (RFC 9051 §6.4.5): all messages at once, or one after the other. */

import { ReplyError } from "../errors/reply_error.ts";
import { ImapFetchError } from "./_fetch_error.ts";
import { uidSets } from "./_commands.ts";
import { memberOf } from "./_ranges.ts";
import type { FetchPlan } from "./_response_values.ts";
import type { ImapSession } from "./_session.ts";
import type { ImapResponse } from "./codec.ts";
import type { ImapMessage } from "./message.ts";
import type { ImapUids } from "./options.ts";

const WHAT = "Cannot fetch";
/** Maximum number of unwanted bytes that are read after a loop has ended early. */
const MAX_DRAIN = 64 * 1024 * 1024;

/** Fetches items of messages, each message once. `onRefused` gets the refusals of the server. */
export async function fetchAll(
  session: ImapSession,
  uids: ImapUids,
  { wanted, sections }: FetchPlan,
  onRefused: (error: ReplyError) => void,
): Promise<ImapMessage[]> {
  const found = new Map<number, ImapMessage>();
  let isWanted: (uid: number) => boolean;
  const take = (response: ImapResponse) => {
    const message = session.messageOf(response, sections);
    // Other messages, and those without a UID, are changes that the server reports.
    if (message?.uid === undefined || !isWanted(message.uid)) return false;
    const known = found.get(message.uid);
    found.set(message.uid, known === undefined ? message : merged(known, message));
    return true;
  };
  for (const set of uidSets(uids)) {
    isWanted = memberOf(set);
    try {
      await session.run(WHAT, [`UID FETCH ${set} (${wanted})`], { take });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      onRefused(error);
    }
  }
  return [...found.values()];
}

/** Fetches message after message. Refusals are thrown at the end. */
export async function* fetchEach(
  session: ImapSession,
  uids: ImapUids,
  plan: FetchPlan,
): AsyncGenerator<ImapMessage, void, void> {
  let refusal: ReplyError | undefined;
  for (const set of uidSets(uids)) {
    const loop = new FetchLoop(session, plan, memberOf(set));
    try {
      await loop.begin(`UID FETCH ${set} (${plan.wanted})`);
      for (let message; (message = await loop.next()) !== undefined;) yield message;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusal ??= error;
    } finally {
      await loop.end();
    }
  }
  if (refusal !== undefined) throw new ImapFetchError(refusal, []);
}

/** Returns whether a server refuses some messages. BAD means that it does not understand the command. */
function isRefusal(error: unknown): error is ReplyError {
  return error instanceof ReplyError && error.code === "NO";
}

/** A command FETCH whose response is read as far as messages are wanted. */
class FetchLoop {
  readonly #session: ImapSession;
  readonly #plan: FetchPlan;
  readonly #isWanted: (uid: number) => boolean;
  /** Messages that have arrived and are not taken. The last one may go on in the next response. */
  readonly #messages: ImapMessage[] = [];
  #tag = "";
  /** Whether the whole response is read, because another call waits. */
  #isHasty = false;
  /** Whether messages are dropped, because the loop has ended. */
  #isUnwanted = false;
  #isOver = false;
  #error: unknown;
  #reading: Promise<void> | undefined;
  #release: (() => Promise<void>) | undefined;

  constructor(session: ImapSession, plan: FetchPlan, isWanted: (uid: number) => boolean) {
    this.#session = session;
    this.#plan = plan;
    this.#isWanted = isWanted;
  }

  /** Waits for its turn and sends the command. */
  async begin(command: string): Promise<void> {
    const { dialogue, line } = this.#session;
    this.#release = await dialogue.hold();
    dialogue.turns.onQueued = () => this.#hurry();
    this.#limit();
    this.#tag = await line.send([command], (response) => this.#session.hear(response));
    if (dialogue.turns.queued > 0) this.#hurry();
  }

  /** Returns the next message; undefined at the end. */
  async next(): Promise<ImapMessage | undefined> {
    while (this.#messages.length < 2 && !this.#isOver) await this.#read();
    const message = this.#messages.shift();
    if (message === undefined && this.#error !== undefined) throw this.#error;
    return message && owned(message);
  }

  /** Reads the rest of the response, and gives the turn back. */
  async end(): Promise<void> {
    this.#isUnwanted = this.#isHasty = true;
    this.#session.allow();
    this.#session.line.most = this.#session.line.bytes + MAX_DRAIN;
    if (this.#tag !== "") { while (!this.#isOver) await this.#read(); }
    await this.#over();
  }

  /** Reads all, because another call waits for its turn. */
  #hurry(): void {
    this.#isHasty = true;
    this.#session.allow();
    void this.#read();
  }

  /** Starts the limits for what is in memory. The reader decides how long the command takes. */
  #limit(): void {
    if (!this.#isHasty) this.#session.allow(0);
  }

  #read(): Promise<void> {
    return this.#reading ??= this.#readSome().finally(() => this.#reading = undefined);
  }

  /** Reads until there are two messages, or all of them. */
  async #readSome(): Promise<void> {
    const session = this.#session;
    this.#limit();
    try {
      while (!this.#isOver && (this.#isHasty || this.#messages.length < 2)) {
        const here = session.line.next();
        const response = typeof here === "object" ? here : await session.line.read();
        const end = session.handle(WHAT, this.#tag, response, (other) => this.#hear(other));
        if (end !== undefined) this.#isOver = true;
      }
    } catch (error) {
      if (!(error instanceof ReplyError)) session.dialogue.abort(error);
      this.#error = session.dialogue.causeOf(error);
      this.#isOver = true;
    }
    if (this.#isOver) await this.#over();
  }

  #hear(response: ImapResponse): void {
    const message = this.#session.messageOf(response, this.#plan.sections);
    if (message?.uid === undefined || !this.#isWanted(message.uid) || !this.#hasItems(message)) {
      this.#session.hear(response);
      return;
    }
    if (this.#isUnwanted) return;
    const last = this.#messages.at(-1);
    if (last?.uid === message.uid) {
      this.#messages[this.#messages.length - 1] = merged(last!, message);
    } else this.#messages.push(message);
  }

  /** Returns whether a message is not merely the report of a change of flags. */
  #hasItems(message: ImapMessage): boolean {
    if (this.#plan.hasFlags) return true;
    const { sections, number: _, uid: __, flags, modSeq: ___, ...others } = message;
    return flags === undefined || sections.size > 0 || Object.keys(others).length > 0;
  }

  async #over(): Promise<void> {
    const release = this.#release;
    if (release === undefined) return;
    this.#release = undefined;
    this.#session.dialogue.turns.onQueued = undefined;
    await release();
  }
}

/** Merges two responses about the same message. The first one gets the sections of the second one. */
function merged(one: ImapMessage, other: ImapMessage): ImapMessage {
  const sections = one.sections as Map<string, Uint8Array | null>;
  for (const [name, bytes] of other.sections) sections.set(name, bytes);
  return { ...one, ...other, sections };
}

/** Returns a message whose sections do not share memory with what the server sends next. */
function owned(message: ImapMessage): ImapMessage {
  if (message.sections.size === 0) return message;
  const sections = Array.from(
    message.sections,
    ([name, bytes]) => [name, bytes?.slice() ?? null] as const,
  );
  return { ...message, sections: new Map(sections) };
}
