/** Sends IMAP commands and reads responses over a connection. */

import { type Dialogue, type Wait, WITHIN } from "../internal/dialogue.ts";
import {
  type ImapInvalid,
  type ImapPart,
  type ImapResponse,
  ImapSyntaxError,
  literalSize,
  parseImapResponse,
} from "./codec.ts";
import { invalid } from "./_reader.ts";
import { whileOpen } from "../internal/while_open.ts";

/** Maximum number of lines and literals of one response. */
const MAX_SEGMENTS = 10_000;
/** Maximum size of a line in bytes. It is enough for a search that finds two million messages. */
const MAX_LINE = 16 * 1024 * 1024;

/** Memory in bytes that each line and each literal needs besides its content. */
const OVERHEAD = 100;

/**
 * Maximum number of characters that are parsed again, because a server did not escape the line breaks
 * in a string.
 */
const MAX_JOINED = 1024 * 1024;
/** The beginning of an untagged response. Some servers send empty lines. */
const UNTAGGED = /^ *(?:\*|$)/;
/** The beginning of a response. */
const BEGINNING = /^(?:\*|\+)(?: |$)|^a\d+ +(?:OK|NO|BAD)(?: |$)/i;

/** Maximum number of unwanted bytes that are read to keep the session usable. */
const MAX_DRAIN = 64 * 1024 * 1024;

/** Receives a literal as a stream. The bytes that it does not read are read and dropped. */
export type OnLiteral = (
  size: number,
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
) => Promise<void>;

/** A part of a command. The last kind is a literal that is sent as a stream. */
export type CommandPart = ImapPart | ImapStream;

interface ImapStream {
  readonly stream: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;
  readonly size: number;
}

/** Options for reading a response. */
interface ImapReadOptions {
  /** Time limit for the beginning of the response, in milliseconds. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  readonly onLiteral?: OnLiteral;
  /** Whether {@linkcode ImapLine.next} has just found that more bytes are needed. */
  readonly isAwaited?: boolean;
}

/** The lines and literals of a session. */
export class ImapLine {
  readonly #dialogue: Dialogue;
  readonly #maxLiteral: number;
  #count = 0;
  /** The parts of an incomplete response. */
  #segments: (string | Uint8Array)[] = [];
  #total = 0;
  /** The size of the literal that is being read. */
  #literal: number | undefined;
  /** Whether the parts so far are a response that ends within a string or a list. */
  #isTorn = false;
  /** The characters that were parsed to join the lines of the response. */
  #joined = 0;
  /** A line that was read too far. */
  #ahead: string | undefined;
  /** Receives the parts of responses that cannot be read. */
  readonly #onInvalid: (report: ImapInvalid) => void;
  /** Memory of all responses so far in bytes, without streams. */
  bytes = 0;
  /** The limit for `bytes`. */
  most = Infinity;
  /** The literals that may be sent without waiting: all, those up to 4096 bytes, or none (RFC 7888). */
  literals: "all" | "small" | "none" = "none";

  constructor(
    dialogue: Dialogue,
    maxLiteral: number,
    onInvalid: (report: ImapInvalid) => void,
  ) {
    this.#dialogue = dialogue;
    this.#maxLiteral = maxLiteral;
    this.#onInvalid = onInvalid;
  }

  /** Whether a response is incomplete. */
  get midway(): boolean {
    return this.#segments.length > 0 && !this.#isTorn;
  }

