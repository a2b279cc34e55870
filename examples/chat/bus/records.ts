/**
 * What nodes tell each other, as it is in the streams of Redis. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Entry, SessionState, UserRecord } from "../archive/archive.ts";

/** A record of the stream `log`. */
export interface LogRecord {
  /** The position. */
  readonly pos: number;
  /** The mark of the record before. */
  readonly previous: string;
  /** The mark: a digest of the content and of the mark before. */
  readonly mark: string;
  /** The number of a line. */
  readonly seq: number;
  /** A line, a user, a file, removed files, a forgotten user; the beginning of an epoch. */
  readonly type: "e" | "u" | "f" | "x" | "k" | "i";
  /** The node that wrote it. */
  readonly node: string;
  /** The room of a line. */
  readonly room: string;
  /** The content; empty for a line. */
  readonly data: string;
  /** The id of a user. */
  readonly user: number;
  /** The state of a session. */
  readonly state: SessionState;
  /** The number of the claim, which distinguishes sessions of a user. */
  readonly fence: string;
  /** Whether the session was of a node that has ended. */
  readonly isAdopted: boolean;
  /** The context of OpenTelemetry of a line; empty without one. */
  readonly trace: string;
}

/** An entry of a stream, as Redis returns it: the id, and names and values. */
export type StreamEntry = readonly [string, readonly string[]];

/** Returns the number of an id of a stream. */
export function numberOf(id: string): number {
  return Number(id.slice(0, id.indexOf("-")));
}

/** Returns the names and values of an entry. */
export function fieldsOf(pairs: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < pairs.length; i += 2) fields.set(pairs[i]!, pairs[i + 1]!);
  return fields;
}

/** Returns a record of the stream `log`. */
export function logRecord([id, pairs]: StreamEntry): LogRecord {
  const fields = fieldsOf(pairs);
  const text = (name: string) => fields.get(name) ?? "";
  return {
    pos: numberOf(id),
    previous: text("p"),
    mark: text("m"),
    seq: Number(text("q")),
    type: text("t") as LogRecord["type"],
    node: text("n"),
    room: text("r"),
    data: text("d"),
    user: Number(text("u")),
    state: text("s") as SessionState,
    fence: text("f"),
    isAdopted: text("a") === "1",
    trace: text("c"),
  };
}

/** Returns the content of a line for its stream. The id of the entry is its number. */
export function encodeEntry({ seq: _, tenure: __, trace: ___, ...content }: Entry): string {
  return JSON.stringify(content);
}

/** Returns a line of a stream. */
export function decodeEntry([id, pairs]: StreamEntry): Entry {
  const data = fieldsOf(pairs).get("d") ?? "{}";
  return { ...JSON.parse(data) as Entry, seq: numberOf(id) };
}

/** Returns a user without the id and the state of the session, which Redis keeps beside it. */
export function encodeUser({ id: _, session: __, ...content }: UserRecord): string {
  return JSON.stringify(content);
}

/** Returns a user. */
export function decodeUser(
  id: number,
  session: SessionState,
  data: string,
): UserRecord & { id: number } {
  return { ...JSON.parse(data) as Omit<UserRecord, "id" | "session">, id, session };
}

/** The owner of a session. */
export interface Owner {
  /** The node that acts for the user. */
  readonly node: string;
  /** The number of the claim. */
  readonly fence: string;
  /** Whether the user is connected. */
  readonly state: SessionState;
}

/** Returns the owner of a session. */
export function decodeOwner(text: string): Owner {
  const [node = "", fence = "", state = "gone"] = text.split("/");
  return { node, fence, state: state as SessionState };
}
