/** Nodemailer and basic-ftp. */
import { PassThrough, Readable, Writable } from "node:stream";

const [, , amount, what, port, path] = process.argv;
const total = Number(amount);
const library = await import(path);
let count = 0;
let started = 0;
if (what === "smtp") {
  const transport = library.createTransport({
    host: "127.0.0.1",
    port: Number(port),
    secure: false,
    ignoreTLS: true,
    pool: true,
    maxConnections: 1,
    maxMessages: Infinity,
  });
  const raw = `Subject: hi\r\n\r\n${"a line of a small message\r\n".repeat(20)}`;
  const envelope = { from: "a@a.test", to: ["b@b.test"] };
  await transport.sendMail({ envelope, raw });
  started = performance.now();
  for (let i = 0; i < total; i++) {
    count += (await transport.sendMail({ envelope, raw })).accepted.length;
  }
  tell();
  transport.close();
} else {
  const client = new library.Client();
  await client.access({ host: "127.0.0.1", port: Number(port), user: "ann", password: "secret" });
  started = performance.now();
  let bytes = 0;
  if (what === "ftp-down") {
    const sink = new Writable({
      write(chunk, _, done) {
        bytes += chunk.length;
        done();
      },
    });
    await client.downloadTo(sink, "big");
  } else {
    const megabyte = Buffer.alloc(1_000_000);
    const source = Readable.from((function* () {
      for (let i = 0; i < total; i++) yield megabyte;
    })()).pipe(new PassThrough());
    await client.uploadFrom(source, "up-node");
    bytes = await client.size("up-node");
  }
  count = bytes / 1e6;
  tell();
  client.close();
}

function tell() {
  console.log(JSON.stringify({ count, seconds: (performance.now() - started) / 1000 }));
}
