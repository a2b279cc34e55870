/**
 * Shared parts of SMTP, POP3, IMAP and FTP: login options, SASL mechanisms, and the codec for texts
 * that end with a dot.
 *
 * **Permissions**: none.
 *
 * @module
 */

export type * from "./options.ts";
export * from "./sasl.ts";
export * from "./dot_codec.ts";
