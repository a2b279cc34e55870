/** One file over FTP by a loop on the bare API of Deno: into a file, as a stream, or up. */

const [amount = "", way, port, folder, tls] = Deno.args;
const secure = tls === "tls";
const total = Number(amount);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const tcp = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
tcp.setNoDelay(true);
let control: Deno.Conn = tcp;
const buffer = new Uint8Array(64 * 1024);
let unread = "";

async function reply(): Promise<string> {
  while (!unread.includes("\r\n")) {
    unread += decoder.decode(buffer.slice(0, await control.read(buffer) ?? 0));
  }
  const at = unread.indexOf("\r\n");
  const line = unread.slice(0, at);
  unread = unread.slice(at + 2);
  return line;
}

async function ask(line: string): Promise<string> {
  await control.write(encoder.encode(`${line}\r\n`));
  return await reply();
}

await reply();
const caCerts = secure ? [await Deno.readTextFile(`${folder}/ca.pem`)] : [];
if (secure) {
  await ask("AUTH TLS");
  control = await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts });
}
await ask(secure ? "USER anonymous" : "USER ann");
await ask("PASS secret");
if (secure) await ask("PBSZ 0");
if (secure) await ask("PROT P");
await ask("TYPE I");
const started = performance.now();
let bytes = 0;
const raw = await Deno.connect({
  hostname: "127.0.0.1",
  port: Number(/\|(\d+)\|/.exec(await ask("EPSV"))![1]),
});
/** Encrypts the data connection, after the server has accepted the transfer. */
async function dataOf(): Promise<Deno.Conn> {
  return secure ? await Deno.startTls(raw, { hostname: "127.0.0.1", caCerts }) : raw;
}
if (way === "save") {
  await ask("RETR big");
  const data = await dataOf();
  using file = await Deno.open(`${folder}/bare`, { write: true, create: true, truncate: true });
  for (let n; (n = await data.read(buffer)) !== null;) {
    for (let at = 0; at < n;) at += file.writeSync(buffer.subarray(at, n));
    bytes += n;
  }
  data.close();
  await reply();
} else if (way === "stream") {
  await ask("RETR big");
  for await (const chunk of (await dataOf()).readable) bytes += chunk.length;
  await reply();
} else {
  const data = raw;
  const megabyte = new Uint8Array(1_000_000);
  await ask("STOR up-bare");
  for (let i = 0; i < total; i++) {
    for (let at = 0; at < megabyte.length;) at += await data.write(megabyte.subarray(at));
  }
  data.close();
  await reply();
  bytes = Number((await ask("SIZE up-bare")).slice(4));
}
console.log(JSON.stringify({ count: bytes / 1e6, seconds: (performance.now() - started) / 1000 }));
await ask("QUIT");
control.close();
