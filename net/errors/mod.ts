/**
 * One taxonomy of network failures: `NetError` with a stable `kind`, and `ReplyError` for a server
 * that refuses.
 *
 * **Permissions**: none.
 *
 * @module
 */

export * from "./errors.ts";
export * from "./reply_error.ts";
