/** Data connections of FTP: who opens them, how they end, and the verdict about a file. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectFtp, type ConnectFtpOptions, type FtpClient } from "../../../net/ftp/client.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { upgradeTlsServer } from "../../../net/tls/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { fileServer, PLAIN, say, textOf } from "../../_support/ftp_script.ts";
import { type Answer, beginTls, lineServer } from "../../_support/line_server.ts";
import { freePorts } from "../../_support/ports.ts";

/** Connects to a server with TLS whose data connections end without a close_notify after `text`. */
async function withoutNotify(
  text: string,
  answers: Record<string, string>,
  work: (ftp: FtpClient) => Promise<void>,
): Promise<void> {
  const { ca, good } = await testCertificates();
  await using server = fileServer(async (raw) => {
    const data = new Connection(raw);
    await upgradeTlsServer(data, good);
    if (text !== "") await data.write(text);
    await data.flush();
    data.abort();
  }, {
    AUTH: (_, conn) => beginTls(conn, "234 go\r\n"),
    FEAT: () => "211 none\r\n",
    SIZE: () => answers.SIZE ?? "502 what\r\n",
  }, answers.END);
  await using ftp = await connectFtp({ caCerts: [ca], port: server.port, timeout: 30_000 });
  await work(ftp);
}

Deno.test("without close_notify, the reply and the size decide whether a file is complete", async () => {
  const rows: [answers: Record<string, string>, offset: number, kind: string | undefined][] = [
    [{}, 0, undefined],
    [{ SIZE: "213 5\r\n" }, 0, undefined],
    [{ SIZE: "213 8\r\n" }, 3, undefined],
    [{ SIZE: "213 9\r\n" }, 0, "truncated"],
    [{ SIZE: "200 ok\r\n" }, 0, undefined],
    [{ END: "426 broken\r\n", SIZE: "213 5\r\n" }, 0, "reply"],
  ];
  for (const [answers, offset, kind] of rows) {
    await withoutNotify("hello", answers, async (ftp) => {
      const fetching = async () => await textOf(await ftp.download("x", { offset }));
      if (kind === undefined) assertEquals(await fetching(), "hello");
      else assertEquals((await assertRejects(fetching, NetError)).kind, kind);
      assert(ftp.open);
      await ftp.noop();
    });
  }
});

Deno.test("without close_notify, a listing is complete if its last line is", async () => {
  const line = "-rw-r--r-- 1 a b 3 Jan 01 2020 a";
  await withoutNotify(`${line}\r\n`, {}, async (ftp) => {
    assertEquals((await ftp.list()).map(({ name }) => name), ["a"]);
    await ftp.noop();
  });
  await withoutNotify(`${line}\r\n${line}`, {}, async (ftp) => {
    assertEquals((await assertRejects(() => ftp.list(), NetError)).kind, "truncated");
  });
});

/** A server that opens data connections itself, after `before`. */
function activeServer(
  answers: Record<string, Answer> = {},
  before: (port: number) => Promise<void> = () => Promise.resolve(),
) {
  let port = 0;
  const tell: Answer = (line) => {
    const numbers = line.match(/\d+/g)!.map(Number);
    port = line.startsWith("EPRT") ? numbers.at(-1)! : numbers[4]! * 256 + numbers[5]!;
    return "200 ok\r\n";
  };
  const transfer: Answer = async (line, conn) => {
    await conn.write("150 go\r\n");
    await before(port);
    using data = await Deno.connect({ hostname: "127.0.0.1", port });
    if (line.startsWith("STOR")) { while (await data.read(new Uint8Array(100)) !== null); }
    else await say("hello")(data);
    return "226 done\r\n";
  };
  const all: Record<string, Answer> = {
    USER: () => "230 in\r\n",
    EPRT: tell,
    PORT: tell,
    RETR: transfer,
    STOR: transfer,
    QUIT: () => "221 bye\r\n",
    ...answers,
  };
  return lineServer("220 hi\r\n", (line, conn) => {
    const answer = all[line.split(" ")[0]!];
    return answer === undefined ? "200 ok\r\n" : answer(line, conn);
  });
}

