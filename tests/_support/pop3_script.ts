/** A server of POP3 that speaks a script, and the result of a client that has read its mail. @module */

import { type LineServer, lineServer } from "./line_server.ts";

/** A reply: lines without their ends, or `null` to end the connection. */
export type Pop3Say = string | null;

/**
 * What the server says: replies by the beginning of a command, by `greeting`, or by a line of a login.
 * The last of the beginnings that fit decides. LF stands for the end of a line, VT for LF within one.
 */
export type Pop3Script = Readonly<Record<string, Pop3Say>>;

/** What a client reports: a failed step leaves its part out. */
export interface Pop3Report {
  readonly sizes?: readonly (readonly [number: number, size: number])[];
  readonly uids?: readonly (readonly [number: number, uid: string])[];
  readonly first?: string;
  readonly second?: string;
  readonly head?: string;
  readonly deleted?: boolean;
  readonly quit?: boolean;
  /** The first error. */
  readonly error?: string;
}

/** The messages of the usual maildrop. */
export const FIRST = "Subject: one\r\n\r\n.dot\r\n";
export const SECOND = "Subject: two\r\n\r\nend\r\n";

const USUAL: Pop3Script = {
  "greeting": "+OK ready",
  "CAPA": "+OK\nUSER\nUIDL\nTOP\n.",
  "USER": "+OK",
  "PASS": "-ERR wrong",
  "PASS secret": "+OK",
  "STAT": "+OK 2 320",
  "LIST": "+OK\n1 120\n2 200\n.",
  "UIDL": "+OK\n1 abc\n2 def\n.",
  "RETR": "-ERR no such message",
  "RETR 1": "+OK\nSubject: one\n\n..dot\n.",
  "RETR 2": "+OK\nSubject: two\n\nend\n.",
  "TOP 1 0": "+OK\nSubject: one\n\n.",
  "DELE": "+OK",
  "RSET": "+OK",
  "NOOP": "+OK",
  "QUIT": "+OK",
};

/**
 * Starts one.
 *
 * @param script The replies that differ from the usual ones.
 * @param change Changes the bytes of a reply before they are sent; null ends the connection.
 */
export function pop3ScriptServer(
  { lineEnd = "\r\n", ...script }: Pop3Script & { lineEnd?: string },
  change: (reply: string) => string | null = (reply) => reply,
): LineServer {
  const says = Object.entries({ ...USUAL, ...script });
  const reply = (line: string): string | undefined => {
    const [, said = "-ERR what"] = says.findLast(([start]) => line.startsWith(start)) ?? [];
    if (said === null) return undefined;
    return change(said.replaceAll("\n", lineEnd).replaceAll("\v", "\n") + lineEnd) ?? undefined;
  };
  return lineServer(() => reply("greeting") ?? "", (line) => reply(line));
}
