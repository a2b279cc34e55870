/** Whole directories over FTP. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectFtp, type FtpTreeReport } from "../../../net/ftp/client.ts";
import { downloadTree, uploadTree } from "../../../net/ftp/tree.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { startPyftpdlib } from "../../_support/ftp.ts";
import { fileServer as files, PLAIN, say } from "../../_support/ftp_script.ts";
import { needsPython } from "../../_support/peers.ts";

const python = needsPython("pyftpdlib", "OpenSSL");

const counts = ({ files, skipped, bytes }: FtpTreeReport) => [files, skipped, bytes];

Deno.test("a tree compares times, keeps them, deletes, excludes, and tries without changes", async () => {
  let time = "20200101000000";
  const facts = (name: string) => `type=file;size=5;modify=${time}; ${name}\r\n`;
  await using server = files((conn, command) =>
    say(command.startsWith("MLSD") ? facts("a") + facts("b.tmp") : "hello")(conn)
  );
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/old`, "");
  await Deno.writeTextFile(`${folder}/kept.tmp`, "");
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const exclude = (path: string) => path.endsWith(".tmp");
  const options = { skipSame: true, delete: true, exclude };
  const run = async (more: object = {}) => {
    const { left, ...report } = await downloadTree(ftp, "d", folder, { ...options, ...more });
    assertEquals(left, []);
    return report;
  };
  const first = { files: 1, skipped: 0, bytes: 5, deleted: 1 };
  assertEquals(await run({ dryRun: true }), first);
  assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), [
    "kept.tmp",
    "old",
  ]);
  assertEquals(await run(), first);
  assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), ["a", "kept.tmp"]);
  assertEquals((await Deno.stat(`${folder}/a`)).mtime?.getUTCFullYear(), 2020);
  assertEquals(await run(), { files: 0, skipped: 1, bytes: 0, deleted: 0 });
  time = "20200101000100";
  assertEquals(await run({ bySize: true }), { files: 0, skipped: 1, bytes: 0, deleted: 0 });
  assertEquals(await run(), { files: 1, skipped: 0, bytes: 5, deleted: 0 });
  const limits = [{ maxFiles: 1 }, { maxBytes: 4 }, { maxBytes: 9 }];
  for (const limit of limits) {
    const failed = downloadTree(ftp, "d", `${folder}/${JSON.stringify(limit)}`, limit);
    assertEquals((await assertRejects(() => failed, NetError)).kind, "limit");
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a tree follows no link that is in the place of a folder or a file here", async () => {
  await using server = files((conn, command) =>
    say(command === "MLSD d" ? "type=dir; in\r\ntype=file;size=5; f\r\n" : "hello")(conn)
  );
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/elsewhere`);
  await Deno.writeTextFile(`${folder}/victim`, "precious");
  await Deno.mkdir(`${folder}/tree`);
  await Deno.symlink(`${folder}/elsewhere`, `${folder}/tree/in`);
  await Deno.symlink(`${folder}/victim`, `${folder}/tree/f`);
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const { left, files: fetched } = await downloadTree(ftp, "d", `${folder}/tree`);
  assertEquals([fetched, left.map(({ reason }) => reason)], [1, [
    "It is a directory on the server, and a link here",
  ]]);
  assertEquals(await Deno.readTextFile(`${folder}/victim`), "precious");
  assertEquals(await Deno.readTextFile(`${folder}/tree/f`), "hello");
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: `trees go there and back, what is the same is left out${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using server = await startPyftpdlib("starttls");
    const { ca } = await testCertificates();
    const folder = await Deno.makeTempDir();
    await Deno.mkdir(`${folder}/in/deep/er`, { recursive: true });
    await Deno.writeTextFile(`${folder}/in/a.txt`, "a");
    await Deno.writeTextFile(`${folder}/in/deep/er/b.txt`, "bb");
    await Deno.symlink(`${folder}/in`, `${folder}/in/loop`);
    await using ftp = await connectFtp({
      caCerts: [ca],
      username: "ann",
      password: "secret",
      port: server.port,
    });
    assertEquals(counts(await uploadTree(ftp, `${folder}/in`, "/x/y")), [2, 0, 3]);
    assertEquals(counts(await uploadTree(ftp, `${folder}/in`, "/x/y", { skipSame: true })), [
      0,
      2,
      0,
    ]);
    const seen: string[] = [];
    const report = await downloadTree(ftp, "/x", `${folder}/out`, {
      onFile: (path) => void seen.push(path),
    });
    assertEquals([counts(report), seen.sort()], [[2, 0, 3], [
      "/x/y/a.txt",
      "/x/y/deep/er/b.txt",
    ]]);
    assertEquals(await Deno.readTextFile(`${folder}/out/y/deep/er/b.txt`), "bb");
    // Where the server shows a link as what it leads to, there is an end all the same.
    await Deno.symlink(".", `${server.folder}/x/loop`);
    await Deno.symlink("..", `${server.folder}/x/y/deep/up`);
    const once = await downloadTree(ftp, "/x", `${folder}/once`);
    assertEquals([once.files, once.left.map(({ path }) => path).sort()], [
      2,
      ["/x/loop", "/x/y/deep/up"],
    ]);
    for (const link of ["loop", "y/deep/up"]) await Deno.remove(`${server.folder}/x/${link}`);
    // Nor is what a link leads to cleared with the directory that it lies in.
    await Deno.mkdir(`${server.folder}/old/in`, { recursive: true });
    await Deno.writeTextFile(`${server.folder}/old/in/b`, "");
    await Deno.symlink("../x", `${server.folder}/old/link`);
    await Deno.symlink("..", `${server.folder}/old/in/up`);
    await ftp.rmdir("/old", { recursive: true });
    assertEquals(await Deno.readTextFile(`${server.folder}/x/y/a.txt`), "a");
    assertEquals((await ftp.list("/")).map(({ name }) => name), ["x"]);
    // What the server refuses is told, and the rest goes over.
    const refused: string[] = [];
    const tell = { onRefused: (path: string) => void refused.push(path) };
    await Deno.writeTextFile(`${server.folder}/x/odd\nname`, "?");
    assertEquals((await downloadTree(ftp, "/x", `${folder}/rest`, tell)).files, 2);
    await Deno.mkdir(`${server.folder}/z/a.txt`, { recursive: true });
    assertEquals(counts(await uploadTree(ftp, `${folder}/in`, "/z", tell)), [1, 0, 2]);
    assertEquals(refused, ["/x/odd", `${folder}/in/a.txt`]);
    await assertRejects(() => downloadTree(ftp, "/x", `${folder}/none`), ReplyError);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("a thousand links do not hide a name that a mirror cannot store", async () => {
  const links = Array.from({ length: 1001 }, (_, i) => `type=OS.unix=symlink; l${i}\r\n`);
  await using server = files(say(`${links.join("")}type=file;size=1; ../evil\r\n`));
  const folder = await Deno.makeTempDir();
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const { left } = await downloadTree(ftp, "/", folder);
  assertEquals([left.length, left.at(-1)?.kind], [1001, "name"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a listing cannot lead a mirror out of its folder, and one odd name does not end it", async () => {
  for (const name of ["../evil", "/etc/evil", "a\\b"]) {
    await using server = files(say(`type=file;size=1; ${name}\r\n`));
    const folder = await Deno.makeTempDir();
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const { left } = await downloadTree(ftp, "/", `${folder}/in`);
    assertEquals(left, [{
      path: `/: ${JSON.stringify(name)}`,
      kind: "name",
      reason: "No file of this name can be made here",
    }]);
    assertEquals(Array.from(Deno.readDirSync(folder), (one) => one.name), ["in"]);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an upload makes only the directories that the listings do not show", async () => {
  const folder = await Deno.makeTempDir();
  for (const path of ["old/deep", "new/deep"]) {
    await Deno.mkdir(`${folder}/${path}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${path}/a`, "12345");
  }
  await using server = files(async (conn, command) => {
    if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
    else await say(command === "MLSD /x" ? "type=dir; old\r\n" : "type=dir; deep\r\n")(conn);
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals(counts(await uploadTree(ftp, folder, "/x")), [2, 0, 10]);
  assertEquals(server.heard.filter((line) => /^(?:MKD|MLSD)/.test(line)).sort(), [
    "MKD /x/new",
    "MKD /x/new/deep",
    "MLSD /x",
    "MLSD /x/old",
    "MLSD /x/old/deep",
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a file whose time is unknown is transferred again, unless sizes are enough", async () => {
  await using server = files((conn, command) =>
    say(command.startsWith("MLSD") ? "type=file;size=5; a\r\n" : "hello")(conn)
  );
  const folder = await Deno.makeTempDir();
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const run = async (bySize: boolean) =>
    counts(await downloadTree(ftp, "d", folder, { skipSame: true, bySize }));
  assertEquals([await run(false), await run(false), await run(true)], [
    [1, 0, 5],
    [1, 0, 5],
    [0, 1, 0],
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("names that are reserved elsewhere, or cannot be stored, are left out and reported", async () => {
  const names = ["CON", "aux.txt", "a:b", "dot.", "blank ", "x".repeat(300), "fine"];
  const lines = names.map((name) => `type=file;size=5; ${name}\r\n`).join("");
  await using server = files(async (conn, command) => {
    if (!command.startsWith("MLSD")) return await say("hello")(conn);
    await say(lines)(conn);
    // A name in Latin-1.
    await conn.write(
      Uint8Array.from("type=file;size=5; gr\xfcn\r\n", (char) => char.charCodeAt(0)),
    );
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const folder = await Deno.makeTempDir();
  const strict = await downloadTree(ftp, "d", `${folder}/strict`);
  assertEquals([strict.files, strict.left.length], [1, 7]);
  assert(strict.left.every(({ kind }) => kind === "name"));
  assert(strict.left.at(-1)!.reason.includes("the option encoding"));
  const any = await downloadTree(ftp, "d", `${folder}/any`, { anyName: true });
  if (Deno.build.os === "linux") assertEquals([any.files, any.left.length], [6, 2]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a file of another size than the server lists and reports is left out", async () => {
  for (const [size, kinds] of [["5", []], ["7", ["content"]]] as const) {
    await using server = files(
      (conn, command) =>
        say(command.startsWith("MLSD") ? "type=file;size=9; a\r\n" : "hello")(conn),
      {
        SIZE: () => `213 ${size}\r\n`,
      },
    );
    const folder = await Deno.makeTempDir();
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const report = await downloadTree(ftp, "d", folder);
    // 5 is the size that arrived: the file has changed since the listing.
    assertEquals([report.left.map(({ kind }) => kind), report.files], [
      [...kinds],
      kinds.length ^ 1,
    ]);
    assertEquals(Array.from(Deno.readDirSync(folder)).length, report.files);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("verify leaves out a file whose hash differs, on both ways", async () => {
  await using server = files(async (conn, command) => {
    if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
    else if (command.startsWith("MLSD")) {
      await say("type=file;size=5; a\r\ntype=file;size=5; b\r\n")(conn);
    } else await say("hello")(conn);
  }, {
    FEAT: () => "211-x\r\n MLST size*;\r\n XCRC\r\n211 end\r\n",
    XCRC: (line) => line.includes("/a") ? "250 3610A686\r\n" : "250 1234\r\n",
  });
  const folder = await Deno.makeTempDir();
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const down = await downloadTree(ftp, "/", `${folder}/d`, { verify: true });
  assertEquals([down.files, down.left.map(({ path, kind }) => [path, kind])], [1, [
    ["/b", "content"],
  ]]);
  await Deno.writeTextFile(`${folder}/d/b`, "hello");
  const up = await uploadTree(ftp, `${folder}/d`, "/up", { verify: true });
  // The name of the part contains the name of the file.
  assertEquals([up.files, up.left.map(({ kind }) => kind)], [1, ["content"]]);
  await Deno.remove(folder, { recursive: true });
});

/** Files of 5 bytes in one directory. A transfer waits until `together` of them run at the same time. */
function crowd(count: number, together: number, refuse = Infinity) {
  let [running, most, sessions] = [0, 0, 0];
  const enough = Promise.withResolvers<void>();
  const lines = Array.from({ length: count }, (_, i) => `type=file;size=5; f${i}\r\n`).join("");
  const server = files(async (conn, command) => {
    if (command.startsWith("MLSD")) return await say(lines)(conn);
    most = Math.max(most, ++running);
    if (running >= together) enough.resolve();
    await enough.promise;
    await say("hello")(conn);
    running--;
  }, {
    USER: () => ++sessions > refuse ? "530 too many\r\n" : "230 in\r\n",
    PWD: () => '257 "/home" is it\r\n',
  });
  return { server, counts: () => ({ most, sessions }) };
}

