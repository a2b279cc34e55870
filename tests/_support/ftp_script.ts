/** A scripted FTP server. @module */

import type { Connection } from "../../net/connection/connection.ts";
import type { ConnectFtpOptions } from "../../net/ftp/client.ts";
import { type Answer, type LineServer, lineServer } from "./line_server.ts";

/** Options for a server without TLS. */
export const PLAIN: ConnectFtpOptions = { tls: "none", allowPlaintextLogin: true, timeout: 2000 };
/** Reads a file as text. */
export function textOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  return new Response(stream).text();
}

/** A server whose data connections are served by `data`. */
export function fileServer(
  data: (conn: Deno.Conn, command: string) => Promise<void>,
  overrides: Record<string, Answer> = {},
  done = "226 done\r\n",
): LineServer {
  /** The listener of each session, and the data connection that will come. */
  const offers = new Map<Connection, { listener: Deno.TcpListener; data: Promise<Deno.Conn> }>();
  const transfer: Answer = async (line, conn) => {
    await conn.write("150 here it comes\r\n");
    using other = await offers.get(conn)!.data;
    await data(other, line);
    return done;
  };
  const all: Promise<Deno.Conn>[] = [];
  const offer = (conn: Connection) => {
    offers.get(conn)?.listener.close();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const data = listener.accept();
    data.catch(() => {});
    offers.set(conn, { listener, data });
    all.push(data);
    return listener.addr.port;
  };
  const answers: Record<string, Answer> = {
    USER: () => "331 password\r\n",
    PASS: (line) =>
      line === "PASS secret" || line === "PASS anonymous@" ? "230 in\r\n" : "530 no\r\n",
    FEAT: () => "211-Features\r\n UTF8\r\n MLST type*;size*;\r\n211 End\r\n",
    EPSV: (_, conn) => `229 Entering (|||${offer(conn)}|)\r\n`,
    PASV: (_, conn) => {
      const port = offer(conn);
      return `227 Entering (127,0,0,1,${port >> 8},${port & 255})\r\n`;
    },
    MLSD: transfer,
    LIST: transfer,
    RETR: transfer,
    STOR: transfer,
    APPE: transfer,
    REST: () => "350 go on\r\n",
    RNFR: () => "350 go on\r\n",
    SIZE: () => "213 5\r\n",
    MDTM: () => "213 20261123093000\r\n",
    PWD: () => '257 "/a ""b""" is it\r\n',
    DELE: (line) => line.includes("none") ? "550 no such file\r\n" : "250 gone\r\n",
    QUIT: () => "221 bye\r\n",
    ...overrides,
  };
  const server = lineServer("220-hello\r\n220 ready\r\n", (line, conn) => {
    const answer = answers[line.split(" ")[0]!];
    return answer === undefined ? "200 ok\r\n" : answer(line, conn);
  });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      for (const { listener } of offers.values()) listener.close();
      for (const one of all) await one.then((conn) => conn.close()).catch(() => {});
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Sends words over a data connection. */
export function say(words: string): (conn: Deno.Conn) => Promise<void> {
  return async (conn) => void await conn.write(new TextEncoder().encode(words));
}
