/** A server of SMTP that speaks a script, and remembers who got which message. @module */

import type { Connection } from "../../net/connection/connection.ts";
import { type LineServer, lineServer } from "./line_server.ts";

/** A reply: lines without their ends, or `null` to end the connection. */
export type Say = string | null;

/**
 * What the server says: replies by the beginning of a command, by `greeting`, by `.` for the end of a
 * message, or by a line of a login. A list has a reply for each time; the last one repeats. A function
 * gets the number of recipients that the message has already.
 */
export type Script = Readonly<Record<string, Say | readonly Say[] | ((taken: number) => Say)>>;

/** A message that the server has taken. */
export interface Delivery {
  readonly to: readonly string[];
  readonly text: string;
}

/** A running server. */
export interface ScriptServer extends LineServer {
  readonly delivered: Delivery[];
  /** Commands that are none: text of a message that was taken for commands, for example. */
  readonly strange: string[];
}

/** The replies without a script. */
const USUAL: Script = {
  "greeting": "220 script.test ESMTP",
  "EHLO": "250-script.test\n250 PIPELINING",
  "HELO": "250 script.test",
  "MAIL": "250 2.1.0 ok",
  "RCPT": "250 2.1.5 ok",
  "DATA": "354 go on",
  ".": "250 2.0.0 queued",
  "RSET": "250 ok",
  "NOOP": "250 ok",
  "QUIT": "221 bye",
};

/** The name of the reply to DATA after no recipient was accepted. */
const EMPTY = "DATA without recipients";

const VERBS = /^(?:EHLO|HELO|MAIL FROM:<|RCPT TO:<|DATA$|RSET$|NOOP$|QUIT$|AUTH )/i;

/**
 * Starts one.
 *
 * @param script The replies that differ from the usual ones.
 * @param change Changes the bytes of a reply before they are sent; null ends the connection.
 */
export function scriptServer(
  script: Script,
  change: (reply: string) => string | null = (reply) => reply,
): ScriptServer {
  const delivered: Delivery[] = [];
  const strange: string[] = [];
  const says = { ...USUAL, ...script };
  const turns = new Map<string, number>();
  const reply = (line: string): string | null | undefined => {
    const upper = line.toUpperCase();
    const [found, value] = Object.entries(says)
      .filter(([start]) => upper.startsWith(start.toUpperCase()))
      .sort(([a], [b]) => b.length - a.length)[0] ?? [];
    if (found === undefined || value === undefined) return undefined;
    const turn = turns.get(found) ?? 0;
    turns.set(found, turn + 1);
    const said = typeof value === "string" || value === null
      ? value
      : typeof value === "function"
      ? value(to.length)
      : value[Math.min(turn, value.length - 1)]!;
    return said === null ? null : change(said.replaceAll("\n", "\r\n") + "\r\n");
  };
  let to: string[] = [];
  let next: Delivery | undefined;
  let hasSender = false;
  const server = lineServer(() => reply("greeting") ?? "", async (line, conn) => {
    if (/^RCPT/i.test(line) && !hasSender) return "503 no sender\r\n";
    const isEmpty = /^DATA/i.test(line) && to.length === 0;
    if (isEmpty && script[EMPTY] === undefined) return "503 no recipients\r\n";
    const said = reply(isEmpty ? EMPTY : line);
    if (said === undefined) {
      strange.push(line);
      return "500 what\r\n";
    }
    if (!VERBS.test(line) && script[line] === undefined) strange.push(line);
    if (said === null) return undefined;
    const isTaken = codeOf(said) === "2";
    const [, address] = /^RCPT TO:<(.*?)>/i.exec(line) ?? [];
    if (address !== undefined && isTaken) to.push(address);
    if (/^(?:MAIL|RSET|EHLO|HELO)/i.test(line)) {
      to = [];
      hasSender = isTaken && /^MAIL/i.test(line);
    }
    if (/^DATA/i.test(line) && codeOf(said) === "3") {
      next = { to, text: "" };
      await conn.write(said);
      const text = await textFrom(conn);
      if (text === undefined) return undefined;
      const end = reply(".");
      if (end === null || end === undefined) return undefined;
      if (codeOf(end) === "2") delivered.push({ ...next, text });
      to = [];
      hasSender = false;
      return end;
    }
    if (codeOf(said, "421")) {
      await conn.write(said);
      return undefined;
    }
    return said;
  });
  return Object.assign(server, { delivered, strange });
}

/** Returns the first digit of the last line with a code, or whether its code is `code`. */
function codeOf(said: string): string | undefined;
function codeOf(said: string, code: string): boolean;
function codeOf(said: string, code?: string): string | boolean | undefined {
  const last = said.split("\r\n").findLast((line) => /^\d{3}/.test(line));
  return code === undefined ? last?.[0] : last?.startsWith(code) === true;
}

async function textFrom(conn: Connection): Promise<string | undefined> {
  let text = "";
  for (let line; (line = await conn.readLine()) !== ".";) {
    if (line === null) return undefined;
    text += `${line.replace(/^\./, "")}\n`;
  }
  return text;
}
