/** Mirrors of the FTP program: its choices, and the report. @module */

import type { FtpTreeOptions, FtpTreeReport } from "../../net/ftp/client.ts";
import { posix } from "node:path";
import { type CliContext, CliError } from "../../tools/cli.ts";
import { bytesText, TreeProgress } from "./progress.ts";

/** The exit code if some files could not be transferred, and the others were. */
export const INCOMPLETE = 4;

/** The choices of a mirror. */
export type MirrorChoices = Pick<
  FtpTreeOptions,
  | "anyName"
  | "mapNames"
  | "bySize"
  | "connections"
  | "delete"
  | "dryRun"
  | "exclude"
  | "maxBytes"
  | "maxFiles"
  | "verify"
>;

/** The report of the program: that of the library, and the refusals of the server. */
export interface MirrorReport extends FtpTreeReport {
  /** The files and directories that the server has refused, with its reasons. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

/** The error for a result in which something is missing. */
export class IncompleteError extends CliError {
  /** The result, for `--json`. */
  readonly result: unknown;

  /** Takes the message and the result. */
  constructor(message: string, result: unknown) {
    super(message, INCOMPLETE);
    this.result = result;
  }
}

/**
 * Returns the choices of a mirror from the flags.
 *
 * @throws {CliError} If two flags exclude each other.
 */
export function mirrorChoices(
  { delete: deletes, exclude, ...others }: {
    readonly delete: boolean;
    readonly dryRun: boolean;
    readonly bySize: boolean;
    readonly exclude: readonly string[];
    readonly maxFiles: number;
    readonly maxBytes: number;
    readonly connections: number;
    readonly verify: boolean;
    readonly anyName: boolean;
    readonly mapNames: boolean;
  },
): MirrorChoices {
  if (others.anyName && others.mapNames) {
    throw new CliError("--any-name and --map-names exclude each other", 2);
  }
  return {
    bySize: others.bySize,
    dryRun: others.dryRun,
    maxFiles: others.maxFiles,
    maxBytes: others.maxBytes,
    connections: others.connections,
    verify: others.verify,
    anyName: others.anyName,
    mapNames: others.mapNames,
    delete: deletes,
    // A pattern without a slash is for names, whatever directory they are in.
    exclude: (path) =>
      exclude.some((glob) =>
        posix.matchesGlob(glob.includes("/") ? path : path.replace(/^.*\//, ""), glob)
      ),
  };
}

/**
 * Transfers a directory, and reports what is missing at its destination. It prints a summary unless the
 * output is JSON.
 *
 * @throws {IncompleteError} If something is missing.
 */
export async function carryTree(
  carry: (options: FtpTreeOptions) => Promise<FtpTreeReport>,
  ctx: CliContext,
  mirror: MirrorChoices,
  json: boolean,
): Promise<MirrorReport> {
  const { log, signal } = ctx;
  const refused: { path: string; reason: string }[] = [];
  const bar = new TreeProgress(ctx);
  let done: FtpTreeReport;
  try {
    done = await carry({
      ...mirror,
      skipSame: true,
      signal,
      onFile: (path) => {
        bar.end(); // The log needs the line.
        bar.begin(path);
        log.info("{path}", { path });
      },
      onProgress: (bytes, path) => bar.show(bytes, path),
      onRefused: (path, { message }) => {
        refused.push({ path, reason: message });
        bar.end();
        log.error("{message}", { message });
      },
    });
  } finally {
    bar.end();
  }
  // Links are left out as documented. Other items are missing.
  for (const { path, kind, reason } of done.left) {
    log[kind === "link" ? "info" : "error"]("{path}: {reason}", { path, reason });
  }
  const report = { ...done, refused };
  if (!json) ctx.print(summary(done, mirror.dryRun === true));
  const missing = refused.length + done.left.filter(({ kind }) => kind !== "link").length;
  if (missing > 0) {
    const message = `The transfer is incomplete: ${missing} could not be transferred`;
    throw new IncompleteError(message, report);
  }
  return report;
}

/** Returns the summary of a mirror: `7 files transferred (1.8 MB), 0 unchanged, 0 deleted`. */
function summary({ files, bytes, skipped, deleted }: FtpTreeReport, dryRun: boolean): string {
  const carried = `${files} file${files === 1 ? "" : "s"} ${
    dryRun ? "to transfer" : "transferred"
  }`;
  return `${carried} (${bytesText(bytes)}), ${skipped} unchanged, ${deleted} ${
    dryRun ? "to delete" : "deleted"
  }`;
}
