/** The names of files that are not complete yet. */

/** Maximum number of characters of the name that are kept. With 4 bytes each, the result fits into 255. */
const KEPT = 56;

/** Returns a new path in the directory of a file, for its content until it is complete. */
export function partialName(path: string): string {
  const at = path.lastIndexOf("/") + 1;
  const name = Array.from(path.slice(at)).slice(0, KEPT).join("");
  return `${path.slice(0, at)}${name}.${crypto.randomUUID().slice(0, 8)}.part`;
}
