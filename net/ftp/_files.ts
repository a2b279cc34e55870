/** Work on single files: their properties, storing, and renaming. */

import { NetError } from "../errors/errors.ts";
import type { FtpControl } from "./_control.ts";
import { partialName } from "./_partial_name.ts";
import type { FtpTransfers } from "./_transfers.ts";
import { type FtpEntry, parseFtpFacts, parseFtpSize } from "./codec.ts";
import type { FtpSource, FtpUploadOptions } from "./options.ts";

/** A file to store. */
interface Storing {
  readonly path: string;
  readonly source: FtpSource;
  readonly options: FtpUploadOptions;
}

/** Throws if options for whole files are given together with those for parts of files. */
export function checkWhole(
  { append = false, atomic = false, offset = 0, verify = false }: FtpUploadOptions,
): void {
  if (!(atomic || verify) || !(append || offset > 0)) return;
  throw new TypeError(`${atomic ? "atomic" : "verify"} must be false with append or offset`);
}

/** Stores a file, under a temporary name at first if that is wanted. */
export async function storeFile(
  control: FtpControl,
  transfers: FtpTransfers,
  { path, source, options }: Storing,
): Promise<void> {
  const what = `Cannot store ${path}`;
  if (!options.atomic) {
    await transfers.write(what, options.append ? "APPE" : "STOR", path, source, options);
    return;
  }
  const part = partialName(path);
  try {
    const size = await transfers.write(what, "STOR", part, source, options);
    await checkStored(control, { what, path: part, size });
    await renameFile(control, part, path);
  } catch (error) {
    if (control.dialogue.conn.open) await control.ask(`DELE ${part}`);
    throw error;
  }
}

/** Throws if the server has stored fewer bytes than were sent, although it has confirmed them. */
async function checkStored(
  control: FtpControl,
  { what, path, size }: { readonly what: string; readonly path: string; readonly size: number },
): Promise<void> {
  if (!control.features.has("SIZE")) return;
  const { code, lines } = await control.ask(`SIZE ${path}`);
  const stored = code === 213 ? parseFtpSize(lines[0]!) : undefined;
  // Some file systems fill the last record, so a larger size is no loss.
  if (stored === undefined || stored >= size) return;
  const { dialogue } = control;
  const message = `${what}: ${dialogue.peer} has stored ${stored} of ${size} bytes`;
  const address = dialogue.peer;
  throw dialogue.spare(new NetError(message, { kind: "truncated", phase: "write", address }));
}

/** Renames a file or directory. */
export async function renameFile(control: FtpControl, from: string, to: string): Promise<void> {
  await control.command(`Cannot rename ${from}`, `RNFR ${from}`, 3);
  await control.command(`Cannot rename ${from} to ${to}`, `RNTO ${to}`);
}

/** Asks for the properties of a file by MLST. */
export async function statByFacts(control: FtpControl, path: string): Promise<FtpEntry> {
  const { lines } = await control.command(`Cannot ask for ${path}`, `MLST ${path}`);
  for (const line of lines) {
    const found = parseFtpFacts(line);
    if (found === undefined) continue;
    const { self: _, ...entry } = found;
    return { ...entry, name: partsOf(path).name };
  }
  return control.dialogue.nonsense(lines[1] ?? "");
}

/** Finds the properties of a file in the listing of the directory above it. */
export async function statByListing(
  list: (path?: string) => Promise<FtpEntry[]>,
  path: string,
  peer: string,
): Promise<FtpEntry> {
  const { above, name } = partsOf(path);
  if (name === "") return { name, type: "directory" };
  const found = (await list(above || undefined)).find((entry) => entry.name === name);
  if (found !== undefined) return found;
  throw new NetError(`Cannot ask for ${path} on ${peer}: there is no such name in its directory`, {
    kind: "protocol",
    phase: "request",
    address: peer,
  });
}

function partsOf(path: string): { above: string; name: string } {
  const [, above = "", name = ""] = /^(.*?)([^/]*)\/*$/s.exec(path) ?? [];
  return { above, name };
}
