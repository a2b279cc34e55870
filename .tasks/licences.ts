/**
 * Writes docs/licences.md: every package of the lock file with its version and its licence. Fails if a
 * licence is unknown, or asks more than to be named.
 *
 * ```sh
 * deno task licences         # docs/licences.md
 * deno task licences --texts # prints the texts that a binary must come with
 * ```
 *
 * @module
 */

import { type Package, readPackages } from "./packages.ts";
import { formatted } from "./format.ts";

/** Licences that ask to be named with the program, and nothing else. */
const PERMISSIVE: ReadonlySet<string> = new Set(
  ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0"],
);
/** Packages with another licence, which the tests alone load, without a change. */
const TESTS_MAY_USE: ReadonlyMap<string, string> = new Map([["axe-core", "MPL-2.0"]]);
/** The licences of what is not a package: this package, and data in it. */
const OWN_TEXTS = ["LICENSE", "examples/chat/names/LICENSE-UNICODE.txt"];

/** Returns the packages whose licence is unknown or not permissive, as sentences. */
export function licenceFaults(packages: readonly Package[]): string[] {
  return packages.filter(({ name, licence, forTests }) =>
    !isPermissive(licence) && !(forTests && TESTS_MAY_USE.get(name) === licence)
  ).map(({ name, version, licence }) => `${name} ${version}: the licence is ${licence}`);
}

/** Returns whether an expression of SPDX allows a choice of permissive licences. */
function isPermissive(licence: string): boolean {
  return licence.split(" OR ").some((choice) =>
    choice.split(" AND ").every((one) => PERMISSIVE.has(one))
  );
}

/** Returns the text of docs/licences.md, as `deno fmt` writes it. */
export async function licencesPage(packages: readonly Package[]): Promise<string> {
  const table = (forTests: boolean) =>
    [
      "| Package | Version | Licence |",
      "| --- | --- | --- |",
      ...packages.filter((one) => one.forTests === forTests)
        .map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`),
    ].join("\n");
  return await formatted(`# Licences

\`deno task licences\` writes this page from \`deno.lock\` and from the packages themselves. A test fails if it
is out of date, or if a licence is unknown or copyleft.

Portside is under the [MIT licence](../LICENSE). \`deno task licences --texts\` prints the texts of all
licences. A release has them in \`LICENCES.txt\`, and all packages in \`sbom.spdx.json\`.

## In the package and in its binaries

Most programs load few of them: \`deno info FILE\` prints those of a module. Users from JSR get \`jsr:@std\`
(MIT) instead of \`deno-std\`.

${table(false)}

Three parts are data of others:

- \`examples/chat/names/confusables.ts\` is made from data files of Unicode, under
  [Unicode-3.0](../examples/chat/names/LICENSE-UNICODE.txt).
- \`tldts\` contains the [Public Suffix List](https://publicsuffix.org/), under MPL-2.0.
- \`tools/scan/_iana_services.json\` has names from the registry of IANA, which may be used freely (CC0).

A compiled program also contains [Deno](https://github.com/denoland/deno/blob/main/LICENSE.md) (MIT).

## In the tests alone

Nobody who uses the package gets these.

${table(true)}
`);
}

/** Returns the texts of the licences of everything that is published. Equal texts appear once. */
export async function licenceTexts(packages: readonly Package[]): Promise<string> {
  const owners = new Map<string, string[]>();
  const add = (text: string, owner: string) =>
    owners.set(text.trim(), [...owners.get(text.trim()) ?? [], owner]);
  for (const path of OWN_TEXTS) add(await Deno.readTextFile(path), path);
  for (const { name, version, licence, texts, forTests } of packages) {
    if (forTests) continue;
    for (const text of texts) add(text, `${name} ${version}`);
    if (texts.length === 0) add(`${licence}, without a text of its own`, `${name} ${version}`);
  }
  const rule = "=".repeat(80);
  return [...owners].map(([text, names]) => `${names.join("\n")}\n${rule}\n${text}\n`).join("\n");
}

if (import.meta.main) {
  const packages = await readPackages();
  const faults = licenceFaults(packages);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exit(1);
  if (Deno.args[0] === "--texts") console.log(await licenceTexts(packages));
  else await Deno.writeTextFile("docs/licences.md", await licencesPage(packages));
}
