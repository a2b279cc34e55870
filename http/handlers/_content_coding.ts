import { lowerAscii } from "../../net/text.ts";
import { parseWeights } from "../header_list.ts";

/**
 * Chooses a content coding for a response (RFC 9110 §12.5.3).
 *
 * @param accept The value of `Accept-Encoding`, or null without one.
 * @param available The codings of the server, the best first.
 * @returns The coding with the highest weight. Among equals, it is the first one of `available`.
 * Undefined if the content should be sent without a coding.
 */
export function chooseEncoding<T extends string>(
  accept: string | null,
  available: readonly T[],
): T | undefined {
  if (accept === null) return undefined;
  const weights = new Map<string, number>();
  for (const { value, weight } of parseWeights(accept)) {
    const coding = lowerAscii(value).replace(/^x-/, "");
    if (!weights.has(coding)) weights.set(coding, weight);
  }
  const others = weights.get("*");
  // A named coding precedes identity, unless identity has a higher weight.
  let best = weights.get("identity") ?? 0;
  let choice: T | undefined;
  for (const coding of available) {
    const weight = weights.get(coding) ?? others ?? 0;
    if (weight > 0 && (weight > best || (choice === undefined && weight === best))) {
      best = weight;
      choice = coding;
    }
  }
  return choice;
}
