/**
 * Upload and download of attached files over HTTP.
 *
 * `POST /files` stores the body of the request as a file and answers 201 with its id, name, type and
 * size as JSON. `x-file-name` is the percent-encoded name. `Authorization: Bearer TOKEN` names the user.
 * `GET /files/ID` sends a file or a range of it. The id is the secret that permits it, because an image
 * in a page cannot send a token.
 *
 * A browser never runs a file as a part of the chat: its type comes from the bytes, everything except
 * pictures is saved and not shown, and a sandbox surrounds it.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { bearerAuth, userOf } from "../../../http/handlers/auth.ts";
import { answerWith } from "../../../http/internal/representation.ts";
import { problem } from "../../../http/problem.ts";
import type { HttpHandler, HttpInfo } from "../../../http/server/options.ts";
import { peerNetwork } from "../../../net/address.ts";
import { callback, OptionRules, required, rule } from "../../../net/internal/options.ts";
import type { FileRecord } from "../archive/archive.ts";
import { ChatFiles, type FileProblem, FileRefusal } from "./chat_files.ts";
import { decodeFileName, encodeDisposition } from "./file_name.ts";
import { isPicture } from "./file_type.ts";

/** The path of uploads. The path of a file continues with its id. */
export const FILES_PATH = "/files";

/** The maximum length of the header `x-file-name`: a name of 4 KiB, with each byte encoded. */
const MAX_NAME_HEADER = 3 * 4096;

/** The options of {@linkcode fileHandler}. */
export interface FileHandlerOptions {
  /** The files of the chat. */
  readonly files: ChatFiles;
  /** Returns the id of the user with a token; undefined if nobody has it. */
  readonly userOf: (token: string) => Promise<number | undefined>;
}

/** The rules for {@linkcode FileHandlerOptions}. */
export const FILE_HANDLER_RULES = new OptionRules<FileHandlerOptions>({
  files: required(rule("ChatFiles", (value) => value instanceof ChatFiles)),
  userOf: required(callback),
});

const STATUS: Readonly<Record<FileProblem, number>> = {
  "file-too-large": 413,
  "user-quota": 507,
  "files-full": 507,
  busy: 429,
  cut: 400,
  "not-stored": 507,
};

const logger = getLogger(["portside", "chat", "files"]);

/**
 * Makes the handler for `/files` and the paths below.
 *
 * @param options The files, and the function that knows the users.
 * @returns The handler. Other paths get 404, other methods 405.
 */
export function fileHandler({ files, userOf: idOf }: FileHandlerOptions): HttpHandler {
  const upload = bearerAuth((request, info) => receive(files, request, info), {
    realm: "chat",
    verify: async (token) => (await idOf(token))?.toString() ?? null,
  });
  return async (request, info) => {
    const { pathname } = new URL(request.url);
    if (pathname === FILES_PATH) {
      if (request.method !== "POST") return problem(405, { headers: { allow: "POST" } });
      return await upload(request, info);
    }
    const id = /^\/files\/([0-9a-f]{32})$/.exec(pathname)?.[1];
    if (id === undefined) return problem(404);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return problem(405, { headers: { allow: "GET, HEAD" } });
    }
    return await send(files, id, request);
  };
}

async function receive(files: ChatFiles, request: Request, info: HttpInfo): Promise<Response> {
  const header = request.headers.get("x-file-name");
  const name = (header?.length ?? 0) > MAX_NAME_HEADER ? undefined : decodeFileName(header);
  if (name === undefined) {
    const detail = "x-file-name must be percent-encoded UTF-8 of at most 4096 bytes";
    return problem(400, { detail, extensions: { code: "bad-name" } });
  }
  const length = request.headers.get("content-length");
  const upload = {
    user: Number(userOf(request)),
    network: peerNetwork(info.remoteAddr.hostname),
    name,
    size: length === null ? undefined : Number(length),
    body: request.body ?? new Blob([]).stream(),
  };
  try {
    const { id, name, type, size } = await files.add(upload);
    const headers = { location: `${FILES_PATH}/${id}` };
    return Response.json({ id, name, type, size }, { status: 201, headers });
  } catch (error) {
    if (error instanceof FileRefusal) return refusal(error);
    throw error;
  }
}

function refusal({ code, message, cause }: FileRefusal): Response {
  if (code === "not-stored") logger.error("A file is not stored: {cause}", { cause });
  const headers: HeadersInit = code === "busy" ? { "retry-after": "5" } : {};
  return problem(STATUS[code], { detail: message, headers, extensions: { code } });
}

async function send(files: ChatFiles, id: string, request: Request): Promise<Response> {
  const record = await files.find(id);
  if (record === undefined) return problem(404);
  const { size, sha256 } = record;
  const version = { size, etag: `"${sha256}"` };
  let absent = false;
  const response = await answerWith(request, version, headersOf(record), async (part) => {
    const body = await files.read(id, part);
    absent = body === undefined;
    return body ?? "";
  });
  // The file may be removed after its record was found.
  return absent ? problem(404) : response;
}

function headersOf({ name, type }: FileRecord): Headers {
  return new Headers({
    "content-type": type,
    "content-disposition": encodeDisposition(isPicture(type) ? "inline" : "attachment", name),
    "content-security-policy": "sandbox; default-src 'none'",
    // A copy must not be shown after its message is deleted, so each use is checked.
    "cache-control": "private, no-cache",
  });
}
