/** Saves the response of the HTTP client to a file. @module */

import { dirname } from "node:path";
import type { HttpClient, HttpRequestOptions } from "../../http/client/client.ts";
import { download, type DownloadOptions, type DownloadResult } from "../../http/client/download.ts";
import { HttpStatusError } from "../../http/client/errors.ts";
import { badValue, type CliContext, CliError } from "../../tools/cli.ts";

/** The flags for a file. */
export interface SaveValues {
  readonly output: string | undefined;
  readonly remoteName: boolean;
  readonly include: boolean;
}

/** Rejects flags that do not fit a file. */
export function checkOutput({ output, remoteName, include }: SaveValues, method: string): void {
  if (output === undefined && !remoteName) return;
  const shown = output ?? "";
  if (output !== undefined && remoteName) {
    throw badValue("--output", shown, "no --remote-name with it");
  }
  if (include) {
    throw badValue(remoteName ? "--remote-name" : "--output", shown, "no --include with it");
  }
  if (remoteName && method !== "GET") throw badValue("--remote-name", method, "the method GET");
}

/** A request whose response goes to a file. */
export interface SaveRequest {
  readonly client: HttpClient;
  readonly method: string;
  readonly url: string;
  readonly maxSize: number;
  readonly options: Omit<HttpRequestOptions, "maxBody" | "raiseForStatus">;
}

/** Saves a body with progress on a terminal. Prints the body of an error. */
export async function save(
  request: SaveRequest,
  { output, remoteName }: SaveValues,
  ctx: CliContext,
): Promise<DownloadResult> {
  const { io: { stderr, stderrIsTerminal } } = ctx;
  const onDownload: NonNullable<DownloadOptions["onDownload"]> = ({ transferred, total }) =>
    stderr(`\r${transferred} of ${total ?? "?"} bytes\x1b[K`);
  const options = { ...request.options, ...stderrIsTerminal && { onDownload } };
  try {
    const { client, method, url, maxSize } = request;
    const hasBody = ["json", "form", "multipart", "body"].some((name) => name in options);
    const isFile = remoteName || await isNewOrFile(output!);
    if (method === "GET" && !hasBody && isFile) {
      return await download(url, output ?? ".", { ...options, client, maxSize, remoteName });
    }
    return await saveOnce({ ...request, options }, output!, isFile);
  } catch (error) {
    if (error instanceof HttpStatusError) {
      for (const line of error.body.split("\n")) if (line !== "") ctx.print(line);
    }
    if (error instanceof Deno.errors.NotCapable) throw missingFolder(output, error);
    throw error;
  } finally {
    if (stderrIsTerminal) stderr("\r\x1b[K");
  }
}

/** Returns the error for a missing permission. A download needs the whole folder of its file. */
function missingFolder(output: string | undefined, cause: unknown): CliError {
  const folder = output === undefined ? "." : dirname(output);
  const [read, write] = [`--allow-read=${folder}`, `--allow-write=${folder}`];
  const flags = /\s/.test(folder) ? `"${read}" "${write}"` : `${read} ${write}`;
  return new CliError(`Permission is missing: run again with ${flags}`, 3, { cause });
}

/** Saves the body of one response. A device gets the bytes directly. */
async function saveOnce(
  { client, method, url, maxSize, options }: SaveRequest,
  file: string,
  isFile: boolean,
): Promise<DownloadResult> {
  // The name is new: `FILE.part` may be a link, or a download that another run resumes.
  const path = isFile ? `${file}.${crypto.randomUUID()}.part` : file;
  const response = await client.request(method, url, { ...options, maxBody: maxSize });
  let size = 0;
  try {
    using opened = await Deno.open(path, { write: true, createNew: isFile });
    for await (const chunk of response.body ?? []) {
      for (let at = 0; at < chunk.length;) at += await opened.write(chunk.subarray(at));
      size += chunk.length;
    }
  } catch (error) {
    if (isFile) await Deno.remove(path).catch(() => {});
    throw error;
  }
  if (isFile) await Deno.rename(path, file);
  return { path: file, size, resumedFrom: 0, resumptions: 0 };
}

/** Returns whether a path is free or names a file. Throws for a folder. */
async function isNewOrFile(path: string): Promise<boolean> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    if (isDirectory) throw badValue("--output", path, "a file, not a folder");
    return isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}
