/**
 * The functions of `tests/cost/` as targets. `tests/cost_test.ts` makes sure that they are all functions
 * that read data of a peer, so no parser is forgotten.
 *
 * @module
 */

import { ROWS as CHAT } from "../../cost/chat.ts";
import { ROWS as HTTP } from "../../cost/http.ts";
import { ROWS as NET } from "../../cost/net.ts";
import { ROWS as TOOLS } from "../../cost/tools.ts";
import { ROWS as WS } from "../../cost/ws.ts";
import { type CostRow, PHRASES } from "../../_support/cost.ts";
import type { FuzzTarget } from "../target.ts";

/** Maximum number of characters: what a cost shows with more is the matter of the cost test. */
const LIMIT = 16 * 1024;

/** All of them. */
export const ROW_TARGETS: readonly FuzzTarget[] = [...NET, ...HTTP, ...WS, ...TOOLS, ...CHAT]
  .filter(({ isSizeOnly }) => isSizeOnly !== true).map(targetOf);

function targetOf(row: CostRow): FuzzTarget {
  const { name, alphabet = "text", around = [], units = [], valid, throws, connects } = row;
  const seeds = around.flatMap(([before, after]) => [
    before + after,
    ...units.map((unit) => before + unit + after),
  ]);
  return {
    name,
    alphabet,
    limit: Math.min(row.limit, LIMIT),
    seeds: [...(valid === undefined ? [] : [valid]), ...seeds, ...units],
    words: [...units, ...around.flat().filter((part) => part !== ""), ...PHRASES],
    ...(throws && { throws }),
    ...(connects && { connects }),
    read: ([input]) => row.run(input!),
  };
}
