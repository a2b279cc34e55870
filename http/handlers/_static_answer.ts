import { createHash } from "node:crypto";
import { FILE_CHUNK, fileBody } from "../internal/file_body.ts";
import { answerWith } from "../internal/representation.ts";
import type { Found, Lookup } from "./_static_lookup.ts";

/**
 * Returns whether a file is so new that it could change without a new modification time. File systems
 * store that time in steps of a few milliseconds, old ones in steps of up to two seconds.
 */
function isUnsettled(time: number): boolean {
  return Date.now() - time < (time % 1000 === 0 ? 2000 : 20);
}

/** Makes the entity tag of a file. */
export type TagMaker = (
  file: Deno.FsFile,
  info: Deno.FileInfo,
  real: string,
) => string | Promise<string>;

/**
 * Makes a tag from the size and the time of a file, as nginx and Apache do. The tag is weak while the
 * file could change without a new tag (RFC 9110 §8.8.1), so that no download is resumed with it.
 */
export function tagByDate(_file: Deno.FsFile, info: Deno.FileInfo): string {
  const time = info.mtime?.getTime() ?? 0;
  const tag = `"${info.size.toString(16)}-${time.toString(16)}"`;
  return isUnsettled(time) ? `W/${tag}` : tag;
}

/** Maximum number of hashes in the cache. */
const MAX_HASHES = 1024;

/** Returns a function that makes tags from the SHA-256 of the content, read once per version. */
export function tagByContent(): TagMaker {
  const known = new Map<string, { readonly version: string; readonly tag: Promise<string> }>();
  return async (file, info, real) => {
    const time = info.mtime?.getTime() ?? 0;
    const version = `${info.ino} ${info.size} ${time}`;
    if (isUnsettled(time)) return await hashOf(file);
    const before = known.get(real);
    // Simultaneous requests share one hash. Otherwise each would read the whole file.
    if (before?.version === version) return await before.tag;
    const tag = hashOf(file);
    known.delete(real);
    if (known.size >= MAX_HASHES) known.delete(known.keys().next().value!);
    const entry = { version, tag };
    known.set(real, entry);
    try {
      return await tag;
    } catch (error) {
      if (known.get(real) === entry) known.delete(real);
      throw error;
    }
  };
}

async function hashOf(file: Deno.FsFile): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(FILE_CHUNK);
  for (let count; (count = await file.read(buffer)) !== null;) {
    hash.update(buffer.subarray(0, count));
  }
  await file.seek(0, Deno.SeekMode.Start);
  return `"${hash.digest("base64url").slice(0, 27)}"`;
}

/**
 * Answers a request with a file: conditions (RFC 9110 §13) and ranges (§14). Size, date, tag and
 * bytes belong to the same open file, so a file that is replaced meanwhile is sent in one version.
 *
 * @param request A request with the method GET or HEAD.
 * @param files The folder that contains the file.
 * @param found The result of the lookup.
 * @param headers The fields that depend on the path. This function adds others.
 * @param tagOf The function that makes the entity tag.
 * @returns The response, or undefined if the file has been replaced since it was found.
 */
export async function answerWithFile(
  request: Request,
  files: Lookup,
  found: Found,
  headers: Headers,
  tagOf: TagMaker,
): Promise<Response | undefined> {
  const { real } = found;
  const file = await Deno.open(real);
  let lent = false;
  try {
    const info = await file.stat();
    if (!info.isFile || !files.isSame(found, info)) return undefined;
    const { size } = info;
    const etag = await tagOf(file, info, real);
    // HTTP dates are in whole seconds.
    const modified = info.mtime === null ? undefined : Math.floor(info.mtime.getTime() / 1000);
    // A date less than two seconds old is not a strong validator (RFC 9110 §8.8.2.2).
    const strongDate = modified !== undefined && Date.now() - modified * 1000 >= 2000;
    return await answerWith(request, { size, etag, modified, strongDate }, headers, (piece) => {
      lent = true;
      return fileBody(file, piece, real);
    });
  } finally {
    if (!lent) file.close();
  }
}
