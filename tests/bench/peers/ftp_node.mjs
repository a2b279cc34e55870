/** One file over FTP by basic-ftp: into a file, or up. */
import { statSync } from "node:fs";
import { PassThrough, Readable } from "node:stream";

const [, , amount, way, port, folder, path] = process.argv;
const { Client } = await import(path);
const client = new Client();
await client.access({ host: "127.0.0.1", port: Number(port), user: "ann", password: "secret" });
const started = performance.now();
let bytes = 0;
if (way === "save") {
  await client.downloadTo(`${folder}/node`, "big");
  bytes = statSync(`${folder}/node`).size;
} else {
  const megabyte = Buffer.alloc(1_000_000);
  const source = Readable.from((function* () {
    for (let i = 0; i < Number(amount); i++) yield megabyte;
  })()).pipe(new PassThrough());
  await client.uploadFrom(source, "up-node");
  bytes = await client.size("up-node");
}
console.log(JSON.stringify({ count: bytes / 1e6, seconds: (performance.now() - started) / 1000 }));
client.close();
