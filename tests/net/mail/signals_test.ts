/** An aborted signal rejects with its own reason, wherever FTP, SMTP, POP3 and IMAP wait. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { connectFtp } from "../../../net/ftp/client.ts";
import { connectImap } from "../../../net/imap/client.ts";
import { watchImap } from "../../../net/imap/watch.ts";
import type { MailLoginOptions } from "../../../net/mail/options.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { lineServer } from "../../_support/line_server.ts";

/** Reasons of every kind. The clients throw some of these classes themselves. */
const REASONS: readonly unknown[] = [
  new DOMException("late", "TimeoutError"),
  new TypeError("mine"),
  new RangeError("mine"),
  "a string",
  0,
];

const LOGIN = {
  tls: "none",
  allowPlaintextLogin: true,
  username: "ann",
  password: "secret",
  timeout: 10_000,
} as const;

/** A client of any protocol. */
interface Client {
  abort(reason?: unknown): void;
  close(): Promise<void>;
}

/** A protocol: how its server answers, and a piece of work. */
interface Trial {
  readonly greeting: string;
  answer(line: string): string;
  connect(options: MailLoginOptions<never>): Promise<Client>;
  work(client: Client): Promise<unknown>;
}

function trial<C extends Client>(
  greeting: string,
  answer: (line: string) => string,
  connect: (options: MailLoginOptions<never>) => Promise<C>,
  work: (client: C) => Promise<unknown>,
): Trial {
  return { greeting, answer, connect, work: (client) => work(client as C) };
}

/** The tag of the last command. The line after a literal has none. */
let imapTag = "";

const TRIALS = {
  ftp: trial(
    "220 hi\r\n",
    (line) =>
      line.startsWith("USER")
        ? "331 go on\r\n"
        : line.startsWith("PASS")
        ? "230 in\r\n"
        : line === "FEAT"
        ? "211-x\r\n SIZE\r\n211 end\r\n"
        : line.startsWith("SIZE")
        ? "213 4\r\n"
        : "200 ok\r\n",
    connectFtp,
    (ftp) => ftp.size("a"),
  ),
  smtp: trial(
    "220 hi\r\n",
    (line) =>
      line.startsWith("EHLO")
        ? "250-x\r\n250 AUTH PLAIN\r\n"
        : line.startsWith("AUTH")
        ? "235 in\r\n"
        : line === "DATA"
        ? "354 go on\r\n"
        : line === "text"
        ? ""
        : "250 ok\r\n",
    connectSmtp,
    (mail) => mail.send({ from: "a@b.test", to: ["c@d.test"] }, "text\r\n"),
  ),
  pop3: trial(
    "+OK hi\r\n",
    (line) =>
      line === "CAPA"
        ? "+OK\r\nSASL PLAIN\r\n.\r\n"
        : line === "AUTH PLAIN"
        ? "+\r\n"
        : "+OK 1 2\r\n",
    connectPop3,
    (mail) => mail.stat(),
  ),
  imap: trial(
    "* OK hi\r\n",
    (line) => {
      const [, own, verb] = /^(a\d+) (\S+)/.exec(line) ?? [];
      imapTag = own ?? imapTag;
      const more = verb === "CAPABILITY" ? "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n" : "";
      return line.endsWith("}") ? "+ go on\r\n" : `${more}${imapTag} OK done\r\n`;
    },
    connectImap,
    async (mail) => [await mail.select("INBOX"), await mail.search({ subject: "é" })],
  ),
};

for (const [name, { greeting, answer, connect, work }] of Object.entries(TRIALS)) {
  Deno.test(`${name}: a signal rejects with its reason at each step of a session`, async () => {
    let steps = 0;
    for (let last = false; !last; steps++) {
      for (const reason of REASONS) {
        const reached = Promise.withResolvers<void>();
        let lines = 0;
        await using server = lineServer(greeting, (line) => {
          if (lines++ < steps) return answer(line);
          reached.resolve();
          return "";
        });
        const stop = new AbortController();
        const run = async () => {
          const client = await connect({ ...LOGIN, port: server.port, signal: stop.signal });
          try {
            await work(client);
          } finally {
            client.abort();
          }
        };
        const result = run().then(() => "done", (error: unknown) => ({ error }));
        last = await Promise.race([reached.promise.then(() => false), result.then(() => true)]);
        if (last) break;
        stop.abort(reason);
        assertEquals(await result, { error: reason }, `step ${steps}`);
      }
    }
    assertEquals(steps > 4, true, `${steps}`);
  });

  Deno.test(`${name}: a signal rejects calls that wait for their turn, and later ones`, async () => {
    for (const reason of REASONS) {
      const reached = Promise.withResolvers<void>();
      let ready = false;
      await using server = lineServer(greeting, (line) => {
        if (!ready) return answer(line);
        reached.resolve();
        return "";
      });
      const stop = new AbortController();
      const client = await connect({ ...LOGIN, port: server.port, signal: stop.signal });
      ready = true;
      const calls = [work(client), work(client)].map((call) =>
        call.catch((error: unknown) => error)
      );
      await reached.promise;
      stop.abort(reason);
      for (const error of await Promise.all(calls)) assertStrictEquals(error, reason);
      assertStrictEquals(await work(client).catch((error: unknown) => error), reason);
      await client.close();
    }
  });

  Deno.test(`${name}: a signal that is aborted already rejects before anything is dialled`, async () => {
    for (const reason of REASONS) {
      const signal = AbortSignal.abort(reason);
      const connecting = connect({ ...LOGIN, port: 1, signal });
      assertStrictEquals(await connecting.catch((error: unknown) => error), reason);
    }
  });
}

Deno.test("imap: a signal ends streams, appended messages and IDLE with its reason", async () => {
  const works = {
    "IDLE": (mail: Awaited<ReturnType<typeof connectImap>>) => Array.fromAsync(mail.idle()),
    "UID": async (mail: Awaited<ReturnType<typeof connectImap>>) =>
      await new Response(await mail.message(7)).text(),
    "APPEND": (mail: Awaited<ReturnType<typeof connectImap>>) =>
      mail.append("a", new ReadableStream({ pull: () => new Promise(() => {}) }), { size: 9 }),
  };
  for (const [verb, work] of Object.entries(works)) {
    for (const reason of REASONS) {
      const reached = Promise.withResolvers<void>();
      await using server = lineServer("* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\n", (line) => {
        const [tag, word] = line.split(" ");
        if (word !== verb) return `${tag} OK done\r\n`;
        reached.resolve();
        return verb === "UID" ? "* 1 FETCH (UID 7 BODY[] {99}\r\nabc" : "+ go on\r\n";
      });
      const { username: _, password: __, ...nobody } = LOGIN;
      const stop = new AbortController();
      const mail = await connectImap({ ...nobody, port: server.port, signal: stop.signal });
      const failure = work(mail).then(() => undefined, (error: unknown) => error);
      await reached.promise;
      stop.abort(reason);
      assertStrictEquals(await failure, reason, verb);
      await mail.close();
      const watching = watchImap({ ...nobody, port: server.port, signal: stop.signal }, "INBOX");
      assertStrictEquals(await watching.next().catch((error: unknown) => error), reason);
    }
  }
});
