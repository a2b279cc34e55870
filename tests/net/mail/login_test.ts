/** The login of SMTP, POP3 and IMAP: the order of the ways, refusals, odd servers, and APOP. */

import { assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { NetError } from "../../../net/errors/errors.ts";
import type { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectImap, type ConnectImapOptions } from "../../../net/imap/client.ts";
import type { MailLoginOptions } from "../../../net/mail/options.ts";
import { connectPop3, type ConnectPop3Options } from "../../../net/pop3/client.ts";
import { connectSmtp, type ConnectSmtpOptions } from "../../../net/smtp/client.ts";

/** Answers to lines by their beginnings; `$` is the tag. Undefined ends the connection. */
type Script = readonly (readonly [begin: string, answer: string | undefined])[];

/** Connects a client to a script. Returns the lines of the client, without tags. */
async function talk<O extends MailLoginOptions<string>>(
  connect: (options: O) => Promise<{ close(): Promise<void> }>,
  greeting: string,
  script: Script,
  options: Partial<O> = {},
): Promise<string[]> {
  const [near, far] = memoryPair();
  const heard: string[] = [];
  const served = serve(far, greeting, script, heard);
  try {
    const client = await connect({
      connection: near,
      tls: "none",
      timeout: 30_000,
      allowPlaintextLogin: true,
      username: "ann",
      password: "secret",
      ...options,
    } as O);
    await client.close();
  } catch (error) {
    if (error instanceof Error) Object.assign(error, { heard });
    throw error;
  } finally {
    await served;
  }
  return heard;
}

async function serve(conn: Connection, greeting: string, script: Script, heard: string[]) {
  let tag = "";
  try {
    await conn.write(greeting);
    for (let line; (line = await conn.readLine()) !== null;) {
      const [, own, text = ""] = /^(?:(a\d+) )?(.*)$/.exec(line)!;
      tag = own ?? tag;
      heard.push(text);
      const found = script.find(([begin]) => text.startsWith(begin));
      if (found !== undefined && found[1] === undefined) break;
      const answer = found?.[1] ?? (tag === "" ? "500 -ERR what\r\n" : "$ BAD what\r\n");
      await conn.write(answer.replaceAll("$", tag));
    }
  } catch { /* The client has ended the session. */ }
  await conn.close();
}

const imap = (script: Script, options: Partial<ConnectImapOptions> = {}, capabilities = "") =>
  talk(
    connectImap,
    `* OK [CAPABILITY IMAP4rev1${capabilities && ` ${capabilities}`}] hi\r\n`,
    [...script, ["CAPABILITY", "* CAPABILITY IMAP4rev1\r\n$ OK\r\n"], ["LOGOUT", "$ OK\r\n"]],
    options,
  );
const pop3 = (
  sasl: string,
  script: Script,
  options: Partial<ConnectPop3Options> = {},
  greeting = "+OK hi\r\n",
) =>
  talk(
    connectPop3,
    greeting,
    [["CAPA", `+OK\r\n${sasl}.\r\n`], ...script, ["QUIT", "+OK\r\n"]],
    options,
  );
const smtp = (auth: string, script: Script, options: Partial<ConnectSmtpOptions> = {}) =>
  talk(
    connectSmtp,
    "220 hi\r\n",
    [["EHLO", `250-x\r\n250 AUTH ${auth}\r\n`], ...script, ["QUIT", "221 bye\r\n"]],
    options,
  );

/** Returns the lines that a failed login has sent before the farewell. */
async function failure(
  work: () => Promise<unknown>,
): Promise<{ error: NetError; heard: string[] }> {
  const error = await assertRejects(work, NetError);
  const { heard } = error as NetError & { heard: string[] };
  return { error, heard: heard.filter((line) => line !== "LOGOUT" && line !== "QUIT") };
}

const PLAIN = btoa("\0ann\0secret");

Deno.test("IMAP: capabilities come from the greeting and from the result of the login", async () => {
  const heard = await imap(
    [["AUTHENTICATE PLAIN", "$ OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"]],
    {},
    "SASL-IR AUTH=PLAIN",
  );
  assertEquals(heard, [`AUTHENTICATE PLAIN ${PLAIN}`, "LOGOUT"]);
  const untagged = await imap(
    [["LOGIN", "* CAPABILITY IMAP4rev1 IDLE\r\n$ OK in\r\n"]],
  );
  assertEquals(untagged, ['LOGIN "ann" "secret"', "LOGOUT"]);
  const asked = await imap([["LOGIN", "$ OK in\r\n"]]);
  assertEquals(asked, ['LOGIN "ann" "secret"', "CAPABILITY", "LOGOUT"]);
});

Deno.test("a session whose beginning is refused ends with a farewell (RFC 5321 §4.1.1.10)", async () => {
  const bye = ["QUIT", "221 bye\r\n"] as const;
  const beginnings: readonly (readonly [farewell: string, begin: () => Promise<unknown>])[] = [
    ["QUIT", () => talk<ConnectSmtpOptions>(connectSmtp, "554 no\r\n", [bye])],
    [
      "QUIT",
      () => talk<ConnectSmtpOptions>(connectSmtp, "220 hi\r\n", [["EHLO", "550 no\r\n"], bye]),
    ],
    [
      "QUIT",
      () =>
        talk<ConnectSmtpOptions>(connectSmtp, "220 x\r\n", [["EHLO", "250 x\r\n"], bye], {
          tls: "starttls",
        }),
    ],
    ["QUIT", () => smtp("NTLM", [])],
    ["QUIT", () => smtp("PLAIN", [["AUTH", "535 5.7.8 no\r\n"]])],
    ["QUIT", () => pop3("SASL PLAIN\r\n", [["AUTH", "-ERR [AUTH] no\r\n"]])],
    ["LOGOUT", () => imap([["LOGIN", "$ NO no\r\n"]])],
  ];
  for (const [farewell, begin] of beginnings) {
    const error = await assertRejects(begin, NetError);
    assertEquals((error as NetError & { heard: string[] }).heard.at(-1), farewell, error.message);
  }
});

Deno.test("IMAP: after a refused mechanism the next one follows, the command LOGIN last", async () => {
  const script: Script = [
    ["AUTHENTICATE SCRAM-SHA-256", "$ NO cannot\r\n"],
    ["AUTHENTICATE", "$ BAD unknown\r\n"],
    ["LOGIN", "$ OK [CAPABILITY IMAP4rev1] in\r\n"],
  ];
  const heard = await imap(script, {}, "AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN AUTH=NTLM");
  assertEquals(heard.slice(0, -1), [
    "AUTHENTICATE SCRAM-SHA-256",
    "AUTHENTICATE PLAIN",
    "AUTHENTICATE LOGIN",
    'LOGIN "ann" "secret"',
  ]);
  const only = await failure(() => imap(script, { mechanism: "PLAIN" }, "AUTH=PLAIN"));
  assertEquals(only.heard, ["AUTHENTICATE PLAIN"]);
  const { error } = await failure(() => imap([], {}, "AUTH=NTLM LOGINDISABLED"));
  assertEquals(error.kind, "unsupported");
  const names = "SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN";
  assertEquals(error.message, `Cannot log in: the server offers NTLM, not ${names}`);
});

Deno.test("a password that the server calls wrong is not sent again", async () => {
  const wrong = "$ NO [AUTHENTICATIONFAILED] no\r\n";
  const scram = await failure(() =>
    imap(
      [["AUTHENTICATE", wrong], ["LOGIN", wrong]],
      {},
      "AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=PLAIN AUTH=LOGIN SASL-IR",
    )
  );
  assertEquals(scram.heard.map((line) => line.split(" ").slice(0, 2).join(" ")), [
    "AUTHENTICATE SCRAM-SHA-256",
    "AUTHENTICATE PLAIN",
  ]);
  const pop = await failure(() =>
    pop3("SASL PLAIN LOGIN\r\nUSER\r\n", [["AUTH", "+ \r\n"], ["", "-ERR [AUTH] no\r\n"]])
  );
  assertEquals(pop.heard, ["CAPA", "AUTH PLAIN", PLAIN]);
  const mail = await failure(() => smtp("PLAIN LOGIN", [["AUTH", "535 5.7.8 no\r\n"]]));
  assertEquals(mail.heard.slice(1), [`AUTH PLAIN ${PLAIN}`]);
  const token = await failure(() =>
    smtp("XOAUTH2 OAUTHBEARER", [["AUTH", "334 e30=\r\n"], ["", "535 5.7.8 no\r\n"]], {
      password: undefined,
      accessToken: "t",
    })
  );
  const bearer = btoa("n,a=ann,\x01auth=Bearer t\x01\x01");
  assertEquals(token.heard.slice(1), [`AUTH OAUTHBEARER ${bearer}`, "AQ=="]);
  // The maildrop is locked: the password was right.
  const locked = await failure(() =>
    pop3("SASL PLAIN\r\n", [["AUTH", "-ERR [IN-USE] locked\r\n"]])
  );
  assertEquals(locked.heard, ["CAPA", "AUTH PLAIN"]);
});

Deno.test("the refusal that says most is the error, also if the server then hangs up", async () => {
  const first = await failure(() =>
    imap(
      [["AUTHENTICATE", "$ NO [AUTHENTICATIONFAILED] wrong\r\n"], ["LOGIN", "$ BAD what\r\n"]],
      {},
      "AUTH=SCRAM-SHA-1",
    )
  );
  assertEquals((first.error as ReplyError).text, "wrong");
  assertEquals(first.heard.length, 2);
  const last = await failure(() =>
    pop3("SASL PLAIN\r\n", [["AUTH", "-ERR what\r\n"], ["USER", "-ERR no such user\r\n"]])
  );
  assertEquals((last.error as ReplyError).text, "no such user");
  const gone = await failure(() =>
    pop3("SASL PLAIN\r\n", [["AUTH", "-ERR wrong\r\n"], ["USER", undefined]])
  );
  assertEquals((gone.error as ReplyError).text, "wrong");
});

Deno.test("an exchange that makes no sense is cancelled, and the next way follows", async () => {
  const odd = [
    btoa("r=other,s=AAAA,i=4096"),
    "not Base64!",
    btoa("v=1"),
  ];
  for (const challenge of odd) {
    const heard = await smtp("SCRAM-SHA-256 PLAIN", [
      ["AUTH SCRAM", `334 ${challenge}\r\n`],
      ["*", "501 cancelled\r\n"],
      ["AUTH PLAIN", "235 in\r\n"],
    ]);
    assertEquals(heard.slice(2, -1), ["*", `AUTH PLAIN ${PLAIN}`]);
  }
  const { error, heard } = await failure(() =>
    imap(
      [["AUTHENTICATE", "+ e30=\r\n"], ["*", "$ OK in\r\n"]],
      { mechanism: "PLAIN" },
      "AUTH=PLAIN SASL-IR",
    )
  );
  assertEquals([error.kind, heard.length], ["protocol", 2]);
  assertEquals(error.message, "memory:b accepts a login by PLAIN that was cancelled");
});

Deno.test("SCRAM ends the session if the server does not prove that it knows the password", async () => {
  const { error, heard } = await failure(() =>
    smtp("SCRAM-SHA-256 PLAIN", [["AUTH SCRAM", "235 in\r\n"], ["AUTH PLAIN", "235 in\r\n"]])
  );
  assertEquals(error.kind, "protocol");
  assertEquals(heard.length, 2);
});

Deno.test("LOGIN answers any prompts, PLAIN one that should not come", async () => {
  for (const prompt of ["Username:", "VXNlcm5hbWU6", "", "User Name\0"]) {
    const heard = await smtp("LOGIN", [
      ["AUTH", `334 ${prompt}\r\n`],
      [btoa("ann"), "334 Password:\r\n"],
      [btoa("secret"), "235 in\r\n"],
    ]);
    assertEquals(heard.slice(1, -1), ["AUTH LOGIN", btoa("ann"), btoa("secret")]);
  }
  const heard = await smtp("PLAIN", [["AUTH", "334 \r\n"], [PLAIN, "235 in\r\n"]]);
  assertEquals(heard.slice(1, -1), [`AUTH PLAIN ${PLAIN}`, PLAIN]);
});

Deno.test("POP3: USER follows SASL, APOP is taken where it is asked for", async () => {
  const heard = await pop3("SASL NTLM\r\n", [["USER", "+OK\r\n"], ["PASS", "+OK\r\n"]]);
  assertEquals(heard.slice(1, 3), ["USER ann", "PASS secret"]);
  const greeting = "+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n";
  const mrose: Partial<ConnectPop3Options> = { username: "mrose", password: "tanstaaf" };
  const apop = await pop3("", [["APOP", "+OK\r\n"]], { ...mrose, mechanism: "APOP" }, greeting);
  assertEquals(apop[1], "APOP mrose c4c9334bac560ecc979e58001b3e22fb");
  const { error } = await failure(() => pop3("", [], { mechanism: "APOP" }));
  assertEquals(error.message, "Cannot log in: the server offers nothing, not APOP");
});

Deno.test("EXTERNAL needs no password and sends an empty name as =", async () => {
  const none = { username: undefined, password: undefined, mechanism: "EXTERNAL" } as const;
  const heard = await smtp("EXTERNAL", [["AUTH", "235 in\r\n"]], none);
  assertEquals(heard[1], "AUTH EXTERNAL =");
  const named = await imap([["AUTHENTICATE", "$ OK [CAPABILITY x] in\r\n"]], {
    ...none,
    authorizationId: "bob",
  }, "AUTH=EXTERNAL SASL-IR");
  assertEquals(named[0], `AUTHENTICATE EXTERNAL ${btoa("bob")}`);
});

Deno.test("incomplete credentials are refused before anything is sent", async () => {
  const cases = [
    [{ password: undefined }, "username requires password or accessToken"],
    [{ password: "" }, "password must not be empty"],
    [{ username: undefined }, "password requires username"],
    [
      { username: undefined, password: undefined, mechanism: "PLAIN" },
      "mechanism requires username",
    ],
    [{ authorizationId: "bob", mechanism: "LOGIN" }, "cannot carry authorizationId"],
    [{ mechanism: "XOAUTH2" }, "requires accessToken"],
    [{ username: "a\tb" }, "username must not contain a control character"],
  ] as const;
  for (const [options, message] of cases) {
    for (const connect of [connectImap, connectPop3, connectSmtp]) {
      const [connection] = memoryPair();
      const lines: unknown[] = [];
      const work = (connect as (options: MailLoginOptions) => Promise<unknown>)({
        connection,
        tls: "none",
        username: "ann",
        password: "secret",
        trace: (line) => void lines.push(line),
        ...options as MailLoginOptions,
      });
      await assertRejects(() => work, TypeError, message);
      assertEquals(lines, []);
      connection.abort();
    }
  }
});
