/**
 * A connection over any transport: lines, frames, time limits, a bounded send queue, and resets.
 *
 * **Permissions**: none for `Connection`. Functions that connect or listen state theirs.
 *
 * @module
 */

export * from "./connection.ts";
export type * from "./transport.ts";
export * from "./resettable.ts";
