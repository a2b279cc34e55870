/** Commands and responses of IMAP over a connection. */

import type { Dialogue } from "./_dialogue.ts";
import {
  type ImapPart,
  type ImapResponse,
  ImapSyntaxError,
  literalSize,
  parseImapResponse,
} from "./imap_codec.ts";

/** Lines and literals of one response. */
const MAX_SEGMENTS = 10_000;
/** Bytes of a line: a folder's flags and a long envelope fit. */
const MAX_LINE = 1024 * 1024;

/** Bytes that nobody wants which are read all the same, to keep the session. */
const MAX_DRAIN = 64 * 1024 * 1024;

/** Takes a literal as it comes; what it does not read is read for it. */
export type OnLiteral = (
  size: number,
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
) => Promise<void>;

/** One end of the dialogue. */
export class ImapLine {
  readonly #dialogue: Dialogue;
  readonly #maxLiteral: number;
  #count = 0;
  /** Whether a response has begun and not ended. */
  midway = false;
  /** Bytes of responses so far, but for what was handed on. */
  bytes = 0;
  /** Whether literals may be sent without being asked for: all, up to 4096 bytes, or none. */
  literals: "all" | "small" | "none" = "none";

  constructor(dialogue: Dialogue, maxLiteral: number) {
    this.#dialogue = dialogue;
    this.#maxLiteral = maxLiteral;
  }

  /** Sends a command; `onAsked` sees what comes while the server is waited for. Gives its tag. */
  async send(
    parts: readonly ImapPart[],
    onAsked: (response: ImapResponse) => void,
    secret = false,
  ): Promise<string> {
    const tag = `a${++this.#count}`;
    let text = `${tag} `;
    let shown = text;
    // Whatever comes behind the name of a command that logs in is nobody's business.
    const write = (line: string, open: string) => {
      const [own = "", verb = ""] = open.split(" ");
      const masked = own === tag ? `${tag} ${verb} ***` : "***";
      return this.#dialogue.writeLine(line, secret ? masked : open);
    };
    for (const part of parts) {
      if (typeof part === "string") {
        text += part;
        shown += part;
        continue;
      }
      const { literal } = part;
      const now = this.literals === "all" || (this.literals === "small" && literal.length <= 4096);
      await write(`${text}{${literal.length}${now ? "+" : ""}}`, shown);
      text = shown = "";
      if (!now) await this.untilContinue(tag, onAsked);
      await this.#dialogue.conn.write(literal);
      this.#dialogue.tell("client", `(${literal.length} bytes)`);
    }
    await write(text, shown);
    return tag;
  }

  /** Waits until the server wants more. */
  async untilContinue(tag: string, onOther: (response: ImapResponse) => void): Promise<string> {
    for (;;) {
      const response = await this.read();
      if (response.type === "continue") return response.text;
      if (response.type === "tagged" && response.tag === tag) throw new Refusal(response);
      onOther(response);
    }
  }

  /** The next response; the last literal of a FETCH goes to `onLiteral`, if there is one. */
  async read(
    options: { timeout?: number; signal?: AbortSignal; onLiteral?: OnLiteral } = {},
  ): Promise<ImapResponse> {
    const { conn, timeout } = this.#dialogue;
    this.midway = false;
    const segments: (string | Uint8Array)[] = [];
    let wait = options.timeout ?? timeout;
    let total = 0;
    for (;;) {
      const signal = segments.length === 0 ? options.signal : undefined;
      const line = await this.#dialogue.readLine({
        max: MAX_LINE,
        timeout: wait,
        ...(signal && { signal }),
      });
      wait = timeout;
      segments.push(line);
      this.midway = true;
      total += line.length;
      this.bytes += line.length;
      const size = literalSize(line, segments.length === 1);
      if (size === undefined) break;
      if (total > this.#maxLiteral + MAX_LINE || segments.length > MAX_SEGMENTS) {
        throw this.#dialogue.broken("sends a response that does not end", "limit");
      }
      if (options.onLiteral !== undefined && /^\* \d+ FETCH /i.test(segments[0] as string)) {
        await this.#pass(size, options.onLiteral);
        segments.push(new Uint8Array());
        continue;
      }
      total += size;
      if (total > this.#maxLiteral + MAX_LINE || size > this.#maxLiteral) {
        throw this.#dialogue.broken(`sends ${size} bytes in one string`, "limit");
      }
      this.bytes += size;
      segments.push(await conn.readExact(size, { timeout }));
    }
    try {
      return parseImapResponse(segments);
    } catch (error) {
      if (!(error instanceof ImapSyntaxError)) throw error;
      throw this.#dialogue.broken(
        `answers with ${JSON.stringify(String(segments[0]).slice(0, 100))}`,
      );
    }
  }

  /** Hands a literal on in pieces, and reads what is left of it. */
  async #pass(size: number, onLiteral: OnLiteral): Promise<void> {
    if (!Number.isSafeInteger(size)) throw this.#dialogue.broken(`sends ${size} bytes`, "limit");
    const dialogue = this.#dialogue;
    const { conn, timeout } = dialogue;
    let left = size;
    async function* chunks() {
      while (left > 0) {
        const buffer = new Uint8Array(Math.min(left, 65_536));
        const n = await conn.read(buffer, { timeout });
        if (n === null) throw dialogue.truncated("ended within a message");
        left -= n;
        yield buffer.subarray(0, n);
      }
    }
    const all = chunks();
    await onLiteral(size, all);
    if (left > MAX_DRAIN) {
      throw this.#dialogue.broken(`has ${left} bytes left that nobody wants`, "limit");
    }
    while (!(await all.next()).done);
    while (left > 0) for await (const _ of chunks());
  }
}

/** A command that was refused where the server was to ask for more. */
export class Refusal extends Error {
  readonly response: Extract<ImapResponse, { type: "tagged" }>;

  constructor(response: Extract<ImapResponse, { type: "tagged" }>) {
    super("refused");
    this.response = response;
  }
}
