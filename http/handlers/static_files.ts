/**
 * A handler that serves the files of a folder, with ranges, entity tags, conditional requests and
 * precompressed files. Neither dots nor symbolic links lead out of the folder.
 *
 * A file that is replaced by a rename is sent in one version, because the head and the bytes belong to
 * the same open file. A root that is a symbolic link may be switched while the server runs.
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

import {
  anObject,
  callback,
  either,
  flag,
  listOf,
  oneOf,
  OptionRules,
  path as filePath,
  required,
  rule,
  word,
} from "../../net/internal/options.ts";
import { chooseEncoding } from "./_content_coding.ts";
import { addVary } from "../internal/response_headers.ts";
import { mediaType } from "./_file_media_types.ts";
import { answerWithFile, tagByContent, tagByDate } from "./_static_answer.ts";
import { namesOf } from "../internal/path_names.ts";
import { type Found, ifPresent, isPagePath, Lookup } from "./_static_lookup.ts";
import { hasMember, parseWeights } from "../header_list.ts";
import { problem } from "../problem.ts";
import type { HttpHandler } from "../server/options.ts";

/** Options of {@linkcode staticFiles}. */
export interface StaticFilesOptions {
  /**
   * The folder: a path, or a `file:` URL such as `new URL("public", import.meta.url)`. Files outside of
   * it are never served, not even through a symbolic link.
   */
  root: string | URL;
  /**
   * The beginning of the paths, in front of the names of files, such as `/assets`.
   *
   * @default ""
   */
  prefix?: string;
  /**
   * The file that is served for a folder; null for none.
   *
   * @default "index.html"
   */
  index?: string | null;
  /**
   * Extensions to try if a path leads to no file. With `["html"]`, `/about` serves `about.html`.
   *
   * @default []
   */
  extensions?: readonly string[];
  /**
   * The page for unknown paths, for applications with a router in the browser. It is sent with status
   * 200, only for paths without an extension, and only to clients that accept HTML.
   *
   * @default none
   */
  fallback?: string;
  /**
   * Whether to serve files and folders whose names begin with a dot. `/.well-known/` is always served
   * (RFC 8615).
   *
   * @default false
   */
  dotFiles?: boolean;
  /**
   * Whether to send `a.js.br`, `a.js.zst` or `a.js.gz` for `a.js` to a client that accepts the coding.
   * A compressed file that is older than the original is ignored.
   *
   * @default false
   */
  precompressed?: boolean;
  /**
   * The source of the entity tag. "date" uses the size and the modification time, without reading the
   * file. "content" uses the SHA-256 of the content, which is read once per version; the tag is the
   * same on all machines and after each deployment.
   *
   * @default "date"
   */
  etag?: "date" | "content";
  /**
   * The value of `Cache-Control`.
   *
   * @default "no-cache" (a cache may store the file, but must revalidate it each time)
   */
  cacheControl?: string;
  /**
   * Paths of files that never change, because a new version gets a new name, such as
   * `/\.[0-9a-f]{8,}\.\w+$/`. They get `Cache-Control: public, max-age=31536000, immutable` (RFC 8246).
   *
   * @default none
   */
  immutable?: RegExp;
  /**
   * Returns further header fields for the path of a file within the folder, such as `/index.html`. They
   * replace fields of the same name.
   *
   * @default none
   */
  headers?: (path: string) => HeadersInit | undefined;
  /**
   * Media types by extension in lower case, such as `{ md: "text/plain; charset=utf-8" }`. They take
   * precedence over the built-in table.
   *
   * @default none
   */
  mediaTypes?: Readonly<Record<string, string>>;
  /**
   * Answers requests for missing files.
   *
   * @default returns problem details of status 404
   */
  notFound?: HttpHandler;
}

/** Codings and the extensions of their files, the best compression first. */
const CODINGS = { br: "br", zstd: "zst", gzip: "gz" } as const;
type Coding = keyof typeof CODINGS;

const fieldValue = rule("the value of a header field", isFieldValue);

const RULES = new OptionRules<StaticFilesOptions>({
  root: required(filePath),
  prefix: rule(
    'a path like "/assets", or ""',
    (value) => typeof value === "string" && (value === "" || value.startsWith("/")),
  ),
  index: either(null, word),
  extensions: listOf(rule(
    'an extension like "html"',
    (value) => typeof value === "string" && /^[\w-]+(?:\.[\w-]+)*$/.test(value),
  )),
  fallback: word,
  dotFiles: flag,
  precompressed: flag,
  etag: oneOf("date", "content"),
  cacheControl: fieldValue,
  immutable: rule("a regular expression", (value) => value instanceof RegExp),
  headers: callback,
  mediaTypes: (name, value) => {
    anObject(name, value);
    for (const [extension, type] of Object.entries(value as object)) {
      fieldValue(`${name}.${extension}`, type);
    }
  },
  notFound: callback,
});

function isFieldValue(value: unknown): boolean {
  if (typeof value !== "string") return false;
  try {
    new Headers({ name: value });
    return true;
  } catch {
    return false;
  }
}

/** Maximum number of lookups for one request. A file may be replaced between its lookup and its opening. */
const MAX_LOOKUPS = 8;