const ACTIVE: ConnectFtpOptions = { ...PLAIN, active: true };

Deno.test("active mode uses EPRT, and PORT if the server does not know EPRT", async () => {
  for (const old of [false, true]) {
    await using server = activeServer(old ? { EPRT: () => "502 what\r\n" } : {});
    await using ftp = await connectFtp({ ...ACTIVE, port: server.port });
    for (let i = 0; i < 2; i++) assertEquals(await textOf(await ftp.download("x")), "hello");
    await ftp.upload("y", "12345");
    const said = server.heard.filter((line) => /^E?P[RO]/.test(line)).map((line) =>
      line.slice(0, 4)
    );
    assertEquals(said, old ? ["EPRT", "PORT", "PORT", "PORT"] : ["EPRT", "EPRT", "EPRT"]);
  }
});

Deno.test("active mode tells the address and the port of the options", async () => {
  await using server = activeServer({ EPRT: () => "500 no\r\n", PORT: () => "500 no\r\n" });
  const where = { activeAddress: "192.0.2.7", activePort: freePorts(1)[0]! };
  await using ftp = await connectFtp({ ...ACTIVE, ...where, port: server.port });
  assertEquals((await assertRejects(() => ftp.download("x"), ReplyError)).code, "500");
  assert(server.heard.some((line) => line.startsWith("EPRT |1|192.0.2.7|")), server.heard.join());
  assert(server.heard.some((line) => line.startsWith("PORT 192,0,2,7,")));
});

Deno.test({
  name: "active mode accepts only the address of the server",
  ignore: Deno.build.os !== "linux",
  async fn() {
    let verdict: unknown;
    await using server = activeServer({}, async (port) => {
      const stranger = await connectTcp({ port, localAddress: "127.0.0.9", lingerTimeout: 0 });
      await stranger.write("forged").catch(() => {});
      verdict = await stranger.readChunk({ timeout: 2000 }).catch((error) => error.kind);
      await stranger.close();
    });
    await using ftp = await connectFtp({ ...ACTIVE, port: server.port });
    assertEquals(await textOf(await ftp.download("x")), "hello");
    assert(verdict === null || verdict === "reset", String(verdict));
  },
});

Deno.test("active mode: the server that cannot connect says so, and the session goes on", async () => {
  await using server = activeServer({
    RETR: async (_, conn) => (await conn.write("150 go\r\n"), "425 cannot connect\r\n"),
  });
  await using ftp = await connectFtp({ ...ACTIVE, port: server.port, connectTimeout: 200 });
  assertEquals((await assertRejects(() => ftp.download("x"), ReplyError)).code, "425");
  await ftp.noop();
});

Deno.test("active mode: a signal ends the wait for the server", async () => {
  const stop = new AbortController();
  await using server = activeServer({
    RETR: (_, conn) => {
      void conn.write("150 go\r\n").then(() => stop.abort(new Error("enough")));
      return "";
    },
    ABOR: () => "426 gone\r\n226 aborted\r\n",
  });
  await using ftp = await connectFtp({ ...ACTIVE, port: server.port });
  await assertRejects(() => ftp.download("x", { signal: stop.signal }), Error, "enough");
  await ftp.noop();
});

Deno.test("active mode needs a control connection with an IP address", async () => {
  const [near, far] = memoryPair();
  const serving = (async () => {
    await far.write("220 hi\r\n");
    for (let line; (line = await far.readLine()) !== null;) {
      await far.write(line.startsWith("USER") ? "230 in\r\n" : "200 ok\r\n");
    }
    await far.close();
  })();
  {
    await using ftp = await connectFtp({ ...ACTIVE, connection: near });
    assertEquals((await assertRejects(() => ftp.download("x"), NetError)).kind, "unsupported");
    await ftp.noop();
  }
  await serving;
});

