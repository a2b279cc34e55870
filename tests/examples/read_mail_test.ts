/** `examples/read_mail.ts` against Dovecot. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async/delay";
import { plainNamer } from "../../examples/mail/plain.ts";
import { saveFiles } from "../../examples/mail/save.ts";
import { main } from "../../examples/read_mail.ts";
import { main as send } from "../../examples/send_mail.ts";
import { recordingIo } from "../../tools/cli.ts";
import { testCertificates } from "../_support/certificates.ts";
import { type Dovecot, needsDovecot, startDovecot } from "../_support/dovecot.ts";
import { beginTls, lineServer } from "../_support/line_server.ts";
import { pop3ScriptServer } from "../_support/pop3_script.ts";
import { freePorts } from "../_support/ports.ts";
import { needsPostfix, startPostfix } from "../_support/postfix.ts";

Deno.test("attachments have names of their own that do nothing but name them", () => {
  const plainNames = (given: readonly (string | null | undefined)[]) => given.map(plainNamer());
  assertEquals(
    plainNames(["../../x", "X", "/etc/passwd", "a\x1b[31mb", "..", "con.txt", "-rf", ".bashrc"]),
    ["x", "X-2", "passwd", "a_[31mb", "attachment", "_con.txt", "rf", "bashrc"],
  );
  assertEquals(plainNames(["COM¹", "conin$.txt", "console"]), ["_COM¹", "_conin$.txt", "console"]);
  assertEquals(plainNames([undefined, null, "", "C:\\x\\q\u202Egpj.exe", "a. "]), [
    ...["attachment", "attachment-2", "attachment-3", "q_gpj.exe", "a"],
  ]);
  const [long = "", other = ""] = plainNames(Array(2).fill(`${"😀".repeat(400_000)}.tar.gz`));
  assert(new TextEncoder().encode(other).length < 255 && other !== long, other);
  assertMatch(long, /^_?😀+\.gz$/u);
  assertEquals(plainNames([`${".".repeat(1_000_000)}x`]), ["x"]);
});

/** A message with two files and a message in it, whose second file is long. */
const FILES = [
  ...["Content-Type: multipart/mixed; boundary=x", "", "--x", "", "the text", "--x"],
  ...["Content-Type: text/csv; name=a.csv", "", "1\r2", "3", "--x", "Content-Type: message/rfc822"],
  ...["", "Content-Type: multipart/mixed; boundary=y", "", "--y", "", "forwarded", "--y"],
  ...["Content-Type: text/x-long; name=a.csv", "", "long\r\n".repeat(100), "--y--", "--x--", ""],
].join("\r\n");

/** Yields a message in pieces. */
async function* pieces(message: string, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < message.length; at += size) {
    yield new TextEncoder().encode(message.slice(at, at + size));
  }
}

Deno.test("attachments are saved while the message arrives", async () => {
  const here = await Deno.makeTempDir();
  for (const size of [1, 2, 60, Infinity]) {
    const folder = `${here}/${size}`;
    const saved = await Array.fromAsync(saveFiles(pieces(FILES, size), folder));
    assertEquals(saved, [{ path: `${folder}/a.csv`, bytes: 5 }, {
      path: `${folder}/a-2.csv`,
      bytes: 500,
    }]);
    assertEquals(await Deno.readTextFile(`${folder}/a.csv`), "1\r2\n3");
    assertEquals(await Deno.readTextFile(`${folder}/a-2.csv`), "long\n".repeat(100));
  }
  const sizes: number[] = [];
  async function* watched() {
    for await (const piece of pieces(FILES, 20)) {
      yield piece;
      sizes.push(await Deno.stat(`${here}/a-2.csv`).then(({ size }) => size, () => 0));
    }
  }
  await Array.fromAsync(saveFiles(watched(), here));
  assert(sizes.filter((size) => size > 100 && size < 400).length > 10, `${sizes}`);
  await Deno.remove(here, { recursive: true });
});