const IMMUTABLE = "public, max-age=31536000, immutable";

/**
 * Returns a handler that serves the files of a folder, for GET and HEAD.
 *
 * @param options The folder, and the options for its files.
 * @returns The handler. Other methods get 405.
 * @throws {TypeError} If an option is malformed or unknown.
 *
 * @example A site with hashed assets and a router in the browser
 * ```ts
 * import { staticFiles } from "@portside/kit/http/static-files";
 *
 * const handler = staticFiles({
 *   root: "dist",
 *   fallback: "index.html",
 *   immutable: /\.[0-9a-f]{8,}\.\w+$/,
 *   precompressed: true,
 *   headers: (path) => path.endsWith(".html") ? { "x-frame-options": "DENY" } : undefined,
 * });
 * console.assert(typeof handler === "function");
 * ```
 */
export function staticFiles(options: StaticFilesOptions): HttpHandler {
  options = RULES.check("staticFiles", options);
  const { index = "index.html", dotFiles = false, notFound = () => problem(404) } = options;
  const { root, precompressed = false } = options;
  const { extensions = [], etag = "date", cacheControl = "no-cache" } = options;
  // The names of files begin with a slash, so the prefix must not end in one.
  const prefix = (options.prefix ?? "").replace(/\/$/, "");
  const fallback = options.fallback?.replace(/^\/?/, "/");
  const tagOf = etag === "content" ? tagByContent() : tagByDate;
  const lookup = { root, index, extensions, dotFiles };

  const send = async (request: Request, files: Lookup, found: Found) => {
    const headers = headersOf(found.path, options, cacheControl);
    let file = found;
    if (precompressed) {
      addVary(headers, "accept-encoding");
      const coded = await findCoded(request, files, found);
      if (coded !== undefined) {
        file = coded.file;
        headers.set("content-encoding", coded.coding);
      }
    }
    return await answerWithFile(request, files, file, headers, tagOf);
  };

  return async (request, info) => {
    const { method } = request;
    if (method !== "GET" && method !== "HEAD") {
      return problem(405, { headers: { allow: "GET, HEAD" } });
    }
    const path = pathOf(request.url);
    const inside = path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
    const names = inside === undefined ? undefined : namesOf(inside, dotFiles);
    for (let lookups = 0; names !== undefined && lookups < MAX_LOOKUPS; lookups++) {
      const files = await Lookup.open(lookup);
      let found = await files?.find(names);
      if (found === "folder") {
        const location = `${visible(path)}/${/\?[^#]*/.exec(request.url)?.[0] ?? ""}`;
        return new Response(null, { status: 308, headers: { location } });
      }
      if (found === undefined && fallback !== undefined && wantsPage(request, names)) {
        found = await files?.file(fallback);
      }
      if (files === undefined || found === undefined) break;
      const response = await ifPresent(send(request, files, found));
      if (response !== undefined) return response;
    }
    return await notFound(request, info);
  };
}

function headersOf(path: string, options: StaticFilesOptions, cacheControl: string): Headers {
  const { immutable, mediaTypes, headers: rules } = options;
  // `search` ignores `lastIndex` of a global expression, unlike `test`.
  const isImmutable = immutable !== undefined && path.search(immutable) !== -1;
  const headers = new Headers({
    "cache-control": isImmutable ? IMMUTABLE : cacheControl,
    "content-type": mediaType(path, mediaTypes),
    "x-content-type-options": "nosniff",
  });
  for (const [name, value] of new Headers(rules?.(path))) headers.set(name, value);
  return headers;
}

/** Finds a compressed file that the client accepts and that is not outdated. */
async function findCoded(
  request: Request,
  files: Lookup,
  found: Found,
): Promise<{ readonly file: Found; readonly coding: Coding } | undefined> {
  const accept = request.headers.get("accept-encoding");
  let left = Object.keys(CODINGS) as Coding[];
  for (let coding; (coding = chooseEncoding(accept, left)) !== undefined;) {
    const coded = await files.file(`${found.path}.${CODINGS[coding]}`);
    if (coded !== undefined && coded.modified >= found.modified) {
      return { file: coded, coding };
    }
    left = left.filter((one) => one !== coding);
  }
  return undefined;
}

/** Returns whether a request may get the page for unknown paths: not for assets, not for data. */
function wantsPage(request: Request, names: readonly string[]): boolean {
  if (!isPagePath(names)) return false;
  const accept = request.headers.get("accept");
  return accept === null || hasMember(accept, "*/*") ||
    parseWeights(accept).some(({ value, weight }) =>
      weight > 0 && /^text\/(?:html|\*)$/i.test(value)
    );
}

/** Returns the path as it was sent; `new URL` would resolve its dots. */
function pathOf(url: string): string {
  return /^[a-z]+:\/\/[^/?]*([^?#]*)/.exec(url)?.[1] || "/";
}

/** Escapes characters that `Location` does not allow, or that could start another host there. */
function visible(path: string): string {
  return path.toWellFormed().replace(/[^\x21-\x5b\x5d-\x7e]+/g, encodeURIComponent);
}