Deno.test("encryptData: false leaves the data connections unencrypted", async () => {
  const { ca } = await testCertificates();
  await using server = fileServer(say("hello"), {
    AUTH: (_, conn) => beginTls(conn, "234 go\r\n"),
  });
  const options = { caCerts: [ca], port: server.port, timeout: 30_000 };
  await using ftp = await connectFtp({ ...options, encryptData: false });
  assertEquals([await textOf(await ftp.download("x")), ftp.encrypted], ["hello", true]);
  assert(server.heard.includes("PROT C") && !server.heard.includes("PROT P"));
});

Deno.test("replies are judged by their first digit", async () => {
  await using server = fileServer(say("hello"), {
    USER: () => "300 password\r\n",
    PASS: () => "200 in\r\n",
    EPSV: () => "200 what\r\n",
    REST: () => "300 go on\r\n",
    RNFR: () => "310 and now\r\n",
    SIZE: () => "213  5 \r\n",
  }, "299 done\r\n");
  await using ftp = await connectFtp({
    ...PLAIN,
    username: "ann",
    password: "x",
    port: server.port,
  });
  assertEquals((await assertRejects(() => ftp.download("x"), NetError)).kind, "protocol");
  await using late = fileServer(say("hello"), {
    EPSV: () => "500 no\r\n",
    SIZE: () => "213  5 \r\n",
  });
  await using other = await connectFtp({ ...PLAIN, port: late.port });
  assertEquals([await textOf(await other.download("x", { offset: 1 })), await other.size("x")], [
    "hello",
    5,
  ]);
});

Deno.test("a transfer that the server confirms at once has no second reply", async () => {
  await using server = fileServer(say(""), {
    LIST: () => "226 nothing here\r\n",
    FEAT: () => "502 no\r\n",
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port, timeout: 500 });
  await assertRejects(() => ftp.list(), NetError);
});

Deno.test("verify compares the hash with that of the server", async () => {
  const good = "5d41402abc4b2a76b9719d911017c592";
  const sha = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  const rows: [features: string, answers: Record<string, Answer>, asked: string, ok: boolean][] = [
    ["XMD5", { XMD5: () => `250 ${good.toUpperCase()}\r\n` }, "XMD5 x", true],
    ["XMD5", { XMD5: () => `250-Computing MD5\r\n250 ${"0".repeat(32)}\r\n` }, "XMD5 x", false],
    ["XCRC", { XCRC: () => "250 3610A686\r\n" }, "XCRC x", true],
    ["HASH MD5;SHA-256*", { HASH: () => `213 SHA-256 0-5 ${sha} x\r\n` }, "HASH x", true],
    [
      "HASH MD5*;SHA-256",
      { HASH: () => `213 SHA-256 0-5 ${sha} x\r\n` },
      "OPTS HASH SHA-256",
      true,
    ],
    ["XMD5", { XMD5: () => "550 too large\r\n" }, "XMD5 x", true],
    ["SIZE", {}, "RETR x", true],
  ];
  for (const [features, answers, asked, ok] of rows) {
    await using server = fileServer(async (conn, command) => {
      if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
      else await say("hello")(conn);
    }, { FEAT: () => `211-x\r\n ${features}\r\n211 end\r\n`, ...answers });
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const fetching = async () => await textOf(await ftp.download("x", { verify: true }));
    const storing = () => ftp.upload("x", "hello", { verify: true });
    for (const work of [fetching, storing]) {
      if (ok) await work();
      else assertEquals((await assertRejects(work, NetError)).kind, "protocol");
    }
    assert(server.heard.includes(asked), `${features}: ${server.heard}`);
    await ftp.noop();
  }
  await using server = fileServer(say("x"));
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals(await ftp.hash("x"), undefined);
  await assertRejects(() => ftp.download("x", { verify: true, offset: 1 }), TypeError);
  await assertRejects(() => ftp.upload("x", "y", { verify: true, append: true }), TypeError);
});

