/** Runs the tasks of dialogues with Nodemailer, one after the other. */
const SECOND = "again@b.test";
const [, , path] = process.argv;
const { createTransport } = (await import(path)).default;

async function send(transport, to, message) {
  try {
    const sent = await transport.sendMail({ envelope: { from: "ann@a.test", to }, raw: message });
    return { accepted: sent.accepted };
  } catch (error) {
    return { accepted: [], error: error.message };
  }
}

async function run({ port, to, message, login }) {
  const transport = createTransport({
    host: "127.0.0.1",
    port,
    secure: false,
    ignoreTLS: true,
    pool: true,
    maxConnections: 1,
    greetingTimeout: 10_000,
    socketTimeout: 10_000,
    ...(login && { auth: { user: "ann", pass: "secret" } }),
  });
  const reports = [];
  for (const recipients of [to, [SECOND]]) reports.push(await send(transport, recipients, message));
  transport.close();
  return reports;
}

let input = "";
for await (const part of process.stdin) input += part;
for (const task of JSON.parse(input)) console.log(JSON.stringify(await run(task)));
process.exit(0);
