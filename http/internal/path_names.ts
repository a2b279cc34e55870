/** The names in a path of a URL, as far as they may be names of files. */

import { nameProblem } from "../../net/internal/local_name.ts";

/**
 * Splits a path into decoded names. Returns undefined if a name cannot be decoded, leads upwards, is
 * hidden, or has a special meaning for the file system.
 *
 * @param path The path below the prefix, as it was sent.
 * @param dotFiles Whether hidden names are allowed. `.well-known` at the top always is (RFC 8615).
 * @param os The operating system, as in `Deno.build.os`.
 */
export function namesOf(
  path: string,
  dotFiles: boolean,
  os: string = Deno.build.os,
): string[] | undefined {
  if (path === "") return [];
  if (!path.startsWith("/")) return undefined;
  const names = path.slice(1).split("/");
  for (let i = 0; i < names.length; i++) {
    let name: string;
    try {
      name = decodeURIComponent(names[i]!);
    } catch {
      return undefined;
    }
    // deno-lint-ignore no-control-regex -- NUL ends a path
    if (/[/\u0000]/.test(name) || name === "." || name === "..") return undefined;
    // On Windows, such a name means a folder, a drive, a stream, a device or a file of another name.
    if (os === "windows" && name.includes("\\")) return undefined;
    if (nameProblem(name, os) !== undefined) return undefined;
    if (name === "" && i < names.length - 1) return undefined;
    if (name.startsWith(".") && !dotFiles && !(i === 0 && name === ".well-known")) return undefined;
    names[i] = name;
  }
  return names;
}
