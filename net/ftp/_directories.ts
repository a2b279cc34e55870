/** Directories with everything above or in them, and the limit of their depth. */

import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { type FtpEntry, isPlainFtpName } from "./codec.ts";
import { parseInTurns } from "./_parse_listing.ts";

/** Maximum depth of directories. A server can report an endless tree. */
const MAX_DEPTH = 100;

/** The part of a client that works on directories. */
interface DirectoryClient {
  readonly features: ReadonlyMap<string, string>;
  list(path: string): Promise<FtpEntry[]>;
  rawListing(path: string): Promise<string[]>;
  mkdir(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  delete(path: string): Promise<void>;
}

/** Throws an error if a directory is nested too deeply. */
export function checkDepth(path: string, depth: number): void {
  if (depth <= MAX_DEPTH) return;
  const message = `${path} is nested more than ${MAX_DEPTH} directories deep`;
  throw new NetError(message, { kind: "limit" });
}

/** Creates a directory and those above it. They may exist already. */
export async function makeDirectories(ftp: DirectoryClient, path: string): Promise<void> {
  const parts = path.split("/").filter(Boolean);
  for (let i = 1; i <= parts.length; i++) {
    const each = (path.startsWith("/") ? "/" : "") + parts.slice(0, i).join("/");
    try {
      await ftp.mkdir(each);
    } catch (error) {
      // The directory may exist already. The last one must exist.
      if (!(error instanceof ReplyError)) throw error;
      if (i === parts.length) await ftp.list(each);
    }
  }
}

/** Removes everything in a directory. Links are deleted and not followed. */
export async function clearDirectory(ftp: DirectoryClient, path: string, depth = 0): Promise<void> {
  checkDepth(path, depth);
  const entries = await ftp.list(path);
  const unsure = ftp.features.has("MLST") && entries.some(({ type }) => type === "directory");
  const real = unsure ? await realDirectoriesIn(ftp, path) : undefined;
  for (const { name, type } of entries) {
    if (!isPlainFtpName(name)) continue;
    const inner = `${path.replace(/\/$/, "")}/${name}`;
    if (type !== "directory" || real?.has(name) === false) await ftp.delete(inner);
    else {
      await clearDirectory(ftp, inner, depth + 1);
      await ftp.rmdir(inner);
    }
  }
}

/**
 * Returns the directories in a directory that are no links. MLSD may report links as directories, so LIST
 * has to confirm each.
 */
async function realDirectoriesIn(ftp: DirectoryClient, path: string): Promise<ReadonlySet<string>> {
  const { entries } = await parseInTurns(await ftp.rawListing(path));
  return new Set(entries.filter(({ type }) => type === "directory").map(({ name }) => name));
}
