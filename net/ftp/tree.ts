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

import { NetError } from "../errors/errors.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { word } from "../internal/options.ts";
import type { FtpClient, FtpTreeOptions } from "./client.ts";
import { isPlainFtpName } from "./codec.ts";
import { FTP_TREE, remotePath } from "./_option_rules.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { lowerAscii } from "../text.ts";

/** The result of {@linkcode downloadTree} or {@linkcode uploadTree}. */
export interface FtpTreeReport {
  /** The number of transferred files. */
  readonly files: number;
  /** The number of files that were skipped because they exist with the same size. */
  readonly skipped: number;
  /** The total size of the transferred files in bytes. */
  readonly bytes: number;
  /** The files and directories that were left out, at most 1,000. */
  readonly left: readonly FtpLeft[];
}

/** A file or directory that a tree has left out. */
export interface FtpLeft {
  /** The path where the transfer found it. */
  readonly path: string;
  /** The reason as a sentence. */
  readonly reason: string;
}

/** The maximum number of items in a report. A server can name endless files. */
const MAX_LEFT = 1000;

/** Maximum depth of directories. A server can report an endless tree. */
const MAX_DEPTH = 100;

/**
 * Downloads a directory with everything in it, except links and special files. A file is written under
 * a temporary name and renamed when it is complete.
 *
 * @param ftp An open session with the server.
 * @param remote The path of the directory on the server.
 * @param folder The path of the local folder, which is created if needed.
 * @param options The files to skip, and the callbacks.
 * @returns The number of files and bytes, and what was left out: names that lead out of their directory or
 * cannot be names here, and lines of listings that are not understood.
 * @throws {NetError} "limit" if directories are nested too deeply.
 * @throws {TypeError} If an argument is invalid.
 */
export async function downloadTree(
  ftp: FtpClient,
  remote: string,
  folder: string,
  options: FtpTreeOptions = {},
): Promise<FtpTreeReport> {
  options = checkArguments("downloadTree", remote, folder, options);
  const report: Report = { files: 0, skipped: 0, bytes: 0, left: [] };
  await download(ftp, remote, folder, options, report, [await uniqueOf(ftp, remote)]);
  return report;
}

type Report = { files: number; skipped: number; bytes: number; left: FtpLeft[] };

function leave({ left }: Report, path: string, reason: string): void {
  if (left.length < MAX_LEFT) left.push({ path, reason });
}

async function download(
  ftp: FtpClient,
  remote: string,
  folder: string,
  options: FtpTreeOptions,
  report: Report,
  above: readonly (string | undefined)[],
): Promise<void> {
  const { signal, skipSame = false } = options;
  if (above.length - 1 > MAX_DEPTH) {
    throw new NetError(`${remote} is nested more than ${MAX_DEPTH} directories deep`, {
      kind: "limit",
    });
  }
  await Deno.mkdir(folder, { recursive: true });
  const entries = await ftp.list(remote, {
    onUnknown(line) {
      const quoted = JSON.stringify(line.slice(0, 200));
      leave(report, remote, `The listing has a line that is not understood: ${quoted}`);
    },
  });
  for (const { name, type, size, unique } of entries) {
    signal?.throwIfAborted();
    if (!isPlainFtpName(name)) {
      const path = `${remote}: ${JSON.stringify(name.slice(0, 200))}`;
      leave(report, path, "No file of this name can be made here");
      continue;
    }
    const from = `${remote.replace(/\/$/, "")}/${name}`;
    const to = `${folder}/${name}`;
    // Some servers show links as their targets, and a target may be a directory above.
    const known = unique !== undefined && above.includes(unique);
    if (type === "directory" && !known) {
      await orRefused(from, options, download(ftp, from, to, options, report, [...above, unique]));
    }
    if (type !== "file") continue;
    if (skipSame && size !== undefined && await sizeOfFile(to) === size) {
      report.skipped++;
      continue;
    }
    options.onFile?.(from, size);
    await orRefused(from, options, fetchFile(ftp, from, to, options, report));
  }
}

