/**
 * The rule against import cycles. It reads the files that a file imports from the disk.
 *
 * @module
 */

import { onImport, pathInRepo, resolve } from "./_imports.ts";

/**
 * Imports of a formatted file: statements that begin a line, and dynamic imports. The text between
 * `import` and its specifier has no quote, semicolon or bracket.
 */
const IMPORTS = /^(?:import|export)\b(?:[^;"(]*\bfrom)? "(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm;

/** Lifetime of the cached imports in milliseconds, because an editor keeps the plugin loaded. */
const FRESH = 1000;

let remembered = new Map<string, readonly string[]>();
let rememberedAt = 0;

/** Rejects an import that leads back to the importing file. Imports of types count. */
export const importCycle: Deno.lint.Rule = {
  create(context) {
    const file = pathInRepo(context.filename);
    if (file === undefined) return {};
    const imports = new Map<string, Deno.lint.Node>();
    return {
      ...onImport((specifier, node) => {
        const target = resolve(specifier, file);
        if (target !== undefined && !imports.has(target)) imports.set(target, node);
      }),
      "Program:exit"() {
        const path = pathBack(file, [...imports.keys()]);
        if (path === undefined) return;
        context.report({
          node: imports.get(path[0]!)!,
          message: `Import cycle: ${[file, ...path].join(" → ")}`,
          hint: "Move the shared code to a separate file",
        });
      },
    };
  },
};

/** Returns the shortest chain of imports from one of `starts` to `file`; undefined without one. */
function pathBack(file: string, starts: readonly string[]): string[] | undefined {
  const importers = new Map<string, string | undefined>(starts.map((start) => [start, undefined]));
  for (const [found] of importers) {
    if (found === file) {
      const path = [file];
      for (let at: string | undefined = file; (at = importers.get(at)) !== undefined;) {
        path.unshift(at);
      }
      return path;
    }
    for (const next of importsOf(found)) {
      if (!importers.has(next)) importers.set(next, found);
    }
  }
  return undefined;
}

/** Returns the files of the repository that a file imports; none if it cannot be read. */
function importsOf(file: string): readonly string[] {
  const now = performance.now();
  if (now - rememberedAt > FRESH) {
    remembered = new Map();
    rememberedAt = now;
  }
  let found = remembered.get(file);
  if (found === undefined) {
    found = Array.from(
      readFile(file).matchAll(IMPORTS),
      ([, from, dynamic]) => resolve(from ?? dynamic ?? "", file),
    ).filter((target) => target !== undefined);
    remembered.set(file, found);
  }
  return found;
}

function readFile(file: string): string {
  try {
    return Deno.readTextFileSync(new URL(`../${encodeURI(file)}`, import.meta.url));
  } catch {
    return "";
  }
}
