/**
 * A connection over any transport: lines, frames, time limits, a bounded send queue, and resets.
 *
 * **Permissions**: `Connection` needs none; dialling and listening state theirs.
 *
 * @module
 */

export * from "./connection.ts";
export type * from "./transport.ts";
export * from "./resettable.ts";
