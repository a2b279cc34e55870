/**
 * What SMTP, POP3, IMAP and FTP share: login options, SASL mechanisms, and the codec of texts that
 * end with a dot.
 *
 * **Permissions**: none.
 *
 * @module
 */

export type * from "./options.ts";
export * from "./sasl.ts";
export * from "./dot_codec.ts";
