/** The journey through everything that a client does, for each real server. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connectFtp,
  type ConnectFtpOptions,
  downloadTree,
  type FtpClient,
  uploadTree,
} from "../../net/ftp/mod.ts";
import { NetError } from "../../net/errors/errors.ts";
import { ReplyError } from "../../net/errors/reply_error.ts";
import { textOf } from "./ftp_script.ts";

/** The functions of a client: ours, or an adapter of another one. */
export interface JourneyKit {
  readonly connectFtp: typeof connectFtp;
  readonly uploadTree: typeof uploadTree;
  readonly downloadTree: typeof downloadTree;
  /** Returns whether the client was asked for something that it cannot do, since the last question. */
  wasUnable?(): boolean;
}

/** One journey. */
export interface Journey extends JourneyKit {
  readonly ftp: FtpClient;
  /** The options of `ftp`. */
  readonly options: ConnectFtpOptions;
  /** The folder that users see, here. Users may write into `up` in it. */
  readonly folder: string;
  /** A local folder for this journey. */
  readonly local: string;
  /** The differences of this server. */
  readonly differs: ReadonlySet<Difference>;
}

/**
 * Differences between servers. "bytes": names are UTF-8 alone. "odd names": some names are refused. "links":
 * a link to a directory cannot be deleted.
 */
export type Difference = "bytes" | "odd names" | "links";

type Check = [name: string, run: (journey: Journey) => Promise<unknown>];

const BIG = new Uint8Array(1_200_000).map((_, i) => i * 31 ^ i >> 7);

const bytesOf = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) =>
  new Uint8Array(await new Response(stream).arrayBuffer());

const names = async (ftp: FtpClient, path: string) =>
  (await ftp.list(path)).map(({ name }) => name).sort();

async function refused(work: () => Promise<unknown>): Promise<ReplyError> {
  const error = await assertRejects(work, ReplyError);
  assert(/^[45]/.test(error.code!), error.message);
  return error;
}

/** Aborts an upload after 50,000 bytes. */
async function cutUpload({ ftp, folder }: Journey, bySignal: boolean): Promise<void> {
  const stop = new AbortController();
  const enough = new Error("enough");
  const source = async function* () {
    for (let i = 0; i < 5; i++) yield new Uint8Array(10_000);
    if (!bySignal) throw enough;
    stop.abort(enough);
    await new Promise(() => {});
  };
  const uploading = ftp.upload("up/cut", source(), { signal: stop.signal, atomic: true });
  assertEquals(await assertRejects(() => uploading), enough);
  await ftp.noop();
  const left = Array.from(Deno.readDirSync(`${folder}/up`), ({ name }) => name);
  assertEquals(left.filter((name) => name.startsWith("cut")), []);
}

/** A name that some client or server takes for something else. */
function oddName(name: string): Check {
  return [`the name ${JSON.stringify(name)}`, async ({ ftp, differs }) => {
    try {
      await ftp.upload(`up/odd/${name}`, name);
    } catch (error) {
      // Some servers forbid names. Nothing else may happen.
      if (!(error instanceof ReplyError) || !differs.has("odd names")) throw error;
      return;
    }
    assert((await names(ftp, "up/odd")).includes(name), "it is not listed");
    assertEquals(await textOf(await ftp.download(`up/odd/${name}`)), name);
    await ftp.delete(`up/odd/${name}`);
    assertEquals(await names(ftp, "up/odd"), []);
  }];
}

