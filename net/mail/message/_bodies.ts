/** Joins the texts of a message to one text and one HTML. Pure. */

import type { MailAddress, MessageHeader, ReadMessage } from "./options.ts";
import { htmlToText } from "./html_to_text.ts";

/** A text in one form or both. */
interface Body {
  text?: string;
  html?: string;
}

/** The texts of a message in their order. The parts of one alternative are one body. */
export class Bodies {
  readonly #bodies = new Map<string, Body>();
  readonly #kinds = new Set<keyof Body>();

  /**
   * Adds a text.
   *
   * @param key Parts with the same key are alternatives.
   */
  add(key: string, kind: keyof Body, text: string): void {
    const body = this.#bodies.get(key) ?? {};
    this.#bodies.set(key, body);
    body[kind] = body[kind] === undefined ? text : `${body[kind]}\n${text}`;
    this.#kinds.add(kind);
  }

  /** Adds the texts of a message that is within this one, with its header. */
  addMessage(key: string, { text, html, ...header }: ReadMessage): void {
    const lines = linesOf(header);
    if (text !== undefined || html === undefined) {
      this.add(key, "text", `${lines.join("\n")}\n\n${text ?? ""}`);
    }
    if (html !== undefined) this.add(key, "html", `${htmlOf(lines.join("\n"))}\n${html}`);
  }

  /** The whole text; undefined if the message has HTML alone, or nothing. */
  get text(): string | undefined {
    return this.#joined("text", "html", htmlToText);
  }

  /** The whole HTML; undefined if no part of the message is HTML. */
  get html(): string | undefined {
    return this.#joined("html", "text", htmlOf);
  }

  /** Joins all texts in one form. Those that lack it are converted. */
  #joined(
    kind: keyof Body,
    other: keyof Body,
    convert: (text: string) => string,
  ): string | undefined {
    if (!this.#kinds.has(kind)) return undefined;
    // `add()` has set at least one form.
    const all = [...this.#bodies.values()].map((body) => body[kind] ?? convert(body[other]!));
    return all.join("\n") || undefined;
  }
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function htmlOf(text: string): string {
  const escaped = text.trimEnd().replace(/[&<>]/g, (character) => ENTITIES[character]!);
  return `<div>${escaped.replaceAll("\n", "<br>\n")}</div>`;
}

/** Returns the header of a message as a reader sees it. */
function linesOf({ from, to, cc, subject, date }: MessageHeader): string[] {
  const who = (all: readonly MailAddress[]) =>
    all.map(({ name, address }) => name === undefined ? address : `${name} <${address}>`).join(
      ", ",
    );
  const fields = {
    From: who(from),
    Subject: subject ?? "",
    Date: date?.toISOString() ?? "",
    To: who(to),
    Cc: who(cc),
  };
  return Object.entries(fields).filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}`);
}
