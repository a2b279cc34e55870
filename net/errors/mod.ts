/**
 * Errors of this package: `NetError` with a stable `kind` for all failures of the network, and its
 * subclass `ReplyError` for refusals by a server.
 *
 * @example Distinguish failures
 * ```ts
 * import { NetError } from "@portside/kit/net/errors";
 * import { connectTcp } from "@portside/kit/net/tcp";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * try {
 *   await connectTcp({ hostname: "127.0.0.1", port: 1 });
 * } catch (error) {
 *   assertInstanceOf(error, NetError);
 *   assertEquals(error.kind, "refused");
 *   assertEquals(error.message, "Cannot connect to 127.0.0.1:1: connection refused");
 * }
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

export * from "./errors.ts";
export * from "./reply_error.ts";
