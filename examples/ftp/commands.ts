/** The commands of the FTP program. @module */

import type { FtpClient, FtpEntry, FtpTreeOptions, FtpTreeReport } from "../../net/ftp/client.ts";
import { downloadTree, uploadTree } from "../../net/ftp/tree.ts";
import { matchesGlob } from "node:path";
import { PartialFetch } from "./partial_fetch.ts";
import { type CliContext, CliError } from "../../tools/cli.ts";

/** The choices of a mirror. */
export type MirrorChoices = Pick<
  FtpTreeOptions,
  "bySize" | "delete" | "dryRun" | "exclude" | "maxBytes" | "maxFiles"
>;

/** The arguments of a command. */
export interface Call {
  /**
   * Connects and logs in. Commands call it after checking their arguments. After an interrupt the
   * session stays open for `grace` milliseconds.
   */
  readonly connect: (grace?: number) => Promise<FtpClient>;
  /** The paths on the command line. */
  readonly paths: readonly string[];
  /** Whether `rm` removes a directory with everything in it. */
  readonly recursive: boolean;
  /** Whether `get` resumes an earlier download. */
  readonly resume: boolean;
  /** The choices of `mirror` and `mirror-up`. */
  readonly mirror: MirrorChoices;
  /** Whether the output is JSON. */
  readonly json: boolean;
  /** The running program. */
  readonly ctx: CliContext;
}

/** Time limit for deleting an incomplete upload after an interrupt, in milliseconds. */
const GRACE = 2000;

/** The commands by name. Each returns the value that `--json` prints. */
export const COMMANDS: Readonly<Record<string, (call: Call) => Promise<unknown>>> = {
  ls: async ({ connect, paths: [path], ctx, json }) => {
    await using ftp = await connect();
    const entries = await ftp.list(path);
    if (!json) { for (const entry of entries) ctx.print(describe(entry)); }
    return entries;
  },
  get: async ({ connect, paths: [from, to], resume, ctx }) => {
    const remote = need(from, "the file to fetch");
    const local = to ?? nameOf(remote);
    await mayChange(local, `${local}.part`, `${local}.part.json`);
    await using ftp = await connect();
    // A session that ends here must not restart an earlier download.
    const unknown = (error: unknown) => {
      if (!ftp.open) throw error;
      return undefined;
    };
    const [size, modified] = await Promise.all([
      ftp.size(remote).catch(unknown),
      ftp.modified(remote).catch(unknown),
    ]);
    const version = { file: remote, size, modified: modified?.toISOString() };
    await using part = await PartialFetch.open(local, version, resume);
    const bar = progress(ctx, remote, size, part.size);
    const stream = await ftp.download(remote, {
      offset: part.size,
      onProgress: bar.onProgress,
      signal: ctx.signal,
    });
    try {
      for await (const chunk of stream) await part.append(chunk);
    } finally {
      bar.end();
    }
    const bytes = part.size;
    if (size !== undefined && bytes !== size) {
      throw new CliError(`Cannot get ${remote}: it has ${size} bytes, and ${bytes} arrived`);
    }
    await part.finish(modified);
    return { from: remote, to: local, bytes };
  },
  put: async ({ connect, paths: [from, to], ctx }) => {
    const local = need(from, "the file to store");
    const remote = to ?? nameOf(local);
    using file = await Deno.open(local);
    await using ftp = await connect(GRACE);
    const bar = progress(ctx, local, (await file.stat()).size, 0);
    try {
      await ftp.upload(remote, file.readable, {
        atomic: true,
        onProgress: bar.onProgress,
        signal: ctx.signal,
      });
    } finally {
      bar.end();
    }
    return { from: local, to: remote, bytes: await ftp.size(remote).catch(() => undefined) };
  },
  mirror: async ({ connect, paths: [from, to], ctx, mirror }) => {
    const [remote, local] = [
      need(from, "the directory on the server"),
      need(to, "the local folder"),
    ];
    await mayChange(local);
    await using ftp = await connect();
    return await tree((options) => downloadTree(ftp, remote, local, options), ctx, mirror);
  },
  "mirror-up": async ({ connect, paths: [from, to], ctx, mirror }) => {
    const [local, remote] = [
      need(from, "the local folder"),
      need(to, "the directory on the server"),
    ];
    await Deno.stat(local);
    await using ftp = await connect(GRACE);
    return await tree((options) => uploadTree(ftp, local, remote, options), ctx, mirror);
  },
  mkdir: async ({ connect, paths: [path] }) => {
    const what = need(path, "a directory");
    await using ftp = await connect();
    await ftp.mkdir(what, { recursive: true });
  },
  rm: async ({ connect, paths: [path], recursive }) => {
    const what = need(path, "what to remove");
    await using ftp = await connect();
    await (recursive ? ftp.rmdir(what, { recursive }) : ftp.delete(what));
  },
};

