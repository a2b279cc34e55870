import { createHash } from "node:crypto";
import { matchesETag } from "../etag.ts";
import { parseHttpDate } from "../internal/http_date.ts";
import { parseRange, type Piece } from "./_range.ts";
import type { Found, Lookup } from "./_static_lookup.ts";
import { problem } from "../problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Size of one read in bytes. Smaller bodies are read in one piece. */
const CHUNK = 64 * 1024;

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
  const buffer = new Uint8Array(CHUNK);
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
    headers.set("etag", etag);
    headers.set("accept-ranges", "bytes");
    // HTTP dates are in whole seconds.
    const modified = info.mtime === null ? undefined : Math.floor(info.mtime.getTime() / 1000);
    if (modified !== undefined) {
      headers.set("last-modified", new Date(modified * 1000).toUTCString());
    }
    const given = request.headers;
    if (isOther(given, etag, modified)) return problem(412);
    if (isUnchanged(given, etag, modified)) {
      headers.delete("content-type");
      return new Response(null, { status: 304, headers });
    }
    // A date less than two seconds old is not a strong validator (RFC 9110 §8.8.2.2).
    const strong = modified !== undefined && Date.now() - modified * 1000 >= 2000;
    const piece = request.method === "GET" &&
        rangeApplies(given, etag, strong ? modified : undefined)
      ? parseRange(given.get("range"), size)
      : undefined;
    if (piece === null) return problem(416, { headers: { "content-range": `bytes */${size}` } });
    const { start, end } = piece ?? { start: 0, end: size };
    headers.set("content-length", String(end - start));
    if (piece) headers.set("content-range", `bytes ${start}-${end - 1}/${size}`);
    const status = piece ? 206 : 200;
    if (request.method === "HEAD") return new Response(null, { status, headers });
    if (start > 0) await file.seek(start, Deno.SeekMode.Start);
    if (end - start <= CHUNK) {
      return new Response(await readWhole(file, end - start, real), { status, headers });
    }
    lent = true;
    return new Response(streamFile(file, { start, end }, real), { status, headers });
  } finally {
    if (!lent) file.close();
  }
}

/** Returns whether the request is for another version (RFC 9110 §13.1.1, §13.1.4). */
function isOther(headers: Headers, etag: string, modified: number | undefined): boolean {
  const tags = headers.get("if-match");
  if (tags !== null) return !matchesETag(tags, etag, "strong");
  const since = dateOf(headers, "if-unmodified-since");
  return since !== undefined && modified !== undefined && modified > since;
}

/** Returns whether the client already has this version (RFC 9110 §13.1.2, §13.1.3). */
function isUnchanged(headers: Headers, etag: string, modified: number | undefined): boolean {
  const tags = headers.get("if-none-match");
  // RFC 9110 §13.2.2: tags take precedence over the date.
  if (tags !== null) return matchesETag(tags, etag, "weak");
  const since = dateOf(headers, "if-modified-since");
  return since !== undefined && modified !== undefined && modified <= since;
}

/** Returns whether `If-Range` allows `Range`: only for exactly this version (RFC 9110 §13.1.5). */
function rangeApplies(headers: Headers, etag: string, modified: number | undefined): boolean {
  const condition = headers.get("if-range");
  if (condition === null) return true;
  if (condition.startsWith('"')) return condition === etag;
  return modified !== undefined && dateOf(headers, "if-range") === modified;
}

/** Returns a date in seconds since 1970; undefined if it is missing or malformed. */
function dateOf(headers: Headers, name: string): number | undefined {
  const value = headers.get(name);
  const time = value === null ? undefined : parseHttpDate(value);
  return time === undefined ? undefined : time / 1000;
}

async function readWhole(file: Deno.FsFile, size: number, real: string): Promise<Bytes> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) throw shrunk(real);
    at += count;
  }
  return bytes;
}

/** Returns a stream that reads a piece of a file on demand, and closes the file in any case. */
function streamFile(file: Deno.FsFile, { start, end }: Piece, real: string): ReadableStream<Bytes> {
  let at = start;
  return new ReadableStream({
    async pull(controller) {
      try {
        const buffer = new Uint8Array(Math.min(CHUNK, end - at));
        const count = await file.read(buffer);
        if (count === null) throw shrunk(real);
        at += count;
        controller.enqueue(buffer.subarray(0, count));
        if (at < end) return;
      } catch (error) {
        file.close();
        throw error;
      }
      file.close();
      controller.close();
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}

function shrunk(real: string): Error {
  return new Error(`${real} became shorter while it was sent`);
}
