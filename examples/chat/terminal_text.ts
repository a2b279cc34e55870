/**
 * The format of events in a terminal. Pure.
 *
 * | Line | Meaning |
 * |---|---|
 * | `Ann: hello` | a message; each line of a longer one begins with the name |
 * | `Ann: *waves*` | a message by `/me` |
 * | `Ann: > Bob: hello` | the beginning of the message that the next line answers |
 * | `Ann: [file] tea.png (12 KiB) /files/…` | a file, which the page serves |
 * | `Ann: hi (edited)` | the new text of a message |
 * | `[private] Ann -> Bob: hello` | a private message |
 * | `Bob joined`, `Bob reacted with 👍` | a notice to the room |
 * | `* You are Ann …` | a line of the server to this user alone |
 *
 * A name has no space and no colon, and does not start with `*` or `[`. A message therefore has a colon
 * where a notice has a space, whatever the user writes.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type {
  ChangeEvent,
  ChatEvent,
  ChatHistory,
  ChatMessage,
  ChatPrivate,
  ChatReply,
  ChatResults,
  ChatWelcome,
  HistoryEvent,
  Hit,
  Posted,
  Quote,
  Reactions,
} from "./events.ts";
import { enumerate, neutralise } from "./safe_text.ts";
import { type Lang, sentence } from "./words.ts";

/** The number of users that the welcome names; `/who` lists all. */
const NAMED = 20;

/** The maximum characters of earlier messages, so that they fit into the smallest send queue. */
export const REPLAYED = 10_000;

/** The maximum characters of a quoted message, and of a found one. */
const QUOTED = 60;
const FOUND = 200;

/** The number of found messages that are shown. */
const SHOWN = 20;

/** The format of a terminal. */
export interface TerminalStyle {
  /** The language of notices and answers. */
  readonly lang: Lang;
  /** The number of earlier messages in the welcome. */
  readonly replay: number;
}

/**
 * Formats an event as lines for a terminal.
 *
 * @param event The event of the chat.
 * @param style The language and the number of earlier messages.
 * @param author The author of the message that a reaction is about, if it is known.
 * @returns Lines with line ends; empty if there is nothing to show.
 */
export function terminalText(event: ChatEvent, style: TerminalStyle, author?: string): string {
  const { lang } = style;
  switch (event.type) {
    case "message":
      return messageLines(event, lang);
    case "notice":
      return `${sentence(lang, event.code, event.params)}\n`;
    case "private":
      return messageLines(event, lang);
    case "edit":
    case "delete":
    case "reaction":
      return changeLines(event, lang, author);
    case "history":
      return historyLines(event, lang);
    case "results":
      return serverLines(resultLines(event, lang).join("\n"));
    case "reply":
      return serverLines(answer(event, lang));
    case "error":
      return serverLines(sentence(lang, event.code, event.params));
    case "bye":
      return serverLines(sentence(lang, `bye-${event.code}`));
    case "welcome":
      return earlier(event, style) + serverLines(whereAmI(event, lang));
  }
}

/** Returns the beginning of a line, which says who wrote it. */
function authorOf(event: ChatMessage | ChatPrivate, lang: Lang): string {
  return event.type === "message"
    ? `${event.from}: `
    : `[${sentence(lang, "private")}] ${event.from} -> ${event.to}: `;
}

function messageLines(event: ChatMessage | ChatPrivate, lang: Lang): string {
  const prefix = authorOf(event, lang);
  // Most messages are one line and nothing else.
  if (isPlain(event)) return `${prefix}${event.text}\n`;
  return prefixed(prefix, bodyLines(event, lang));
}

function isPlain({ text, action, reply, files, edited, deleted, reactions }: Posted): boolean {
  return !action && reply === undefined && files === undefined && edited === undefined &&
    deleted === undefined && reactions === undefined && !text.includes("\n");
}

/** Returns the lines of a message. None of them can be taken for the line of another user. */
function bodyLines(event: Posted, lang: Lang): string[] {
  const { reply, files = [], reactions = {} } = event;
  const lines = reply === undefined ? [] : [quoteLine(reply, lang)];
  const text = textOf(event, lang);
  if (text !== "" || files.length === 0) lines.push(...text.split("\n"));
  for (const { name, size, id } of files) {
    lines.push(`[${sentence(lang, "file")}] ${neutralise(name)} (${sizeText(size)}) /files/${id}`);
  }
  lines.push(...reactionLines(reactions));
  return lines;
}

function textOf({ text, action, edited, deleted }: Posted, lang: Lang): string {
  if (deleted) return `(${sentence(lang, "deleted-text")})`;
  const said = action ? `*${text}*` : text;
  return edited === undefined || said === "" ? said : `${said} (${sentence(lang, "edited")})`;
}

function quoteLine({ from, text }: Quote, lang: Lang): string {
  return `> ${from}: ${
    text === "" ? `(${sentence(lang, "deleted-text")})` : firstWords(text, QUOTED)
  }`;
}

