import { count, flag, integer, milliseconds, OptionRules, signal } from "../internal/options.ts";
import { FRAME_FORMAT } from "./_frame_format.ts";
import type { ChunkOptions, FrameOptions, LineOptions, ReadOptions } from "./options.ts";

/** The longest line unless an option says otherwise, in bytes without its end. */
export const MAX_LINE = 65536;

/** The largest frame unless an option says otherwise, in bytes without its length. */
export const MAX_FRAME = 1024 * 1024;

/** The rules for the options of `read` and `readExact`. */
export const READ = new OptionRules<ReadOptions>({ timeout: milliseconds, signal });

/** The rules for the options of `readChunk`. */
export const CHUNK = new OptionRules<ChunkOptions>({ ...READ.rules, inMessage: flag, lent: flag });

/** The rules for the options of `readLine` and `lines`. */
export const LINE = new OptionRules<LineOptions>({ ...READ.rules, max: count, fatal: flag });

/** The rules for the options of `readFrame` and `frames`. */
export const FRAME = new OptionRules<FrameOptions>({
  ...READ.rules,
  ...FRAME_FORMAT.rules,
  max: count,
});

/** A number of bytes to read. */
export const size = integer(0, Number.MAX_SAFE_INTEGER);
