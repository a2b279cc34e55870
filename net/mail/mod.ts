/**
 * Shared parts of SMTP, POP3, IMAP and FTP: login options, SASL mechanisms, charsets and encoded words,
 * and the codec for texts that end with a dot.
 *
 * @example The initial response of PLAIN
 * ```ts
 * import { startSasl } from "@portside/kit/net/mail";
 * import { assertEquals } from "@std/assert";
 *
 * const credentials = { username: "ann", password: "secret" };
 * const exchange = startSasl(["PLAIN", "LOGIN"], credentials, { encrypted: true });
 * assertEquals(exchange.name, "PLAIN");
 * assertEquals(new TextDecoder().decode(exchange.initial), "\0ann\0secret");
 * ```
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