Deno.test("site() and status() send SITE and STAT", async () => {
  await using server = fileServer(say(""), {
    SITE: () => "200 done\r\n",
    STAT: () => "211-State\r\n fine\r\n211 end\r\n",
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals((await ftp.site("CHMOD 600 a")).lines, ["done"]);
  assertEquals(await ftp.status(), ["State", " fine", "end"]);
  assert(server.heard.includes("SITE CHMOD 600 a") && server.heard.includes("STAT"));
  await assertRejects(() => ftp.site("a\r\nDELE b"), TypeError);
});

/** The bytes of `text`, one for each character. */
const raw = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

Deno.test("the option encoding serves listings, commands and replies", async () => {
  const sent: number[][] = [];
  await using server = fileServer(async (conn, command) => {
    if (command.startsWith("RETR")) sent.push([...new TextEncoder().encode(command)]);
    await conn.write(raw("-rw-r--r-- 1 a b 3 Jan 1 2020 gr\xfcn\r\n"));
  }, {
    FEAT: () => "211-x\r\n UTF8\r\n211 end\r\n",
    PWD: async (_, conn) => {
      await conn.write(raw('257 "/gr\xfcn" is it\r\n'));
      return "";
    },
  });
  const options = { ...PLAIN, port: server.port };
  {
    await using ftp = await connectFtp({ ...options, encoding: "latin1" });
    assertEquals((await ftp.list()).map(({ name }) => name), ["grün"]);
    assertEquals(await ftp.pwd(), "/grün");
    await textOf(await ftp.download("grün"));
  }
  // Without the option, the name is readable in part, and the file can be fetched nevertheless.
  await using ftp = await connectFtp(options);
  const [entry] = await ftp.list();
  assertEquals(entry?.name, "gr\udcfcn");
  await textOf(await ftp.download(entry!.name));
  // The scripted server decodes commands as UTF-8, which turns the byte into U+FFFD.
  const expected = [...new TextEncoder().encode("RETR gr\ufffdn")];
  assertEquals(sent, [expected, expected]);
  assertEquals(server.heard.filter((line) => line.startsWith("OPTS")), [
    "OPTS UTF8 OFF",
    "OPTS UTF8 ON",
  ]);
});

Deno.test("a long listing does not keep other work waiting", async () => {
  for (
    const [features, line] of [["MLST size*;", "type=file;size=1; f"], ["SIZE", "what is this? "]]
  ) {
    const text = Array.from({ length: 20_000 }, (_, i) => `${line}${i}\r\n`).join("");
    await using server = fileServer(say(text), {
      FEAT: () => `211-x\r\n ${features}\r\n211 end\r\n`,
    });
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    let [turns, done] = [0, false];
    const listing = ftp.list(undefined, { onUnknown: () => {} }).finally(() => done = true);
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      turns++;
    }
    await listing;
    // The parser alone pauses this often. Reading adds to it.
    assert(turns >= 15, `${turns}`);
  }
});

Deno.test("client certificates and pins are for data connections as well", async () => {
  const { ca, good, client } = await testCertificates();
  const serving = { ...good, clientAuth: "require" as const, clientCa: [ca] };
  const shown: unknown[] = [];
  const encrypt = async (conn: Connection) => {
    await upgradeTlsServer(conn, serving);
    shown.push(conn.tls?.peerCertificate?.commonName);
  };
  const start = () =>
    fileServer(async (raw) => {
      const data = new Connection(raw);
      await encrypt(data);
      await data.write("hello");
      await data.close();
    }, {
      AUTH: async (_, conn) => {
        await conn.write("234 go\r\n");
        await encrypt(conn);
        return "";
      },
    });
  const { cert, key } = client;
  const certificate = new X509Certificate(good.cert);
  const pin = certificate.fingerprint256.replaceAll(":", "");
  const others = ["0".repeat(64)];
  for (const trust of [{ caCerts: [ca] }, { pin }, { pin: [...others, pin] }]) {
    await using server = start();
    await using ftp = await connectFtp({ ...trust, cert, key, port: server.port, timeout: 30_000 });
    assertEquals(await textOf(await ftp.download("x")), "hello");
  }
  assertEquals(shown, Array(6).fill("test client"));
  await using server = start();
  const wrong = { pin: others, cert, key, port: server.port, timeout: 30_000 };
  assertEquals((await assertRejects(() => connectFtp(wrong), NetError)).tls, "pin");
});
