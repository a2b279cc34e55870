/** What the FTP program can do. @module */

import type { FtpClient, FtpEntry, FtpTreeOptions } from "../../net/ftp/client.ts";
import { downloadTree, type FtpTreeReport, uploadTree } from "../../net/ftp/tree.ts";
import { type CliContext, CliError } from "../../tools/cli.ts";

/** What a command has at hand. */
export interface Call {
  /**
   * Connects and logs in, when all that can be known before is. The session outlives an interrupt by
   * `grace`, in milliseconds.
   */
  readonly connect: (grace?: number) => Promise<FtpClient>;
  readonly paths: readonly string[];
  readonly recursive: boolean;
  readonly resume: boolean;
  readonly json: boolean;
  readonly ctx: CliContext;
}

/** How long it may take to delete what was stored by half. */
const GRACE = 2000;

/** Each command by its name; it gives what `--json` shows. */
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
    await mayChange(local, `${local}.part`);
    // It has its name when it is whole; what an earlier run has left is continued.
    const part = resume ? await found(`${local}.part`, local) ?? `${local}.part` : `${local}.part`;
    const there = resume ? await sizeOf(part) ?? 0 : 0;
    await using ftp = await connect();
    const size = await ftp.size(remote).catch(() => undefined);
    if (size !== undefined && there > size) {
      throw new CliError(`Cannot resume: ${part} is larger than ${remote} (${there} > ${size})`);
    }
    const bar = progress(ctx, remote, size, there);
    const stream = await ftp.download(remote, { offset: there, ...bar, signal: ctx.signal });
    const options = { write: true, create: true, append: there > 0, truncate: there === 0 };
    const file = await Deno.open(part, options)
      .catch((error) => stream.cancel(error).then(() => Promise.reject(error)));
    try {
      await stream.pipeTo(file.writable);
    } finally {
      bar.end();
    }
    if (part !== local) await Deno.rename(part, local);
    return { from: remote, to: local, bytes: there + bar.bytes };
  },
  put: async ({ connect, paths: [from, to], ctx }) => {
    const local = need(from, "the file to store");
    const remote = to ?? nameOf(local);
    using file = await Deno.open(local);
    await using ftp = await connect(GRACE);
    const bar = progress(ctx, local, (await file.stat()).size, 0);
    try {
      await ftp.upload(remote, file.readable, { atomic: true, ...bar, signal: ctx.signal });
    } finally {
      bar.end();
    }
    return { from: local, to: remote, bytes: await ftp.size(remote).catch(() => undefined) };
  },
  mirror: async ({ connect, paths: [from, to], ctx }) => {
    const [remote, local] = [need(from, "the directory"), need(to, "the folder here")];
    await mayChange(local);
    await using ftp = await connect();
    return await tree((options) => downloadTree(ftp, remote, local, options), ctx);
  },
  "mirror-up": async ({ connect, paths: [from, to], ctx }) => {
    const [local, remote] = [need(from, "the folder here"), need(to, "the directory")];
    await Deno.stat(local);
    await using ftp = await connect(GRACE);
    return await tree((options) => uploadTree(ftp, local, remote, options), ctx);
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

/** Carries all that the server lets go over. */
async function tree(
  carry: (options: FtpTreeOptions) => Promise<FtpTreeReport>,
  { log, signal }: CliContext,
): Promise<FtpTreeReport> {
  let refused = 0;
  const report = await carry({
    skipSame: true,
    signal,
    onFile: (path) => log.info("{path}", { path }),
    onRefused: (_, { message }) => {
      refused++;
      log.error("{message}", { message });
    },
  });
  if (refused > 0) throw new CliError(`Not all was carried over: the server refused ${refused}`);
  return report;
}

/** Asks for all that is needed at once: what is missing in the end would have cost the whole work. */
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

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The first of the files that is there. */
async function found(...paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await sizeOf(path) !== undefined) return path;
  return undefined;
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

/** A bar on a terminal's standard error, ten times a second at most. */
function progress({ io }: CliContext, name: string, size: number | undefined, offset: number) {
  let shown = 0;
  const label = nameOf(name).replace(/\p{Cc}/gu, "?").slice(0, 30);
  const bar = {
    /** Of this transfer, so far. */
    bytes: 0,
    onProgress(bytes: number) {
      bar.bytes = bytes;
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
  return bar;
}
