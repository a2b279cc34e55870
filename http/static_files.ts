/**
 * Files of one folder: ranges, entity tags, conditional requests, and no way
 * out of the folder, neither by dots nor by symbolic links.
 *
 * @example A folder
 * ```ts
 * import { staticFiles } from "@portside/kit/http/static-files";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${root}/a.txt`, "0123456789");
 * {
 *   await using server = serveHttp({}, staticFiles({ root }));
 *   const headers = { range: "bytes=2-4" };
 *   const response = await fetch(`${server.url}/a.txt`, { headers });
 *   assertEquals([response.status, await response.text()], [206, "234"]);
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 *
 * **Permissions**: `--allow-read=<root>`. Source: RFC 9110 §13, §14.
 *
 * @module
 */

import { eTag } from "@std/http/etag";
import { matchesETag } from "./etag.ts";
import { mediaType } from "./_media_types.ts";
import { parseRange, type Piece } from "./_range.ts";
import { problem } from "./problem.ts";
import type { HttpHandler } from "./server_options.ts";

/** Options of {@linkcode staticFiles}. */
export interface StaticFilesOptions {
  /** The folder. What lies beyond it is never served, also not by a symbolic link. */
  root: string;
  /**
   * What paths begin with before the folder's own, e.g. `/assets`.
   *
   * @default ""
   */
  prefix?: string;
  /**
   * The file that stands for a folder; null for none.
   *
   * @default "index.html"
   */
  index?: string | null;
  /**
   * Whether files and folders are served whose names begin with a dot.
   *
   * @default false
   */
  dotFiles?: boolean;
  /**
   * The header `Cache-Control` of what is found.
   *
   * @default "no-cache" (may be kept, but is asked for each time)
   */
  cacheControl?: string;
  /**
   * Answers where there is no such file.
   *
   * @default problem details of status 404
   */
  notFound?: HttpHandler;
}

const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";

/** How much is read at a time, in bytes. */
const CHUNK = 64 * 1024;

/** What a path means that leads to no file of ours. */
const ABSENT = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ENAMETOOLONG", "ELOOP", "EINVAL"]);

/**
 * Serves the files of a folder.
 *
 * @param options Which, and how.
 * @returns The handler, for GET and HEAD.
 *
 * @example A prefix, and a page of one's own for what is missing
 * ```ts
 * import { staticFiles } from "@portside/kit/http/static-files";
 *
 * const handler = staticFiles({
 *   root: "public",
 *   prefix: "/assets",
 *   cacheControl: "public, max-age=3600",
 *   notFound: () => new Response("gone fishing", { status: 404 }),
 * });
 * console.assert(typeof handler === "function");
 * ```
 */
export function staticFiles(options: StaticFilesOptions): HttpHandler {
  const { root, index = "index.html", cacheControl = "no-cache" } = options;
  // A slash at its end is the one before the folder's own names.
  const prefix = (options.prefix ?? "").replace(/\/$/, "");
  const { dotFiles = false, notFound = () => problem(404) } = options;
  let base: Promise<string> | undefined;
  return async (request, info) => {
    const { method } = request;
    if (method !== "GET" && method !== "HEAD") {
      return problem(405, { headers: { allow: "GET, HEAD" } });
    }
    const path = pathOf(request.url);
    const inside = path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
    const segments = inside === undefined ? undefined : segmentsOf(inside, dotFiles);
    if (segments === undefined) return await notFound(request, info);
    try {
      // Not before the first request: the folder may come later, or not be readable yet.
      base ??= Deno.realPath(root);
      const found = await locate(await base, segments, index);
      if (found === "folder") {
        const location = `${path}/${/\?[^#]*/.exec(request.url) ?? ""}`;
        return new Response(null, { status: 308, headers: { location } });
      }
      if (found !== undefined) return await answer(request, found, cacheControl);
    } catch (error) {
      base = undefined;
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (typeof code !== "string" || !ABSENT.has(code)) throw error;
    }
    return await notFound(request, info);
  };
}

