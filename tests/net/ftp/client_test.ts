import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { developmentCertificate } from "../../../net/tls/certificate.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectFtp, type FtpClient } from "../../../net/ftp/client.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { upgradeTlsServer } from "../../../net/tls/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { fileServer as files, PLAIN, say, textOf as text } from "../../_support/ftp_script.ts";
import { startVsftpd } from "../../_support/ftp.ts";
import { type Answer, beginTls } from "../../_support/line_server.ts";
import { needs } from "../../_support/peers.ts";
import { freePorts } from "../../_support/ports.ts";

Deno.test("a session: login, directory, size, time, listing, a file, deletion", async () => {
  await using server = files((conn, command) =>
    say(command.startsWith("MLSD") ? "type=cdir; .\r\ntype=file;size=5; a b\r\n" : "hello")(conn)
  );
  await using ftp = await connectFtp({
    ...PLAIN,
    username: "ann",
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

Deno.test("the address that PASV names is used where that is asked for", async () => {
  const asked: { hostname: string; port: number }[] = [];
  await using server = files(say("x"), { PASV: () => "227 Entering (192,0,2,1,1,2)\r\n" });
  await using ftp = await connectFtp({
    ...PLAIN,
    port: server.port,
    trustPassiveAddress: true,
    connectData(address) {
      asked.push(address);
      return Promise.reject(new RangeError("not in a test"));
    },
  });
  await assertRejects(() => ftp.download("x"), RangeError);
  assertEquals(asked, [{ hostname: "192.0.2.1", port: 258 }]);
  assert(!server.heard.includes("EPSV"));
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

Deno.test("the signal of the session ends a transfer with its reason", async () => {
  const reason = new DOMException("enough", "TimeoutError");
  const waits: ((ftp: FtpClient) => Promise<unknown>)[] = [
    async (ftp) => await text(await ftp.download("x")),
    (ftp) => ftp.list(),
    (ftp) => ftp.upload("x", new ReadableStream()),
  ];
  for (const wait of waits) {
    const begun = Promise.withResolvers<void>();
    await using server = files(async (conn) => {
      begun.resolve();
      await conn.read(new Uint8Array(1)).catch(() => {});
    });
    const stop = new AbortController();
    const ftp = await connectFtp({ ...PLAIN, port: server.port, signal: stop.signal });
    const waiting = wait(ftp);
    await begun.promise;
    stop.abort(reason);
    assertEquals(await assertRejects(() => waiting), reason);
    await ftp.close();
  }
});

Deno.test("a transfer is given up at any time, and the session goes on", async () => {
  const endless = async (conn: Deno.Conn) => {
    while (await conn.write(new Uint8Array(65_536)).then(() => true, () => false));
  };
  await using server = files(endless);
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const enough = new Error("enough");
  // Before it begins.
  const never = { signal: AbortSignal.abort(enough) };
  assertEquals(await assertRejects(() => ftp.download("x", never)), enough);
  // When as much has come as is read ahead.
  const late = new AbortController();
  const full = Promise.withResolvers<void>();
  let chunks = 0;
  const stream = await ftp.download("x", {
    signal: late.signal,
    onProgress: () => ++chunks === 8 && full.resolve(),
  });
  await full.promise;
  late.abort(enough);
  assertEquals(await ftp.size("x"), 5);
  assertEquals(await assertRejects(() => text(stream)), enough);
});

Deno.test("a transfer is given up while the server thinks it over", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = files(say("x"), {
    RETR: async (_, conn) => {
      asked.resolve();
      await delay(50);
      await conn.write("150 here it comes\r\n");
      return "426 broken off\r\n";
    },
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const stop = new AbortController();
  const enough = new Error("enough");
  void asked.promise.then(() => stop.abort(enough));
  const fetching = async () => await text(await ftp.download("x", { signal: stop.signal }));
  assertEquals(await assertRejects(fetching), enough);
  assertEquals(await ftp.size("x"), 5);
});

Deno.test("what is not uploaded is not left open", async () => {
  let cancelled: unknown;
  const source = new ReadableStream<Uint8Array>({ cancel: (reason) => void (cancelled = reason) });
  await using server = files(say("x"), { STOR: () => "553 no\r\n" });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals(await assertRejects(() => ftp.upload("x", source), ReplyError), cancelled);
});

Deno.test("through a proxy data connections are asked for by the server's name, not the proxy's", async () => {
  await using server = files(say("hello"));
  const asked: string[] = [];
  await using ftp = await connectFtp({
    ...PLAIN,
    connection: await connectTcp({ port: server.port, lingerTimeout: 0 }),
    hostname: "files.test",
    connectData({ hostname, port }) {
      asked.push(hostname);
      return connectTcp({ port });
    },
  });
  assertEquals([await text(await ftp.download("x")), asked], ["hello", ["files.test"]]);
});

Deno.test("a data connection that is refused leaves the session alive", async () => {
  const [port] = freePorts(1);
  await using server = files(say("x"), {
    EPSV: () => `229 here (|||${port}|)\r\n`,
    PASV: () => "502 what?\r\n",
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const error = await assertRejects(() => ftp.list(), NetError);
  assertEquals([error.kind, await ftp.size("x")], ["refused", 5]);
});

Deno.test("a listing of lines without an end is given up, however short they are", async () => {
  const lines = new TextEncoder().encode("\n".repeat(1_100_000));
  await using server = files((conn) => conn.write(lines).then(() => {}, () => {}));
  const ftp = await connectFtp({ ...PLAIN, port: server.port });
  const error = await assertRejects(() => ftp.list(), NetError, "does not end");
  assertEquals([error.kind, ftp.open], ["protocol", false]);
});

Deno.test("features are divided by SP and HTAB, and named in ASCII", async () => {
  const lines = " utf8 \r\n MLST\ttype*;size*;\r\n \u017fize\r\n \u00a0TVFS\r\n";
  await using server = files(say("x"), { FEAT: () => `211-Features\r\n${lines}211 End\r\n` });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals([...ftp.features], [
    ["UTF8", ""],
    ["MLST", "type*;size*;"],
    ["\u017fIZE", ""],
    ["\u00a0TVFS", ""],
  ]);
});

Deno.test("a directory whose name begins with a dash is no flag for LIST", async () => {
  await using server = files(say("x"), { FEAT: () => "500 what?\r\n" });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  await ftp.rawListing("-rf");
  await ftp.rawListing("a -b");
  await assertRejects(() => ftp.list("a\nb"), TypeError, '"a\\nb"');
  assertEquals(server.heard.filter((line) => /^(?:LIST|CWD)/.test(line)), [
    "CWD -rf",
    "LIST -a",
    "LIST",
    'CWD /a "b"',
    "CWD a -b",
    "LIST",
    'CWD /a "b"',
  ]);
});

const UNIX_LINE = "-rw-r--r-- 1 a b 3 Jan 01 2020";
const UNIX_DIRECTORY = "drwxr-xr-x 1 a b 3 Jan 01 2020";

Deno.test("list() uses LIST if MLSD is refused, shows hidden names, and asks for MLSD once", async () => {
  const server = files((conn, command) => {
    const hidden = command === "LIST -a" ? `${UNIX_LINE} .hidden\r\n` : "";
    return say(`${hidden}${UNIX_LINE} seen\r\n`)(conn);
  }, { MLSD: () => "502 no such command\r\n" });
  await using _ = server;
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  for (let i = 0; i < 2; i++) {
    assertEquals((await ftp.list("d")).map(({ name }) => name), [".hidden", "seen"]);
  }
  assertEquals(server.heard.filter((line) => /^(?:MLSD|LIST)/.test(line)), [
    "MLSD d",
    "LIST -a",
    "LIST -a",
  ]);
});

Deno.test("list() of a missing directory is an error although LIST would be empty", async () => {
  const old = { FEAT: () => "502 what\r\n" };
  await using server = files(say(""), { ...old, CWD: () => "550 no such directory\r\n" });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals((await assertRejects(() => ftp.list("typo"), ReplyError)).code, "550");
  await using empty = files(say(""), { ...old, LIST: () => "450 No files found\r\n" });
  await using other = await connectFtp({ ...PLAIN, port: empty.port });
  assertEquals(await other.list(), []);
});

Deno.test("list() whose data stalls ends the session: no later command gets its reply", async () => {
  await using server = files(async (conn) => void await conn.read(new Uint8Array(1)), {
    FEAT: () => "211 nothing\r\n",
  }, "426 broken\r\n");
  await using ftp = await connectFtp({ ...PLAIN, port: server.port, timeout: 300 });
  const error = await assertRejects(() => ftp.list("x"), NetError);
  assertEquals([error.kind, ftp.open], ["timeout", false]);
  assertEquals(server.heard.filter((line) => line.startsWith("CWD")), ["CWD x"]);
});

Deno.test("list() quotes a line that it does not understand, unless the caller takes care of it", async () => {
  await using server = files(say(`${UNIX_LINE} a\r\n\x1b[31mwhat\r\n`), {
    FEAT: () => "502 what\r\n",
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const error = await assertRejects(() => ftp.list(), NetError, '"\\u001b[31mwhat"');
  assertEquals([error.kind, ftp.open], ["protocol", true]);
  const lines: string[] = [];
  const entries = await ftp.list(undefined, { onUnknown: (line) => void lines.push(line) });
  assertEquals([entries.map(({ name }) => name), lines], [["a"], ["\x1b[31mwhat"]]);
  const parseLine = (line: string) => ({ name: line.slice(-1), type: "file" }) as const;
  assertEquals((await ftp.list(undefined, { parseLine })).map(({ name }) => name), ["a", "t"]);
});

Deno.test("a port of EPSV that is closed is followed by PASV", async () => {
  const [closed] = freePorts(1);
  await using server = files(say("type=file; a\r\n"), {
    EPSV: () => `229 here (|||${closed}|)\r\n`,
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals((await ftp.list()).map(({ name }) => name), ["a"]);
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
  const enough = new Error("enough");
  const error = await assertRejects(() =>
    ftp.upload("x", source, { signal: stop.signal, onProgress: () => stop.abort(enough) })
  );
  assertEquals(error, enough);
  assertEquals(cancelled, "cancelled");
  assertEquals(await ftp.size("x"), 5);
});

Deno.test({
  name: "an upload that is broken off ends the data connection by a reset",
  ignore: Deno.build.os === "windows",
  async fn() {
    const seen = Promise.withResolvers<string>();
    await using server = files(
      async (conn) => {
        const buffer = new Uint8Array(64);
        try {
          while (await conn.read(buffer) !== null);
          seen.resolve("the end of the file");
        } catch (error) {
          seen.resolve((error as Error).name);
        }
      },
      {},
      "426 broken off\r\n",
    );
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const source = async function* () {
      yield new Uint8Array(1000);
      await delay(10);
      throw new Error("no more");
    };
    await assertRejects(() => ftp.upload("x", source()), Error, "no more");
    assertEquals(await seen.promise, "ConnectionReset");
    assertEquals(await ftp.size("x"), 5);
  },
});

Deno.test("ABOR before the transfer has begun has one reply, and the session goes on", async () => {
  for (const extra of ["", "426 closed\r\n"]) {
    const begun = Promise.withResolvers<void>();
    await using server = files(say(""), {
      STOR: () => {
        begun.resolve();
        return "150 about to open the data connection\r\n";
      },
      ABOR: () => `225 nothing to abort\r\n${extra}`,
    });
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const enough = new Error("enough");
    const source = new ReadableStream({
      pull: async (controller) => {
        await begun.promise;
        controller.error(enough);
      },
    }, { highWaterMark: 0 });
    assertEquals(await assertRejects(() => ftp.upload("x", source)), enough);
    assertEquals(await ftp.size("x"), 5);
  }
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
    "no complete reply within 300 ms",
  );
  assertEquals([error.kind, ftp.open], ["timeout", false]);
});

Deno.test("a reply that nobody asked for is not taken for the next one", async () => {
  await using server = files(say("x"), { NOOP: () => "200 ok\r\n213 4\r\n" });
  const ftp = await connectFtp({ ...PLAIN, port: server.port });
  await ftp.noop();
  const error = await assertRejects(() => ftp.size("x"), NetError, "without a command");
  assertEquals([error.kind, ftp.open, server.heard.at(-1)], ["protocol", false, "NOOP"]);
  await ftp.close();
  // That it goes is what a server may say at any time.
  await using tired = files(say("x"), { NOOP: () => "200 ok\r\n421 idle for too long\r\n" });
  const other = await connectFtp({ ...PLAIN, port: tired.port });
  await other.noop();
  const gone = await assertRejects(() => other.download("x"), ReplyError);
  assertEquals([gone.code, gone.retryable, other.open], ["421", true, false]);
  await other.close();
});

Deno.test("where the server ends a transfer, the error is what it says, and the session lives", async () => {
  const refuse = async (conn: Deno.Conn) => {
    await conn.read(new Uint8Array(10));
    conn.close();
  };
  await using server = files(refuse, {}, "552 over quota\r\n");
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const endless = async function* () {
    for (;;) yield new Uint8Array(100_000);
  };
  const error = await assertRejects(() => ftp.upload("x", endless()), ReplyError);
  assertEquals([error.code, error.text, ftp.open], ["552", "over quota", true]);
  assertEquals(await ftp.size("x"), 5);
});

Deno.test("a server that takes no bytes of an upload is given up in time", async () => {
  await using server = files(() => new Promise((resolve) => setTimeout(resolve, 2000)));
  await using ftp = await connectFtp({ ...PLAIN, port: server.port, timeout: 300 });
  const much = new Uint8Array(64 * 1024 * 1024);
  const error = await assertRejects(() => ftp.upload("x", much), NetError, "300 ms");
  assertEquals(error.kind, "timeout");
});

Deno.test("stat() asks MLST, or the listing around it", async () => {
  const listing = "type=dir; d\r\ntype=file;size=7;perm=adfr; a b\r\n";
  await using server = files(say(listing), {
    MLST: (line) =>
      line === "MLST /no"
        ? "550 no\r\n"
        : "250-Listing\r\n type=file;size=7;perm=adfr; /up/a b\r\n250 End\r\n",
  });
  const entry = { name: "a b", type: "file", size: 7, permissions: "adfr" } as const;
  {
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    assertEquals(await ftp.stat("/up/a b"), entry);
    assertEquals((await assertRejects(() => ftp.stat("/no"), ReplyError)).code, "550");
  }
  const unix =
    "total 2\r\n-rw-r--r-- 1 a b 7 Jan 02 2020 a b\r\ndrwxr-xr-x 2 a b 0 Jan 02 2020 d\r\n";
  await using old = files(say(unix), { FEAT: () => "502 what\r\n" });
  await using ftp = await connectFtp({ ...PLAIN, port: old.port });
  assertEquals((await ftp.stat("/up/a b")).size, 7);
  assertEquals((await ftp.stat("d/")).type, "directory");
  assertEquals(await ftp.stat("/"), { name: "", type: "directory" });
  assertEquals((await assertRejects(() => ftp.stat("/up/c"), NetError)).kind, "protocol");
  assertEquals(old.heard.filter((line) => line.startsWith("LIST")), [
    "LIST -a",
    "LIST -a",
    "LIST -a",
  ]);
});

Deno.test("any other command can be sent, one line of it", async () => {
  await using server = files(say("x"), {
    SITE: (line) => line.includes("CHMOD") ? "200 done\r\n" : "501 what\r\n",
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals(await ftp.command("SITE CHMOD 600 a"), { code: 200, lines: ["done"] });
  assertEquals((await assertRejects(() => ftp.command("SITE FLY"), ReplyError)).code, "501");
  await assertRejects(() => ftp.command("NOOP\r\nDELE a"), TypeError);
  await ftp.noop();
});

Deno.test("directories within directories without an end are not removed for ever", async () => {
  await using server = files((conn, command) =>
    say(command.startsWith("MLSD") ? "type=dir; deeper\r\n" : `${UNIX_DIRECTORY} deeper\r\n`)(conn)
  );
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const error = await assertRejects(() => ftp.rmdir("x", { recursive: true }), NetError);
  assertEquals([error.kind, server.heard.some((line) => line.startsWith("RMD"))], ["limit", false]);
});

Deno.test("rmdir() enters no directory that LIST does not show as one", async () => {
  await using server = files((conn, command) =>
    say(command.startsWith("MLSD d") ? "type=dir; .link\r\n" : "")(conn)
  );
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  await ftp.rmdir("d", { recursive: true });
  const sent = server.heard.filter((line) => /^(?:DELE|RMD|MLSD)/.test(line));
  assertEquals(sent, ["MLSD d", "DELE d/.link", "RMD d"]);
});

Deno.test("it speaks over a connection that is there already, one byte at a time", async () => {
  const [client, server] = memoryPair();
  const data = memoryPair();
  const answers: Record<string, string> = {
    USER: "230 in\r\n",
    FEAT: "211-x\r\n MLST size*;\r\n211 end\r\n",
    EPSV: "229 here (|||7|)\r\n",
    MLSD: "150 go\r\n226-it\r\n was\r\n226 done\r\n",
    QUIT: "221 bye\r\n",
  };
  const serving = (async () => {
    for (const byte of "220 hi\r\n") await server.write(byte);
    for (let line; (line = await server.readLine()) !== null;) {
      const verb = line.split(" ")[0]!;
      for (const byte of answers[verb] ?? "200 ok\r\n") await server.write(byte);
      if (verb === "QUIT") break;
      if (verb !== "MLSD") continue;
      for (const byte of "type=file;size=3; ü\r\n") await data[1].write(byte);
      await data[1].close();
    }
    await server.close();
  })();
  {
    await using ftp = await connectFtp({
      tls: "none",
      connection: client,
      connectData: ({ port }) => Promise.resolve(port === 7 ? data[0] : client),
    });
    assertEquals(await ftp.list(), [{ name: "ü", type: "file", size: 3 }]);
  }
  await serving;
});

Deno.test("a data connection to somebody else is a failure of TLS, whatever the server says", async () => {
  const { ca } = await testCertificates();
  const rogue = await developmentCertificate({ names: ["127.0.0.1"] });
  const [near, far] = memoryPair();
  await using server = files(say("x"), {
    AUTH: (_, conn) => beginTls(conn, "234 go\r\n"),
    RETR: async (_, conn) => {
      await conn.write("150 go\r\n");
      await upgradeTlsServer(far, rogue).catch(() => {});
      return "426 the data connection broke\r\n";
    },
  });
  const connectData = () => Promise.resolve(near);
  const ftp = await connectFtp({ caCerts: [ca], port: server.port, timeout: 30_000, connectData });
  const error = await assertRejects(() => ftp.download("x"), NetError);
  assertEquals([error.kind, ftp.open], ["tls", false]);
  await ftp.close();
  far.abort();
});

Deno.test("STARTTLS: nothing smuggled in, and no data without encryption", async () => {
  const { ca } = await testCertificates();
  const options = { caCerts: [ca], timeout: 30_000, username: "ann", password: "secret" };
  await using evil = files(say("x"), { AUTH: () => "234 go\r\n230 injected\r\n" });
  const injected = await assertRejects(() => connectFtp({ ...options, port: evil.port }), NetError);
  assertEquals(injected.kind, "protocol");
  assertMatch(injected.message, /sent \d+ bytes before/);
  await using careless = files(say("x"), {
    AUTH: (_, conn) => beginTls(conn, "234 go\r\n"),
    PROT: () => "536 no\r\n",
  });
  const refused = await assertRejects(
    () => connectFtp({ ...options, port: careless.port }),
    ReplyError,
  );
  assertEquals(refused.code, "536");
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
    ["an endless line", { SIZE: () => `213 ${"5".repeat(100_000)}` }, "limit"],
    [
      "half a reply",
      { SIZE: async (_, conn) => (await conn.write("213-5"), undefined) },
      "truncated",
    ],
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
  await assertRejects(
    () => connectFtp({ ...PLAIN, username: "a\r\nb", port: server.port }),
    TypeError,
  );
  assertEquals(await ftp.size("x"), 5);
});

Deno.test("a password is not sent without encryption, and a server without AUTH TLS is none", async () => {
  await using server = files(say("x"), { AUTH: () => "502 no\r\n" });
  const plain = { ...PLAIN, username: "ann", password: "secret", port: server.port };
  const error = await assertRejects(
    () => connectFtp({ ...plain, allowPlaintextLogin: false }),
    NetError,
  );
  assertEquals(error.kind, "usage");
  const none = await assertRejects(() => connectFtp({ ...plain, tls: "starttls" }), NetError);
  assertEquals(none.kind, "unsupported");
  assert(none.message.endsWith('encrypted (tls: "none" does without encryption)'), none.message);
  assert(!server.heard.join().includes("secret"));
});

const vsftpd = needs("vsftpd");
const root = Deno.uid() === 0;

const noVsftpd = vsftpd.suffix || (root ? "" : " (vsftpd needs root)");

Deno.test({
  name: `vsftpd that demands the session of the control connection says so${noVsftpd}`,
  ignore: vsftpd.ignore || !root,
  async fn() {
    await using server = await startVsftpd({ reuse: true });
    const { ca } = await testCertificates();
    const works: ((ftp: FtpClient) => Promise<unknown>)[] = [
      (ftp) => ftp.list(),
      (ftp) => ftp.upload("up/x", new Uint8Array(1e6)),
    ];
    for (const work of works) {
      // It ends the session as well.
      await using ftp = await connectFtp({ caCerts: [ca], port: server.port, timeout: 10_000 });
      const error = await assertRejects(() => work(ftp), ReplyError, "session reuse required");
      assertEquals(error.code, "522");
      assertMatch(error.message, /resume the TLS session .* require_ssl_reuse=NO/);
    }
  },
});