/** The checks, in their order. */
export const CHECKS: readonly Check[] = [
  ["the first directory", async ({ ftp }) => assertEquals(await ftp.pwd(), "/")],
  ["the connection is encrypted as wanted", ({ ftp, options }) => {
    assertEquals(ftp.encrypted, options.tls !== "none");
    return Promise.resolve();
  }],
  ["an empty directory", async ({ ftp }) => assertEquals(await ftp.list("up"), [])],
  ["a missing directory is an error", ({ ftp }) => refused(() => ftp.list("up/none"))],
  ["the raw listing of a missing directory", ({ ftp }) => refused(() => ftp.rawListing("none"))],
  ["a new directory", async ({ ftp }) => {
    await ftp.mkdir("up/one");
    assertEquals(await names(ftp, "up"), ["one"]);
  }],
  ["a directory that exists", ({ ftp }) => refused(() => ftp.mkdir("up/one"))],
  ["directories with those above", async ({ ftp }) => {
    await ftp.mkdir("up/a/b/c", { recursive: true });
    await ftp.mkdir("up/a/b/c", { recursive: true });
    assertEquals(await names(ftp, "up/a/b"), ["c"]);
  }],
  ["a small file is stored", async ({ ftp, folder }) => {
    await ftp.upload("up/small", "one");
    assertEquals(await Deno.readTextFile(`${folder}/up/small`), "one");
  }],
  ["its size", async ({ ftp }) => assertEquals(await ftp.size("up/small"), 3)],
  ["its time", async ({ ftp }) => {
    assert(Math.abs((await ftp.modified("up/small")).getTime() - Date.now()) < 120_000);
  }],
  ["its content", async ({ ftp }) => {
    assertEquals(await textOf(await ftp.download("up/small")), "one");
  }],
  ["an empty file", async ({ ftp }) => {
    await ftp.upload("up/empty", "");
    assertEquals([await ftp.size("up/empty"), await textOf(await ftp.download("up/empty"))], [
      0,
      "",
    ]);
  }],
  ["a large file from a stream, with progress", async ({ ftp, folder }) => {
    const seen: number[] = [];
    const source = new Blob([BIG]).stream();
    await ftp.upload("up/big", source, { onProgress: (bytes) => seen.push(bytes) });
    assertEquals(await Deno.readFile(`${folder}/up/big`), BIG);
    assertEquals(seen.at(-1), BIG.length);
    assertEquals(seen, seen.toSorted((a, b) => a - b));
  }],
  ["a large file back, with progress", async ({ ftp }) => {
    let last = 0;
    const stream = await ftp.download("up/big", { onProgress: (bytes) => last = bytes });
    assertEquals(await bytesOf(stream), BIG);
    assertEquals(last, BIG.length);
  }],
  ["its end", async ({ ftp }) => {
    const offset = BIG.length - 10;
    assertEquals(await bytesOf(await ftp.download("up/big", { offset })), BIG.subarray(offset));
  }],
  ["nothing after its end", async ({ ftp }) => {
    const fetching = async () =>
      await bytesOf(await ftp.download("up/big", { offset: BIG.length }));
    const rest = await fetching().catch((error) => {
      if (error instanceof ReplyError) return new Uint8Array(0);
      throw error;
    });
    assertEquals(rest.length, 0);
  }],
  ["an upload from the middle", async ({ ftp, folder }) => {
    await ftp.upload("up/small", "123456");
    await ftp.upload("up/small", "xyz", { offset: 3 });
    assertEquals(await Deno.readTextFile(`${folder}/up/small`), "123xyz");
  }],
  ["an upload that appends", async ({ ftp, folder }) => {
    await ftp.upload("up/small", "one");
    await ftp.upload("up/small", " two", { append: true });
    assertEquals(await Deno.readTextFile(`${folder}/up/small`), "one two");
  }],
  ["an atomic upload replaces a file", async ({ ftp, folder }) => {
    await ftp.upload("up/small", "new", { atomic: true });
    assertEquals(await Deno.readTextFile(`${folder}/up/small`), "new");
  }],
  ["no part is left", async ({ ftp }) => {
    assertEquals((await names(ftp, "up")).filter((name) => name.endsWith(".part")), []);
  }],
  ["a transfer with verification", async ({ ftp }) => {
    await ftp.upload("up/checked", BIG, { verify: true });
    assertEquals(await bytesOf(await ftp.download("up/checked", { verify: true })), BIG);
    await ftp.delete("up/checked");
  }],
  ["a hash, if the server can compute it", async ({ ftp }) => {
    const hash = await ftp.hash("up/small");
    assert(hash === undefined || /^[0-9a-f]{8,128}$/.test(hash.value));
  }],
  ["the properties of a file", async ({ ftp }) => {
    const { name, type, size } = await ftp.stat("up/big");
    assertEquals([name, type, size], ["big", "file", BIG.length]);
  }],
  ["the properties of a directory", async ({ ftp }) => {
    assertEquals((await ftp.stat("up/a")).type, "directory");
  }],
  ["the properties of nothing", ({ ftp }) => assertRejects(() => ftp.stat("up/none"), NetError)],
  ["a listing has types and sizes", async ({ ftp }) => {
    const entries = await ftp.list("up");
    const rows = entries.map(({ name, type, size }) =>
      type === "file" ? `${name} ${size}` : `${name} ${type}`
    );
    assertEquals(rows.sort(), [
      "a directory",
      "big 1200000",
      "empty 0",
      "one directory",
      "small 3",
    ]);
  }],
  ["a listing has times", async ({ ftp }) => {
    const entry = (await ftp.list("up")).find(({ name }) => name === "big");
    assert(Math.abs(entry!.modified!.getTime() - Date.now()) < 86_400_000, `${entry!.modified}`);
  }],
  ["a raw listing", async ({ ftp }) => {
    assert((await ftp.rawListing("up")).some((line) => line.endsWith(" big")));
  }],
  ["hidden files are listed", async ({ ftp }) => {
    await ftp.upload("up/.hidden", "x");
    assert((await names(ftp, "up")).includes(".hidden"));
    await ftp.delete("up/.hidden");
  }],
  ["a directory for odd names", ({ ftp }) => ftp.mkdir("up/odd")],
  ...[
    "a b",
    "a  b",
    "[x]*?",
    "-rf",
    "--",
    "ü",
    "日本語",
    "😀",
    '"quoted"',
    "it's",
    "a;b",
    "#1",
    "100%",
  ]
    .map(oddName),
  ...["~", "a:b", "CON", "back\\slash", "dot.", "$(x)", "&|<>", "x".repeat(200)].map(oddName),
  ["a directory with a blank and brackets", async ({ ftp }) => {
    await ftp.mkdir("up/odd/[a] b");
    await ftp.upload("up/odd/[a] b/c", "deep");
    assertEquals(await names(ftp, "up/odd/[a] b"), ["c"]);
    await ftp.rmdir("up/odd/[a] b", { recursive: true });
    assertEquals(await names(ftp, "up/odd"), []);
  }],
  ["another directory", async ({ ftp }) => {
    await ftp.cd("up/a");
    assertEquals(await ftp.pwd(), "/up/a");
  }],
  ["relative paths", async ({ ftp }) => {
    assertEquals(await names(ftp, "b"), ["c"]);
    assertEquals(await ftp.pwd(), "/up/a");
  }],
  ["the current directory", async ({ ftp }) => assertEquals((await ftp.list()).length, 1)],
  ["back", async ({ ftp }) => {
    await ftp.cd("/");
    assertEquals(await ftp.pwd(), "/");
  }],
  ["a missing directory to change to", ({ ftp }) => refused(() => ftp.cd("none"))],
  ["a new name", async ({ ftp }) => {
    await ftp.rename("up/big", "up/a/large");
    assertEquals(await names(ftp, "up/a"), ["b", "large"]);
  }],
  ["a new name for nothing", ({ ftp }) => refused(() => ftp.rename("up/none", "up/x"))],
  ["a file that is missing", async ({ ftp }) => {
    assertEquals((await refused(() => ftp.download("up/none"))).code, "550");
  }],
  ["the size of nothing", ({ ftp }) => refused(() => ftp.size("up/none"))],
  ["the time of nothing", ({ ftp }) => refused(() => ftp.modified("up/none"))],
  ["the deletion of nothing", ({ ftp }) => refused(() => ftp.delete("up/none"))],
  ["an upload into nothing", ({ ftp }) => refused(() => ftp.upload("up/none/x", "x"))],
  ["a download that is cancelled", async ({ ftp }) => {
    const reader = (await ftp.download("up/a/large")).getReader();
    await reader.read();
    await reader.cancel();
    assertEquals(await ftp.size("up/small"), 3);
  }],
  ["a download that a signal aborts", async ({ ftp }) => {
    const stop = new AbortController();
    const enough = new Error("enough");
    const onProgress = () => stop.abort(enough);
    const stream = await ftp.download("up/a/large", { signal: stop.signal, onProgress });
    assertEquals(await assertRejects(() => bytesOf(stream)), enough);
    assertEquals(await ftp.size("up/small"), 3);
  }],
  ["an upload whose source fails", (journey) => cutUpload(journey, false)],
  ["an upload that a signal aborts", (journey) => cutUpload(journey, true)],
  ["calls at the same time", async ({ ftp }) => {
    const found = await Promise.all([
      ftp.size("up/small"),
      ftp.pwd(),
      names(ftp, "up/a"),
      ftp.noop(),
    ]);
    assertEquals(found.slice(0, 3), [3, "/", ["b", "large"]]);
  }],
  ["a directory that is not empty", ({ ftp }) => refused(() => ftp.rmdir("up/a"))],
  ["links are not followed", async ({ ftp, folder, differs }) => {
    await Deno.mkdir(`${folder}/victim`);
    await Deno.writeTextFile(`${folder}/victim/precious`, "x");
    const target = differs.has("links") ? "../../victim/precious" : "../../victim";
    await Deno.symlink(target, `${folder}/up/a/link`);
    assert((await names(ftp, "up/a")).includes("link"), "it is not listed");
    await ftp.rmdir("up/a", { recursive: true });
    assertEquals(await Deno.readTextFile(`${folder}/victim/precious`), "x");
    assertEquals(await names(ftp, "up"), ["empty", "odd", "one", "small"]);
  }],
  ["a directory is removed", async ({ ftp }) => {
    await ftp.rmdir("up/one");
    await ftp.rmdir("up/odd");
    assertEquals(await names(ftp, "up"), ["empty", "small"]);
  }],
  ["a tree is stored", async ({ ftp, local, uploadTree }) => {
    await Deno.mkdir(`${local}/in/sub/deep`, { recursive: true });
    for (const path of ["a", "sub/b", "sub/deep/c"]) {
      await Deno.writeTextFile(`${local}/in/${path}`, path);
    }
    const { files, bytes, left } = await uploadTree(ftp, `${local}/in`, "up/tree");
    assertEquals([files, bytes, left], [3, 16, []]);
  }],
  ["a tree is fetched", async ({ ftp, local, downloadTree }) => {
    const { files, bytes, left } = await downloadTree(ftp, "up/tree", `${local}/out`);
    assertEquals([files, bytes, left], [3, 16, []]);
    assertEquals(await Deno.readTextFile(`${local}/out/sub/deep/c`), "sub/deep/c");
  }],
  ["a tree that is the same", async ({ ftp, local, uploadTree, downloadTree }) => {
    const options = { skipSame: true, bySize: true };
    const down = await downloadTree(ftp, "up/tree", `${local}/out`, options);
    const up = await uploadTree(ftp, `${local}/in`, "up/tree", options);
    assertEquals([down.files, down.skipped, up.files, up.skipped], [0, 3, 0, 3]);
  }],
  ["a dry run changes nothing", async ({ ftp, local, uploadTree }) => {
    await Deno.remove(`${local}/in/a`);
    const options = { delete: true, dryRun: true };
    assertEquals((await uploadTree(ftp, `${local}/in`, "up/tree", options)).deleted, 1);
    assertEquals(await names(ftp, "up/tree"), ["a", "sub"]);
  }],
  ["a tree deletes what is gone", async ({ ftp, local, uploadTree }) => {
    const options = { delete: true, skipSame: true };
    assertEquals((await uploadTree(ftp, `${local}/in`, "up/tree", options)).deleted, 1);
    assertEquals(await names(ftp, "up/tree"), ["sub"]);
  }],
  ["a tree over three sessions, both ways", async ({ ftp, local, uploadTree, downloadTree }) => {
    await Deno.mkdir(`${local}/many`);
    for (let i = 0; i < 12; i++) await Deno.writeTextFile(`${local}/many/${i}`, `${i}`);
    const options = { connections: 3 };
    assertEquals((await uploadTree(ftp, `${local}/many`, "up/many", options)).files, 12);
    assertEquals((await downloadTree(ftp, "up/many", `${local}/back`, options)).files, 12);
    assertEquals(await Deno.readTextFile(`${local}/back/11`), "11");
    await ftp.rmdir("up/many", { recursive: true });
  }],
  ["active mode: a listing, a download, an upload", async ({ options, connectFtp }) => {
    await using ftp = await connectFtp({ ...options, active: true });
    assertEquals(await names(ftp, "up/tree"), ["sub"]);
    await ftp.upload("up/active", BIG);
    assertEquals(await bytesOf(await ftp.download("up/active")), BIG);
    await ftp.delete("up/active");
  }],
  ["a name that is not in UTF-8", async ({ options, folder, differs, connectFtp }) => {
    if (differs.has("bytes")) return;
    const script = 'printf hello > "$1/up/$(printf "gr\\374n")"';
    await new Deno.Command("sh", { args: ["-c", script, "sh", folder] }).output();
    await using ftp = await connectFtp({ ...options, encoding: "latin1" });
    assert((await names(ftp, "up")).includes("grün"), "it is not listed");
    assertEquals(await textOf(await ftp.download("up/grün")), "hello");
    await ftp.delete("up/grün");
    // The first letter is the byte 255, a command of Telnet.
    await using russian = await connectFtp({ ...options, encoding: "windows-1251" });
    await russian.upload("up/яблоко", "apple");
    assert((await names(russian, "up")).includes("яблоко"), "it is listed as something else");
    assertEquals(await textOf(await russian.download("up/яблоко")), "apple");
    await russian.delete("up/яблоко");
  }],
  ["the status, if the server tells it", async ({ ftp }) => {
    assert((await ftp.status()).length > 0);
  }],
  ["a command that does not exist", ({ ftp }) => refused(() => ftp.command("XYZZY"))],
  ["a path of two lines is never sent", async ({ ftp }) => {
    await assertRejects(() => ftp.delete("up/small\r\nDELE up/empty"), TypeError);
    assertEquals(await names(ftp, "up"), ["empty", "small", "tree"]);
  }],
  ["everything is removed", async ({ ftp }) => {
    await ftp.rmdir("up/tree", { recursive: true });
    for (const name of ["empty", "small"]) await ftp.delete(`up/${name}`);
    assertEquals(await ftp.list("up"), []);
  }],
  ["after the end, calls fail", async ({ ftp }) => {
    await ftp.close();
    await assertRejects(() => ftp.pwd(), NetError);
  }],
];

