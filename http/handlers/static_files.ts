/**
 * A handler that serves the files of a folder: ranges, entity tags, conditional requests,
 * precompressed files, and no way out of the folder, neither by dots nor by symbolic links.
 *
 * A file that is replaced by a rename is sent as one version: the head and the bytes come from the
 * same open file. A root that is a symbolic link may be switched while the server runs.
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
import { chooseEncoding } from "./_encodings.ts";
import { addVary } from "../internal/headers.ts";
import { mediaType } from "./_media_types.ts";
import { answerWithFile, tagByContent, tagByDate } from "./_static_answer.ts";
import { type Found, ifPresent, isPagePath, Lookup, namesOf } from "./_static_lookup.ts";
import { hasMember, parseWeights } from "../header_list.ts";
import { problem } from "../problem.ts";
import type { HttpHandler } from "../server/options.ts";

/** Options of {@linkcode staticFiles}. */
export interface StaticFilesOptions {
  /**
   * The folder: a path, or a `file:` URL such as `new URL("public", import.meta.url)`. Files outside
   * it are never served, also not through a symbolic link.
   */
  root: string | URL;
  /**
   * The start of the paths, in front of the folder's own names, e.g. `/assets`.
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
   * Extensions to try for a path that leads to no file: with `["html"]`, `/about` is `about.html`.
   *
   * @default []
   */
  extensions?: readonly string[];
  /**
   * The page that answers where nothing is found, for applications that route in the browser. It
   * answers with status 200, and only for paths without an extension whose client accepts HTML.
   *
   * @default none
   */
  fallback?: string;
  /**
   * Whether files and folders are served whose names begin with a dot. `/.well-known/` always is
   * (RFC 8615).
   *
   * @default false
   */
  dotFiles?: boolean;
  /**
   * Whether `a.js.br`, `a.js.zst` or `a.js.gz` is sent for `a.js` to a client that accepts the
   * coding. A file that is older than the original is left alone.
   *
   * @default false
   */
  precompressed?: boolean;
  /**
   * The entity tag: "date" makes it of size and modification time, which costs nothing; "content"
   * makes it of the SHA-256 of the content, which is read once per version, so that it is the same
   * on every machine and after every deployment.
   *
   * @default "date"
   */
  etag?: "date" | "content";
  /**
   * The field `Cache-Control` of the files.
   *
   * @default "no-cache" (a cache may keep the file, but has to ask each time)
   */
  cacheControl?: string;
  /**
   * Paths of files that never change, since their names do, e.g. `/\.[0-9a-f]{8,}\.\w+$/`. They get
   * `Cache-Control: public, max-age=31536000, immutable` (RFC 8246).
   *
   * @default none
   */
  immutable?: RegExp;
  /**
   * Returns further header fields by the path of the file within the folder, e.g. `/index.html`.
   * They replace fields of the same name.
   *
   * @default none
   */
  headers?: (path: string) => HeadersInit | undefined;
  /**
   * Media types by extension in lower case, e.g. `{ md: "text/plain; charset=utf-8" }`. They take
   * precedence over the built-in table.
   *
   * @default none
   */
  mediaTypes?: Readonly<Record<string, string>>;
  /**
   * Answers where there is no such file.
   *
   * @default problem details of status 404
   */
  notFound?: HttpHandler;
}

/** Codings with the extensions of their files, the smallest first. */
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

const IMMUTABLE = "public, max-age=31536000, immutable";

/**
 * Returns a handler that serves the files of a folder, for GET and HEAD.
 *
 * @param options The folder, and how its files are served.
 * @returns The handler. Other methods get 405.
 * @throws {TypeError} If an option is malformed.
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
  RULES.check("staticFiles", options);
  const { index = "index.html", dotFiles = false, notFound = () => problem(404) } = options;
  const { root, precompressed = false } = options;
  const { extensions = [], etag = "date", cacheControl = "no-cache" } = options;
  // A slash at its end is the one in front of the names of files.
  const prefix = (options.prefix ?? "").replace(/\/$/, "");
  const fallback = options.fallback?.replace(/^\/?/, "/");
  const tagOf = etag === "content" ? tagByContent() : tagByDate;
  const lookup = { root, index, extensions, dotFiles };

  const send = async (request: Request, files: Lookup, found: Found) => {
    const headers = headersOf(found.path, options, cacheControl);
    let { real } = found;
    if (precompressed) {
      addVary(headers, "accept-encoding");
      const coded = await findCoded(request, files, found);
      if (coded !== undefined) {
        real = coded.real;
        headers.set("content-encoding", coded.coding);
      }
    }
    return await answerWithFile(request, real, headers, tagOf);
  };

  return async (request, info) => {
    const { method } = request;
    if (method !== "GET" && method !== "HEAD") {
      return problem(405, { headers: { allow: "GET, HEAD" } });
    }
    const path = pathOf(request.url);
    const inside = path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
    const names = inside === undefined ? undefined : namesOf(inside, dotFiles);
    const files = names === undefined ? undefined : await Lookup.open(lookup);
    if (names === undefined || files === undefined) return await notFound(request, info);
    let found = await files.find(names);
    if (found === "folder") {
      const location = `${visible(path)}/${/\?[^#]*/.exec(request.url)?.[0] ?? ""}`;
      return new Response(null, { status: 308, headers: { location } });
    }
    if (found === undefined && fallback !== undefined && wantsPage(request, names)) {
      found = await files.file(fallback);
    }
    const response = found && await ifPresent(send(request, files, found));
    return response ?? await notFound(request, info);
  };
}

function headersOf(path: string, options: StaticFilesOptions, cacheControl: string): Headers {
  const { immutable, mediaTypes, headers: rules } = options;
  // Unlike `test`, `search` has no state between two calls.
  const isImmutable = immutable !== undefined && path.search(immutable) !== -1;
  const headers = new Headers({
    "cache-control": isImmutable ? IMMUTABLE : cacheControl,
    "content-type": mediaType(path, mediaTypes),
    "x-content-type-options": "nosniff",
  });
  for (const [name, value] of new Headers(rules?.(path))) headers.set(name, value);
  return headers;
}

/** Finds the compressed form that a client accepts, if it is there and not outdated. */
async function findCoded(
  request: Request,
  files: Lookup,
  found: Found,
): Promise<{ readonly real: string; readonly coding: Coding } | undefined> {
  const accept = request.headers.get("accept-encoding");
  let left = Object.keys(CODINGS) as Coding[];
  for (let coding; (coding = chooseEncoding(accept, left)) !== undefined;) {
    const coded = await files.file(`${found.path}.${CODINGS[coding]}`);
    if (coded !== undefined && coded.modified >= found.modified) {
      return { real: coded.real, coding };
    }
    left = left.filter((one) => one !== coding);
  }
  return undefined;
}

/** Whether the page for unknown paths may answer: neither for assets nor for data. */
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

/** Escapes what cannot stand in `Location`, or starts another host there. */
function visible(path: string): string {
  return path.toWellFormed().replace(/[^\x21-\x5b\x5d-\x7e]+/g, encodeURIComponent);
}