interface Found {
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/** The file that a path names, as it really is. */
async function locate(
  base: string,
  segments: readonly string[],
  index: string | null,
): Promise<Found | "folder" | undefined> {
  const wantsFolder = segments.at(-1) === "";
  const names = wantsFolder ? segments.slice(0, -1) : segments;
  const within = async (path: string): Promise<Found | undefined> => {
    const real = await Deno.realPath(path);
    if (real !== base && !real.startsWith(base.endsWith(SEPARATOR) ? base : base + SEPARATOR)) {
      return undefined;
    }
    return { path: real, info: await Deno.stat(real) };
  };
  const found = await within([base, ...names].join("/"));
  if (found === undefined) return undefined;
  if (found.info.isFile) return wantsFolder ? undefined : found;
  if (!found.info.isDirectory || index === null) return undefined;
  const page = await within(`${found.path}/${index}`);
  if (!page?.info.isFile) return undefined;
  return wantsFolder ? page : "folder";
}

async function answer(request: Request, file: Found, cacheControl: string): Promise<Response> {
  const { info } = file;
  const { size } = info;
  // Strong, as other servers take it, so that a download can be resumed by If-Range.
  const etag = await eTag({ size, mtime: info.mtime }, { weak: false });
  const modified = info.mtime?.toUTCString();
  const headers = new Headers({
    "accept-ranges": "bytes",
    "cache-control": cacheControl,
    "content-type": mediaType(file.path),
    "x-content-type-options": "nosniff",
  });
  if (etag !== undefined) headers.set("etag", etag);
  if (modified !== undefined) headers.set("last-modified", modified);
  if (isOther(request.headers, etag, modified)) return problem(412);
  if (isUnchanged(request.headers, etag, modified)) {
    headers.delete("content-type");
    return new Response(null, { status: 304, headers });
  }
  let piece: Piece | null | undefined;
  const condition = request.headers.get("if-range");
  if (request.method === "GET" && (condition === null || [etag, modified].includes(condition))) {
    piece = parseRange(request.headers.get("range"), size);
  }
  if (piece === null) {
    return problem(416, { headers: { "content-range": `bytes */${size}` } });
  }
  const { start, end } = piece ?? { start: 0, end: size };
  headers.set("content-length", String(end - start));
  if (piece) headers.set("content-range", `bytes ${start}-${end - 1}/${size}`);
  const status = piece ? 206 : 200;
  if (request.method === "HEAD") return new Response(null, { status, headers });
  return new Response(await streamFile(file.path, start, end), { status, headers });
}

/** Whether the client asks for what the file is no more (RFC 9110 §13.1.1, §13.1.4). */
function isOther(
  headers: Headers,
  etag: string | undefined,
  modified: string | undefined,
): boolean {
  const tags = headers.get("if-match");
  if (tags !== null) return !matchesETag(tags, etag, "strong");
  const since = Date.parse(headers.get("if-unmodified-since") ?? "");
  return modified !== undefined && Date.parse(modified) > since;
}

function isUnchanged(
  headers: Headers,
  etag: string | undefined,
  modified: string | undefined,
): boolean {
  const tags = headers.get("if-none-match");
  // RFC 9110 §13.2.2: the tag decides alone where there is one.
  if (tags !== null) return matchesETag(tags, etag, "weak");
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  return modified !== undefined && Date.parse(modified) <= since;
}

/** A piece of a file, read as it is wanted; the file is closed however that ends. */
async function streamFile(
  path: string,
  start: number,
  end: number,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const file = await Deno.open(path);
  let at = start;
  try {
    if (start > 0) await file.seek(start, Deno.SeekMode.Start);
  } catch (error) {
    file.close();
    throw error;
  }
  return new ReadableStream({
    async pull(controller) {
      try {
        const buffer = new Uint8Array(Math.min(CHUNK, end - at));
        const count = at < end ? await file.read(buffer) : 0;
        if (count === null) throw new Error(`${path} has become shorter while it was sent`);
        at += count;
        if (count > 0) controller.enqueue(buffer.subarray(0, count));
        if (at < end) return;
        file.close();
        controller.close();
      } catch (error) {
        file.close();
        throw error;
      }
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}

/** The path as it was sent: `new URL` would resolve its dots. */
function pathOf(url: string): string {
  return /^[a-z]+:\/\/[^/?]*([^?#]*)/.exec(url)?.[1] || "/";
}

/** The names on the way to a file; undefined if there is one that cannot be, or must not. */
function segmentsOf(path: string, dotFiles: boolean): string[] | undefined {
  if (!path.startsWith("/")) return undefined;
  const segments = path.slice(1).split("/");
  const windows = Deno.build.os === "windows";
  for (let i = 0; i < segments.length; i++) {
    let name: string;
    try {
      name = decodeURIComponent(segments[i]!);
    } catch {
      return undefined;
    }
    // deno-lint-ignore no-control-regex
    if (/[/\u0000]/.test(name) || name === "." || name === "..") return undefined;
    // Backslashes, drives, streams and names with a dot or blank at their end mean more there.
    if (windows && /[\\:*?"<>|]|[. ]$/.test(name)) return undefined;
    if (name === "" && i < segments.length - 1) return undefined;
    if (name.startsWith(".") && !dotFiles) return undefined;
    segments[i] = name;
  }
  return segments;
}
