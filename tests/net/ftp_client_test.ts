import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../net/errors.ts";
import { connectFtp, type ConnectFtpOptions, type FtpClient } from "../../net/ftp_client.ts";
import { downloadTree, uploadTree } from "../../net/ftp_tree.ts";
import { ReplyError } from "../../net/reply_error.ts";
import { testCertificates } from "../_support/certificates.ts";
import { type FtpPeer, startPyftpdlib, startVsftpd } from "../_support/ftp.ts";
import { type Answer, lineServer } from "../_support/line_server.ts";
import { needs, needsPython } from "../_support/peers.ts";

const PLAIN: ConnectFtpOptions = { tls: "none", allowPlaintextLogin: true, timeout: 2000 };
const text = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(stream).text();

/** A server whose data connections are served by `data`. */
function files(
  data: (conn: Deno.Conn, command: string) => Promise<void>,
  overrides: Record<string, Answer> = {},
  done = "226 done\r\n",
) {
  let listener: Deno.TcpListener | undefined;
  let offered: Promise<Deno.Conn> | undefined;
  const transfer: Answer = async (line, conn) => {
    await conn.write("150 here it comes\r\n");
    using other = await offered!;
    await data(other, line);
    return done;
  };
  const answers: Record<string, Answer> = {
    USER: () => "331 password\r\n",
    PASS: (line) =>
      line === "PASS secret" || line === "PASS anonymous@" ? "230 in\r\n" : "530 no\r\n",
    FEAT: () => "211-Features\r\n UTF8\r\n MLST type*;size*;\r\n211 End\r\n",
    EPSV: () => {
      listener?.close();
      listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      offered = listener.accept();
      offered.catch(() => {});
      return `229 Entering (|||${listener.addr.port}|)\r\n`;
    },
    MLSD: transfer,
    RETR: transfer,
    STOR: transfer,
    APPE: transfer,
    REST: () => "350 go on\r\n",
    SIZE: () => "213 5\r\n",
    MDTM: () => "213 20261123093000\r\n",
    PWD: () => '257 "/a ""b""" is it\r\n',
    DELE: (line) => line.includes("none") ? "550 no such file\r\n" : "250 gone\r\n",
    QUIT: () => "221 bye\r\n",
    ...overrides,
  };
  const server = lineServer("220-hello\r\n220 ready\r\n", (line, conn) => {
    const answer = answers[line.split(" ")[0]!];
    return answer === undefined ? "200 ok\r\n" : answer(line, conn);
  });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      listener?.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const say = (words: string) => async (conn: Deno.Conn) => {
  await conn.write(new TextEncoder().encode(words));
};

Deno.test("a session: login, directory, size, time, listing, a file, deletion", async () => {
  await using server = files((conn, command) =>
    say(command.startsWith("MLSD") ? "type=cdir; .\r\ntype=file;size=5; a b\r\n" : "hello")(conn)
  );
  await using ftp = await connectFtp({
    ...PLAIN,
    user: "ann",
    password: "secret",
    port: server.port,
  });
  assertEquals(await ftp.pwd(), '/a "b"');
  assertEquals(await ftp.size("a b"), 5);
  assertEquals((await ftp.modified("a b")).toISOString(), "2026-11-23T09:30:00.000Z");
  assertEquals(await ftp.list("x"), [{ name: "a b", type: "file", size: 5 }]);
  const seen: number[] = [];
  const stream = await ftp.download("a b", { offset: 3, onProgress: (bytes) => seen.push(bytes) });
  assertEquals([await text(stream), seen], ["hello", [5]]);
  const error = await assertRejects(() => ftp.delete("none"), ReplyError);
  assertEquals([error.code, error.retryable], ["550", false]);
  await ftp.delete("a b");
  assertEquals(server.heard.slice(0, 5), [
    "USER ann",
    "PASS secret",
    "FEAT",
    "OPTS UTF8 ON",
    "TYPE I",
  ]);
  assert(server.heard.includes("REST 3") && server.heard.includes("RETR a b"));
});

Deno.test("the address that PASV names is ignored: no connection to anybody else", async () => {
  let port = 0;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  port = listener.addr.port;
  const accepting = (async () => {
    using conn = await listener.accept();
    await say("mine")(conn);
  })();
  await using server = files(() => Promise.resolve(), {
    EPSV: () => "500 what\r\n",
    PASV: () => `227 Entering (192,0,2,1,${port >> 8},${port & 255})\r\n`,
    RETR: async (_, conn) => {
      await conn.write("150 go\r\n");
      await accepting;
      return "226 done\r\n";
    },
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals(await text(await ftp.download("x")), "mine");
  listener.close();
});

Deno.test("a transfer that is broken off leaves the session alive", async () => {
  const endless = async (conn: Deno.Conn) => {
    while (await conn.write(new Uint8Array(65_536)).then(() => true, () => false));
  };
  await using server = files(endless);
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const stream = await ftp.download("x");
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals(await ftp.size("x"), 5);
  const stop = new AbortController();
  const other = await ftp.download("x", { signal: stop.signal });
  const reading = other.getReader();
  await reading.read();
  stop.abort(new Error("enough"));
  await assertRejects(async () => {
    while (!(await reading.read()).done);
  }, Error);
  assertEquals(await ftp.size("x"), 5);
});

Deno.test("an upload whose source gives nothing more is broken off, and the source is told", async () => {
  let cancelled: unknown;
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: (reason) => void (cancelled = reason ?? "cancelled"),
  });
  await using server = files(async (conn) => {
    while (await conn.read(new Uint8Array(64)).catch(() => null));
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const stop = new AbortController();
  await assertRejects(() =>
    ftp.upload("x", source, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("enough")),
    })
  );
  assertEquals(cancelled, "cancelled");
  assertEquals(await ftp.size("x"), 5);
});

Deno.test("a reply that drips ends when the time for an answer does", async () => {
  await using server = files(() => Promise.resolve(), {
    SIZE: async (_, conn) => {
      for (let i = 0; i < 400 && conn.open; i++) {
        await conn.write("213-more\r\n");
        await delay(10);
      }
      return "213 5\r\n";
    },
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port, timeout: 300 });
  const error = await assertRejects(
    () => ftp.size("x"),
    NetError,
    "no whole answer came in 300 ms",
  );
  assertEquals([error.kind, ftp.open], ["timeout", false]);
});

Deno.test("a download that the server does not call whole is an error", async () => {
  await using server = files(say("half"), {}, "426 the disk broke\r\n");
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const stream = await ftp.download("x");
  const error = await assertRejects(() => text(stream), ReplyError);
  assertEquals([error.code, error.retryable, ftp.open], ["426", true, true]);
});

Deno.test("hostile servers: errors in time, and nothing goes on", async () => {
  const cases: [string, Record<string, Answer>, string][] = [
    ["no reply", { SIZE: () => "hello\r\n" }, "protocol"],
    ["an endless reply", { SIZE: () => "213-x\r\n".repeat(2000) }, "protocol"],
    ["silence", { SIZE: () => "" }, "timeout"],
    ["the end", { SIZE: () => undefined }, "truncated"],
    ["a size that is none", { SIZE: () => "213 many\r\n" }, "protocol"],
    ["good-bye", { SIZE: () => "421 too long\r\n" }, "reply"],
  ];
  for (const [what, answers, kind] of cases) {
    await using server = files(() => Promise.resolve(), answers);
    const timeout = kind === "timeout" ? 400 : 5000;
    const ftp = await connectFtp({ ...PLAIN, port: server.port, timeout });
    const error = await assertRejects(() => ftp.size("x"), NetError);
    assertEquals([error.kind, ftp.open], [kind, false], what);
    await ftp[Symbol.asyncDispose]();
  }
  // A data connection on which nothing comes, and one that is not there.
  await using silent = files(() => new Promise((resolve) => setTimeout(resolve, 1200)));
  const ftp = await connectFtp({ ...PLAIN, port: silent.port, timeout: 400 });
  const error = await assertRejects(async () => await text(await ftp.download("x")), NetError);
  assertEquals(error.kind, "timeout");
  await ftp[Symbol.asyncDispose]();
});

Deno.test("bad arguments are refused before anything is sent, and the session lives", async () => {
  await using server = files(say("x"));
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const before = server.heard.length;
  for (const path of ["a\r\nDELE b", "a\n", "a\0", ""]) {
    await assertRejects(() => ftp.delete(path), TypeError);
    await assertRejects(() => ftp.download(path), TypeError);
    await assertRejects(() => ftp.upload(path, "x"), TypeError);
    await assertRejects(() => ftp.rename("a", path), TypeError);
  }
  assertEquals(server.heard.length, before);
  await assertRejects(() => ftp.download("a", { offset: -1 }), RangeError);
  await assertRejects(() => connectFtp({ ...PLAIN, user: "a\r\nb", port: server.port }), TypeError);
  assertEquals(await ftp.size("x"), 5);
});

Deno.test("a password is not sent without encryption, and a server without AUTH TLS is none", async () => {
  await using server = files(say("x"), { AUTH: () => "502 no\r\n" });
  const plain = { ...PLAIN, user: "ann", password: "secret", port: server.port };
  const error = await assertRejects(
    () => connectFtp({ ...plain, allowPlaintextLogin: false }),
    NetError,
  );
  assertEquals(error.kind, "usage");
  const none = await assertRejects(() => connectFtp({ ...plain, tls: "starttls" }), NetError);
  assertEquals(none.kind, "unsupported");
  assert(!server.heard.join().includes("secret"));
});

/** What every server has to do. */
async function journey(ftp: FtpClient, folder: string): Promise<void> {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const big = new Uint8Array(1_200_000);
  for (let at = 0; at < big.length; at += bytes.length) big.set(bytes, at);
  await ftp.upload("up/big.bin", big);
  assertEquals((await Deno.readFile(`${folder}/up/big.bin`)).length, big.length);
  assertEquals(await ftp.size("up/big.bin"), big.length);
  const back = new Uint8Array(await new Response(await ftp.download("up/big.bin")).arrayBuffer());
  assertEquals(back.length === big.length && back.every((byte, i) => byte === big[i]), true);
  const rest = await new Response(await ftp.download("up/big.bin", { offset: 1_199_990 }))
    .arrayBuffer();
  assertEquals(new Uint8Array(rest), big.subarray(1_199_990));
  await ftp.upload("up/ü note.txt", "one", { atomic: true });
  await ftp.upload("up/ü note.txt", " two", { append: true });
  assertEquals(await text(await ftp.download("up/ü note.txt")), "one two");
  await ftp.mkdir("up/a/b", { recursive: true });
  await ftp.mkdir("up/a/b", { recursive: true });
  await ftp.upload("up/a/b/c.txt", "deep");
  const entries = await ftp.list("up");
  assertEquals(entries.map(({ name, type }) => `${type} ${name}`).sort(), [
    "directory a",
    "file big.bin",
    "file ü note.txt",
  ]);
  assertEquals(entries.find(({ name }) => name === "big.bin")?.size, big.length);
  await ftp.cd("up");
  assertEquals(await ftp.pwd(), "/up");
  await ftp.rename("big.bin", "large.bin");
  const reader = (await ftp.download("large.bin")).getReader();
  await reader.read();
  await reader.cancel();
  await ftp.noop();
  await ftp.delete("large.bin");
  await ftp.rmdir("a", { recursive: true });
  const missing = await assertRejects(() => ftp.download("large.bin"), ReplyError);
  assertEquals(missing.code, "550");
  assertEquals((await ftp.list()).map(({ name }) => name), ["ü note.txt"]);
}

async function visit(server: FtpPeer, options: ConnectFtpOptions): Promise<void> {
  const { ca } = await testCertificates();
  const lines: string[] = [];
  const trace = ({ text }: { text: string }) => void lines.push(text);
  await using ftp = await connectFtp({
    caCerts: [ca],
    trace,
    timeout: 10_000,
    port: server.port,
    ...options,
  });
  assertEquals(ftp.encrypted, options.tls !== "none");
  await journey(ftp, server.folder);
  assert(!lines.join().includes("secret"));
}

const python = needsPython("pyftpdlib", "OpenSSL");

for (const tls of ["none", "starttls", "implicit"] as const) {
  Deno.test({
    name: `pyftpdlib, TLS ${tls}: the whole journey${python.suffix}`,
    ignore: python.ignore,
    async fn() {
      await using server = await startPyftpdlib(tls);
      await Deno.mkdir(`${server.folder}/up`);
      const user = { user: "ann", password: "secret", tls, allowPlaintextLogin: tls === "none" };
      await visit(server, user);
      const { ca } = await testCertificates();
      const wrong = { ...user, caCerts: [ca], password: "no", port: server.port, timeout: 10_000 };
      assertEquals((await assertRejects(() => connectFtp(wrong), ReplyError)).code, "530");
    },
  });
}

const vsftpd = needs("vsftpd");
const root = Deno.uid() === 0;

Deno.test({
  name: `vsftpd, explicit TLS: the whole journey${
    vsftpd.suffix || (root ? "" : " (vsftpd needs root)")
  }`,
  ignore: vsftpd.ignore || !root,
  async fn() {
    await using server = await startVsftpd();
    await visit(server, {});
  },
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
      user: "ann",
      password: "secret",
      port: server.port,
    });
    assertEquals(await uploadTree(ftp, `${folder}/in`, "/x/y"), { files: 2, skipped: 0, bytes: 3 });
    assertEquals(await uploadTree(ftp, `${folder}/in`, "/x/y", { skipSame: true }), {
      files: 0,
      skipped: 2,
      bytes: 0,
    });
    const seen: string[] = [];
    const report = await downloadTree(ftp, "/x", `${folder}/out`, {
      onFile: (path) => void seen.push(path),
    });
    assertEquals([report, seen.sort()], [{ files: 2, skipped: 0, bytes: 3 }, [
      "/x/y/a.txt",
      "/x/y/deep/er/b.txt",
    ]]);
    assertEquals(await Deno.readTextFile(`${folder}/out/y/deep/er/b.txt`), "bb");
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("a listing cannot lead a mirror out of its folder", async () => {
  for (const name of ["../evil", "/etc/evil", "..", "a\\b"]) {
    await using server = files(say(`type=file;size=1; ${name}\r\n`));
    const folder = await Deno.makeTempDir();
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const error = await assertRejects(() => downloadTree(ftp, "/", `${folder}/in`), NetError);
    assertEquals(error.kind, "protocol", name);
    assertEquals(Array.from(Deno.readDirSync(folder), (one) => one.name), ["in"]);
    await Deno.remove(folder, { recursive: true });
  }
});
