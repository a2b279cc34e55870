/** All cases without compression. @module */

import type { WsCase } from "./case.ts";
import { CLOSING } from "./closing.ts";
import { CONTROL } from "./control.ts";
import { FRAGMENTS } from "./fragmentation.ts";
import { FRAMING } from "./framing.ts";
import { LIMITS, VOLUME } from "./limits.ts";
import { BITS, OPCODES } from "./reserved.ts";
import { UTF8 } from "./utf8.ts";

/** The cases by section. */
export const SECTIONS: Readonly<Record<string, readonly WsCase[]>> = {
  framing: FRAMING,
  control: CONTROL,
  bits: BITS,
  opcodes: OPCODES,
  fragments: FRAGMENTS,
  utf8: UTF8,
  closing: CLOSING,
  limits: LIMITS,
  volume: VOLUME,
};
