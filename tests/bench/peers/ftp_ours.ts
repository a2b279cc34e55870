/** One file over FTP: into a file as `ftp-client get` writes it, as a stream, or up. */

import { connectFtp } from "../../../net/ftp/client.ts";
import { writeFullySync } from "../../../net/internal/local_files.ts";

const [amount = "", way, port, folder, tls] = Deno.args;
const login = tls === "tls"
  ? { caCerts: [await Deno.readTextFile(`${folder}/ca.pem`)] }
  : { tls: "none", allowPlaintextLogin: true, username: "ann", password: "secret" } as const;
await using ftp = await connectFtp({ port: Number(port), ...login });
const started = performance.now();
let bytes = 0;
if (way === "save") {
  using file = await Deno.open(`${folder}/ours`, { write: true, create: true, truncate: true });
  bytes = await ftp.downloadTo("big", (chunk) => writeFullySync(file, chunk));
} else if (way === "stream") {
  for await (const chunk of await ftp.download("big")) bytes += chunk.length;
} else {
  const megabyte = new Uint8Array(1_000_000);
  const parts = async function* () {
    for (let i = 0; i < Number(amount); i++) yield megabyte;
  };
  await ftp.upload("up-ours", parts());
  bytes = await ftp.size("up-ours");
}
console.log(JSON.stringify({ count: bytes / 1e6, seconds: (performance.now() - started) / 1000 }));
