/**
 * What an event looks like in a terminal. Pure.
 *
 * | Line | What it is |
 * |---|---|
 * | `Ann: hello` | a message |
 * | `Ann: *waves*` | a message by `/me` |
 * | `[private] Ann -> Bob: hello` | a private message |
 * | `Bob joined` | a notice to the room |
 * | `* You are Ann …` | an answer of the server to this user alone |
 *
 * A name has no space, no colon, no `*` and no `[` at its start. So whatever somebody is called and
 * whatever he writes, his lines have a colon where a notice has a space.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChatEvent, ChatWelcome } from "./events.ts";
import { type Lang, sentence } from "./words.ts";

/** How many others are named on entering; `/who` names more. */
const NAMED = 20;

/** The most characters of earlier messages, so that they fit the smallest send queue. */
const REPLAYED = 10_000;

/** How an event reads in a terminal. */
export interface TerminalStyle {
  /** The language. */
  readonly lang: Lang;
  /** How many earlier messages a newcomer sees. */
  readonly replay: number;
}

/**
 * Writes an event as lines for a terminal.
 *
 * @param event What happened.
 * @param style How to write it.
 * @returns Lines with their ends; empty when there is nothing to show.
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
    case "reply":
      return serverLines(sentence(lang, event.code, event.params));
    case "bye":
      return serverLines(sentence(lang, `bye-${event.code}`));
    case "welcome":
      return earlier(event, style) + serverLines(whereAmI(event, lang));
  }
}

/**
 * Marks lines as coming from the server.
 *
 * @param text One or more lines.
 * @returns The lines, each with its mark and its end.
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

/** The last messages; that somebody came or went then is of no use now. */
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
