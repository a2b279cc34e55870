/** Saves the response of the HTTP client to a file. @module */

import { download, type DownloadOptions, type DownloadResult } from "../../http/client/download.ts";
import { badValue, type CliContext } from "../../tools/cli.ts";

/** Rejects flags that do not fit a download. */
export function checkOutput(
  { output, include }: { readonly output: string | undefined; readonly include: boolean },
  method: string,
): void {
  if (output === undefined) return;
  if (method.toUpperCase() !== "GET") throw badValue("--output", output, "the method GET");
  if (include) throw badValue("--output", output, "no --include with it");
}

/** Downloads to a file, with progress on a terminal. */
export async function save(
  url: string,
  file: string,
  { io: { stderr, stderrIsTerminal } }: CliContext,
  options: DownloadOptions,
): Promise<DownloadResult> {
  if (!stderrIsTerminal) return await download(url, file, options);
  try {
    return await download(url, file, {
      ...options,
      onDownload: ({ transferred, total }) =>
        stderr(`\r${transferred} of ${total ?? "?"} bytes\x1b[K`),
    });
  } finally {
    stderr("\r\x1b[K");
  }
}