Deno.test("an attachment that does not arrive completely leaves no file", async () => {
  const here = await Deno.makeTempDir();
  const lost = new Error("lost");
  async function* broken() {
    for await (const piece of pieces(FILES, 20)) {
      if ((await Array.fromAsync(Deno.readDir(here))).length === 2) throw lost;
      yield piece;
    }
  }
  const save = () => Array.fromAsync(saveFiles(broken(), here));
  await assertRejects(save, Error, "lost");
  assertEquals(await Array.fromAsync(Deno.readDir(here), ({ name }) => name), ["a.csv"]);
  // A file that exists is neither overwritten nor removed.
  await Deno.writeTextFile(`${here}/a.csv`, "mine");
  await assertRejects(
    () => Array.fromAsync(saveFiles(pieces(FILES, 60), here)),
    Deno.errors.AlreadyExists,
  );
  assertEquals(await Deno.readTextFile(`${here}/a.csv`), "mine");
  await Deno.remove(here, { recursive: true });
});

const dovecot = needsDovecot();

const ATTACHED = [
  ...[
    "From: Bob <bob@b.test>",
    "To: ann@a.test",
    "Subject: =?UTF-8?Q?gr=C3=BC=C3=9Fe=1B]0;owned?=",
  ],
  ...["Date: Mon, 23 Nov 2026 16:23:15 +0000", "MIME-Version: 1.0"],
  ...["Content-Type: multipart/mixed; boundary=x", "", "--x", "Content-Type: text/plain", ""],
  ...["the text \x1b[31mred", "--x", "Content-Type: text/plain"],
  ...['Content-Disposition: attachment; filename="../../evil.txt"', "", "attached", "--x--", ""],
].join("\r\n");

