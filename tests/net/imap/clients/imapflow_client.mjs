/** Does the deeds of tests/net/imap/_dialogues.ts with imapflow: tasks in JSON in, a report a line out. */

import process from "node:process";
import { ImapFlow } from "imapflow";

const leaves = (part) => part.childNodes ? part.childNodes.flatMap(leaves) : [part.type];
const one = (client, items) => client.fetchOne("7", { uid: true, ...items }, { uid: true });

const DEEDS = {
  list: async (client) => (await client.list()).map(({ path }) => path),
  select: async (client) => (await client.mailboxOpen("INBOX")).exists,
  status: async (client) => (await client.status("INBOX", { messages: true })).messages,
  search: (client) => client.search({ all: true }, { uid: true }),
  copy: async (client) => await client.messageCopy("7", "Archive", { uid: true }) === false,
  move: async (client) => await client.messageMove("7", "Archive", { uid: true }) === false,
  noop: (client) => client.noop(),
  flags: async (client) => [...(await one(client, { flags: true, size: true })).flags],
  subject: async (client) => (await one(client, { envelope: true })).envelope.subject,
  to: async (client) =>
    ((await one(client, { envelope: true })).envelope.to ?? []).map(({ address }) => address),
  size: async (client) => (await one(client, { size: true })).size,
  date: async (client) => (await one(client, { internalDate: true })).internalDate?.getTime(),
  parts: async (client) => leaves((await one(client, { bodyStructure: true })).bodyStructure),
  file: async (client) => {
    const { dispositionParameters, parameters } =
      (await one(client, { bodyStructure: true })).bodyStructure;
    return dispositionParameters?.filename ?? parameters?.name;
  },
  text: async (client) =>
    (await one(client, { bodyParts: ["TEXT"] })).bodyParts.get("text")?.toString(),
};

async function run({ port, does }) {
  const client = new ImapFlow({
    host: "127.0.0.1",
    port,
    secure: false,
    doSTARTTLS: false,
    auth: { user: "ann", pass: "secret" },
    logger: false,
    socketTimeout: 10_000,
    disableAutoIdle: true,
  });
  let isGone = false;
  client.on("error", () => {});
  client.on("close", () => (isGone = true));
  const report = {};
  try {
    await client.connect();
    await client.mailboxOpen("Start");
    await client.noop();
    const value = await DEEDS[does](client);
    // A refused copy is `false`. Without a refusal, there is nothing to report.
    report.value = value === false && (does === "copy" || does === "move") ? null : value ?? null;
    await client.noop();
    report.alive = !isGone;
  } catch (error) {
    report.error = error.message;
  }
  client.close();
  return report;
}

let input = "";
for await (const chunk of process.stdin) input += chunk;
const late = { error: "no result within 20 s" };
const reports = await Promise.all(
  JSON.parse(input).map((task) =>
    Promise.race([
      run(task).catch((error) => ({ error: error.message })),
      new Promise((resolve) => setTimeout(() => resolve(late), 20_000)),
    ])
  ),
);
for (const report of reports) console.log(JSON.stringify(report));
process.exit(0);