Deno.test("connections: several sessions transfer files at the same time, and are closed", async () => {
  const folder = await Deno.makeTempDir();
  const rows = [
    { connections: 1, together: 1, sessions: 1, refuse: Infinity },
    { connections: 4, together: 4, sessions: 4, refuse: Infinity },
    { connections: 4, together: 2, sessions: 3, refuse: 2 },
  ];
  for (const { connections, together, sessions, refuse } of rows) {
    const { server, counts: seen } = crowd(40, together, refuse);
    await using _ = server;
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    // A relative path begins in the directory of the first session.
    const into = `${folder}/${together}`;
    const report = await downloadTree(ftp, "d", into, { connections });
    assertEquals([report.files, report.bytes, seen().most], [40, 200, together]);
    assert(seen().sessions >= sessions, `${seen().sessions}`);
    const fetched = server.heard.filter((line) => line.startsWith("RETR"));
    assert(fetched.every((line) => line.startsWith("RETR d/")));
    assertEquals(server.heard.filter((line) => line === "CWD /home").length, together - 1);
    assertEquals(server.heard.filter((line) => line === "QUIT").length, together - 1);
    assertEquals(Array.from(Deno.readDirSync(into)).length, 40);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("connections: limits count all files in transfer, and one failure ends all", async () => {
  const folder = await Deno.makeTempDir();
  const limits = [{ maxFiles: 7 }, { maxBytes: 39 }];
  for (const limit of limits) {
    const { server } = crowd(40, 1);
    await using _ = server;
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const into = `${folder}/${JSON.stringify(limit)}`;
    const working = downloadTree(ftp, "/d", into, { connections: 4, ...limit });
    assertEquals((await assertRejects(() => working, NetError)).kind, "limit");
    assertEquals(
      Array.from(Deno.readDirSync(into), ({ name }) => name).filter((name) =>
        name.endsWith(".part")
      ),
      [],
    );
    await ftp.noop();
  }
  const { server } = crowd(40, 4);
  await using _ = server;
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const stop = new AbortController();
  let begun = 0;
  const onFile = () => ++begun === 6 && stop.abort(new Error("enough"));
  const options = { connections: 4, signal: stop.signal, onFile };
  await assertRejects(() => downloadTree(ftp, "/d", `${folder}/a`, options), Error, "enough");
  assert(ftp.open);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("connections: an upload makes each directory before its files", async () => {
  const folder = await Deno.makeTempDir();
  for (let i = 0; i < 20; i++) {
    await Deno.mkdir(`${folder}/${i % 5}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${i % 5}/${i}`, "12345");
  }
  const made = new Set<string>();
  let early = 0;
  await using server = files(async (conn, command) => {
    const directory = /^STOR (.*)\//.exec(command)?.[1];
    if (directory !== undefined && !made.has(directory)) early++;
    if (directory !== undefined) { while (await conn.read(new Uint8Array(9)) !== null); }
  }, {
    MKD: (line) => (made.add(line.slice(4)), "257 made\r\n"),
    FEAT: () => "211-x\r\n MLST size*;\r\n211 end\r\n",
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const report = await uploadTree(ftp, folder, "/up", { connections: 4 });
  assertEquals([counts(report), early, made.size], [[20, 0, 100], 0, 5]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("duplicate() needs options that can be used again", async () => {
  await using server = files(say(""));
  const connection = await connectTcp({ port: server.port, lingerTimeout: 0 });
  await using ftp = await connectFtp({ ...PLAIN, connection });
  assertEquals((await assertRejects(() => ftp.duplicate(), NetError)).kind, "unsupported");
  // A tree does with one session.
  const folder = await Deno.makeTempDir();
  assertEquals((await downloadTree(ftp, "/d", folder, { connections: 3 })).files, 0);
  await Deno.remove(folder, { recursive: true });
});
