import { flag, OptionRules, rule } from "../internal/options.ts";

/** The rules for the format of the length prefix of frames. */
export const FRAME_FORMAT = new OptionRules<{ lengthBytes?: 1 | 2 | 4; littleEndian?: boolean }>({
  lengthBytes: rule("1, 2 or 4", (value) => value === 1 || value === 2 || value === 4),
  littleEndian: flag,
});
