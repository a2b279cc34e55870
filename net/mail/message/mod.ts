/**
 * Messages of mail: `buildMessage` builds one as a stream, `readMessage` reads one into memory, `openMessage`
 * reads one part by part in constant memory, and `htmlToText` returns the text of HTML. They use packages of npm, so only this subpath loads them.
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
