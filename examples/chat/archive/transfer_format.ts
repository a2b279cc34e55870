/**
 * The lines of an export: one JSON object a line, with a `type`. Pure.
 *
 * The first line is `store`, the last one `end`. Between them are all users, rooms and files, and then all
 * messages and changes by number.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { neutralise } from "../safe_text.ts";
import { ArchiveError } from "./archive_error.ts";
import type { ChangeEntry, EntryBase, StoredReaction } from "./entries.ts";
import {
  conversationUsers,
  type FileRecord,
  type RoomKey,
  type RoomRef,
  type SessionState,
} from "./records.ts";

/** The version of the format. */
export const FORMAT = 1;

/** The first line. */
export interface StoreLine {
  readonly type: "store";
  readonly format: number;
  readonly epoch: string;
  readonly lastSeq: number;
  /** The highest id of a user that was ever given. */
  readonly lastUser?: number;
  readonly removed: number;
}

/** A user. */
export interface UserLine {
  readonly type: "user";
  readonly id: number;
  readonly tokenHash?: string;
  readonly name: string;
  readonly rooms: readonly RoomRef[];
  readonly seenAt: number;
  readonly session: SessionState;
}

/** A room or a conversation. */
export interface RoomLine {
  readonly type: "room";
  readonly key: RoomKey;
  readonly name: string;
  readonly removed: number;
}

/** The description of a file. */
export interface FileLine extends Omit<FileRecord, "type"> {
  readonly type: "file";
  readonly mediaType: string;
  readonly named: boolean;
}

/** A message in its current state. */
export interface MessageLine extends EntryBase {
  readonly type: "message";
  readonly text: string;
  readonly action: boolean;
  readonly deleted: boolean;
  readonly reply?: number;
  readonly editedAt?: number;
  readonly files: readonly string[];
  readonly reactions: readonly (StoredReaction & { readonly seq: number })[];
}

/** A change, which a reader who was away must learn. */
export interface ChangeLine extends EntryBase {
  readonly type: "change";
  readonly change: ChangeEntry["kind"];
  readonly target: number;
  readonly emoji?: string;
  readonly on?: boolean;
}

/** The last line, by which a cut export is noticed. */
export interface EndLine {
  readonly type: "end";
  readonly lines: number;
}

/** Every line of an export. */
export type TransferLine =
  | StoreLine
  | UserLine
  | RoomLine
  | FileLine
  | MessageLine
  | ChangeLine
  | EndLine;

/** A check of one field. */
interface Field {
  readonly requires: string;
  readonly accepts: (value: unknown) => boolean;
  readonly optional?: true;
}

/** Control characters except the line end. The chat never stores them. */
const CONTROLS = /(?!\n)\p{Cc}/u;

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.isWellFormed() && !CONTROLS.test(value);

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

const TEXT: Field = { requires: "a text without control characters", accepts: isText };
const COUNT: Field = { requires: "an integer of at least 0", accepts: isCount };
const ID: Field = {
  requires: "an integer of at least 1",
  accepts: (value) => isCount(value) && (value as number) > 0,
};
const FLAG: Field = { requires: "true or false", accepts: (value) => typeof value === "boolean" };
const ROOM: Field = {
  requires: "the key of a room or a conversation",
  accepts: (value) =>
    isText(value) && (/^#./.test(value) || conversationUsers(value) !== undefined),
};
/** A user is in rooms only. The key of a conversation would let the user read it. */
const PUBLIC: Field = {
  requires: "the key of a room",
  accepts: (value) => isText(value) && /^#./.test(value),
};
const TEXTS: Field = {
  requires: "an array of texts",
  accepts: (value) => Array.isArray(value) && value.every(isText),
};
const FORMATS: Field = { requires: `${FORMAT}`, accepts: (value) => value === FORMAT };

function optional(field: Field): Field {
  return { ...field, optional: true };
}

function oneOf(...words: readonly string[]): Field {
  return { requires: words.join(" or "), accepts: (value) => words.includes(value as string) };
}

function arrayOf(shape: Readonly<Record<string, Field>>): Field {
  const names = Object.keys(shape).join(", ");
  return {
    requires: `an array of objects with ${names}`,
    accepts: (value) =>
      Array.isArray(value) && value.every((one) => misfit(shape, one) === undefined),
  };
}

const EVENT = { seq: ID, at: COUNT, room: ROOM, user: ID, name: TEXT, line: optional(TEXT) };

const SHAPES: Readonly<Record<TransferLine["type"], Readonly<Record<string, Field>>>> = {
  store: {
    format: FORMATS,
    epoch: TEXT,
    lastSeq: COUNT,
    lastUser: optional(COUNT),
    removed: COUNT,
  },
  user: {
    id: ID,
    tokenHash: optional(TEXT),
    name: TEXT,
    rooms: arrayOf({ key: PUBLIC, name: TEXT }),
    seenAt: COUNT,
    session: oneOf("online", "away", "gone"),
  },
  room: { key: ROOM, name: TEXT, removed: COUNT },
  file: {
    id: TEXT,
    name: TEXT,
    mediaType: TEXT,
    size: COUNT,
    sha256: TEXT,
    user: ID,
    at: COUNT,
    named: FLAG,
  },
  message: {
    ...EVENT,
    text: TEXT,
    action: FLAG,
    deleted: FLAG,
    reply: optional(ID),
    editedAt: optional(COUNT),
    files: TEXTS,
    reactions: arrayOf({ emoji: TEXT, user: ID, name: TEXT, seq: ID }),
  },
  change: {
    ...EVENT,
    change: oneOf("edit", "delete", "reaction"),
    target: ID,
    emoji: optional(TEXT),
    on: optional(FLAG),
  },
  end: { lines: COUNT },
};

/**
 * Returns a line of an import.
 *
 * @param text The line without its end.
 * @param number The number of the line, the first is 1.
 * @throws {ArchiveError} With the kind `bad-line`, the number and the reason.
 */
export function decodeLine(text: string, number: number): TransferLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badLine(number, "it is not JSON", error);
  }
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type !== "string" || !Object.hasOwn(SHAPES, type)) {
    throw badLine(number, `its type must be one of ${Object.keys(SHAPES).join(", ")}`);
  }
  // The file can come from anywhere, so every field is checked before the value gets its type.
  const problem = misfit(SHAPES[type as TransferLine["type"]], value);
  if (problem !== undefined) throw badLine(number, problem);
  return harmless(value) as TransferLine;
}

/**
 * Returns a value of JSON with harmless texts. Only the text of a message has several lines: a line end or a
 * change of direction in a name could show a line of somebody else.
 */
function harmless(value: unknown, field = ""): unknown {
  if (typeof value === "string") {
    return field === "text" ? value.split("\n").map(neutralise).join("\n") : neutralise(value);
  }
  if (Array.isArray(value)) return value.map((one) => harmless(one));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, harmless(one, name)]),
  );
}

/** Returns the error for a line of an import. */
export function badLine(number: number, reason: string, cause?: unknown): ArchiveError {
  return new ArchiveError("bad-line", `Cannot import line ${number}: ${reason}`, { cause });
}

/** Returns what is wrong with an object. */
function misfit(shape: Readonly<Record<string, Field>>, value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "it must be an object";
  for (const [name, field] of Object.entries(shape)) {
    const given = (value as Readonly<Record<string, unknown>>)[name];
    if (given === undefined && field.optional === true) continue;
    if (!field.accepts(given)) return `${name} must be ${field.requires}`;
  }
  return undefined;
}
