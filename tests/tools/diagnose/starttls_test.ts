import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { developmentAuthority } from "../../../net/tls/certificate.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { upgradeTlsServer } from "../../../net/tls/upgrade.ts";
import { diagnose, type Diagnosis } from "../../../tools/diagnose.ts";

const authority = await developmentAuthority();
const pair = await authority.issue({ names: ["127.0.0.1"] });

/** What a server says, line by line; a function sends bytes or starts TLS. */
type Script = ReadonlyArray<readonly [heard: RegExp | null, said: string]>;

const SCRIPTS: Readonly<Record<string, Script>> = {
  smtp: [
    [null, "220-mail.test ESMTP\r\n220 hello\r\n"],
    [/^EHLO /, "250-mail.test\r\n250-SIZE 9\r\n250 STARTTLS\r\n"],
    [/^STARTTLS$/, "220 go\r\n"],
  ],
  imap: [
    [null, "* OK [CAPABILITY IMAP4rev1] mail.test\r\n"],
    [/^a CAPABILITY$/, "* CAPABILITY IMAP4rev1 STARTTLS\r\na OK done\r\n"],
    [/^b STARTTLS$/, "b OK go\r\n"],
  ],
  pop3: [
    [null, "+OK mail.test\r\n"],
    [/^CAPA$/, "+OK list\r\nSTLS\r\nUSER\r\n.\r\n"],
    [/^STLS$/, "+OK go\r\n"],
  ],
  ftp: [[null, "220-mail.test\r\n text\r\n220 hello\r\n"], [/^AUTH TLS$/, "234 go\r\n"]],
};

async function play(conn: Connection, script: Script): Promise<boolean> {
  for (const [heard, said] of script) {
    if (heard !== null && !heard.test(await conn.readLine() ?? "")) return false;
    await conn.write(said);
  }
  return true;
}

function look(scheme: string, port: number, more = {}): Promise<Diagnosis> {
  return diagnose(`${scheme}://127.0.0.1:${port}`, {
    steps: ["dns", "tcp", "tls"],
    timeout: 30_000,
    caCerts: [authority.cert],
    ...more,
  });
}

for (const [scheme, script] of Object.entries(SCRIPTS)) {
  Deno.test(`diagnose ${scheme}: begins TLS in the protocol, and shows the greeting`, async () => {
    const problems: unknown[] = [];
    await using server = serveTcp({}, async (conn) => {
      // The step for TCP says nothing.
      if (!await play(conn, script).catch(() => false)) return;
      await upgradeTlsServer(conn, pair).catch((error) => problems.push(error));
    });
    const found = await look(scheme, server.addr.port);
    const tls = found.steps.find((step) => step.step === "tls");
    assert(tls?.step === "tls");
    assertEquals([found.ok, tls.version, tls.failures], [true, "TLSv1.3", []], found.verdict);
    assertMatch(tls.greeting!, /mail\.test/);
    assertStringIncludes(found.verdict, "accepts connections and speaks TLSv1.3");
    assertEquals(problems, []);
  });
}

Deno.test("diagnose postgres: asks for TLS, and reports a server without it", async () => {
  for (const [answer, ok] of [["S", true], ["N", false]] as const) {
    await using server = serveTcp({}, async (conn) => {
      const request = await conn.readExact(8).catch(() => undefined);
      if (request?.toHex() !== "0000000804d2162f") return;
      await conn.write(answer);
      if (ok) await upgradeTlsServer(conn, pair);
    });
    const found = await look("postgres", server.addr.port);
    assertEquals(found.ok, ok, found.verdict);
    if (!ok) assertMatch(found.verdict, /accepts connections, but does not offer TLS$/);
  }
});

Deno.test("diagnose reports servers without STARTTLS, and those of another protocol", async () => {
  const rows: [scheme: string, script: Script, verdict: RegExp][] = [
    ["smtp", [[null, "220 a\r\n"], [/^EHLO/, "250 a\r\n"]], /but does not offer TLS$/],
    ["imap", [[null, "* OK a\r\n"], [/^a /, "* CAPABILITY X\r\na OK\r\n"]], /does not offer TLS$/],
    ["pop3", [[null, "+OK a\r\n"], [/^CAPA/, "+OK\r\nUSER\r\n.\r\n"]], /does not offer TLS$/],
    ["ftp", [[null, "220 a\r\n"], [/^AUTH/, "502 no\r\n"]], /does not offer TLS$/],
    ["smtp", [[null, "554 go away\r\n"]], /refuses TLS: 554 go away$/],
    ["smtp", [[null, "SSH-2.0-x\r\n"]], /it says "SSH-2\.0-x"$/],
    ["imap", [[null, "220 \x1b[2J\r\n"]], /it says "220 \\x1B\[2J"$/],
    ["imap", [[null, "x".repeat(9000)]], /accepts connections, but sends a line that is too long/],
    // Bytes before the handshake may be those of an attacker (CVE-2011-0411).
    [
      "smtp",
      [...SCRIPTS.smtp!.slice(0, 2), [/^STARTTLS/, "220 go\r\n250 more\r\n"]],
      /sends bytes before the TLS handshake$/,
    ],
  ];
  for (const [scheme, script, verdict] of rows) {
    await using server = serveTcp({}, async (conn) => {
      await play(conn, script).catch(() => {});
      await conn.readLine().catch(() => {});
    });
    const found = await look(scheme, server.addr.port);
    assertEquals(found.ok, false);
    assertMatch(found.verdict, verdict);
  }
});

Deno.test("a silent server ends the dialogue before TLS at the time limit", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = serveTcp({}, () => promise);
  const found = await look("smtp", server.addr.port, { timeout: 200 });
  resolve();
  assertMatch(found.verdict, /sends no complete reply before STARTTLS$/);
});
