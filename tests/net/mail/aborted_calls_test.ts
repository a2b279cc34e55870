/** An aborted signal ends each method of the mail clients with its own reason, and leaves nothing open. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { connectImap, type ImapClient } from "../../../net/imap/client.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import type { MailLoginOptions } from "../../../net/mail/options.ts";
import { connectPop3, type Pop3Client } from "../../../net/pop3/client.ts";
import { connectSmtp, type SmtpClient } from "../../../net/smtp/client.ts";
import { SmtpPool } from "../../../net/smtp/pool.ts";
import { lineServer } from "../../_support/line_server.ts";

/** A signal that counts its listeners. */
class Stop {
  readonly #controller = new AbortController();
  listeners = 0;

  constructor() {
    const { signal } = this.#controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    const known = new Set<unknown>();
    const count = () => void (this.listeners = known.size);
    signal.addEventListener = (type: string, listener: unknown, options?: unknown) => {
      known.add(listener);
      add(type as "abort", listener as () => void, options as AddEventListenerOptions);
      count();
    };
    signal.removeEventListener = (type: string, listener: unknown) => {
      known.delete(listener);
      remove(type as "abort", listener as () => void);
      count();
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
}

/** What a server does with the next command: it answers, is silent, or reads nothing. */
type Mood = "answers" | "is silent" | "reads nothing";

/** A server at one end of a pair whose buffers hold a few bytes. */
class Server {
  mood: Mood = "answers";
  readonly #conn: Connection;
  readonly client: Connection;
  /** Resolves when a command is in the mood. */
  readonly reached = Promise.withResolvers<void>();

  constructor(greeting: string, answer: (line: string) => string) {
    [this.client, this.#conn] = memoryPair({ capacity: 4 });
    void this.#serve(greeting, answer).catch(() => {});
  }

  async #serve(greeting: string, answer: (line: string) => string): Promise<void> {
    await this.#conn.write(greeting);
    for (let first; (first = await this.#conn.readExact(1).catch(() => null)) !== null;) {
      if (this.mood !== "answers") this.reached.resolve();
      if (this.mood === "reads nothing") return;
      const line = new TextDecoder().decode(first) + await this.#conn.readLine();
      if (this.mood === "answers") await this.#conn.write(answer(line));
    }
  }

  /** Resolves when the client has ended the connection. */
  async ended(): Promise<void> {
    while (await this.#conn.readChunk().catch(() => null) !== null);
    await this.#conn.close();
  }
}

type Methods<C> = Readonly<Record<string, (client: C) => PromiseLike<unknown>>>;

const bytes = new TextEncoder().encode("Subject: hi\r\n\r\ntext\r\n");
const credentials = { username: "ann", password: "secret" };
const text = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(stream).text();

const SMTP: Methods<SmtpClient> = {
  login: (mail) => mail.login(credentials),
  send: (mail) => mail.send({ from: "a@b.test", to: ["c@d.test"] }, bytes),
  "send of a stream": (mail) =>
    mail.send({ from: "a@b.test", to: ["c@d.test"] }, ReadableStream.from([bytes])),
  command: (mail) => mail.command("VRFY ann"),
  noop: (mail) => mail.noop(),
};

const POP3: Methods<Pop3Client> = {
  login: (mail) => mail.login(credentials),
  stat: (mail) => mail.stat(),
  list: (mail) => mail.list(),
  uids: (mail) => mail.uids(),
  retrieve: async (mail) => await text(await mail.retrieve(1)),
  retrieveAll: (mail) => Array.fromAsync(mail.retrieveAll([1, 2])),
  top: async (mail) => await text(await mail.top(1)),
  topAll: (mail) => Array.fromAsync(mail.topAll([1, 2])),
  delete: (mail) => mail.delete(1),
  deleteAll: (mail) => mail.deleteAll([1, 2]),
  reset: (mail) => mail.reset(),
  languages: (mail) => mail.languages(),
  setLanguage: (mail) => mail.setLanguage("de"),
  command: (mail) => mail.command("XTND"),
  noop: (mail) => mail.noop(),
  quit: (mail) => mail.quit(),
};

const IMAP: Methods<ImapClient> = {
  login: (mail) => mail.login(credentials),
  list: (mail) => mail.list(),
  subscribed: (mail) => mail.subscribed(),
  select: (mail) => mail.select("a"),
  examine: (mail) => mail.examine("a"),
  status: (mail) => mail.status("a"),
  create: (mail) => mail.create("a"),
  rename: (mail) => mail.rename("a", "b"),
  deleteFolder: (mail) => mail.deleteFolder("a"),
  subscribe: (mail) => mail.subscribe("a"),
  search: (mail) => mail.search(),
  fetch: (mail) => mail.fetch(1, { flags: true }),
  "fetch as a loop": (mail) => Array.fromAsync(mail.fetch("1:*", { flags: true })),
  message: async (mail) => await text(await mail.message(1)),
  download: (mail) => mail.download(1, "1"),
  store: (mail) => mail.store(1, "add", ["\\Seen"]),
  copy: (mail) => mail.copy(1, "a"),
  move: (mail) => mail.move(1, "a"),
  expunge: (mail) => mail.expunge(1),
  append: (mail) => mail.append("a", bytes),
  "append of a stream": (mail) =>
    mail.append("a", ReadableStream.from([bytes]), { size: bytes.length }),
  idle: (mail) => Array.fromAsync(mail.idle()),
  storeLabels: (mail) => mail.storeLabels(1, "add", ["x"]),
  command: (mail) => mail.command("X"),
  noop: (mail) => mail.noop(),
  namespaces: (mail) => mail.namespaces(),
  quotas: (mail) => mail.quotas(),
  sort: (mail) => mail.sort(["arrival"]),
  thread: (mail) => mail.thread(),
  changedSince: (mail) => mail.changedSince("1:*", 1n),
  unselect: async (mail) => [await mail.select("a"), await mail.unselect()],
  id: (mail) => mail.id(),
};

/** The extensions that the methods need. */
const EXTENSIONS = "IMAP4rev1 IDLE UIDPLUS MOVE NAMESPACE QUOTA SORT THREAD=REFERENCES CONDSTORE " +
  "QRESYNC ENABLE UNSELECT ID X-GM-EXT-1";

interface Client {
  readonly open: boolean;
  close(): Promise<void>;
}

/** Checks each method in each state of its command. */
function checkMethods<C extends Client>(
  name: string,
  methods: Methods<C>,
  server: () => Server,
  connect: (options: MailLoginOptions<never>) => Promise<C>,
): void {
  for (const [method, call] of Object.entries(methods)) {
    Deno.test(`${name}: ${method}() rejects with the reason of a signal, and leaves nothing`, async () => {
      for (const reason of [new TypeError("mine"), "a string", undefined]) {
        for (const mood of ["answers", "is silent", "reads nothing"] as const) {
          const there = server();
          const stop = new Stop();
          const { client: connection } = there;
          const options = { connection, tls: "none", allowPlaintextLogin: true } as const;
          const client = await connect({ ...options, signal: stop.signal } as never);
          assertEquals(stop.listeners, 1);
          there.mood = mood;
          if (mood === "answers") stop.abort(reason);
          const failure = call(client).then(() => "no error", (error: unknown) => error);
          if (mood !== "answers") {
            await there.reached.promise;
            stop.abort(reason);
          }
          assertStrictEquals(await failure, stop.signal.reason, mood);
          assertEquals([client.open, stop.listeners], [false, 0], mood);
          await there.ended();
          await client.close();
        }
      }
    });
  }
}

const smtpAnswer = (line: string) =>
  line.startsWith("EHLO") ? "250-x\r\n250 AUTH PLAIN\r\n" : "250 ok\r\n";

checkMethods("smtp", SMTP, () => new Server("220 hi\r\n", smtpAnswer), connectSmtp);

checkMethods(
  "pop3",
  POP3,
  () =>
    new Server(
      "+OK hi\r\n",
      (line) =>
        line === "CAPA"
          ? "+OK\r\nTOP\r\nUIDL\r\nUSER\r\nLANG\r\nUTF8\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n"
          : "+OK\r\n",
    ),
  connectPop3,
);

const imapServer = () => {
  let idleTag = "";
  return new Server(`* OK [CAPABILITY ${EXTENSIONS} AUTH=PLAIN SASL-IR] hi\r\n`, (line) => {
    const [tag = "", verb] = line.split(" ");
    if (verb === "IDLE") idleTag = tag;
    return verb === "IDLE" ? "+ idling\r\n" : `${tag === "DONE" ? idleTag : tag} OK done\r\n`;
  });
};

checkMethods("imap", IMAP, imapServer, connectImap);

const ENVELOPE = { from: "a@b.test", to: ["c@d.test"] };
const WITHOUT_TLS = { tls: "none", allowPlaintextLogin: true } as const;

Deno.test("smtp: the signal of a message spares the session until the message begins", async () => {
  for (const mood of ["answers", "is silent", "reads nothing"] as const) {
    const there = new Server("220 hi\r\n", smtpAnswer);
    const mail = await connectSmtp({ ...WITHOUT_TLS, connection: there.client });
    const [before, waiting, during] = [new Stop(), new Stop(), new Stop()];
    const send = ({ signal }: Stop) =>
      mail.send(ENVELOPE, bytes, { signal }).then(() => "sent", (error: unknown) => error);
    before.abort("before");
    assertEquals([await send(before), mail.open, before.listeners], ["before", true, 0]);
    await mail.noop();
    there.mood = mood;
    // A server that answers refuses the text.
    const first = send(during);
    const second = send(waiting);
    waiting.abort("waiting");
    assertEquals([await second, mail.open, waiting.listeners], ["waiting", true, 0]);
    if (mood !== "answers") {
      await there.reached.promise;
      during.abort("during");
      assertEquals(await first, "during");
    } else await first;
    assertEquals(mail.open, mood === "answers");
    await mail.close();
    await there.ended();
    assertEquals(during.listeners, 0, mood);
  }
});

Deno.test("smtp: the signal of a message ends the wait for a pool, and spares the other messages", async () => {
  const reached = Promise.withResolvers<void>();
  let isSilent = false;
  await using server = lineServer("220 hi\r\n", (line) => {
    if (isSilent && line.startsWith("MAIL")) reached.resolve();
    return isSilent && line.startsWith("MAIL")
      ? ""
      : line === "DATA"
      ? "354 go on\r\n"
      : /^[A-Z]{4}/.test(line) || line === "."
      ? "250 ok\r\n"
      : "";
  });
  const pool = new SmtpPool({ ...WITHOUT_TLS, port: server.port, maxConnections: 1 });
  const [before, waiting, during] = [new Stop(), new Stop(), new Stop()];
  const send = ({ signal }: Stop) =>
    pool.send(ENVELOPE, bytes, { signal }).then(() => "sent", (error: unknown) => error);
  before.abort("before");
  assertEquals([await send(before), before.listeners], ["before", 0]);
  isSilent = true;
  const first = send(during);
  await reached.promise;
  const second = send(waiting);
  const third = send(new Stop());
  waiting.abort("waiting");
  assertEquals([await second, waiting.listeners], ["waiting", 0]);
  isSilent = false;
  during.abort("during");
  assertEquals([await first, during.listeners], ["during", 0]);
  assertEquals(await third, "sent");
  await pool.close();
});

Deno.test("imap: the signal of idle() ends the loop, and the session goes on", async () => {
  for (const when of ["before", "during"] as const) {
    const there = imapServer();
    const mail = await connectImap({ ...WITHOUT_TLS, connection: there.client });
    const stop = new Stop();
    if (when === "before") stop.abort("enough");
    const loop = Array.fromAsync(mail.idle({ signal: stop.signal }));
    if (when === "during") {
      await delay(0);
      stop.abort("enough");
    }
    assertEquals(await loop, []);
    assertEquals([mail.open, stop.listeners], [true, 0], when);
    await mail.noop();
    await mail.close();
    await there.ended();
  }
});
