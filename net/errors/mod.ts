/**
 * Errors of this package: `NetError` with a stable `kind` for all failures of the network, and its
 * subclass `ReplyError` for refusals by a server.
 *
 * **Permissions**: none.
 *
 * @module
 */

export * from "./errors.ts";
export * from "./reply_error.ts";
