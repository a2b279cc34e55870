/** All targets. @module */

import type { FuzzTarget } from "../target.ts";
import { CHAT_TARGETS } from "./chat.ts";
import { HTTP_TARGETS } from "./http.ts";
import { NET_TARGETS } from "./net.ts";
import { ROW_TARGETS } from "./rows.ts";
import { TOOLS_TARGETS } from "./tools.ts";
import { WS_TARGETS } from "./ws.ts";

/** The codecs first, then the functions of the cost tests. */
export const TARGETS: readonly FuzzTarget[] = [
  ...NET_TARGETS,
  ...HTTP_TARGETS,
  ...WS_TARGETS,
  ...TOOLS_TARGETS,
  ...CHAT_TARGETS,
  ...ROW_TARGETS,
];
