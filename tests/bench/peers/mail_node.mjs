/** Nodemailer. */
const [, , amount, , port, path] = process.argv;
const total = Number(amount);
const library = await import(path);
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
const started = performance.now();
let count = 0;
for (let i = 0; i < total; i++) {
  count += (await transport.sendMail({ envelope, raw })).accepted.length;
}
console.log(JSON.stringify({ count, seconds: (performance.now() - started) / 1000 }));
transport.close();
