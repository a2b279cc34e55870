import * as std from "npm:deno-std@1.4.0/async/delay.js";

/** Options of `delay`. */
export interface DelayOptions {
  /** Ends the wait early; the promise rejects with its reason. */
  signal?: AbortSignal;
  /** Whether the timer keeps the process alive. @default true */
  persistent?: boolean;
}

/** Resolves after `ms` milliseconds. */
export const delay: (ms: number, options?: DelayOptions) => Promise<void> = std.delay;
