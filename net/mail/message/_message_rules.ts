/** Rules for the parts of a message. They reject what would end a field of the header. */

import addressparser from "npm:nodemailer@10.6.0/lib/addressparser/index.js";
import {
  anObject,
  listOf,
  oneOf,
  optionError,
  OptionRules,
  required,
  type Rule,
  rule,
  text,
} from "../../internal/options.ts";
import { isMailAddress } from "../../internal/mail_address.ts";
import { lowerAscii } from "../../text.ts";
import type { MailAddress, MailAddressInput, MailAttachment, MailMessage } from "./options.ts";

/** Fields that have an option, or that belong to MIME. */
const RESERVED =
  /^(?:from|sender|to|cc|bcc|reply-to|subject|date|message-id|in-reply-to|references|mime-version|content-.*)$/;
/** Longest run without a blank in a field. A line has at most 998 bytes (RFC 5322 §2.1.1). */
export const MAX_WORD = 900;

const oneLine: Rule = rule(
  "a string without line breaks and NUL",
  (value) => typeof value === "string" && !/[\r\n\0]/.test(value),
);

/** A value that cannot be encoded, so that its length is limited. */
const shortLine: Rule = rule(
  `a string of one line, without a word of more than ${MAX_WORD} characters`,
  (value) => typeof value === "string" && !/[\r\n\0]/.test(value) && !hasLongWord(value),
);

const messageIds: Rule = (name, value) => {
  if (!Array.isArray(value)) return shortLine(name, value);
  return listOf(shortLine)(name, value);
};

const fields: Rule = (owner, value) => {
  anObject(owner, value);
  for (const [name, values] of Object.entries(value as Record<string, unknown>)) {
    if (!/^[!-9;-~]{1,70}$/.test(name) || RESERVED.test(lowerAscii(name))) {
      throw optionError(`a name in ${owner}`, "a field without an option of its own", name);
    }
    for (const one of [values].flat()) shortLine(`${owner}[${JSON.stringify(name)}]`, one);
  }
};

const content: Rule = rule(
  "a string, a Uint8Array, a Blob or a stream",
  (value) =>
    typeof value === "string" || value instanceof Uint8Array || value instanceof Blob ||
    (typeof value === "object" && value !== null && Symbol.asyncIterator in value),
);

const ATTACHMENT = new OptionRules<MailAttachment>({
  content: required(content),
  filename: oneLine,
  type: rule(
    "a media type such as text/csv, and not a multipart",
    (value) =>
      typeof value === "string" &&
      /^[\w!#$&^.+-]{1,99}\/[\w!#$&^.+-]{1,99}(?:;[^\r\n\0]*)?$/.test(value) &&
      !/^multipart\//i.test(value),
  ),
  contentId: rule(
    "an id without <> and control characters",
    (value) => typeof value === "string" && /^[^<>\p{Cc}]{1,200}$/u.test(value),
  ),
  disposition: oneOf("attachment", "inline"),
});

const attachment: Rule = (name, value) => {
  anObject(name, value);
  return ATTACHMENT.checkAt(`${name}.`, name, value as MailAttachment);
};

/** The rules for a message. */
export const MAIL_MESSAGE = new OptionRules<MailMessage>({
  from: required(authors),
  sender: addresses,
  to: addresses,
  cc: addresses,
  bcc: addresses,
  replyTo: addresses,
  subject: oneLine,
  text,
  html: text,
  attachments: listOf(attachment),
  headers: fields,
  date: rule("a valid Date", (value) => value instanceof Date && !Number.isNaN(value.getTime())),
  messageId: shortLine,
  inReplyTo: shortLine,
  references: messageIds,
});

/** Returns whether a text has a run without blanks that no fold can break. */
export function hasLongWord(text: string): boolean {
  return text.length > MAX_WORD && text.split(/[ \t]/).some((word) => word.length > MAX_WORD);
}

/** Checks the addresses of authors: at least one. */
function authors(name: string, value: unknown): MailAddress[] {
  const found = addresses(name, value);
  if (found.length === 0) throw optionError(name, "at least one address", value);
  return found;
}

/** Checks addresses, and returns them one by one. A group stands for its members. */
function addresses(name: string, value: unknown): MailAddress[] {
  const found = [value as MailAddressInput].flat().flatMap((one) => {
    if (typeof one !== "string") {
      const { name: shown, address, ...rest } = one ?? {};
      const isPlain = Object.keys(rest).length === 0 && typeof address === "string";
      if (!isPlain) throw optionError(name, "an address, or an object with name and address", one);
      if (shown !== undefined) oneLine(`${name}.name`, shown);
      return [{ name: shown ?? "", address }];
    }
    oneLine(name, one);
    return addressparser(one, { flatten: true })
      .map(({ name: shown = "", address = "" }) => ({ name: shown, address }));
  });
  for (const { address } of found) {
    if (isMailAddress(address)) continue;
    throw optionError(name, "addresses such as ann@example.com", address || value);
  }
  if (found.length === 0 && !Array.isArray(value)) {
    throw optionError(name, "addresses such as ann@example.com", value);
  }
  return found;
}
