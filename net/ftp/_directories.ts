/** Directories with everything above or in them, and the limit of their depth. */

import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { type FtpEntry, isPlainFtpName } from "./codec.ts";
import type { FtpCallOptions } from "./options.ts";
import { parseInTurns } from "./_parse_listing.ts";

/** Maximum depth of directories. A server can report an endless tree. */
const MAX_DEPTH = 100;

/** The part of a client that works on directories. */
interface DirectoryClient {
  readonly features: ReadonlyMap<string, string>;
  list(path: string, options: FtpCallOptions): Promise<FtpEntry[]>;
  rawListing(path: string, options: FtpCallOptions): Promise<string[]>;
  mkdir(path: string, options: FtpCallOptions): Promise<void>;
  rmdir(path: string, options: FtpCallOptions): Promise<void>;
  delete(path: string, options: FtpCallOptions): Promise<void>;
}

/** Throws an error if a directory is nested too deeply. */
export function checkDepth(path: string, depth: number): void {
  if (depth <= MAX_DEPTH) return;
  const message = `${path} is nested more than ${MAX_DEPTH} directories deep`;
  throw new NetError(message, { kind: "limit" });
}

/** Creates a directory and those above it. They may exist already. */
export async function makeDirectories(
  ftp: DirectoryClient,
  path: string,
  options: FtpCallOptions,
): Promise<void> {
  const parts = path.split("/").filter(Boolean);
  for (let i = 1; i <= parts.length; i++) {
    const each = (path.startsWith("/") ? "/" : "") + parts.slice(0, i).join("/");
    try {
      await ftp.mkdir(each, options);
    } catch (error) {
      // The directory may exist already. The last one must exist.
      if (!(error instanceof ReplyError)) throw error;
      if (i === parts.length) await ftp.list(each, options);
    }
  }
}

/** Removes everything in a directory. Links are deleted and not followed. */
export async function clearDirectory(
  ftp: DirectoryClient,
  path: string,
  options: FtpCallOptions,
  depth = 0,
): Promise<void> {
  checkDepth(path, depth);
  const entries = await ftp.list(path, options);
  const unsure = ftp.features.has("MLST") && entries.some(({ type }) => type === "directory");
  const real = unsure ? await realDirectoriesIn(ftp, path, options) : undefined;
  for (const { name, type } of entries) {
    if (!isPlainFtpName(name)) continue;
    const inner = `${path.replace(/\/$/, "")}/${name}`;
    if (type !== "directory" || real?.has(name) === false) await ftp.delete(inner, options);
    else {
      await clearDirectory(ftp, inner, options, depth + 1);
      await ftp.rmdir(inner, options);
    }
  }
}

/**
 * Returns the directories in a directory that are no links. MLSD may report links as directories, so LIST
 * has to confirm each.
 */
async function realDirectoriesIn(
  ftp: DirectoryClient,
  path: string,
  options: FtpCallOptions,
): Promise<ReadonlySet<string>> {
  const { entries } = await parseInTurns(await ftp.rawListing(path, options));
  return new Set(entries.filter(({ type }) => type === "directory").map(({ name }) => name));
}
