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

import type { ChatEvent, ChatWelcome, HistoryEvent } from "./events.ts";
import { type Lang, sentence } from "./words.ts";

/** How many others are named on entering; `/who` names more. */
const NAMED = 20;

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
  const messages = events.filter((event) => event.type === "message").slice(
    -style.replay || Infinity,
  );
  if (messages.length === 0) return "";
  const lines = messages.map((event) => terminalText(event, style)).join("");
  return serverLines(sentence(style.lang, "earlier", { room })) + lines;
}

/** Encodes what goes to a whole room once for all who see it in one style. */
export class TerminalEncoder {
  readonly #style: TerminalStyle;
  readonly #encoder = new TextEncoder();
  #last: HistoryEvent | undefined;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** @param style How lines are written. */
  constructor(style: TerminalStyle) {
    this.#style = style;
  }

  /**
   * Gives the bytes of an event; for the same event again the same bytes.
   *
   * @param event What happened.
   * @returns UTF-8, not to be changed.
   */
  encode(event: ChatEvent): Uint8Array<ArrayBuffer> {
    if (event === this.#last) return this.#bytes;
    const bytes = this.#encoder.encode(terminalText(event, this.#style));
    if (event.type === "message" || event.type === "notice") {
      this.#last = event;
      this.#bytes = bytes;
    }
    return bytes;
  }
}
