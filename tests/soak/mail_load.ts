/** Messages that are sent and read. @module */

import { NetError } from "../../net/errors/errors.ts";
import { connectImap } from "../../net/imap/client.ts";
import { connectSmtp } from "../../net/smtp/client.ts";
import { readMail } from "../net/pop3/compare.ts";
import { USUAL_REPORT } from "../net/pop3/dialogues.ts";
import { type LineServer, lineServer } from "../_support/line_server.ts";
import { pop3ScriptServer } from "../_support/pop3_script.ts";
import { PLAIN, post } from "../_support/smtp_server.ts";
import type { Random } from "../_support/stress/random.ts";
import type { Book } from "./book.ts";
import { type Load, repeat } from "./load.ts";
import type { BadNetwork } from "./network.ts";

/** Maximum time for a reply, in milliseconds. */
const PATIENCE = 1500;
/** Clients that send at the same time. */
const SENDERS = 3;
const TEXT = "Subject: soak\r\n\r\nhello\r\n";

/** Servers of SMTP, POP3 and IMAP, and their clients. */
export class MailLoad implements Load {
  readonly #book: Book;
  readonly #stack: AsyncDisposableStack;
  readonly #servers: readonly LineServer[];
  /** How often the server has accepted a message, by its number. */
  readonly #accepted: Map<number, number>;
  readonly #ports: { readonly smtp: number; readonly pop3: number; readonly imap: number };
  #number = 0;

  private constructor(
    book: Book,
    stack: AsyncDisposableStack,
    servers: readonly LineServer[],
    accepted: Map<number, number>,
    ports: { readonly smtp: number; readonly pop3: number; readonly imap: number },
  ) {
    this.#book = book;
    this.#stack = stack;
    this.#servers = servers;
    this.#accepted = accepted;
    this.#ports = ports;
  }

  /** Starts the servers. */
  static async start(network: BadNetwork, book: Book): Promise<MailLoad> {
    const accepted = new Map<number, number>();
    const stack = new AsyncDisposableStack();
    const servers = [smtpServer(accepted), pop3ScriptServer({}), imapServer()] as const;
    for (const server of servers) stack.use(server);
    const lead = async ({ port }: LineServer) => (await network.lead(port)).addr.port;
    const [smtp, pop3, imap] = [
      await lead(servers[0]),
      await lead(servers[1]),
      await lead(servers[2]),
    ];
    return new MailLoad(book, stack, servers, accepted, { smtp, pop3, imap });
  }

  async round(random: Random, stop: () => boolean): Promise<void> {
    const sent: { readonly number: number; readonly isAccepted: boolean }[] = [];
    await Promise.all([
      repeat(SENDERS, random, stop, (own) => this.#send(own, sent, stop)),
      repeat(1, random, stop, () => this.#readPop3()),
      repeat(1, random, stop, () => this.#readImap()),
    ]);
    for (const { number, isAccepted } of sent) {
      const count = this.#accepted.get(number) ?? 0;
      this.#book.expect("SMTP", count, isAccepted ? 1 : 0, 1, `message ${number}`);
      this.#book.count(isAccepted ? "messages sent" : "messages not sent");
    }
    this.#accepted.clear();
    for (const { heard } of this.#servers) heard.length = 0;
  }

  /** Sends some messages on one connection. */
  async #send(
    random: Random,
    sent: { readonly number: number; readonly isAccepted: boolean }[],
    stop: () => boolean,
  ): Promise<void> {
    try {
      await using mail = await connectSmtp({
        ...PLAIN,
        port: this.#ports.smtp,
        timeout: PATIENCE,
        finalTimeout: PATIENCE,
      });
      for (let left = 1 + random.below(20); left > 0 && mail.open && !stop(); left--) {
        const number = ++this.#number;
        const lines = random.chance(0.05) ? random.below(2000) : random.below(20);
        const text = `Subject: ${number}\r\n\r\n${".line\r\n".repeat(lines)}`;
        let isAccepted = false;
        try {
          await mail.send({ from: "ann@a.test", to: ["bob@b.test"] }, text);
          isAccepted = true;
        } finally {
          sent.push({ number, isAccepted });
        }
      }
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
    }
  }

  /** Reads everything by POP3. What came must be right. */
  async #readPop3(): Promise<void> {
    const report = await readMail(this.#ports.pop3, PATIENCE);
    for (const part of ["sizes", "uids", "first", "second", "head"] as const) {
      if (report[part] === undefined) continue;
      const [found, right] = [report[part], USUAL_REPORT[part]].map((one) => JSON.stringify(one));
      if (found !== right) this.#book.blame(`POP3: another ${part}`, found);
    }
    this.#book.count(report.quit === true ? "POP3 sessions" : "POP3 sessions lost");
  }

  /** Searches and reads by IMAP. */
  async #readImap(): Promise<void> {
    try {
      await using mail = await connectImap({
        port: this.#ports.imap,
        tls: "none",
        allowPlaintextLogin: true,
        timeout: PATIENCE,
      });
      await mail.select("INBOX");
      const uids = await mail.search();
      if (uids.join() !== "5,7") this.#book.blame("IMAP: another search", uids.join());
      const [message] = await mail.fetch(7, { sections: ["TEXT"] });
      const text = new TextDecoder().decode(message?.sections.get("TEXT") ?? new Uint8Array());
      if (text !== TEXT) this.#book.blame("IMAP: another text", text);
      this.#book.count("IMAP sessions");
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      this.#book.count("IMAP sessions lost");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A server that counts a message when it has all of it. */
function smtpServer(accepted: Map<number, number>): LineServer {
  return post({
    DATA: async (_, conn) => {
      await conn.write("354 go on\r\n");
      let number = 0;
      for (let line; (line = await conn.readLine()) !== ".";) {
        if (line === null) return undefined;
        if (line.startsWith("Subject: ")) number = Number(line.slice(9));
      }
      accepted.set(number, (accepted.get(number) ?? 0) + 1);
      return "250 2.0.0 queued\r\n";
    },
  });
}

function imapServer(): LineServer {
  const answers: Readonly<Record<string, string>> = {
    CAPABILITY: "* CAPABILITY IMAP4rev1\r\n",
    SELECT: "* 2 EXISTS\r\n",
    "UID SEARCH": "* SEARCH 5 7\r\n",
    "UID FETCH": `* 2 FETCH (UID 7 BODY[TEXT] {${TEXT.length}}\r\n${TEXT})\r\n`,
  };
  return lineServer("* PREAUTH hi\r\n", (line) => {
    const [tag = "", ...words] = line.split(" ");
    const command = words.join(" ");
    const [, answer = ""] = Object.entries(answers).find(([verb]) => command.startsWith(verb)) ??
      [];
    return `${answer}${tag} OK done\r\n`;
  });
}
