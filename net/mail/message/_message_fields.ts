/** The fields of a message that have a meaning of their own (RFC 5322 §3.6). Pure. */

import { addressParser } from "npm:postal-mime@4.0.0";
import { decodeEncodedWords } from "../encoded_words.ts";
import { lowerAscii } from "../../text.ts";
import type { MailAddress, MailHeader, MessageHeader } from "./options.ts";

/** Reads the fields of a message. */
export function messageHeader(fields: readonly MailHeader[]): MessageHeader {
  const headers = fields.map(({ name, value }) => ({ name, value: decodeEncodedWords(value) }));
  const valueOf = (name: string) => headers.find((field) => lowerAscii(field.name) === name)?.value;
  // Encoded words may contain commas, so addresses are told apart before they are decoded.
  const addressesOf = (name: string) =>
    fields.filter((field) => lowerAscii(field.name) === name)
      .flatMap(({ value }) => parseAddresses(value));
  const [sender] = addressesOf("sender");
  return {
    headers,
    from: addressesOf("from"),
    ...present("sender", sender),
    replyTo: addressesOf("reply-to"),
    to: addressesOf("to"),
    cc: addressesOf("cc"),
    bcc: addressesOf("bcc"),
    ...present("subject", valueOf("subject")),
    ...present("date", dateOf(valueOf("date"))),
    ...present("messageId", idsOf(valueOf("message-id"))[0]),
    ...present("inReplyTo", idsOf(valueOf("in-reply-to"))[0]),
    references: idsOf(valueOf("references")),
  };
}

/** Returns a property unless its value is missing. */
export function present<N extends string, V>(name: N, value: V | undefined): { [K in N]?: V } {
  return value === undefined ? {} : { [name]: value } as { [K in N]: V };
}

/** Parses the addresses of a field. The members of a group are listed one by one. */
function parseAddresses(value: string): MailAddress[] {
  return addressParser(recodeWords(value), { flatten: true })
    .map(({ name, address = "" }) => name === "" ? { address } : { name, address });
}

/** Encoded words, with blanks between them. */
const WORDS = /(?:=\?[^?\s]+\?[BQ]\?(?:(?!=\?(?!=))[^])*?\?=(?:[ \t]+(?==\?)|))+/gi;

/**
 * Encodes encoded words anew in UTF-8. They stay encoded while addresses are told apart, so that no comma
 * of a name separates addresses.
 */
function recodeWords(value: string): string {
  return value.replace(WORDS, (words) => {
    const text = decodeEncodedWords(words);
    if (text === words) return words;
    return `=?utf-8?B?${new TextEncoder().encode(text).toBase64()}?=`;
  });
}

function dateOf(value: string | undefined): Date | undefined {
  // The name of the time zone in a comment is optional (RFC 5322 §3.3).
  const date = new Date((value ?? "").replace(/\([^()]*\)/g, " "));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function idsOf(value = ""): string[] {
  return value.match(/<[^<>\s]+>/g) ?? [];
}
