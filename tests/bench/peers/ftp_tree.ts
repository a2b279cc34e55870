/** Fetches or stores a tree of small files over one session or several. */

import { connectFtp, downloadTree, uploadTree } from "../../../net/ftp/mod.ts";

const [amount = "", way, port, connections] = Deno.args;
const folder = await Deno.makeTempDir();
await using ftp = await connectFtp({ port: Number(port), tls: "none" });
if (way === "up") {
  const text = "a line of a small file\r\n".repeat(20);
  for (let i = 0; i < Number(amount); i++) await Deno.writeTextFile(`${folder}/${i}`, text);
}
const options = { connections: Number(connections) };
const started = performance.now();
const { files } = way === "up"
  ? await uploadTree(ftp, folder, "/up", options)
  : await downloadTree(ftp, "/down", folder, options);
const count = way === "up" ? files : Array.from(Deno.readDirSync(folder)).length;
console.log(JSON.stringify({ count, seconds: (performance.now() - started) / 1000 }));
await Deno.remove(folder, { recursive: true });
