/**
 * Whole directories over FTP, to and from this machine's files.
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
 * **Permissions**: `--allow-read` and `--allow-write` for the folder.
 *
 * @module
 */

import { NetError } from "../errors/errors.ts";
import type { FtpClient, FtpTransferOptions } from "./client.ts";
import { isPlainFtpName } from "./codec.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { lowerAscii } from "../text.ts";

/** Options of {@linkcode downloadTree} and {@linkcode uploadTree}. */
export interface FtpTreeOptions extends Pick<FtpTransferOptions, "signal"> {
  /** Leaves out files that are there already with the same size. @default false */
  skipSame?: boolean;
  /** Called before each file. */
  onFile?: (path: string, size: number | undefined) => void;
  /** Called with the bytes of the file so far. */
  onProgress?: (bytes: number) => void;
  /**
   * Called for a file or directory that the server refuses, which is left out then.
   *
   * @default the refusal ends the whole
   */
  onRefused?: (path: string, error: ReplyError) => void;
}

/** What was carried. */
export interface FtpTreeReport {
  /** Files that were transferred. */
  readonly files: number;
  /** Files that were left out because they are the same. */
  readonly skipped: number;
  /** Bytes of the files that were transferred. */
  readonly bytes: number;
}

/** Directories within directories: a server can make up as many as it likes. */
const MAX_DEPTH = 100;

/**
 * Fetches a directory with all that is in it; links and the like are left out. A file is written
 * under another name and renamed when it is whole.
 *
 * @param ftp The session.
 * @param remote The directory on the server.
 * @param folder The folder here; it is made.
 * @param options What to leave out, and who watches.
 * @returns What was carried.
 * @throws {NetError} "protocol", if the server gives a name that leads out of its directory.
 */
export async function downloadTree(
  ftp: FtpClient,
  remote: string,
  folder: string,
  options: FtpTreeOptions = {},
): Promise<FtpTreeReport> {
  const report = { files: 0, skipped: 0, bytes: 0 };
  await download(ftp, remote, folder, options, report, [await uniqueOf(ftp, remote)]);
  return report;
}

type Report = { -readonly [K in keyof FtpTreeReport]: number };

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
    throw new NetError(`${remote} lies below ${MAX_DEPTH} directories`, { kind: "limit" });
  }
  await Deno.mkdir(folder, { recursive: true });
  for (const { name, type, size, unique } of await ftp.list(remote)) {
    signal?.throwIfAborted();
    if (!isPlainFtpName(name)) {
      throw new NetError(`The server lists ${JSON.stringify(name)} in ${remote}: that is no name`, {
        kind: "protocol",
      });
    }
    const from = `${remote.replace(/\/$/, "")}/${name}`;
    const to = `${folder}/${name}`;
    // Some servers show links as what they lead to, which may be where they are.
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

/** By what a directory is known again; asks that it be told of all others as well. */
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
    await Deno.remove(part).catch(() => {});
    throw error;
  }
  report.files++;
}

/** Leaves out what the server refuses, where somebody wants to hear of it. */
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
 * Stores a folder with all that is in it; links and the like are left out.
 *
 * @param ftp The session.
 * @param folder The folder here.
 * @param remote The directory on the server; it is made.
 * @param options What to leave out, and who watches.
 * @returns What was carried.
 */
export async function uploadTree(
  ftp: FtpClient,
  folder: string,
  remote: string,
  options: FtpTreeOptions = {},
): Promise<FtpTreeReport> {
  const { signal, skipSame = false, onFile, onProgress } = options;
  const report = { files: 0, skipped: 0, bytes: 0 };
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

/** A file as it is read; each chunk is used before the next is asked for. */
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
