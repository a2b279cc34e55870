/** `examples/send_mail.ts` against a server of ours. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import PostalMime from "postal-mime";
import { main } from "../../examples/send_mail.ts";
import { upgradeTlsServer } from "../../net/tls/upgrade.ts";
import { recordingIo } from "../../tools/cli.ts";
import { testCertificates } from "../_support/certificates.ts";
import { needsPython, pythonWith } from "../_support/peers.ts";
import { fileOf, ROOT, runPeer } from "../_support/runnable.ts";
import { LOCK } from "../_support/flags.ts";
import { beginTls, lineServer } from "../_support/line_server.ts";
import { post as smtpServer } from "../_support/smtp_server.ts";

/** A server that takes mail after STARTTLS and a login; gives what it got. */
function post() {
  const mail: string[] = [];
  let secure = false;
  const server = lineServer("220 post.test\r\n", async (line, conn) => {
    const [verb] = line.split(/[ :]/);
    if (verb === "EHLO") {
      return secure ? "250-post\r\n250 AUTH PLAIN\r\n" : "250-post\r\n250 STARTTLS\r\n";
    }
    if (verb === "STARTTLS") {
      secure = true;
      return await beginTls(conn, "220 go\r\n");
    }
    if (verb === "AUTH") {
      return line.endsWith(btoa("\0ann\0secret")) ? "235 in\r\n" : "535 5.7.8 no\r\n";
    }
    if (verb === "RCPT") return line.includes("nobody") ? "550 5.1.1 unknown\r\n" : "250 ok\r\n";
    if (verb !== "DATA") return verb === "QUIT" ? "221 bye\r\n" : "250 ok\r\n";
    await conn.write("354 go on\r\n");
    let text = "";
    for (let next; (next = await conn.readLine()) !== null && next !== ".";) text += `${next}\n`;
    mail.push(text);
    return "250 2.0.0 queued\r\n";
  });
  return Object.assign(server, { mail });
}

