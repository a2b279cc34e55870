/** Commands and responses of IMAP over a connection. */

import { type Dialogue, type Wait, WITHIN } from "../internal/dialogue.ts";
import {
  type ImapPart,
  type ImapResponse,
  ImapSyntaxError,
  literalSize,
  parseImapResponse,
} from "./codec.ts";
import { whileOpen } from "../internal/while_open.ts";

/** Lines and literals of one response. */
const MAX_SEGMENTS = 10_000;
/** Bytes of a line: a search that finds two million messages gives one. */
const MAX_LINE = 16 * 1024 * 1024;

/** Bytes that a line or a literal takes at least, however short it is. */
const OVERHEAD = 100;

/** Bytes that nobody wants which are read all the same, to keep the session. */
const MAX_DRAIN = 64 * 1024 * 1024;

/** Takes a literal as it comes; what it does not read is read for it. */
export type OnLiteral = (
  size: number,
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
) => Promise<void>;

/** A part of a command; the last kind is a literal that is sent as it comes. */
export type CommandPart = ImapPart | ImapStream;

interface ImapStream {
  readonly stream: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;
  readonly size: number;
}

/** How a response is read. */
interface ImapReadOptions {
  /** How long to wait for its beginning. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  readonly onLiteral?: OnLiteral;
}

/** One end of the dialogue. */
export class ImapLine {
  readonly #dialogue: Dialogue;
  readonly #maxLiteral: number;
  #count = 0;
  /** What has come of a response. */
  #segments: (string | Uint8Array)[] = [];
  #total = 0;
  /** The size of the literal that comes next. */
  #literal: number | undefined;
  /** Bytes of responses so far as they lie in memory, but for what was handed on. */
  bytes = 0;
  /** How many they may be. */
  most = Infinity;
  /** Whether literals may be sent without being asked for: all, up to 4096 bytes, or none. */
  literals: "all" | "small" | "none" = "none";

  constructor(dialogue: Dialogue, maxLiteral: number) {
    this.#dialogue = dialogue;
    this.#maxLiteral = maxLiteral;
  }

  /** Whether a response has begun and not ended. */
  get midway(): boolean {
    return this.#segments.length > 0;
  }

  /** Sends a command; `onAsked` sees what comes while the server is waited for. Gives its tag. */
  send(
    parts: readonly CommandPart[],
    onAsked: (response: ImapResponse) => void,
    secret = false,
  ): string | Promise<string> {
    const tag = `a${++this.#count}`;
    const [only] = parts;
    if (parts.length !== 1 || typeof only !== "string") {
      return this.#sendParts(tag, parts, onAsked, secret);
    }
    const text = `${tag} ${only}`;
    // A failure shows where the answer is awaited.
    void this.#dialogue.writeLine(text, secret ? masked(tag, text) : text);
    return tag;
  }

  async #sendParts(
    tag: string,
    parts: readonly CommandPart[],
    onAsked: (response: ImapResponse) => void,
    secret: boolean,
  ): Promise<string> {
    let text = `${tag} `;
    let shown = text;
    const write = (line: string, open: string) =>
      this.#dialogue.writeLine(line, secret ? masked(tag, open) : open);
    for (const part of parts) {
      if (typeof part === "string") {
        text += part;
        shown += part;
        continue;
      }
      const streamed = "stream" in part;
      const size = streamed ? part.size : part.literal.length;
      // What is long to send is asked for first: it may be refused.
      const now = !streamed &&
        (this.literals === "all" || (this.literals === "small" && size <= 4096));
      await write(`${text}{${size}${now ? "+" : ""}}`, shown);
      text = shown = "";
      if (!now) await this.untilContinue(tag, onAsked);
      await (streamed ? this.#stream(part) : this.#dialogue.conn.write(part.literal));
      this.#dialogue.tell("client", secret ? "***" : `(${size} bytes)`);
    }
    // As above.
    void write(text, shown);
    return tag;
  }

  /** Sends a literal as it comes; one of another size ends the session, which waits for the rest. */
  async #stream({ stream, size }: ImapStream): Promise<void> {
    const { conn } = this.#dialogue;
    let sent = 0;
    try {
      for await (const part of whileOpen(conn, stream)) {
        sent += part.length;
        if (sent > size) break;
        await conn.write(part);
      }
      if (sent === size) return;
      const what = sent > size ? "is longer than" : `ends after ${sent} of`;
      throw new RangeError(`Cannot append a message that ${what} its ${size} bytes`);
    } catch (error) {
      this.#dialogue.abort(error);
      throw error;
    }
  }

