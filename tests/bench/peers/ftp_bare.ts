/** One file over FTP by a loop on the bare API of Deno. */

const [amount = "", way, port] = Deno.args;
const total = Number(amount);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const control = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
control.setNoDelay(true);
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
await ask("USER ann");
await ask("PASS secret");
await ask("TYPE I");
const started = performance.now();
let bytes = 0;
const data = await Deno.connect({
  hostname: "127.0.0.1",
  port: Number(/\|(\d+)\|/.exec(await ask("EPSV"))![1]),
});
if (way === "ftp-down") {
  await ask("RETR big");
  for (let n; (n = await data.read(buffer)) !== null;) bytes += n;
  data.close();
  await reply();
} else {
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
