/**
 * Downloads and uploads whole directories over FTP.
 *
 * @example Mirror a directory
 * ```ts
 * import { connectFtp, downloadTree } from "@portside/kit/net/ftp";
 *
 * async function mirror(hostname: string): Promise<number> {
 *   await using ftp = await connectFtp({ hostname });
 *   return (await downloadTree(ftp, "/pub", "pub")).files;
 * }
 * ```
 *
 * **Permissions**: `--allow-read` and `--allow-write` for the local folder.
 *
 * @module
 */

import { ReplyError } from "../errors/reply_error.ts";
import { word } from "../internal/options.ts";
import type { FtpClient, FtpTreeOptions, FtpTreeReport } from "./client.ts";
import { parseFtpPath } from "./codec.ts";
import { FTP_TREE, remotePath } from "./_option_rules.ts";
import { TreeCrew } from "./_tree_crew.ts";
import { TreeDownload } from "./_tree_download.ts";
import { TreeWork } from "./_tree_report.ts";
import { TreeUpload } from "./_tree_upload.ts";

/**
 * Downloads a directory with everything in it, except links and special files. A file is written under
 * a temporary name, gets the time of the file on the server, and is renamed when it is complete. Links in
 * the local folder are not followed.
 *
 * @param ftp An open session with the server.
 * @param remote The path of the directory on the server.
 * @param folder The path of the local folder, which is created if needed.
 * @param options The files to skip, the limits, and the callbacks.
 * @returns The number of files and bytes, and what was left out with the reasons: names that lead out of
 * their directory or cannot be names here, links, and lines of listings that are not understood.
 * @throws {NetError} "limit" if directories are nested too deeply, or the tree exceeds a limit.
 * @throws {TypeError | RangeError} If an argument is invalid.
 */
export async function downloadTree(
  ftp: FtpClient,
  remote: string,
  folder: string,
  options: FtpTreeOptions = {},
): Promise<FtpTreeReport> {
  const work = begin("downloadTree", remote, folder, options);
  await using crew = await crewFor(ftp, remote, work.options);
  await new TreeDownload(crew, work).run(remote, folder);
  return work.report;
}

/**
 * Uploads a folder with everything in it, except links and special files. A file is stored under a
 * temporary name and renamed when it is complete. It gets the time of the local file if the server supports
 * MFMT.
 *
 * @param ftp An open session with the server.
 * @param folder The path of the local folder.
 * @param remote The path of the directory on the server, which is created if needed.
 * @param options The files to skip, the limits, and the callbacks.
 * @returns The number of files and bytes, and what was left out with the reasons.
 * @throws {NetError} "limit" if directories are nested too deeply, or the tree exceeds a limit.
 * @throws {TypeError | RangeError} If an argument is invalid.
 */
export async function uploadTree(
  ftp: FtpClient,
  folder: string,
  remote: string,
  options: FtpTreeOptions = {},
): Promise<FtpTreeReport> {
  const work = begin("uploadTree", remote, folder, options);
  await using crew = await crewFor(ftp, remote, work.options);
  const path = remote.replace(/\/$/, "") || "/";
  await new TreeUpload(crew, work).run(folder.replace(/[/\\]$/, ""), path);
  return work.report;
}

function begin(
  owner: string,
  remote: string,
  folder: string,
  options: FtpTreeOptions,
): TreeWork {
  remotePath("remote", remote);
  word("folder", folder);
  options = FTP_TREE.check(owner, options);
  if (options.anyName && options.mapNames) {
    throw new TypeError("anyName must be false with mapNames");
  }
  return new TreeWork(options);
}

/** Returns a crew whose sessions all understand a path. */
async function crewFor(ftp: FtpClient, remote: string, options: FtpTreeOptions): Promise<TreeCrew> {
  const { connections: most = 1, signal } = options;
  if (remote.startsWith("/")) return new TreeCrew({ first: ftp, most, signal });
  // Other sessions begin in another directory.
  const reply = await ftp.command("PWD", signal && { signal }).catch((error) => {
    if (error instanceof ReplyError) return undefined;
    throw error;
  });
  const home = parseFtpPath(reply?.lines[0] ?? "");
  return new TreeCrew({ first: ftp, most: home === undefined ? 0 : most, home, signal });
}