function reactionLines(reactions: Reactions): string[] {
  const parts = Object.entries(reactions).map(([emoji, names]) => `${emoji} ${enumerate(names)}`);
  return parts.length === 0 ? [] : [`[${parts.join("; ")}]`];
}

function changeLines(event: ChangeEvent, lang: Lang, author: string | undefined): string {
  const { from, peer } = event;
  const place = peer === undefined ? "" : `[${sentence(lang, "private")}] `;
  if (event.type === "edit") {
    return prefixed(`${place}${from}: `, `${event.text} (${sentence(lang, "edited")})`.split("\n"));
  }
  if (event.type === "delete") return `${place}${sentence(lang, "deleted", { from })}\n`;
  const code = event.on ? "reacted" : "unreacted";
  const to = author === undefined ? "" : ` (${sentence(lang, "to", { author })})`;
  return `${place}${sentence(lang, code, { from, emoji: event.emoji })}${to}\n`;
}

function historyLines(event: ChatHistory, lang: Lang): string {
  const { lines, more } = newestThatFit(event.events, lang);
  const begin = lines === ""
    ? ""
    : serverLines(sentence(lang, "earlier", { room: event.room ?? "" }));
  const code = event.more || more ? "history-more" : "history-end";
  return begin + lines + serverLines(sentence(lang, code));
}

/** The newest messages of a history, as many as a terminal can take at once. */
interface Shown {
  /** The formatted messages. */
  readonly lines: string;
  /** The number of the oldest one; undefined if there is none. */
  readonly oldest: number | undefined;
  /** Whether older ones do not fit. */
  readonly more: boolean;
}

/**
 * Formats the newest messages of a history.
 *
 * @param events The events, oldest first. Only messages count.
 * @param lang The language of the words around the messages.
 * @param max The maximum number of messages. @default no limit
 * @returns The lines, and the oldest message among them.
 */
export function newestThatFit(
  events: readonly HistoryEvent[],
  lang: Lang,
  max = Infinity,
): Shown {
  const messages = events.filter((event) => event.type === "message" || event.type === "private");
  let [lines, at] = ["", messages.length];
  while (at > 0 && messages.length - at < max) {
    const line = messageLines(messages[at - 1]!, lang);
    if (lines.length + line.length > REPLAYED) {
      // A message that never fits would hide all older ones.
      if (lines === "") lines = `${line.slice(0, REPLAYED).toWellFormed()}…\n`;
      else break;
    } else lines = line + lines;
    at--;
  }
  return { lines, oldest: messages[at]?.seq, more: at > 0 };
}

function resultLines({ hits, more }: ChatResults, lang: Lang): string[] {
  if (hits.length === 0) return [sentence(lang, more ? "results-none-yet" : "results-none")];
  // The newest one is last, where the reader looks.
  const lines = hits.slice(0, SHOWN).reverse().map((hit) => hitLine(hit, lang));
  return more || hits.length > SHOWN ? [...lines, sentence(lang, "results-more")] : lines;
}

function hitLine({ at, room, with: other = "", from, text }: Hit, lang: Lang): string {
  const time = new Date(at).toISOString().slice(0, 16).replace("T", " ");
  const place = room === undefined ? `[${sentence(lang, "private")} ${other}]` : `#${room}`;
  return `${time} UTC ${place} ${from}: ${firstWords(text, FOUND)}`;
}

function answer({ code, params }: ChatReply, lang: Lang): string {
  const text = sentence(lang, code, params);
  return code === "help" ? `${text}\n${sentence(lang, "help-terminal")}` : text;
}

/** Returns the beginning of a text in one line. */
function firstWords(text: string, max: number): string {
  const [line = "", ...rest] = text.split("\n");
  const characters = Array.from(
    graphemes.segment(line.slice(0, max * 12)),
    ({ segment }) => segment,
  );
  const short = characters.slice(0, max).join("");
  return short.length < line.length || rest.length > 0 ? `${short}…` : short;
}

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/** Returns a size for people, such as `12 KiB`. */
function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.ceil(bytes / 1024)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function prefixed(prefix: string, lines: readonly string[]): string {
  return lines.map((line) => `${prefix}${line}\n`).join("");
}

/**
 * Marks lines as lines of the server.
 *
 * @param text One or more lines.
 * @returns The lines, each with the mark and a line end.
 */
export function serverLines(text: string): string {
  return text.split("\n").map((line) => `* ${line}\n`).join("");
}

function whereAmI({ name, room, members }: ChatWelcome, lang: Lang): string {
  const others = members.filter((other) => other !== name);
  if (others.length === 0) return sentence(lang, "alone", { name, room });
  const more = others.length - NAMED;
  const names = others.slice(0, NAMED).join(", ");
  const rest = more > 0 ? sentence(lang, "more", { count: `${more}` }) : "";
  return sentence(lang, "welcome", { name, room, others: names + rest });
}

/** Returns the last messages. */
function earlier({ events, room }: ChatWelcome, { lang, replay }: TerminalStyle): string {
  const { lines } = newestThatFit(events, lang, replay);
  return lines === "" ? "" : serverLines(sentence(lang, "earlier", { room })) + lines;
}