/** Returns the choices of a mirror from the flags. */
export function mirrorChoices(
  { delete: deletes, dryRun, bySize, exclude, maxFiles, maxBytes }: {
    readonly delete: boolean;
    readonly dryRun: boolean;
    readonly bySize: boolean;
    readonly exclude: readonly string[];
    readonly maxFiles: number;
    readonly maxBytes: number;
  },
): MirrorChoices {
  return {
    delete: deletes,
    dryRun,
    bySize,
    maxFiles,
    maxBytes,
    // A pattern without a slash is for names, whatever directory they are in.
    exclude: (path) =>
      exclude.some((glob) =>
        matchesGlob(glob.includes("/") ? path : path.replace(/^.*\//, ""), glob)
      ),
  };
}

/** Transfers a directory, and reports files that the server rejects. */
async function tree(
  carry: (options: FtpTreeOptions) => Promise<FtpTreeReport>,
  { log, signal }: CliContext,
  mirror: MirrorChoices,
): Promise<FtpTreeReport> {
  let refused = 0;
  const report = await carry({
    ...mirror,
    skipSame: true,
    signal,
    onFile: (path) => log.info("{path}", { path }),
    onRefused: (_, { message }) => {
      refused++;
      log.error("{message}", { message });
    },
  });
  // Links are left out as documented. Other items are missing.
  for (const { path, kind, reason } of report.left) {
    log[kind === "link" ? "info" : "error"]("{path}: {reason}", { path, reason });
  }
  const missing = refused + report.left.filter(({ kind }) => kind !== "link").length;
  if (missing > 0) {
    throw new CliError(`The transfer is incomplete: ${missing} could not be transferred`);
  }
  return report;
}

/** Asks for all permissions at once, so that none is missing at the end of a long transfer. */
async function mayChange(...paths: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const name of ["read", "write"] as const) {
    const denied: string[] = [];
    for (const path of paths) {
      const { state } = await Deno.permissions.request({ name, path });
      if (state !== "granted") denied.push(path);
    }
    if (denied.length > 0) missing.push(`--allow-${name}=${denied.join(",")}`);
  }
  if (missing.length === 0) return;
  throw new CliError(`Permission is missing: run again with ${missing.join(" ")}`, 3);
}

function need(path: string | undefined, what: string): string {
  if (path !== undefined) return path;
  throw new CliError(`Missing argument: ${what}`, 2);
}

function nameOf(path: string): string {
  const name = path.replace(/^.*[/\\]/, "");
  if (name !== "" && name !== "." && name !== "..") return name;
  throw new CliError(`Missing argument: a name for ${path}`, 2);
}

function describe({ name, type, size, modified, target }: FtpEntry): string {
  const time = modified?.toISOString().slice(0, 16).replace("T", " ") ?? "";
  const mark = type === "directory" ? "/" : type === "link" ? ` -> ${target ?? "?"}` : "";
  return `${`${size ?? "-"}`.padStart(12)}  ${time.padEnd(16)}  ${name}${mark}`;
}

/** Returns a progress bar on standard error, if that is a terminal. It is drawn ten times a second. */
function progress({ io }: CliContext, name: string, size: number | undefined, offset: number) {
  let shown = 0;
  const label = nameOf(name).replace(/\p{Cc}/gu, "?").slice(0, 30);
  return {
    onProgress(bytes: number) {
      const now = performance.now();
      if (!io.stderrIsTerminal || now - shown < 100) return;
      shown = now;
      const done = offset + bytes;
      const part = size ? Math.min(1, done / size) : 0;
      const drawn = size ? `[${"#".repeat(Math.round(part * 30)).padEnd(30)}] ` : "";
      io.stderr(`\r\x1b[K${label} ${drawn}${(done / 1e6).toFixed(1)} MB`);
    },
    end() {
      if (shown > 0) io.stderr("\r\x1b[K");
    },
  };
}