  /**
   * Sends a command.
   *
   * @param parts The parts of the command, without a tag.
   * @param onAsked Called with responses that arrive before the server asks for a literal.
   * @param secret Whether the trace masks the arguments.
   * @returns The tag of the command.
   */
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
    // If this fails, reading the response fails, too.
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
      // Long literals are announced first, because the server may reject them.
      const now = !streamed &&
        (this.literals === "all" || (this.literals === "small" && size <= 4096));
      await write(`${text}{${size}${now ? "+" : ""}}`, shown);
      text = shown = "";
      if (!now) await this.untilContinue(tag, onAsked);
      await (streamed ? this.#stream(part) : this.#dialogue.conn.write(part.literal));
      this.#dialogue.tell("client", secret ? "***" : `(${size} bytes)`);
    }
    // If this fails, reading the response fails, too.
    void write(text, shown);
    return tag;
  }

  /** Sends a stream as a literal. If its size is wrong the session ends, because the server waits. */
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
      throw new RangeError(`Cannot append a message that ${what} the given ${size} bytes`);
    } catch (error) {
      this.#dialogue.abort(error);
      throw error;
    }
  }

  /** Waits until the server asks for more. Returns the text of its request. */
  async untilContinue(tag: string, onOther: (response: ImapResponse) => void): Promise<string> {
    for (;;) {
      const response = await this.read();
      if (response.type === "continue") return response.text;
      if (response.type === "tagged" && response.tag === tag) {
        if (response.status !== "OK") throw new CommandRefusal(response);
        throw this.#dialogue.broken("completed a command that was not sent completely");
      }
      onOther(response);
    }
  }

  /** Reads the next response. `onLiteral` receives the literals of a FETCH response. */
  async read({ onLiteral, isAwaited, ...first }: ImapReadOptions = {}): Promise<ImapResponse> {
    let wait: Wait | undefined;
    let waited = 0;
    for (;;) {
      const next = wait === undefined && isAwaited ? undefined : this.next(onLiteral !== undefined);
      if (typeof next === "object") return next;
      if (next !== undefined) {
        await this.#pass(next, onLiteral!);
        this.#segments.push(new Uint8Array());
        continue;
      }
      const { length } = this.#segments;
      if (wait === undefined || length !== waited) {
        wait = this.#dialogue.wait(
          this.midway ? this.#literal === undefined ? {} : { ended: WITHIN } : first,
        );
      }
      waited = length;
      await this.#dialogue.more(wait);
    }
  }

  /** Returns the next response if it has arrived. With `pass` it returns the size of a FETCH literal. */
  next(pass = false): ImapResponse | number | undefined {
    const dialogue = this.#dialogue;
    for (;;) {
      if (this.#literal !== undefined) {
        const bytes = dialogue.tryExact(this.#literal);
        if (bytes === undefined) return undefined;
        this.#segments.push(bytes);
        this.#literal = undefined;
      }
      const line = this.#ahead ?? this.#tryLine();
      if (line === undefined) return undefined;
      this.#ahead = undefined;
      const isTorn = this.#isTorn;
      if (isTorn && (BEGINNING.test(line) || this.#joined > MAX_JOINED)) {
        // The response before this line is not going to be complete.
        this.#ahead = line;
        const response = this.#parse(false);
        if (response !== undefined) return response;
        continue;
      }
      const isFirst = this.#segments.length === 0;
      this.#segments.push(isTorn ? `\r\n${line}` : line);
      this.#total += line.length;
      const size = literalSize(line, isFirst);
      if (size === undefined) {
        this.#joined += isTorn ? line.length + OVERHEAD : 0;
        const response = isTorn && !/[)"] *$/.test(line) ? undefined : this.#parse(true);
        if (response !== undefined) return response;
        continue;
      }
      this.#isTorn = false;
      if (this.#total > this.#maxLiteral + MAX_LINE || this.#segments.length > MAX_SEGMENTS) {
        throw dialogue.broken("sent a response that does not end", "limit");
      }
      if (pass && /^\* +\d+ +FETCH /i.test(this.#segments[0] as string)) return size;
      this.#expect(size);
    }
  }

  #tryLine(): string | undefined {
    const line = this.#dialogue.tryLine(MAX_LINE);
    if (line === undefined) return undefined;
    // The values of a line need more memory than the line itself.
    this.bytes += 2 * line.length + OVERHEAD;
    if (this.bytes > this.most) {
      throw this.#dialogue.broken("sent a larger response than maxResponse allows", "limit");
    }
    return line;
  }

  /** Expects a literal that is kept in memory. */
  #expect(size: number): void {
    this.#total += size;
    if (this.#total > this.#maxLiteral + MAX_LINE || size > this.#maxLiteral) {
      throw this.#dialogue.broken(
        `sent a string of ${size} bytes, which is more than maxLiteral`,
        "limit",
      );
    }
    this.bytes += size + OVERHEAD;
    this.#literal = size;
  }

  /**
   * Parses the parts so far. Untagged responses that cannot be read are reported and skipped.
   *
   * @param mayContinue Whether the response may continue on the next line.
   * @returns The response; undefined if it was skipped, or if more lines may belong to it.
   */
  #parse(mayContinue: boolean): ImapResponse | undefined {
    const segments = this.#segments;
    const text = String(segments[0]);
    const isUntagged = text.startsWith("* ") || UNTAGGED.test(text);
    try {
      const response = parseImapResponse(segments, mayContinue && isUntagged);
      this.#clear();
      // The session reports the parts of messages, and the codes.
      if (response.type === "data" && response.name !== "FETCH") {
        response.invalid?.forEach(this.#onInvalid);
      }
      return response;
    } catch (error) {
      if (!(error instanceof ImapSyntaxError)) throw error;
      if (!isUntagged) return this.#dialogue.nonsense(text);
      if (mayContinue) {
        this.#joined += this.#total;
        this.#isTorn = error.open && this.#joined <= MAX_JOINED && text !== "";
        return this.#isTorn ? undefined : this.#parse(false);
      }
      this.#clear();
      this.#onInvalid(invalid("response", text, error.message));
      return undefined;
    }
  }

  #clear(): void {
    this.#segments = [];
    this.#total = this.#joined = 0;
    this.#isTorn = false;
  }

  /** Passes a literal on as a stream, then reads its rest. */
  async #pass(size: number, onLiteral: OnLiteral): Promise<void> {
    const dialogue = this.#dialogue;
    if (!Number.isSafeInteger(size)) {
      throw dialogue.broken(`sent a literal of ${size} bytes`, "limit");
    }
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
      throw dialogue.broken(`sent ${left} unwanted bytes`, "limit");
    }
    while (!(await all.next()).done);
    while (left > 0) for await (const _ of chunks());
  }
}

/** Returns a command of a login without its arguments, which are secrets. */
function masked(tag: string, text: string): string {
  const [own = "", verb = ""] = text.split(" ");
  return own === tag ? `${tag} ${verb} ***` : "***";
}

/** The error for a command that the server rejected instead of asking for a literal. */
export class CommandRefusal extends Error {
  readonly response: Extract<ImapResponse, { type: "tagged" }>;

  constructor(response: Extract<ImapResponse, { type: "tagged" }>) {
    super("refused");
    this.response = response;
  }
}