/** The result of one check. */
export interface CheckResult {
  readonly name: string;
  /** The error of the check; undefined if all is right. */
  readonly error: unknown;
  /** Whether the check needs something that the client cannot do. */
  readonly isUnable: boolean;
}

/** Makes the journey with a client. Returns the result of each check. */
export async function travelWith(
  kit: JourneyKit,
  options: ConnectFtpOptions,
  folder: string,
  differs: readonly Difference[] = [],
): Promise<CheckResult[]> {
  const local = await Deno.makeTempDir();
  const ftp = await kit.connectFtp(options);
  const results: CheckResult[] = [];
  const journey = { ...kit, ftp, options, folder, local, differs: new Set(differs) };
  for (const [name, run] of CHECKS) {
    const error = await run(journey).then(
      () => undefined,
      (error) => error ?? new Error("undefined"),
    );
    results.push({ name, error, isUnable: kit.wasUnable?.() ?? false });
  }
  await ftp.close();
  await Deno.remove(local, { recursive: true });
  return results;
}

/** Makes the journey with our client. Returns the checks that failed, with the reasons. */
export async function travel(
  options: ConnectFtpOptions,
  folder: string,
  differs: readonly Difference[] = [],
): Promise<string[]> {
  const kit = { connectFtp, uploadTree, downloadTree };
  const results = await travelWith(kit, options, folder, differs);
  return results.flatMap(({ name, error }) =>
    error === undefined ? [] : [`${name}: ${error instanceof Error ? error.message : error}`]
  );
}
