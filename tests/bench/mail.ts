/** Mail: IMAP, POP3 and SMTP against Python's and Node's clients, one server for all. @module */

import { needsDovecot, startDovecot } from "../_support/dovecot.ts";
import type { Bench, Figure } from "./_bench.ts";
import { startServer } from "./_process.ts";
import { type Program, runPrograms, timedBy } from "./_programs.ts";

const PEERS = "tests/bench/peers";
const FETCHED = 2000;
/** What a client's own speed shows in, once it has warmed up. */
const REPLAYED = 100_000;
/** The same for one message at a time. */
const REPLAYED_EACH = 20_000;
const SENT = 1000;

/** Measures messages and bytes a second. */
export async function benchMail(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  const fetching = needsDovecot();
  if (fetching.ignore) bench.leaveOut("IMAP and POP3", fetching.reason);
  else figures.push(...await benchFetching(bench));
  figures.push(...await benchReplayed(bench));
  figures.push(await benchSending(bench));
  return figures;
}

async function benchFetching(bench: Bench): Promise<Figure[]> {
  await using server = await startDovecot();
  const body = "a line of a small message\r\n".repeat(20);
  for (let i = 0; i < FETCHED; i++) {
    await server.deliver("ann", `Subject: message ${i}\r\nFrom: b@b.test\r\n\r\n${body}`);
  }
  const figure = async (
    protocol: "imap" | "pop3",
    note: string,
    way: "" | "-each" = "",
  ): Promise<Figure> => {
    const each = way === "" ? "" : " one by one";
    const title = `${protocol.toUpperCase()}: ${FETCHED} small messages fetched${each}`;
    const words = [`${protocol}${way}`, `${server[protocol]}`];
    const series = await runPrograms(bench, title, [
      ours(bench, "mail_ours.ts", FETCHED, ...words),
      python(bench, "mail_python.py", FETCHED, ...words),
    ]);
    return {
      title,
      unit: "messages/s",
      note,
      series,
      targets: [{ against: ["Python"], ratio: 1 }],
    };
  };
  return [
    await figure(
      "imap",
      "texts by UID, all by one FETCH, no TLS; Dovecot, which serves both, needs most of the time; " +
        "ours is compiled meanwhile, on the same cores",
    ),
    await figure(
      "imap",
      "texts by UID, one FETCH after the other, no TLS; Dovecot serves both and needs most of the time; " +
        "ours is compiled meanwhile",
      "-each",
    ),
    await figure(
      "pop3",
      "one RETR after the other, ours asked for ahead; no TLS; Dovecot serves both",
    ),
  ];
}

async function benchReplayed(bench: Bench): Promise<Figure[]> {
  const replay = `${PEERS}/imap_replay.ts`;
  const command = [bench.deno, "run", "-q", "--allow-net=127.0.0.1", replay, `${FETCHED}`];
  await using server = await startServer(command);
  const figures: Figure[] = [];
  const run = (title: string, amount: number, way: "imap" | "imap-each") =>
    runPrograms(bench, title, [
      ours(bench, "mail_ours.ts", amount, way, `${server.port}`),
      python(bench, "mail_python.py", amount, way, `${server.port}`),
    ]);
  for (const amount of [FETCHED, REPLAYED]) {
    const title = `IMAP: ${amount} small messages replayed`;
    const series = await run(title, amount, "imap");
    figures.push({
      title,
      unit: "messages/s",
      note: `${FETCHED} by each FETCH from a server that does no work: the client is the limit, ` +
        (amount === FETCHED ? "ours while it is being compiled" : "ours compiled on the way"),
      series,
      targets: [{ against: ["Python"], ratio: 1, chart: amount === REPLAYED }],
    });
  }
  const title = `IMAP: ${REPLAYED_EACH} small messages replayed one by one`;
  figures.push({
    title,
    unit: "messages/s",
    note: "one FETCH after the other from a server that does no work, ours compiled on the way",
    series: await run(title, REPLAYED_EACH, "imap-each"),
    targets: [{ against: ["Python"], ratio: 1 }],
  });
  return figures;
}

async function benchSending(bench: Bench): Promise<Figure> {
  const title = `SMTP: ${SENT} messages over one connection`;
  const command = [bench.deno, "run", "-q", "--allow-net=127.0.0.1", `${PEERS}/smtp_sink.ts`];
  await using sink = await startServer(command);
  const port = `${sink.port}`;
  // Deno downloads the package because of the import, and Node gets its file.
  await import("nodemailer");
  const series = await runPrograms(bench, title, [
    ours(bench, "mail_ours.ts", SENT, "smtp", port),
    python(bench, "mail_python.py", SENT, "smtp", port),
    node(bench, "mail_node.mjs", SENT, "smtp", port, import.meta.resolve("nodemailer")),
  ]);
  return {
    title,
    unit: "messages/s",
    note: "to a server that takes everything and offers PIPELINING, no TLS",
    series,
    targets: [{ against: ["Python"], ratio: 1 }, { against: ["Node"], ratio: 1, chart: true }],
  };
}

function ours(bench: Bench, file: string, amount: number, ...words: string[]): Program {
  const command = [bench.deno, "run", "-q", "--allow-net=127.0.0.1", `${PEERS}/${file}`];
  return { name: "ours", command: [...command, `${amount}`, ...words], read: timedBy(amount) };
}

function python(bench: Bench, file: string, amount: number, ...words: string[]): Program {
  const command = [bench.python, `${PEERS}/${file}`, `${amount}`, ...words];
  return { name: "Python", command, read: timedBy(amount) };
}

function node(bench: Bench, file: string, amount: number, ...words: string[]): Program {
  const command = [bench.node, `${PEERS}/${file}`, `${amount}`, ...words];
  return { name: "Node", command, read: timedBy(amount) };
}
