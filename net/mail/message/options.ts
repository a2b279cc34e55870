/**
 * The parts of a message, as `buildMessage` takes them and as `readMessage` returns them.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** A mailbox with the name of its user. */
export interface MailAddress {
  /** The name that mail programs show. It may contain any characters of one line. */
  readonly name?: string;
  /** The address, such as `ann@example.com`. */
  readonly address: string;
}

/**
 * One or several addresses. A string has the form of a header: `Ann <ann@a.test>, bob@b.test`. If the name
 * comes from a user, give a {@linkcode MailAddress}: a name can then not contain other addresses.
 */
export type MailAddressInput = string | MailAddress | readonly (string | MailAddress)[];

/** A file within a message. */
export interface MailAttachment {
  /**
   * The content. A stream is read when its turn comes, and an async generator runs from then on, so it
   * can open a file.
   */
  readonly content:
    | string
    | Uint8Array
    | Blob
    | ReadableStream<Uint8Array>
    | AsyncIterable<Uint8Array>;
  /** The name of the file. It may contain any characters of one line. @default "attachment-N" */
  readonly filename?: string;
  /** The media type, such as `text/csv; charset=utf-8`. @default the type for the name of the file */
  readonly type?: string;
  /** The id by which HTML refers to the file: `<img src="cid:logo">` for "logo". */
  readonly contentId?: string;
  /** Whether the file is shown as a part of the message. @default "inline" for images with an id */
  readonly disposition?: "attachment" | "inline";
}

/** A message for {@linkcode buildMessage}. */
export interface MailMessage {
  /** The author. */
  readonly from: MailAddressInput;
  /** The sender, if it is not the author. */
  readonly sender?: MailAddressInput;
  /** The recipients. */
  readonly to?: MailAddressInput;
  /** The recipients of copies. */
  readonly cc?: MailAddressInput;
  /** The recipients of copies that nobody sees. They are in the envelope, not in the message. */
  readonly bcc?: MailAddressInput;
  /** The addresses for answers. @default the author */
  readonly replyTo?: MailAddressInput;
  /** The subject, in any script. */
  readonly subject?: string;
  /** The body as text. */
  readonly text?: string;
  /** The body as HTML. With `text` it is an alternative. */
  readonly html?: string;
  /** The files. Those with a `contentId` belong to the HTML. */
  readonly attachments?: readonly MailAttachment[];
  /**
   * Further header fields. Fields that have an option, and those of MIME, are rejected.
   *
   * @default none
   */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The date of the message. @default now */
  readonly date?: Date;
  /** The id of the message, with `<>` or without. @default a random id at the domain of the author */
  readonly messageId?: string;
  /** The id of the message that this one answers. */
  readonly inReplyTo?: string;
  /** The ids of the messages before this one, the oldest first. */
  readonly references?: string | readonly string[];
}

/** The envelope of a message, for `send` of `SmtpClient`. */
export interface MailEnvelope {
  /** The address of the author. */
  readonly from: string;
  /** The addresses of all recipients, each once. */
  readonly to: readonly string[];
}

/** A field of a header. */
export interface MailHeader {
  /** The name as it is written. */
  readonly name: string;
  /** The value on one line, with encoded words decoded. */
  readonly value: string;
}

/** A file of a message that was read. */
export interface ReadAttachment {
  /** The name that the sender has chosen: it may be a path, or contain anything. */
  readonly filename?: string;
  /** The media type in lower case, such as `image/png`. */
  readonly type: string;
  /** The disposition in lower case, usually "attachment" or "inline". */
  readonly disposition?: string;
  /** The id by which HTML refers to the file, without `<>`. */
  readonly contentId?: string;
  /**
   * The decoded content. The lines of a text that is not sent in Base64 end with LF. A `text/calendar` is
   * UTF-8.
   */
  readonly content: Uint8Array<ArrayBuffer>;
}

/** The header of a message that was read. The sender has chosen all of it. */
export interface MessageHeader {
  /** All fields of the header, in their order. */
  readonly headers: readonly MailHeader[];
  /** The author; several are rare. */
  readonly from: readonly MailAddress[];
  /** The sender, if it is not the author. */
  readonly sender?: MailAddress;
  /** The addresses for answers. */
  readonly replyTo: readonly MailAddress[];
  /** The recipients. Members of groups are listed one by one, here and below. */
  readonly to: readonly MailAddress[];
  /** The recipients of copies. */
  readonly cc: readonly MailAddress[];
  /** The recipients of hidden copies, in drafts and sent messages. */
  readonly bcc: readonly MailAddress[];
  /** The subject. */
  readonly subject?: string;
  /** The date; undefined if it is missing or invalid. */
  readonly date?: Date;
  /** The id of the message, with `<>`. */
  readonly messageId?: string;
  /** The id of the message that this one answers, with `<>`. */
  readonly inReplyTo?: string;
  /** The ids of the messages before this one, with `<>`. */
  readonly references: readonly string[];
}

/** A message that was read by {@linkcode readMessage}. The sender has chosen all of it. */
export interface ReadMessage extends MessageHeader {
  /**
   * The body as text, with LF line endings; `htmlToText(html)` replaces it if there is none. The last line
   * ending may be that of the message's structure.
   */
  readonly text?: string;
  /** The body as HTML. It may be hostile: do not show it without a sanitizer. */
  readonly html?: string;
  /** The files. */
  readonly attachments: readonly ReadAttachment[];
}

/** A message in memory, or as a stream. */
export type MessageSource = Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** Limits of {@linkcode readMessage} and {@linkcode openMessage}. Infinity lifts one. */
export interface ReadMessageOptions {
  /**
   * Maximum size of the message in bytes.
   *
   * @default 67108864; Infinity for `openMessage`, which needs constant memory
   */
  maxSize?: number;
  /** Maximum size of all headers of the message together, in bytes. @default 2097152 */
  maxHeaderSize?: number;
  /** Maximum number of multiparts that are within one another. @default 100 */
  maxDepth?: number;
  /** Maximum number of parts, with those that contain others. @default 10000 */
  maxParts?: number;
}
