/** What FTP, SMTP, POP3 and IMAP keep to themselves, also where the server repeats it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectFtp } from "../../../net/ftp/client.ts";
import { connectImap } from "../../../net/imap/client.ts";
import type { MailClientOptions } from "../../../net/mail/options.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { lineServer } from "../../_support/line_server.ts";

const PASSWORD = 'tr0ub4dor "&" 3';
const TOKEN = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";

/** Each protocol with a server that repeats the last line in its refusals. */
const PROTOCOLS = {
  ftp: {
    greeting: "220 hi\r\n",
    answer: (line: string) => line.startsWith("USER") ? "331 go on\r\n" : `530 no: ${line}\r\n`,
    connect: connectFtp,
    ways: [undefined],
  },
  smtp: {
    greeting: "220 hi\r\n",
    answer: (line: string) =>
      line.startsWith("EHLO")
        ? "250-x\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n"
        : line === "AUTH LOGIN"
        ? "334 VXNlcm5hbWU6\r\n"
        : line === btoa("ann")
        ? "334 UGFzc3dvcmQ6\r\n"
        : `535 5.7.8 no: ${line} ${PASSWORD} ${TOKEN}\r\n`,
    connect: connectSmtp,
    ways: ["PLAIN", "LOGIN", "XOAUTH2"],
  },
  pop3: {
    greeting: "+OK hi\r\n",
    answer: (line: string) =>
      line === "CAPA"
        ? "+OK\r\nSASL PLAIN XOAUTH2\r\nUSER\r\n.\r\n"
        : line.startsWith("USER")
        ? "+OK\r\n"
        : line.startsWith("AUTH")
        ? "+ \r\n"
        : `-ERR [AUTH] no: ${line} ${PASSWORD} ${TOKEN}\r\n`,
    connect: connectPop3,
    ways: ["PLAIN", "USER", "XOAUTH2"],
  },
  imap: {
    greeting: "* OK hi\r\n",
    answer: (line: string) => {
      const [tag, verb, how] = line.split(" ");
      return verb === "CAPABILITY"
        ? `* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 AUTH=LOGIN SASL-IR\r\n${tag} OK\r\n`
        : how === "LOGIN"
        ? "+ VXNlcm5hbWU6\r\n"
        : line === btoa("ann")
        ? "+ UGFzc3dvcmQ6\r\n"
        : verb === undefined
        ? `a2 NO no: ${line}\r\n`
        : `${tag} NO no: ${line} ${PASSWORD} ${TOKEN}\r\n`;
    },
    connect: connectImap,
    ways: ["PLAIN", "LOGIN", "LOGIN-COMMAND", "XOAUTH2"],
  },
};

for (const [name, { greeting, answer, connect, ways }] of Object.entries(PROTOCOLS)) {
  Deno.test(`${name}: no secret reaches an error or the trace, even where the server repeats it`, async () => {
    await using server = lineServer(greeting, answer);
    for (const way of ways) {
      const shown: string[] = [];
      const options = {
        port: server.port,
        tls: "none",
        allowPlaintextLogin: true,
        timeout: 30_000,
        username: "ann",
        ...(way === "XOAUTH2" ? { accessToken: TOKEN } : { password: PASSWORD }),
        ...(way !== undefined && { mechanism: way }),
        trace: ({ text }: { text: string }) => void shown.push(text),
      };
      const error = await assertRejects(
        () =>
          (connect as (options: MailClientOptions) => Promise<unknown>)(
            options as MailClientOptions,
          ),
        ReplyError,
        "no: ",
      );
      shown.push(error.message, error.text, `${error.stack}`, Deno.inspect(error));
      const secret = way === "XOAUTH2" ? TOKEN : PASSWORD;
      const coded = [
        secret,
        JSON.stringify(secret),
        btoa(secret),
        btoa(`\0ann\0${secret}`),
        btoa(`user=ann\x01auth=Bearer ${secret}\x01\x01`),
      ];
      for (const one of coded) {
        assert(!shown.join("\n").includes(one), `${way}: ${shown.join("\n")}`);
      }
      assert(
        server.heard.some((line) =>
          coded.some((one) => line.includes(one)) || way === "LOGIN-COMMAND"
        ),
        way,
      );
      assert(error.message.includes("***"), error.message);
    }
  });
}

Deno.test("short secrets are masked as words of their own, the rest stays readable", async () => {
  const said = (line: string) =>
    line.startsWith("USER") ? "331 go on\r\n" : "530 a.b no, not a.bnd nö\r\n";
  await using server = lineServer("220 hi\r\n", said);
  const options = {
    port: server.port,
    tls: "none",
    allowPlaintextLogin: true,
    username: "ann",
  } as const;
  for (
    const [password, text] of [
      ["no", "a.b ***, not a.bnd nö"],
      ["a.b", "*** no, not a.bnd nö"],
      ["not a", "a.b no, ***.bnd nö"],
      ["n", "a.b no, not a.bnd nö"],
      ["", "a.b no, not a.bnd nö"],
    ] as const
  ) {
    const error = await assertRejects(() => connectFtp({ ...options, password }), ReplyError);
    assertEquals(error.text, text);
  }
});

Deno.test("a secret that holds another is masked whole", async () => {
  // What PLAIN sends holds the password by chance.
  const password = "FubgB";
  const sent = btoa(`\0ann\0${password}`);
  assert(sent.includes(password));
  await using server = lineServer(
    "220 hi\r\n",
    (line) => line.startsWith("EHLO") ? "250-x\r\n250 AUTH PLAIN\r\n" : `535 no: ${line}\r\n`,
  );
  const options = { port: server.port, tls: "none", allowPlaintextLogin: true } as const;
  const error = await assertRejects(
    () => connectSmtp({ ...options, username: "ann", password }),
    ReplyError,
  );
  assertEquals(error.text, "no: AUTH PLAIN ***");
});
