/** The commands of the FTP program. @module */

import type { FtpClient, FtpEntry } from "../../net/ftp/client.ts";
import { downloadTree, uploadTree } from "../../net/ftp/tree.ts";
import { carryTree, IncompleteError, type MirrorChoices } from "./mirror.ts";
import { localNameOf, nameOf } from "./names.ts";
import { PartialFetch } from "./partial_fetch.ts";
import { FileProgress } from "./progress.ts";
import { type CliContext, CliError } from "../../tools/cli.ts";

/** The arguments of a command. */
export interface Call {
  /**
   * Connects and logs in. Commands call it after checking their arguments. After an interrupt the
   * session stays open for `grace` milliseconds.
   */
  readonly connect: (grace?: number) => Promise<FtpClient>;
  /** The server with its port and the user, to tell files of different servers apart. */
  readonly server: string;
  /** The paths on the command line. */
  readonly paths: readonly string[];
  /** Whether `rm` removes a directory with everything in it. */
  readonly recursive: boolean;
  /** Whether `get` resumes an earlier download. */
  readonly resume: boolean;
  /** Whether hashes are compared with those of the server. */
  readonly verify: boolean;
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
    const unknown: string[] = [];
    const onUnknown = (line: string) => unknown.push(line);
    const { signal } = ctx;
    let entries = await ftp.list(path, { onUnknown, signal });
    if (entries.length === 0 && unknown.length > 0) {
      // The form of the listing is not known. The error says so.
      unknown.length = 0;
      entries = await ftp.list(path, { signal });
    }
    if (!json) { for (const entry of entries) ctx.print(describe(entry)); }
    for (const line of unknown) ctx.log.error("Not understood: {line}", { line });
    if (unknown.length === 0) return entries;
    const [lines, are] = unknown.length === 1 ? ["line", "is"] : ["lines", "are"];
    const message = `The listing is incomplete: ${unknown.length} ${lines} ${are} not understood`;
    throw new IncompleteError(message, entries);
  },
  get: async ({ connect, paths: [from, to], server, resume, verify, mirror, json, ctx }) => {
    const remote = need(from, "the file to fetch");
    const local = to ?? localNameOf(remote, mirror.mapNames === true);
    await mayChange(local, `${local}.part`, `${local}.part.json`);
    await using ftp = await connect();
    // A session that ends here must not restart an earlier download.
    const unknown = (error: unknown) => {
      if (!ftp.open || ctx.signal.aborted) throw error;
      return undefined;
    };
    const { signal } = ctx;
    const [size, modified] = await Promise.all([
      ftp.size(remote, { signal }).catch(unknown),
      ftp.modified(remote, { signal }).catch(unknown),
    ]);
    const version = { server, file: remote, size, modified: modified?.toISOString() };
    await using part = await PartialFetch.open(local, version, resume);
    const bar = new FileProgress(ctx, remote, size, part.size);
    const store = (chunk: Uint8Array) => {
      // The rest could fill the disk.
      if (size !== undefined && part.size + chunk.length > size) {
        throw new CliError(`Cannot get ${remote}: it has ${size} bytes, and more arrived`);
      }
      part.append(chunk);
    };
    const resumed = part.size > 0;
    try {
      await ftp.downloadTo(remote, store, {
        offset: part.size,
        verify: verify && !resumed,
        onProgress: (bytes) => bar.show(bytes),
        signal: ctx.signal,
      });
    } finally {
      bar.end();
    }
    const bytes = part.size;
    if (size !== undefined && bytes !== size) {
      throw new CliError(`Cannot get ${remote}: it has ${size} bytes, and ${bytes} arrived`);
    }
    if (verify && resumed) await part.verify(await ftp.hash(remote));
    await part.finish(modified);
    if (!json) ctx.print(`${bytes} bytes in ${local}`);
    return { from: remote, to: local, bytes };
  },
  put: async ({ connect, paths: [from, to], verify, ctx }) => {
    const local = need(from, "the file to store");
    const remote = to ?? nameOf(local);
    using file = await Deno.open(local);
    await using ftp = await connect(GRACE);
    const bar = new FileProgress(ctx, local, (await file.stat()).size, 0);
    try {
      await ftp.upload(remote, file.readable, {
        atomic: true,
        verify,
        onProgress: (bytes) => bar.show(bytes),
        signal: ctx.signal,
      });
    } finally {
      bar.end();
    }
    return { from: local, to: remote, bytes: await ftp.size(remote).catch(() => undefined) };
  },
  mirror: async ({ connect, paths: [from, to], ctx, mirror, json }) => {
    const [remote, local] = [
      need(from, "the directory on the server"),
      need(to, "the local folder"),
    ];
    await mayChange(local);
    await using ftp = await connect();
    return await carryTree(
      (options) => downloadTree(ftp, remote, local, options),
      ctx,
      mirror,
      json,
    );
  },
  "mirror-up": async ({ connect, paths: [from, to], ctx, mirror, json }) => {
    const [local, remote] = [
      need(from, "the local folder"),
      need(to, "the directory on the server"),
    ];
    await Deno.stat(local);
    await using ftp = await connect(GRACE);
    return await carryTree((options) => uploadTree(ftp, local, remote, options), ctx, mirror, json);
  },
  hash: async ({ connect, paths: [path], json, ctx }) => {
    const what = need(path, "a file");
    await using ftp = await connect();
    const hash = await ftp.hash(what);
    if (hash === undefined) throw new CliError("The server cannot compute hashes");
    if (!json) ctx.print(`${hash.value}  ${hash.algorithm}  ${what}`);
    return hash;
  },
  mv: async ({ connect, paths: [from, to] }) => {
    const [old, target] = [need(from, "what to rename"), need(to, "the new name")];
    await using ftp = await connect();
    await ftp.rename(old, target);
  },
  site: async ({ connect, paths, json, ctx }) => {
    const line = need(paths.join(" ") || undefined, "a command of the server");
    await using ftp = await connect();
    return say((await ftp.site(line)).lines, json, ctx);
  },
  status: async ({ connect, json, ctx }) => {
    await using ftp = await connect();
    return say(await ftp.status(), json, ctx);
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

/** Prints the lines of a reply. Returns them for `--json`. */
function say(lines: readonly string[], json: boolean, ctx: CliContext): readonly string[] {
  if (!json) { for (const line of lines) ctx.print(line); }
  return lines;
}

function describe({ name, type, size, modified, target }: FtpEntry): string {
  const time = modified?.toISOString().slice(0, 16).replace("T", " ") ?? "";
  const mark = type === "directory" ? "/" : type === "link" ? ` -> ${target ?? "?"}` : "";
  return `${`${size ?? "-"}`.padStart(12)}  ${time.padEnd(16)}  ${name}${mark}`;
}
