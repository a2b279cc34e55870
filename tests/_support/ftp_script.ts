/** A scripted FTP server. @module */

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
  let listener: Deno.TcpListener | undefined;
  let offered: Promise<Deno.Conn> | undefined;
  const transfer: Answer = async (line, conn) => {
    await conn.write("150 here it comes\r\n");
    using other = await offered!;
    await data(other, line);
    return done;
  };
  const all: Promise<Deno.Conn>[] = [];
  const offer = () => {
    listener?.close();
    listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    offered = listener.accept();
    offered.catch(() => {});
    all.push(offered);
    return listener.addr.port;
  };
  const answers: Record<string, Answer> = {
    USER: () => "331 password\r\n",
    PASS: (line) =>
      line === "PASS secret" || line === "PASS anonymous@" ? "230 in\r\n" : "530 no\r\n",
    FEAT: () => "211-Features\r\n UTF8\r\n MLST type*;size*;\r\n211 End\r\n",
    EPSV: () => `229 Entering (|||${offer()}|)\r\n`,
    PASV: () => {
      const port = offer();
      return `227 Entering (127,0,0,1,${port >> 8},${port & 255})\r\n`;
    },
    MLSD: transfer,
    LIST: transfer,
    RETR: transfer,
    STOR: transfer,
    APPE: transfer,
    REST: () => "350 go on\r\n",
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
      listener?.close();
      for (const one of all) await one.then((conn) => conn.close()).catch(() => {});
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Sends words over a data connection. */
export function say(words: string): (conn: Deno.Conn) => Promise<void> {
  return async (conn) => void await conn.write(new TextEncoder().encode(words));
}