/** Returns the unique id of a directory, after asking the server to report ids in all listings. */
async function uniqueOf(ftp: FtpClient, remote: string): Promise<string | undefined> {
  const facts = lowerAscii(ftp.features.get("MLST") ?? "").split(";");
  if (!facts.some((fact) => /^unique\*?$/.test(fact))) return undefined;
  const wanted = facts.filter((fact) => fact === "unique" || fact.endsWith("*"));
  try {
    await ftp.command(`OPTS MLST ${wanted.map((fact) => fact.replace("*", "")).join(";")};`);
    return (await ftp.stat(remote)).unique;
  } catch (error) {
    if (error instanceof ReplyError) return undefined;
    throw error;
  }
}

async function fetchFile(
  ftp: FtpClient,
  from: string,
  to: string,
  { signal, onProgress }: FtpTreeOptions,
  report: Report,
): Promise<void> {
  const part = `${to}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    const stream = await ftp.download(from, {
      ...(signal && { signal }),
      onProgress: (bytes) => onProgress?.(bytes),
    });
    const file = await Deno.open(part, { write: true, createNew: true })
      .catch((error) => stream.cancel(error).then(() => Promise.reject(error)));
    await stream.pipeTo(file.writable);
    report.bytes += (await Deno.stat(part)).size;
    await Deno.rename(part, to);
  } catch (error) {
    await ignoreFailure(Deno.remove(part));
    throw error;
  }
  report.files++;
}

/** Waits for work. A rejection by the server is reported to `onRefused`, if that is given. */
async function orRefused(
  path: string,
  { onRefused }: FtpTreeOptions,
  work: Promise<void>,
): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (onRefused === undefined || !(error instanceof ReplyError)) throw error;
    onRefused(path, error);
  }
}

/**
 * Uploads a folder with everything in it, except links and special files.
 *
 * @param ftp An open session with the server.
 * @param folder The path of the local folder.
 * @param remote The path of the directory on the server, which is created if needed.
 * @param options The files to skip, and the callbacks.
 * @returns The number of files and bytes.
 * @throws {TypeError} If an argument is invalid.
 */
export async function uploadTree(
  ftp: FtpClient,
  folder: string,
  remote: string,
  options: FtpTreeOptions = {},
): Promise<FtpTreeReport> {
  options = checkArguments("uploadTree", remote, folder, options);
  const { signal, skipSame = false, onFile, onProgress } = options;
  const report: Report = { files: 0, skipped: 0, bytes: 0, left: [] };
  const upload = async (from: string, to: string): Promise<void> => {
    await ftp.mkdir(to, { recursive: true });
    const there = new Map(
      skipSame ? (await ftp.list(to)).map(({ name, size }) => [name, size]) : [],
    );
    for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
      signal?.throwIfAborted();
      const [own, target] = [`${from}/${name}`, `${to}/${name}`];
      if (isDirectory) await orRefused(own, options, upload(own, target));
      if (!isFile) continue;
      const { size } = await Deno.stat(own);
      if (there.get(name) === size) {
        report.skipped++;
        continue;
      }
      onFile?.(own, size);
      await orRefused(own, options, store(own, target));
    }
  };
  const store = async (own: string, target: string): Promise<void> => {
    using file = await Deno.open(own);
    let size = 0;
    await ftp.upload(target, chunks(file), {
      atomic: true,
      ...(signal && { signal }),
      onProgress: (bytes) => {
        size = bytes;
        onProgress?.(bytes);
      },
    });
    report.files++;
    report.bytes += size;
  };
  await upload(folder.replace(/[/\\]$/, ""), remote.replace(/\/$/, "") || "/");
  return report;
}

function checkArguments(
  owner: string,
  remote: string,
  folder: string,
  options: FtpTreeOptions,
): FtpTreeOptions {
  remotePath("remote", remote);
  word("folder", folder);
  return FTP_TREE.check(owner, options);
}

/** Reads a file. All chunks share one buffer, so each must be used before the next is read. */
async function* chunks(file: Deno.FsFile): AsyncGenerator<Uint8Array, void, void> {
  const buffer = new Uint8Array(256 * 1024);
  for (let n; (n = await file.read(buffer)) !== null;) yield buffer.subarray(0, n);
}

async function sizeOfFile(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