  /** Waits until the server wants more. */
  async untilContinue(tag: string, onOther: (response: ImapResponse) => void): Promise<string> {
    for (;;) {
      const response = await this.read();
      if (response.type === "continue") return response.text;
      if (response.type === "tagged" && response.tag === tag) {
        if (response.status !== "OK") throw new CommandRefusal(response);
        throw this.#dialogue.broken("takes a command for done that was not sent whole");
      }
      onOther(response);
    }
  }

  /** The next response; the last literal of a FETCH goes to `onLiteral`, if there is one. */
  async read({ onLiteral, ...first }: ImapReadOptions = {}): Promise<ImapResponse> {
    let wait: Wait | undefined;
    let waited = 0;
    for (;;) {
      const next = this.next(onLiteral !== undefined);
      if (typeof next === "object") return next;
      if (next !== undefined) {
        await this.#pass(next, onLiteral!);
        this.#segments.push(new Uint8Array());
        continue;
      }
      const { length } = this.#segments;
      if (wait === undefined || length !== waited) {
        wait = this.#dialogue.wait(
          length === 0 ? first : this.#literal === undefined ? {} : { ended: WITHIN },
        );
      }
      waited = length;
      await this.#dialogue.more(wait);
    }
  }

  /** The next response if it is here; with `pass` the size of a literal of a FETCH in its place. */
  next(pass = false): ImapResponse | number | undefined {
    const dialogue = this.#dialogue;
    for (;;) {
      if (this.#literal !== undefined) {
        const bytes = dialogue.tryExact(this.#literal);
        if (bytes === undefined) return undefined;
        this.#segments.push(bytes);
        this.#literal = undefined;
      }
      const line = dialogue.tryLine(MAX_LINE);
      if (line === undefined) return undefined;
      this.#segments.push(line);
      this.#total += line.length;
      // What is read of a line takes more memory than the line.
      this.bytes += 2 * line.length + OVERHEAD;
      if (this.bytes > this.most) {
        throw dialogue.broken("sends more than one command may give", "limit");
      }
      const size = literalSize(line, this.#segments.length === 1);
      if (size === undefined) return this.#parse();
      if (this.#total > this.#maxLiteral + MAX_LINE || this.#segments.length > MAX_SEGMENTS) {
        throw dialogue.broken("sends a response that does not end", "limit");
      }
      if (pass && /^\* \d+ FETCH /i.test(this.#segments[0] as string)) return size;
      this.#total += size;
      if (this.#total > this.#maxLiteral + MAX_LINE || size > this.#maxLiteral) {
        throw dialogue.broken(`sends ${size} bytes in one string`, "limit");
      }
      this.bytes += size + OVERHEAD;
      this.#literal = size;
    }
  }

  #parse(): ImapResponse {
    const segments = this.#segments;
    this.#segments = [];
    this.#total = 0;
    try {
      return parseImapResponse(segments);
    } catch (error) {
      if (!(error instanceof ImapSyntaxError)) throw error;
      return this.#dialogue.nonsense(String(segments[0]));
    }
  }

  /** Hands a literal on in pieces, and reads what is left of it. */
  async #pass(size: number, onLiteral: OnLiteral): Promise<void> {
    const dialogue = this.#dialogue;
    if (!Number.isSafeInteger(size)) throw dialogue.broken(`sends ${size} bytes`, "limit");
    let left = size;
    async function* chunks() {
      while (left > 0) {
        const chunk = await dialogue.readChunk(left);
        left -= chunk.length;
        yield chunk;
      }
    }
    const all = chunks();
    await onLiteral(size, all);
    if (left > MAX_DRAIN) {
      throw dialogue.broken(`has ${left} bytes left that nobody wants`, "limit");
    }
    while (!(await all.next()).done);
    while (left > 0) for await (const _ of chunks());
  }
}

/** Whatever comes behind the name of a command that logs in is nobody's business. */
function masked(tag: string, text: string): string {
  const [own = "", verb = ""] = text.split(" ");
  return own === tag ? `${tag} ${verb} ***` : "***";
}

/** A command that was refused where the server was to ask for more. */
export class CommandRefusal extends Error {
  readonly response: Extract<ImapResponse, { type: "tagged" }>;

  constructor(response: Extract<ImapResponse, { type: "tagged" }>) {
    super("refused");
    this.response = response;
  }
}
