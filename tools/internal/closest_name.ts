/** The names of a certificate, compared with the name that is wanted. */

import { isAddress } from "./program_output.ts";
import { escapeControls } from "../../net/text.ts";
import { nearest } from "./text.ts";

/** Maximum number of names in a sentence. */
const SHOWN = 3;

/**
 * Returns the names of a certificate that are closest to a host as text, the closest first, and a hint if
 * the reason for the mismatch is a usual one.
 */
export function closestFirst(
  names: readonly string[],
  host: string,
): { shown: string; hint: string } {
  const wanted = labelsOf(host);
  const best = nearest(host.toLowerCase(), names.map((name) => name.toLowerCase()));
  const score = (name: string) => {
    if (name.toLowerCase() === best) return 1000;
    const labels = labelsOf(name);
    const different = labels.findIndex((label, i) => label !== wanted[i]);
    return different === -1 ? labels.length : different;
  };
  const sorted = names.map((name, i) => ({ name, i, score: score(name) }))
    .sort((a, b) => b.score - a.score || a.i - b.i).map(({ name }) =>
      name === "" ? '""' : escapeControls(name)
    );
  const more = sorted.length > SHOWN ? ` and ${sorted.length - SHOWN} more` : "";
  return { shown: sorted.slice(0, SHOWN).join(", ") + more, hint: hintFor(names, host) };
}

/** Returns the labels of a name from right to left. */
function labelsOf(name: string): string[] {
  return name.toLowerCase().split(".").reverse();
}

function hintFor(names: readonly string[], host: string): string {
  if (isAddress(host)) return names.some(isAddress) ? "" : " (it contains no addresses)";
  const wanted = host.toLowerCase();
  const wildcard = names.find((name) =>
    name.startsWith("*.") &&
    (wanted === name.slice(2).toLowerCase() || wanted.endsWith(name.slice(1).toLowerCase()))
  );
  return wildcard === undefined ? "" : ` (${escapeControls(wildcard)} covers exactly one label)`;
}
