/**
 * The regression cases: inputs that once broke a property, as files of JSON in `cases/`. Characters beyond
 * printable ASCII are escaped.
 *
 * @module
 */

import type { Failure } from "./target.ts";

const FOLDER = new URL("cases/", import.meta.url);

/** Writes a failure as a case. Returns its path. */
export async function writeCase(failure: Failure): Promise<string> {
  const { target, input, cuts } = failure;
  const slug = target.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_").replaceAll(/^_|_$/g, "");
  const hash = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(escaped(failure))),
  );
  const file = new URL(`${slug.slice(0, 50)}_${hash.subarray(0, 4).toHex()}.json`, FOLDER);
  await Deno.mkdir(FOLDER, { recursive: true });
  await Deno.writeTextFile(file, escaped({ target, input, cuts, problem: failure.problem }));
  return file.pathname;
}

/** Returns all cases with the names of their files. */
export function readCases(): ReadonlyMap<string, Failure> {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) =>
    name.endsWith(".json")
  );
  return new Map(
    names.toSorted().map((
      name,
    ) => [name, JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER)))]),
  );
}

function escaped(value: Failure): string {
  const text = JSON.stringify(value, undefined, 2).replaceAll(
    /[^\n\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${text}\n`;
}
