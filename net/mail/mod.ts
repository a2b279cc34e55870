/**
 * Shared parts of SMTP, POP3, IMAP and FTP: login options, SASL mechanisms, charsets and encoded words,
 * and the codec for texts that end with a dot.
 *
 * **Permissions**: none.
 *
 * @module
 */

export type * from "./options.ts";
export * from "./sasl.ts";
export * from "./charset.ts";
export * from "./dot_codec.ts";
export * from "./encoded_words.ts";
