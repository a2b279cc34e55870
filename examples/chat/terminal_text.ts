/**
 * The format of events in a terminal. Pure.
 *
 * | Line | Meaning |
 * |---|---|
 * | `Ann: hello` | a message |
 * | `Ann: *waves*` | a message by `/me` |
 * | `[private] Ann -> Bob: hello` | a private message |
 * | `Bob joined` | a notice to the room |
 * | `* You are Ann …` | a line of the server to this user alone |
 *
 * A name has no space and no colon, and does not start with `*` or `[`. A message therefore has a colon
 * where a notice has a space, whatever the user writes.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChatEvent, ChatWelcome } from "./events.ts";
import { type Lang, sentence } from "./words.ts";

/** The number of users that the welcome names; `/who` lists all. */
const NAMED = 20;

/** The maximum characters of earlier messages, so that they fit into the smallest send queue. */
export const REPLAYED = 10_000;

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
 * @returns Lines with line ends; empty if there is nothing to show.
 */
export function terminalText(event: ChatEvent, style: TerminalStyle): string {
  const { lang } = style;
  switch (event.type) {
    case "message":
      return `${event.from}: ${event.action ? `*${event.text}*` : event.text}\n`;
    case "notice":
      return `${sentence(lang, event.code, event.params)}\n`;
    case "private":
      return `[${sentence(lang, "private")}] ${event.from} -> ${event.to}: ${event.text}\n`;
    case "edit":
      return `${event.from}: ${event.text} (edited)\n`;
    case "delete":
    case "reaction":
    case "history":
    case "results":
      return "";
    case "reply":
    case "error":
      return serverLines(sentence(lang, event.code, event.params));
    case "bye":
      return serverLines(sentence(lang, `bye-${event.code}`));
    case "welcome":
      return earlier(event, style) + serverLines(whereAmI(event, lang));
  }
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

/** Returns the last messages. Old notices are left out. */
function earlier({ events, room }: ChatWelcome, style: TerminalStyle): string {
  const messages = events.filter((event) => event.type === "message");
  let lines = "";
  for (let i = messages.length - 1; i >= messages.length - style.replay && i >= 0; i--) {
    const line = terminalText(messages[i]!, style);
    if (lines.length + line.length > REPLAYED) break;
    lines = line + lines;
  }
  return lines === "" ? "" : serverLines(sentence(style.lang, "earlier", { room })) + lines;
}
