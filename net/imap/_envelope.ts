/** Envelopes of messages (RFC 9051 §7.5.2). Pure. */

import { isList, type ItemReader } from "./_item_reader.ts";
import type { ImapValue } from "./_reader.ts";

/** A mailbox in an envelope. */
export interface ImapAddress {
  /** The display name, with encoded words (RFC 2047) decoded. */
  readonly name: string | undefined;
  /** The address, `user@host`. */
  readonly address: string;
  /** The name of the group that the mailbox belongs to (RFC 5322 §3.4). */
  readonly group?: string;
}

/**
 * The main header fields of a message, with encoded words (RFC 2047) decoded. The section
 * `HEADER.FIELDS (SUBJECT)` gives a field as it was written.
 */
export interface ImapEnvelope {
  /** The field `Date`, as it was written. */
  readonly date: string | undefined;
  /** The subject. */
  readonly subject: string | undefined;
  /** The authors. The members of a group stand in its place, here and below. */
  readonly from: readonly ImapAddress[];
  /** The senders, if they are not the authors. */
  readonly sender: readonly ImapAddress[];
  /** The addresses for replies. */
  readonly replyTo: readonly ImapAddress[];
  /** The recipients. */
  readonly to: readonly ImapAddress[];
  /** The recipients of copies. */
  readonly cc: readonly ImapAddress[];
  /** The hidden recipients of copies. */
  readonly bcc: readonly ImapAddress[];
  /** The `Message-ID` of the message that this one replies to. */
  readonly inReplyTo: string | undefined;
  /** The field `Message-ID`. */
  readonly messageId: string | undefined;
}

/** Reads an envelope; undefined if it is none. */
export function envelopeOf(value: ImapValue, reader: ItemReader): ImapEnvelope | undefined {
  if (!isList(value)) {
    reader.report("ENVELOPE", value, "a list");
    return undefined;
  }
  const [date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId] = value;
  return {
    date: reader.text("ENVELOPE", date),
    subject: reader.words("ENVELOPE", subject),
    from: addressesOf(from, reader),
    sender: addressesOf(sender, reader),
    replyTo: addressesOf(replyTo, reader),
    to: addressesOf(to, reader),
    cc: addressesOf(cc, reader),
    bcc: addressesOf(bcc, reader),
    inReplyTo: reader.text("ENVELOPE", inReplyTo),
    messageId: reader.text("ENVELOPE", messageId),
  };
}

function addressesOf(value: ImapValue | undefined, reader: ItemReader): ImapAddress[] {
  const addresses: ImapAddress[] = [];
  let group: string | undefined;
  const entries = entriesOf(reader.list("ENVELOPE", value));
  const lastEnd = entries.findLastIndex(isEnd);
  for (const [i, entry] of entries.entries()) {
    if (entry === null) continue;
    if (!isList(entry)) {
      reader.report("ENVELOPE", entry, "an address");
      continue;
    }
    const [display, , mailbox, host] = entry;
    const [user, domain] = [reader.words("ENVELOPE", mailbox), reader.text("ENVELOPE", host)];
    const name = reader.words("ENVELOPE", display);
    // A group begins with its name, and ends without one. Local addresses look like its beginning.
    if (domain === undefined && name === undefined && i <= lastEnd) {
      group = user;
      continue;
    }
    const address = domain ? `${user ?? ""}@${domain}` : user ?? "";
    addresses.push({ name, address, ...(group !== undefined && { group }) });
  }
  return addresses;
}

/** Returns the addresses of a list. Some servers leave out its parentheses, or write them twice. */
function entriesOf(list: readonly ImapValue[]): readonly ImapValue[] {
  if (list.length >= 3 && !list.some(isList)) return [list];
  return list.flatMap((entry) => isList(entry) && isList(entry[0]) ? entry : [entry]);
}

/** Returns whether an entry is the end of a group. */
function isEnd(entry: ImapValue): boolean {
  return isList(entry) && entry.length > 0 && entry.every((field) => field === null);
}
