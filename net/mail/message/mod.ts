/**
 * Messages of mail: `buildMessage` builds one as a stream, `readMessage` reads one into memory, `openMessage`
 * reads one part by part in constant memory, and `htmlToText` returns the text of HTML. They use packages of npm, so only this subpath loads them.
 *
 * @example A message with a file, and its envelope
 * ```ts
 * import { buildMessage, messageEnvelope } from "@portside/kit/net/mail-message";
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 *
 * const message = {
 *   from: { name: "Ännchen", address: "ann@example.com" },
 *   to: "Bob <bob@example.com>",
 *   bcc: "eve@example.com",
 *   subject: "Grüße",
 *   text: "hello",
 *   attachments: [{ filename: "numbers.csv", content: "1,2,3\n" }],
 * };
 * const { from, to } = messageEnvelope(message);
 * assertEquals([from, ...to], ["ann@example.com", "bob@example.com", "eve@example.com"]);
 * // `await smtp.send({ from, to }, buildMessage(message))` sends it.
 * const text = await new Response(buildMessage(message)).text();
 * assertStringIncludes(text, "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

export * from "./build_message.ts";
export * from "./html_to_text.ts";
export * from "./open_message.ts";
export type * from "./options.ts";
export * from "./read_message.ts";
