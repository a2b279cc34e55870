/** An FTP server without files: it needs some milliseconds for each reply, as servers far away do. */

import { serveTcp } from "../../../net/tcp/server.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { delay } from "@std/async/delay";

const [files = "100", latency = "0"] = Deno.args;
const [amount, pause] = [Number(files), Number(latency)];
const content = new TextEncoder().encode("a line of a small file\r\n".repeat(20));
const listing = new TextEncoder().encode(
  Array.from(
    { length: amount },
    (_, i) => `type=file;size=${content.length};modify=20260101000000; f${i}\r\n`,
  ).join(""),
);

async function serve(conn: Connection): Promise<void> {
  let listener: Deno.TcpListener | undefined;
  const say = async (text: string) => {
    if (pause > 0) await delay(pause);
    await conn.write(`${text}\r\n`);
  };
  const transfer = async (work: (data: Deno.Conn) => Promise<unknown>) => {
    await say("150 here");
    using data = await listener!.accept();
    await work(data);
    listener!.close();
    listener = undefined;
  };
  await say("220 ready");
  for (let line; (line = await conn.readLine()) !== null;) {
    switch (line.slice(0, 4)) {
      case "USER":
        await say("230 in");
        break;
      case "FEAT":
        await say("211-x\r\n MLST type*;size*;modify*;\r\n211 end");
        break;
      case "EPSV":
        listener?.close();
        listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        await say(`229 (|||${listener.addr.port}|)`);
        break;
      case "MLSD":
        await transfer(async (data) => {
          for (let at = 0; at < listing.length;) at += await data.write(listing.subarray(at));
        });
        await say("226 done");
        break;
      case "RETR":
        await transfer((data) => data.write(content));
        await say("226 done");
        break;
      case "STOR":
        await transfer(async (data) => {
          const buffer = new Uint8Array(65_536);
          while (await data.read(buffer) !== null);
        });
        await say("226 done");
        break;
      case "RNFR":
        await say("350 and now");
        break;
      case "QUIT":
        return await say("221 bye");
      default:
        await say("200 ok");
    }
  }
}

await using server = serveTcp({ maxConnections: 100 }, serve);
console.log(`listening on ftp://127.0.0.1:${server.addr.port}`);
await server.finished;