Deno.test({
  name: `read_mail lists, shows, saves, deletes, by IMAP and POP3${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    await using server = await startDovecot();
    const here = await Deno.makeTempDir();
    await Deno.writeTextFile(`${here}/ca.pem`, (await testCertificates()).ca);
    await Deno.writeTextFile(`${here}/password`, "secret\n");
    await server.deliver("ann", ATTACHED);
    const ports = { imap: server.imaps, pop3: server.pop3s };
    const run = async (protocol: "imap" | "pop3", ...args: string[]) => {
      const io = recordingIo();
      const where = [
        "--protocol",
        protocol,
        "--port",
        `${ports[protocol]}`,
        "--ca",
        `${here}/ca.pem`,
      ];
      const who = ["--user", "ann", "--password-file", `${here}/password`];
      const code = await main([...args, ...where, ...who], io);
      // deno-lint-ignore no-control-regex -- these must be gone
      assert(!/[\x00-\x08\x0b-\x1f]/.test(io.out), JSON.stringify(io.out));
      return { code, out: io.out, err: io.err };
    };
    for (const protocol of ["imap", "pop3"] as const) {
      const list = await run(protocol, "list");
      assertEquals([list.code, list.err], [0, ""]);
      assertMatch(
        list.out,
        /^ +1 {2}2026-11-23 16:23 {2}Bob <bob@b\.test> +grüße\uFFFD\]0;owned\n$/,
      );
      const show = await run(protocol, "show", "1");
      assertStringIncludes(show.out, "\nsubject: grüße");
      assertStringIncludes(show.out, "\nattachments: ../../evil.txt\n\nthe text \\x1B[31mred\n");
      const folder = `${here}/${protocol}`;
      // The program makes the folder.
      const save = await run(protocol, "save", "1", "--output", folder);
      assertEquals(save.out, `${folder}/evil.txt\n`);
      assertEquals((await Deno.readTextFile(`${folder}/evil.txt`)).trim(), "attached");
      // What is there stays there.
      assertEquals((await run(protocol, "save", "1", "--output", folder)).code, 1);
      assertEquals(
        JSON.parse((await run(protocol, "list", "--json")).out).from,
        "Bob <bob@b.test>",
      );
      assertEquals((await run(protocol, "show", "99")).code, 1);
      assertEquals((await run(protocol, "show", "x; y")).code, 2);
      assertEquals((await run(protocol, "show")).code, 2);
    }
    const nobody = recordingIo();
    const where = ["--port", `${server.imaps}`, "--ca", `${here}/ca.pem`];
    assertEquals(await main(["list", ...where], nobody), 1);
    assertStringIncludes(nobody.err, "give --user");
    assertEquals((await run("imap", "folders")).out, "INBOX\n");
    assertEquals((await run("pop3", "watch")).code, 2);
    assertEquals((await run("pop3", "delete", "1")).out, "deleted 1\n");
    assertEquals((await run("imap", "list")).out, "");
    assertEquals((await run("imap", "delete", "1")).code, 1);
    // Neither too deep nor too long a message is a bug of the program, nor hides the others.
    let deep = "text";
    for (let i = 0; i < 120; i++) {
      deep = `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n${deep}\r\n--b${i}--`;
    }
    await server.deliver("ann", `Subject: deep\r\n${deep}\r\n`);
    await server.deliver("ann", `Subject: ${"long\r\n ".repeat(500_000)}\r\n\r\ntext\r\n`);
    await server.deliver("ann", ATTACHED);
    const listed = await run("imap", "list");
    assertEquals(listed.code, 0, listed.err);
    assertMatch(listed.out, /grüße[^\n]*\n *\d[^\n]*\n[^\n]*deep/);
    const shown = await run("imap", "show", "2");
    assertEquals(shown.code, 1);
    assertMatch(shown.err, /^read-mail: Cannot read the message: [^\n]*\n$/);
    await Deno.remove(here, { recursive: true });
  },
});

/** A server of ours that delivers into Dovecot's Maildir. */
function ourPost(dovecot: Dovecot) {
  return lineServer("220 post\r\n", async (line, conn) => {
    if (line.startsWith("EHLO")) return "250-post\r\n250 STARTTLS\r\n";
    if (line === "STARTTLS") return await beginTls(conn, "220 go\r\n");
    if (line !== "DATA") return line === "QUIT" ? "221 bye\r\n" : "250 ok\r\n";
    await conn.write("354 go on\r\n");
    let text = "";
    for (let next; (next = await conn.readLine()) !== null && next !== ".";) {
      text += `${next.startsWith(".") ? next.slice(1) : next}\r\n`;
    }
    await dovecot.deliver("ann", text);
    return "250 delivered\r\n";
  });
}

for (
  const { post, found, start } of [
    {
      post: "a server of ours",
      found: dovecot,
      start: (to: Dovecot) => Promise.resolve(ourPost(to)),
    },
    {
      post: "Postfix",
      found: dovecot.ignore ? dovecot : needsPostfix(),
      start: async (to: Dovecot) => {
        const postfix = await startPostfix(to);
        return Object.assign(postfix, { port: postfix.smtp });
      },
    },
  ]
) {
  Deno.test({
    name: `a whole journey: sent by SMTP to ${post}, seen by IDLE, fetched byte by byte, ` +
      `deleted by POP3${found.suffix}`,
    ignore: found.ignore,
    fn: () => journey(start),
  });
}

async function journey(
  start: (dovecot: Dovecot) => Promise<AsyncDisposable & { readonly port: number }>,
): Promise<void> {
  await using server = await startDovecot();
  const here = await Deno.makeTempDir();
  await Deno.writeTextFile(`${here}/ca.pem`, (await testCertificates()).ca);
  await Deno.writeTextFile(`${here}/password`, "secret\n");
  const file = crypto.getRandomValues(new Uint8Array(50_000));
  await Deno.writeFile(`${here}/random.bin`, file);
  await using post = await start(server);
  const stop = new AbortController();
  const reader = recordingIo({
    onSignal(listener) {
      stop.signal.addEventListener("abort", () => listener("SIGTERM"));
      return () => {};
    },
  });
  const who = ["--ca", `${here}/ca.pem`, "--user", "ann", "--password-file", `${here}/password`];
  const imap = [...who, "--port", `${server.imaps}`];
  const watching = main(["watch", "--log-level", "debug", ...imap], reader);
  await until(() => /client: \S+ IDLE$/m.test(reader.err), () => reader.err);
  const sender = recordingIo();
  const code = await send([
    ...[
      "--ca",
      `${here}/ca.pem`,
      "--port",
      `${post.port}`,
      "--from",
      "bob@a.test",
      "--to",
      "ann@b.test",
    ],
    ...["--subject", "über alles", "--text", "hi\n.\nthere", "--attach", `${here}/random.bin`],
  ], sender);
  assertEquals([code, sender.err], [0, ""]);
  await until(() => reader.out.includes("über alles"), () => reader.out + reader.err);
  stop.abort();
  assertEquals(await watching, 130);
  const saved = recordingIo();
  assertEquals(await main(["save", "1", "--output", here, ...imap], saved), 1);
  await Deno.rename(`${here}/random.bin`, `${here}/original`);
  assertEquals(await main(["save", "1", "--output", here, ...imap], recordingIo()), 0);
  assertEquals(await Deno.readFile(`${here}/random.bin`), file);
  const pop = ["--protocol", "pop3", ...who, "--port", `${server.pop3s}`];
  assertEquals(await main(["delete", "1", ...pop], recordingIo()), 0);
  const left = recordingIo();
  await main(["list", ...imap], left);
  assertEquals(left.out, "");
  await Deno.remove(here, { recursive: true });
}

async function until(holds: () => boolean, seen: () => string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!holds()) {
    assert(performance.now() < end, `not within 20 s: ${seen()}`);
    await delay(20);
  }
}

Deno.test("read_mail goes on watching where the server begins anew, and shows what came meanwhile", async () => {
  let messages = 1;
  const head = "Subject: meanwhile\r\n\r\n";
  const answers: Record<string, () => string | undefined> = {
    CAPABILITY: () => "* CAPABILITY IMAP4rev1 IDLE\r\n",
    SELECT: () => `* ${messages} EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n`,
    SEARCH: () => `* SEARCH ${Array.from({ length: messages }, (_, i) => i + 1).join(" ")}\r\n`,
    FETCH: () =>
      `* 2 FETCH (UID 2 BODY[HEADER.FIELDS (FROM TO DATE SUBJECT)] {${head.length}}\r\n${head})\r\n`,
    IDLE: () => messages++ === 1 ? undefined : "+ idling\r\n",
  };
  await using server = lineServer("* OK ready\r\n", (line) => {
    const [tag, verb = "", sub = ""] = line.split(" ");
    const answer = answers[verb === "UID" ? sub : verb];
    const said = answer === undefined ? "" : answer();
    return said === undefined || said.startsWith("+") ? said : `${said}${tag} OK done\r\n`;
  });
  const stop = new AbortController();
  const io = recordingIo({
    onSignal(listener) {
      stop.signal.addEventListener("abort", () => listener("SIGTERM"));
      return () => {};
    },
  });
  const watching = main(["watch", "--tls", "none", "--port", `${server.port}`], io);
  await until(() => io.out.includes("meanwhile"), () => io.out + io.err);
  stop.abort();
  assertEquals(await watching, 130);
  assertMatch(io.err, /connecting again: .* ended the connection/);
});

Deno.test("read_mail says what is wrong with a command before it connects", async () => {
  const server = ["--port", `${freePorts(1)[0]}`];
  for (const args of [["show"], ["save", "x"], ["delete", "0"]]) {
    assertEquals(await main([...args, ...server], recordingIo()), 2, args.join());
  }
});

Deno.test("read_mail logs in by the mechanism that is asked for, also with a token", async () => {
  await using server = lineServer(
    "+OK hi\r\n",
    (line) =>
      line === "CAPA"
        ? "+OK\r\nSASL PLAIN XOAUTH2\r\n.\r\n"
        : line === "LIST"
        ? ".\r\n"
        : "+OK\r\n",
  );
  const here = await Deno.makeTempDir();
  await Deno.writeTextFile(`${here}/secret`, "hush\nmore\n");
  const run = async (...args: string[]) => {
    const io = recordingIo();
    const where = ["--protocol", "pop3", "--port", `${server.port}`, "--tls", "none"];
    const who = ["--user", "ann", "--allow-plaintext-login"];
    return { code: await main(["list", ...where, ...who, ...args], io), err: io.err };
  };
  await run("--password-file", `${here}/secret`, "--mechanism", "user");
  assertEquals(server.heard.slice(1, 3), ["USER ann", "PASS hush"]);
  server.heard.length = 0;
  await run("--token-file", `${here}/secret`);
  assertEquals(server.heard[1], "AUTH XOAUTH2");
  server.heard.length = 0;
  const password = ["--password-file", `${here}/secret`];
  for (
    const [flag, value] of [
      ["--mechanism", "NTLM"],
      ["--mechanism", "LOGIN-COMMAND"],
      ["--pin", "x"],
    ] as const
  ) {
    const { code, err } = await run(...password, flag, value);
    assertEquals([code, err.includes(flag), err.includes(value)], [2, true, true], err);
  }
  assertEquals(server.heard, []);
  await Deno.remove(here, { recursive: true });
});

Deno.test("read_mail says what the server refuses to fetch, and what a login lacks", async () => {
  await using server = lineServer("* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n", (line) => {
    const [tag, , verb] = line.split(" ");
    if (verb === "SEARCH") return `* SEARCH 1 2\r\n${tag} OK\r\n`;
    if (verb === "FETCH") {
      const item = "BODY[HEADER.FIELDS (FROM TO DATE SUBJECT)]";
      const data = `* 2 FETCH (UID 2 RFC822.SIZE 5 ${item} {14}\r\nSubject: two\r\n)\r\n`;
      return `${data}${tag} NO it is broken\r\n`;
    }
    return `${tag} OK done\r\n`;
  });
  const here = await Deno.makeTempDir();
  await Deno.writeTextFile(`${here}/empty`, "\n");
  await Deno.writeTextFile(`${here}/secret`, "hush\n");
  const run = async (...args: string[]) => {
    const io = recordingIo();
    const code = await main(["list", "--port", `${server.port}`, "--tls", "none", ...args], io);
    return `${code} ${io.out}${io.err}`;
  };
  // The message that came is shown.
  assertMatch(
    await run(),
    /^1 +2 .* two\nread-mail: Cannot fetch all messages: NO it is broken.*\n$/,
  );
  server.heard.length = 0;
  const ann = (file: string) => ["--user", "ann", "--password-file", `${here}/${file}`];
  assertEquals(await run("--mechanism", "PLAIN"), "2 read-mail: --mechanism requires --user\n");
  assertEquals(await run(...ann("empty")), "2 read-mail: password must not be empty\n");
  assertMatch(
    await run(...ann("secret"), "--mechanism", "xoauth2"),
    /^2 read-mail: --mechanism "XOAUTH2" requires --token-file: .*\n$/,
  );
  assertEquals(server.heard, []);
  await Deno.remove(here, { recursive: true });
});

Deno.test("read_mail lists the messages of POP3 that come, and says which do not", async () => {
  await using server = pop3ScriptServer({
    "LIST": "+OK\n1 120\n2 200\n3 80\n.",
    "TOP 2": "-ERR [SYS/TEMP] disk error",
    "TOP 3": "+OK\nSubject: three\n\n.",
  });
  const here = await Deno.makeTempDir();
  await Deno.writeTextFile(`${here}/secret`, "secret\n");
  const io = recordingIo();
  const code = await main([
    ...["list", "--protocol", "pop3", "--port", `${server.port}`, "--tls", "none"],
    ...["--user", "ann", "--password-file", `${here}/secret`, "--allow-plaintext-login"],
  ], io);
  assertMatch(io.out, /^ +3 .* three\n +1 .* one\n$/);
  assertMatch(io.err, /^read-mail: Cannot retrieve message 2 .*: -ERR SYS\/TEMP disk error\n$/);
  assertEquals(code, 1);
  await Deno.remove(here, { recursive: true });
});
