/**
 * The messages between the page and the server: one JSON object per text frame. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChatEvent, ChatReply, HistoryQuery, SearchRequest } from "./events.ts";
import type { JoinRequest, LineOptions, Since } from "./member.ts";
import type { LineTrace } from "./page_traces.ts";
import { type Lang, sentence } from "./words.ts";

/** The maximum number of rooms in a message, of files of a line, and of events that were shown. */
const [MAX_ROOMS, MAX_FILES, MAX_TRACES] = [50, 10, 100];

/** A message from a browser. */
export type Command =
  | ({ readonly type: "join"; readonly lang?: Lang } & JoinRequest)
  | {
    readonly type: "say";
    readonly text: string;
    readonly options: LineOptions;
    readonly trace: LineTrace;
  }
  | { readonly type: "shown"; readonly traces: readonly string[] }
  | { readonly type: "edit"; readonly target: number; readonly text: string; readonly id?: number }
  | { readonly type: "delete"; readonly target: number; readonly id?: number }
  | {
    readonly type: "react";
    readonly target: number;
    readonly emoji: string;
    readonly on: boolean;
    readonly id?: number;
  }
  | { readonly type: "history"; readonly query: HistoryQuery }
  | { readonly type: "search"; readonly request: SearchRequest }
  | { readonly type: "leave"; readonly room: string; readonly id?: number }
  | { readonly type: "lang"; readonly lang: Lang }
  | { readonly type: "rooms" }
  | { readonly type: "ping"; readonly id?: number };

type Fields = Readonly<Record<string, unknown>>;

/** Removes the fields that are undefined. */
type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/**
 * Parses a message from a browser.
 *
 * @param data The text of the frame.
 * @returns The message; undefined if it is invalid.
 */
export function readCommand(data: string): Command | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  return commandOf(value as Fields);
}

function commandOf(fields: Fields): Command | undefined {
  const { type } = fields;
  const [text, target, id] = [textOf(fields.text), numberOf(fields.target), numberOf(fields.id)];
  const withId = given({ id });
  switch (type) {
    case "join":
      return joinOf(fields);
    case "say":
      if (text === undefined) return undefined;
      return { type, text, options: lineOf(fields), trace: traceOf(fields) };
    case "shown":
      return { type, traces: textsOf(fields.traces, MAX_TRACES) ?? [] };
    case "edit":
      if (target === undefined || text === undefined) return undefined;
      return { type, target, text, ...withId };
    case "delete":
      return target === undefined ? undefined : { type, target, ...withId };
    case "react": {
      const [emoji, { on }] = [textOf(fields.emoji), fields];
      if (target === undefined || emoji === undefined || typeof on !== "boolean") return undefined;
      return { type, target, emoji, on, ...withId };
    }
    case "history":
      return { type, query: historyOf(fields) };
    case "search": {
      const query = textOf(fields.query);
      const range = given({ id, room: textOf(fields.room), before: numberOf(fields.before) });
      return query === undefined ? undefined : { type, request: { query, ...range } };
    }
    case "leave": {
      const room = textOf(fields.room);
      return room === undefined ? undefined : { type, room, ...withId };
    }
    case "lang": {
      const lang = langOf(fields.lang);
      return lang && { type, lang };
    }
    case "ping":
      return { type, ...withId };
    case "rooms":
      return { type };
    default:
      return undefined;
  }
}

function joinOf(fields: Fields): Command | undefined {
  const name = textOf(fields.name);
  if (name === undefined) return undefined;
  const more = given({
    room: textOf(fields.room),
    rooms: textsOf(fields.rooms, MAX_ROOMS),
    lang: langOf(fields.lang),
    since: sinceOf(fields.since),
    token: textOf(fields.token),
  });
  return { type: "join", name, ...more };
}

function lineOf({ id, room, peer, reply, files }: Fields): LineOptions {
  return given({
    id: numberOf(id),
    room: textOf(room),
    peer: textOf(peer),
    reply: numberOf(reply),
    files: textsOf(files, MAX_FILES),
  });
}

function traceOf({ traceparent, waited }: Fields): LineTrace {
  return given({ parent: textOf(traceparent), waited: numberOf(waited) });
}

function historyOf({ id, room, peer, before, around, limit }: Fields): HistoryQuery {
  return given({
    id: numberOf(id),
    room: textOf(room),
    peer: textOf(peer),
    before: numberOf(before),
    around: numberOf(around),
    limit: numberOf(limit),
  });
}

function sinceOf(value: unknown): Since | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { epoch, seq, rooms } = value as Fields;
  const [good, number] = [textOf(epoch), numberOf(seq)];
  if (good === undefined || number === undefined) return undefined;
  return { epoch: good, seq: number, ...given({ rooms: textsOf(rooms, MAX_ROOMS) }) };
}

function given<T extends object>(fields: T): Given<T> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Given<T>;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? value as number : undefined;
}

function textsOf(value: unknown, most: number): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((item) => typeof item === "string").slice(0, most);
}

function langOf(value: unknown): Lang | undefined {
  return value === "zh" || value === "en" ? value : undefined;
}

/**
 * Encodes an event for a page.
 *
 * @param event The event of the chat.
 * @param lang The language of the recipients.
 * @param own Whether the recipient caused the event. Default: false.
 * @returns The JSON text of the frame.
 */
export function encodeEvent(event: ChatEvent, lang: Lang, own = false): string {
  return JSON.stringify(toMessage(event, lang, own));
}

/** Returns the message for the page. Notices, answers and errors contain their sentence. */
function toMessage(event: ChatEvent, lang: Lang, own: boolean): object {
  switch (event.type) {
    case "message":
    case "private":
    case "edit":
    case "delete":
    case "reaction":
      return { ...event, own };
    case "reply":
      return { ...event, own, text: answerText(event, lang) };
    case "notice":
      return { ...event, own, text: sentence(lang, event.code, event.params) };
    case "error":
      return { ...event, text: sentence(lang, event.code, event.params) };
    case "bye":
      return { ...event, text: sentence(lang, `bye-${event.code}`, {}) };
    case "welcome":
    case "history":
    case "results":
      return event;
  }
}

function answerText({ code, params }: ChatReply, lang: Lang): string {
  const text = sentence(lang, code, params);
  return code === "help" ? `${text}\n${sentence(lang, "help-page")}` : text;
}