async function withFiles(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/ca.pem`, (await testCertificates()).ca);
    await Deno.writeTextFile(`${folder}/password`, "secret\n");
    await Deno.writeTextFile(`${folder}/näme.txt`, "the file\n");
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(...args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out, err: io.err };
}

const WHO = ["--from", "Änn <ann@a.test>", "--to", "bob@b.test"];

Deno.test("send_mail sends text, HTML and attachments, encrypted and logged in", () =>
  withFiles(async (folder) => {
    await using server = post();
    const { code, out, err } = await run(
      ...[...WHO, "--cc", "Carl <c@c.test>", "--bcc", "unseen@d.test", "--subject", "grüße"],
      ...["--text", "hello\n.dot", "--html", "<b>hello</b>", "--attach", `${folder}/näme.txt`],
      ...["--port", `${server.port}`, "--ca", `${folder}/ca.pem`],
      ...["--user", "ann", "--password-file", `${folder}/password`],
    );
    assertEquals([code, err], [0, ""]);
    assertEquals(out, "sent to bob@b.test, c@c.test, unseen@d.test: queued\n");
    const [message = ""] = server.mail;
    assertMatch(message, /^From: =\?UTF-8\?Q\?=C3=84nn\?= <ann@a\.test>\n/);
    assertMatch(message, /\nSubject: =\?UTF-8\?Q\?gr=C3=BC=C3=9Fe\?=\n/);
    assertStringIncludes(message, btoa("the file\n"));
    assertStringIncludes(message, "\n..dot\n");
    assert(!message.includes("unseen@d.test"));
    assert(server.heard.includes("RCPT TO:<unseen@d.test>"));
  }));

Deno.test("send_mail tells who did not get it: 1", () =>
  withFiles(async (folder) => {
    await using server = post();
    const { code, out, err } = await run(
      ...[...WHO, "--to", "nobody@b.test", "--text", "x", "--json"],
      ...["--port", `${server.port}`, "--ca", `${folder}/ca.pem`],
    );
    assertEquals(code, 1);
    assertEquals(JSON.parse(out), {
      accepted: ["bob@b.test"],
      rejected: ["nobody@b.test"],
      text: "queued",
    });
    assertStringIncludes(err, "Cannot send to nobody@b.test");
    await using other = post();
    const none = await run(
      ...["--from", "ann@a.test", "--to", "nobody@b.test", "--to", "nobody@c.test", "--text", "x"],
      ...["--port", `${other.port}`, "--ca", `${folder}/ca.pem`],
    );
    assertEquals([none.code, none.out], [1, ""]);
    assertMatch(none.err, /Cannot send to nobody@b\.test.*\n.*Cannot send to nobody@c\.test/);
  }));

Deno.test("send_mail shows images within the HTML", () =>
  withFiles(async (folder) => {
    await using server = post();
    await Deno.writeFile(`${folder}/a b.png`, new Uint8Array([1, 2, 3]));
    const { code, err } = await run(
      ...[...WHO, "--html", '<img src="cid:a b.png">', "--inline", `${folder}/a b.png`],
      ...["--port", `${server.port}`, "--ca", `${folder}/ca.pem`],
    );
    assertEquals([code, err], [0, ""]);
    const [message = ""] = server.mail;
    const email = await PostalMime.parse(message);
    const [image] = email.attachments;
    assertEquals([image?.disposition, image?.contentId], ["inline", "<a b.png>"]);
    assertEquals(new Uint8Array(image?.content as ArrayBuffer), new Uint8Array([1, 2, 3]));
    assertStringIncludes(message, "multipart/related");
  }));

Deno.test("send_mail refuses headers in its arguments, and addresses that are none: 2", async () => {
  for (
    const args of [
      ["--subject", "x\r\nBcc: y@z"],
      ["--to", "a@b.test\nX: y"],
      ["--from", "nobody"],
      ["--to", "a@[::1"],
    ]
  ) {
    const { code, err } = await run(
      ...["--from", "ann@a.test", "--to", "b@b.test"],
      ...args,
      "--text",
      "x",
    );
    assertEquals(code, 2, err);
    assertMatch(err, /^send-mail: [^\n]+\n$/);
  }
  // Nobody types a password or a text before that.
  const { code, err } = await run("--from", "ann@a.test", "--user", "ann");
  assertEquals([code, err], [2, "send-mail: Missing flag: --to, --cc or --bcc (see --help)\n"]);
});

Deno.test("send_mail has no flag for a password, and shows none", () =>
  withFiles(async (folder) => {
    await using server = post();
    await Deno.writeTextFile(`${folder}/wrong`, "hunter2");
    const { code, err } = await run(
      ...[...WHO, "--text", "x", "--log-level", "debug"],
      ...["--port", `${server.port}`, "--ca", `${folder}/ca.pem`],
      ...["--user", "ann", "--password-file", `${folder}/wrong`],
    );
    assertEquals(code, 1, err);
    assertStringIncludes(err, "535 5.7.8");
    assert(!err.includes("hunter2") && !err.includes(btoa("\0ann\0hunter2")));
    assertEquals((await run(...WHO, "--password", "x")).code, 2);
    assertEquals((await run(...WHO, "--user", "ann", "--text", "x")).code, 2);
  }));

Deno.test("send_mail reads its text from standard input, with its own permissions", () =>
  withFiles(async (folder) => {
    await using server = post();
    const { code, stdout, stderr } = await runPeer(Deno.execPath(), [
      ...[
        "run",
        "-q",
        LOCK,
        "-P=send-mail",
        `--allow-read=${folder}`,
        new URL(fileOf("send-mail"), ROOT).pathname,
      ],
      ...[...WHO, "--port", `${server.port}`, "--ca", `${folder}/ca.pem`],
    ], "from a pipe\n");
    assertEquals([code, stdout, stderr], [0, "sent to bob@b.test: queued\n", ""]);
    assertStringIncludes(server.mail[0]!, "\nfrom a pipe\n");
  }));

Deno.test("send_mail asks for reports, and speaks LMTP", async () => {
  await using server = smtpServer({
    LHLO: () => "250-post.test\r\n250 DSN\r\n",
    DATA: async (_, conn) => {
      await conn.write("354 go on\r\n");
      while (await conn.readLine() !== ".");
      return "250 2.1.5 bob has it\r\n552 5.2.2 full\r\n";
    },
  }, []);
  const to = [
    ...WHO,
    "--to",
    "eve@b.test",
    "--text",
    "x",
    "--tls",
    "none",
    "--port",
    `${server.port}`,
  ];
  const { code, out, err } = await run(...to, "--lmtp", "--notify", "success", "--notify", "delay");
  assertEquals([code, out], [1, "sent to bob@b.test: bob has it\n"]);
  assertStringIncludes(err, "Cannot send to eve@b.test on 127.0.0.1");
  assert(
    server.heard.includes("RCPT TO:<bob@b.test> NOTIFY=SUCCESS,DELAY"),
    server.heard.join("\n"),
  );
  await run(...to, "--lmtp", "--notify", "never");
  assert(server.heard.includes("RCPT TO:<eve@b.test> NOTIFY=NEVER"));
  const secure = await run(...to, "--lmtp", "--require-tls");
  assertEquals(secure.code, 1);
  assertStringIncludes(secure.err, "is not connected by TLS");
  for (const events of [["opened"], ["never", "--notify", "delay"]]) {
    const wrong = await run(...to, "--notify", ...events);
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.err, "--notify");
  }
});

Deno.test("send_mail logs in by a certificate: --cert, --key and --mechanism EXTERNAL", () =>
  withFiles(async (folder) => {
    const { ca, good, client } = await testCertificates();
    const file = (name: string) => `${folder}/${name}`;
    await Deno.writeTextFile(file("cert.pem"), client.cert);
    await Deno.writeTextFile(file("key.pem"), client.key);
    const logins: string[] = [];
    await using server = lineServer("220 post.test\r\n", async (line, conn) => {
      if (line.startsWith("EHLO")) {
        return conn.tls === undefined
          ? "250-post\r\n250 STARTTLS\r\n"
          : "250-post\r\n250 AUTH EXTERNAL PLAIN\r\n";
      }
      if (line === "STARTTLS") {
        await conn.write("220 go\r\n");
        await upgradeTlsServer(conn, { ...good, clientAuth: "require", clientCa: [ca] });
        return "";
      }
      if (line.startsWith("AUTH")) {
        logins.push(`${conn.tls?.peerCertificate?.commonName}: ${line}`);
        return "235 in\r\n";
      }
      return line === "DATA" ? "354 go on\r\n" : line === "QUIT" ? "221 bye\r\n" : "250 ok\r\n";
    });
    const where = ["--port", `${server.port}`, "--ca", file("ca.pem"), "--text", "x"];
    const pair = ["--cert", file("cert.pem"), "--key", file("key.pem")];
    const external = ["--mechanism", "external"];
    assertEquals((await run(...WHO, ...where, ...pair, ...external)).code, 0);
    assertEquals((await run(...WHO, ...where, ...pair, ...external, "--user", "ann")).code, 0);
    assertEquals(logins, [
      "test client: AUTH EXTERNAL =",
      `test client: AUTH EXTERNAL ${btoa("ann")}`,
    ]);
    const password = ["--password-file", file("password")];
    const token = ["--token-file", file("password"), "--user", "ann"];
    for (
      const [args, message] of [
        [external, "--mechanism EXTERNAL requires --cert and --key"],
        [["--cert", file("cert.pem")], "--cert and --key go together"],
        [[...pair, ...external, ...password], "--password-file and --mechanism EXTERNAL exclude"],
        [[...pair, ...external, ...token], "EXTERNAL"],
        [[...token, ...password], "--password-file and --token-file exclude each other"],
        [password, "--password-file requires --user"],
      ] as const
    ) {
      const { code, err } = await run(...WHO, ...where, ...args);
      assertEquals([code, err.includes(message)], [2, true], err);
    }
  }));

const python = needsPython("pty");

/** Runs a program on a terminal, types when it asks, tells what was seen and whether it echoes. */
const TERMINAL = `
import os, pty, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
seen, asked, typed = b"", sys.argv[1].encode(), False
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        part = b""
    if not part:
        break
    seen += part
    if asked in seen and not typed:
        typed = True
        os.write(fd, sys.argv[2].encode())
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

Deno.test({
  name: `send_mail asks for a password unseen, and hears Ctrl+C meanwhile: 130${python.suffix}`,
  ignore: python.ignore,
  fn: () =>
    withFiles(async (folder) => {
      await using server = post();
      const file = new URL(fileOf("send-mail"), ROOT).pathname;
      const program = [
        Deno.execPath(),
        "run",
        "-q",
        LOCK,
        "-P=send-mail",
        `--allow-read=${folder}`,
        file,
      ];
      const where = ["--port", `${server.port}`, "--ca", `${folder}/ca.pem`];
      const type = (asked: string, keys: string, ...args: string[]) =>
        runPeer(pythonWith("pty")!, [
          ...["-c", TERMINAL, asked, keys],
          ...[...program, ...WHO, ...where, ...args],
        ]);
      const who = ["--user", "ann", "--text", "x"];
      // A wrong letter is taken back.
      const sent = await type("Password of ann: ", "secreß\x7ft\r", ...who);
      assertEquals(
        [sent.code, sent.stdout],
        [0, "Password of ann: \r\nsent to bob@b.test: queued\r\n"],
      );
      const stopped = await type("Password of ann: ", "sec\x03", ...who);
      assertEquals(stopped.code, 130, stopped.stdout);
      assertStringIncludes(stopped.stdout, "\r\nsend-mail: interrupted by SIGINT\r\n");
      assert(!stopped.stdout.includes("sec\b") && !stopped.stdout.includes(": sec"));
      const none = await type("Password of ann: ", "sec\x04", ...who);
      assertEquals([none.code, none.stdout.includes("No password was given")], [130, true]);
      const text = await type("type the text", "hello\x03");
      assertEquals([text.code, text.stdout.includes("interrupted by SIGINT")], [130, true]);
      assertEquals(server.mail.length, 1);
    }),
});
