/**
 * The imports of a file, and the paths of the imported files.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);
const OWN_NAME = "@portside/kit";

/** Calls `visit` for every module that a file imports or re-exports. */
export function onImport(
  visit: (specifier: string, node: Deno.lint.Node) => void,
): Deno.lint.LintVisitor {
  const visitSource = (
    node:
      | Deno.lint.ImportDeclaration
      | Deno.lint.ExportNamedDeclaration
      | Deno.lint.ExportAllDeclaration
      | Deno.lint.ImportExpression,
  ) => {
    const source = node.source;
    if (source?.type === "Literal" && typeof source.value === "string") visit(source.value, node);
  };
  return {
    ImportDeclaration: visitSource,
    ExportNamedDeclaration: visitSource,
    ExportAllDeclaration: visitSource,
    ImportExpression: visitSource,
  };
}

/** Returns the path of a specifier in the repository; undefined if it is outside. */
export function resolve(specifier: string, file: string): string | undefined {
  if (specifier === OWN_NAME) return "mod.ts";
  if (specifier.startsWith(`${OWN_NAME}/`)) return specifier.slice(OWN_NAME.length + 1);
  if (!/^\.\.?\//.test(specifier)) return undefined;
  return pathInRepo(
    decodeURIComponent(new URL(specifier, new URL(encodeURI(file), ROOT)).pathname),
  );
}

/** Returns the path of a file in the repository; undefined if it is outside. */
export function pathInRepo(filename: string): string | undefined {
  const path = filename.replaceAll("\\", "/").replace(/^(?=[A-Za-z]:)/, "/");
  const root = decodeURIComponent(ROOT.pathname);
  return path.startsWith(root) ? path.slice(root.length) : undefined;
}

/** Returns the first folder of a path. */
export function topFolder(path: string): string {
  return path.split("/", 1)[0] ?? "";
}

/** Returns the folder that contains a path. */
export function folder(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Returns the name of a file without its folder. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Returns whether a path is the root module of the package. */
export function isRoot(path: string): boolean {
  return path === "mod.ts";
}
