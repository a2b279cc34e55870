/** Messages in Maildirs, and texts that have gone wrong on their way elsewhere. @module */

import { assert } from "@std/assert";
import { delay } from "@std/async/delay";

/** Bodies whose lines end with CRLF, by name. */
export const BODIES: Readonly<Record<string, string>> = {
  "only dots": ".\r\n..\r\n...\r\n",
  "what ends a message": "a\r\n.\r\nMAIL FROM:<x@y.test>\r\n.\r\n",
  "dots everywhere": Array.from({ length: 2000 }, (_, i) => `.${"x.".repeat(i % 40)}\r\n`).join(""),
  "beyond ASCII": "grüße \u{1f600}\r\n.ü\r\n",
  "no line end": ".",
  "nothing": "",
};

/** A header whose subject is to follow. */
export const HEAD =
  "From: ann@b.test\r\nTo: ann@b.test\r\nDate: Mon, 23 Nov 2026 19:00:00 +0000\r\n" +
  "Message-ID: <1@b.test>\r\nSubject: ";

/** Waits until a Maildir has so many messages, and returns their texts. */
export async function untilDelivered(maildir: string, count: number): Promise<string[]> {
  const end = performance.now() + 20_000;
  for (;;) {
    const texts: string[] = [];
    try {
      for await (const { name } of Deno.readDir(`${maildir}/new`)) {
        texts.push(await Deno.readTextFile(`${maildir}/new/${name}`));
      }
    } catch { /* The first message makes the folder. */ }
    if (texts.length >= count) return texts;
    assert(performance.now() < end, `${texts.length} of ${count} messages are there`);
    await delay(20);
  }
}

/** Returns how many of the messages have this subject and body. The store may end lines by LF. */
export function countOf(texts: readonly string[], subject: string, body: string): number {
  const last = body.endsWith("\n") || body === "" ? "" : "\r\n";
  const end = `Subject: ${subject}\r\n\r\n${body}${last}`.replaceAll("\r\n", "\n");
  return texts.filter((text) => text.replaceAll("\r\n", "\n").endsWith(end)).length;
}
