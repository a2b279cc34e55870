import type { Connection } from "../../net/connection/connection.ts";
import { NetError, type NetPhase } from "../../net/errors/errors.ts";
import { parsePop3Capabilities, parsePop3Status } from "../../net/pop3/codec.ts";
import { parseSmtpExtensions, type SmtpReply, SmtpReplyReader } from "../../net/smtp/codec.ts";
import { FtpReplyReader } from "../../net/ftp/codec.ts";
import { escapeControls, splitWords, upperAscii } from "../../net/text.ts";
import type { StartTlsProtocol } from "./diagnosis.ts";

/** The limits of a dialogue. */
interface Limits {
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/** Maximum number of lines that a server may send before TLS. */
const MAX_LINES = 200;

/** The request for TLS of PostgreSQL: a length of 8 bytes, and the code 80877103. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);

/**
 * Asks a server to begin TLS. The connection must be new.
 *
 * @returns The greeting of the server, escaped; undefined if the protocol has none.
 * @throws {NetError} If the server does not offer TLS, or does not speak the protocol.
 */
export function startTls(
  conn: Connection,
  protocol: StartTlsProtocol,
  limits: Limits,
): Promise<string | undefined> {
  const talk = new Talk(conn, limits);
  switch (protocol) {
    case "smtp":
      return smtp(talk);
    case "imap":
      return imap(talk);
    case "pop3":
      return pop3(talk);
    case "ftp":
      return ftp(talk);
    case "postgres":
      return postgres(talk);
  }
}

/** RFC 3207. */
async function smtp(talk: Talk): Promise<string> {
  const greeting = await talk.reply(new SmtpReplyReader());
  if (greeting.code !== 220) throw talk.refused(greeting);
  await talk.say("EHLO diagnose.invalid");
  const hello = await talk.reply(new SmtpReplyReader());
  if (hello.code !== 250) throw talk.refused(hello);
  if (!parseSmtpExtensions(hello).has("STARTTLS")) throw talk.unavailable();
  await talk.say("STARTTLS");
  const go = await talk.reply(new SmtpReplyReader());
  if (go.code !== 220) throw talk.refused(go);
  return textOf(greeting.lines);
}

/** RFC 9051 §6.2.1. */
async function imap(talk: Talk): Promise<string> {
  const greeting = await talk.line();
  if (!/^\* OK\b/i.test(greeting)) throw talk.strange(greeting);
  await talk.say("a CAPABILITY");
  const words = new Set<string>();
  for (let i = 0; i < MAX_LINES; i++) {
    const line = await talk.line();
    if (/^\* CAPABILITY /i.test(line)) {
      for (const word of splitWords(line)) words.add(upperAscii(word));
    }
    if (!line.startsWith("a ")) continue;
    if (!words.has("STARTTLS")) throw talk.unavailable();
    break;
  }
  await talk.say("b STARTTLS");
  for (let i = 0; i < MAX_LINES; i++) {
    const line = await talk.line();
    if (/^b OK\b/i.test(line)) return textOf([greeting.replace(/^\* OK ?/i, "")]);
    if (line.startsWith("b ")) throw talk.strange(line);
  }
  throw talk.strange("more lines");
}

/** RFC 2595 §4. */
async function pop3(talk: Talk): Promise<string> {
  const greeting = await talk.line();
  if (parsePop3Status(greeting)?.ok !== true) throw talk.strange(greeting);
  await talk.say("CAPA");
  if (parsePop3Status(await talk.line())?.ok) {
    const lines: string[] = [];
    for (let line; lines.length < MAX_LINES && (line = await talk.line()) !== ".";) {
      lines.push(line);
    }
    if (!parsePop3Capabilities(lines).has("STLS")) throw talk.unavailable();
  }
  await talk.say("STLS");
  const answer = await talk.line();
  if (parsePop3Status(answer)?.ok !== true) throw talk.strange(answer);
  return textOf([greeting.replace(/^\+OK ?/i, "")]);
}

/** RFC 4217 §4. */
async function ftp(talk: Talk): Promise<string> {
  const greeting = await talk.reply(new FtpReplyReader());
  if (greeting.code !== 220) throw talk.refused(greeting);
  await talk.say("AUTH TLS");
  const go = await talk.reply(new FtpReplyReader());
  if (go.code === 500 || go.code === 502 || go.code === 504 || go.code === 530) {
    throw talk.unavailable();
  }
  if (go.code !== 234) throw talk.refused(go);
  return textOf(greeting.lines);
}

async function postgres(talk: Talk): Promise<undefined> {
  const answer = await talk.exchange(SSL_REQUEST);
  if (answer === "N") throw talk.unavailable();
  if (answer !== "S") throw talk.strange(answer);
}

/** A dialogue in lines, within its limits. */
class Talk {
  readonly #conn: Connection;
  readonly #limits: Limits;

  constructor(conn: Connection, limits: Limits) {
    this.#conn = conn;
    this.#limits = limits;
  }

  async say(command: string): Promise<void> {
    await this.#conn.write(`${command}\r\n`);
  }

  async line(): Promise<string> {
    const line = await this.#conn.readLine({ ...this.#limits, max: 8192 });
    if (line === null) throw this.#error("truncated", "ends the connection before TLS");
    return line;
  }

  /** Reads a reply of one or several lines. */
  async reply(
    reader: { push(line: string): { code: number; lines: readonly string[] } | undefined },
  ): Promise<Pick<SmtpReply, "code" | "lines">> {
    for (let i = 0; i < MAX_LINES; i++) {
      const line = await this.line();
      // The readers skip odd lines, but a server of another protocol says nothing else.
      if (i === 0 && !/^[1-5]\d\d/.test(line)) throw this.strange(line);
      let reply: { code: number; lines: readonly string[] } | undefined;
      try {
        reply = reader.push(line);
      } catch {
        throw this.strange(line);
      }
      if (reply !== undefined) return reply;
    }
    throw this.strange("more lines");
  }

  /** Sends bytes, and returns the byte that the server answers. */
  async exchange(bytes: Uint8Array): Promise<string> {
    await this.#conn.write(bytes);
    const [byte = 0] = await this.#conn.readExact(1, this.#limits);
    return String.fromCharCode(byte);
  }

  unavailable(): NetError {
    return this.#error("unsupported", "does not offer TLS");
  }

  refused({ code, lines }: Pick<SmtpReply, "code" | "lines">): NetError {
    return this.#error("reply", `refuses TLS: ${code} ${textOf(lines)}`);
  }

  strange(line: string): NetError {
    const shown = escapeControls(line.slice(0, 100));
    return this.#error("protocol", `does not speak the protocol of the URL: it says "${shown}"`);
  }

  #error(kind: "truncated" | "unsupported" | "reply" | "protocol", what: string): NetError {
    const phase: NetPhase = "handshake";
    return new NetError(what, { kind, phase, address: this.#conn.peer });
  }
}

function textOf(lines: readonly string[]): string {
  return escapeControls((lines[0] ?? "").slice(0, 200));
}
