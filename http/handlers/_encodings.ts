import { lowerAscii } from "../../net/text.ts";
import { parseWeights } from "../header_list.ts";

/**
 * Chooses a content coding for a response (RFC 9110 §12.5.3).
 *
 * @param accept The value of `Accept-Encoding`, or null without one.
 * @param available The codings that the server has, the best first.
 * @returns The coding with the highest weight, the first of `available` among equals; undefined to
 * send the content as it is.
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
  // A coding that is named is preferred to identity, unless identity is named with a higher weight.
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
