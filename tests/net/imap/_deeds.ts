/** The deeds of the dialogues, as the IMAP client of this package does them. @module */

import type { ImapClient, ImapMessage } from "../../../net/imap/client.ts";
import type { ImapBodyPart } from "../../../net/imap/message.ts";
import type { Deed } from "./_dialogues.ts";

/**
 * Returns the bytes of an answer: UTF-8, or Latin 1 if a literal would have another size. The result of
 * the command follows unless the answer has one.
 */
export function bytesOf(says: string, tag: string): Uint8Array<ArrayBuffer> {
  const text = says.replaceAll("$T", tag);
  const isOver = new RegExp(`(?:^|\\n)(?:${tag} |OK done|zz9 )`).test(text);
  const whole = `${text}\r\n${isOver ? "" : `${tag} OK done\r\n`}`;
  return whole.includes("caf\xe9")
    ? Uint8Array.from(whole, (one) => one.charCodeAt(0))
    : new TextEncoder().encode(whole);
}

const leaves = (part: ImapBodyPart): string[] =>
  part.type.startsWith("multipart/") ? part.parts.flatMap(leaves) : [part.type];

/** How a deed is done, and what comes of it. */
export const DEEDS: Record<Deed, (mail: ImapClient) => Promise<unknown>> = {
  list: async (mail) => (await mail.list()).map(({ name }) => name),
  select: async (mail) => (await mail.select("INBOX")).exists,
  status: async (mail) => (await mail.status("INBOX")).messages,
  search: (mail) => mail.search(),
  copy: async (mail) => void await mail.copy(7, "Archive"),
  move: async (mail) => void await mail.move(7, "Archive"),
  noop: (mail) => mail.noop(),
  flags: async (mail) => (await seven(mail, { flags: true, size: true }))?.flags,
  subject: async (mail) => (await seven(mail, { envelope: true }))?.envelope?.subject,
  to: async (mail) =>
    (await seven(mail, { envelope: true }))?.envelope?.to.map(({ address }) => address),
  size: async (mail) => (await seven(mail, { size: true }))?.size,
  date: async (mail) => (await seven(mail, { internalDate: true }))?.internalDate?.getTime(),
  parts: async (mail) => leaves((await seven(mail, { bodyStructure: true }))!.bodyStructure!),
  file: async (mail) => (await seven(mail, { bodyStructure: true }))?.bodyStructure?.filename,
  text: async (mail) => {
    const section = (await seven(mail, { sections: ["TEXT"] }))?.sections.get("TEXT");
    return section && new TextDecoder().decode(section);
  },
};

async function seven(
  mail: ImapClient,
  items: Parameters<ImapClient["fetch"]>[1],
): Promise<ImapMessage | undefined> {
  return (await mail.fetch(7, items)).find(({ uid }) => uid === 7);
}
