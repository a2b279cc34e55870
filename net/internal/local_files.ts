/** Steps on files of this computer. */

/**
 * Waits for a step on a file.
 *
 * @param step The step, such as `Deno.lstat(path)`.
 * @returns The result; undefined if the file does not exist.
 */
export async function ifFound<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The facts that tell one file from another. */
export type FileId = Pick<Deno.FileInfo, "dev" | "ino" | "birthtime">;

/**
 * Returns whether two lookups have found the same file. Windows may not know the number of a device or a
 * file that is open, and then it is 0 or null. Instead, the time decides at which the file was made.
 */
export function isSameFile(a: FileId, b: FileId): boolean {
  if (a.dev && b.dev && a.dev !== b.dev) return false;
  if (a.ino && b.ino) return a.ino === b.ino;
  return a.birthtime !== null && a.birthtime.getTime() === b.birthtime?.getTime();
}

/** Writes all bytes at the position of a file. One call of `write` may write fewer. */
export async function writeFully(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/**
 * Writes all bytes at the position of a file, and keeps other work waiting meanwhile. This takes half the
 * time of {@linkcode writeFully}, and is for programs that do nothing else.
 */
export function writeFullySync(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

/**
 * Writes a new file in place of an earlier one. A link of somebody else in that place could lead to any
 * file, so it is replaced and not followed.
 *
 * @param path The path of the new file.
 * @param text The content of the new file.
 */
export async function writeAnew(path: string, text: string): Promise<void> {
  await ifFound(Deno.remove(path));
  await Deno.writeTextFile(path, text, { createNew: true });
}
