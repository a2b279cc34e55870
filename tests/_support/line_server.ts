/** A server that speaks a script of lines, for the clients of mail and FTP. @module */

import { serveTcp } from "../../net/tcp/server.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { upgradeTlsServer } from "../../net/tls/upgrade.ts";
import { testCertificates } from "./certificates.ts";

/** Answers a line: text to send as it is, undefined to end the connection. */
export type Answer = (
  line: string,
  conn: Connection,
) => Promise<string | undefined> | string | undefined;

/** A running server. */
export interface LineServer extends AsyncDisposable {
  readonly port: number;
  /** The lines that came. */
  readonly heard: string[];
}

/** Starts one: says the greeting, unless it is empty, then answers each line. */
export function lineServer(greeting: string | (() => string), answer: Answer): LineServer {
  const heard: string[] = [];
  const server = serveTcp({}, async (conn) => {
    const first = typeof greeting === "string" ? greeting : greeting();
    if (first !== "") await conn.write(first);
    for (let line; (line = await conn.readLine()) !== null;) {
      heard.push(line);
      const text = await answer(line, conn);
      if (text === undefined) return;
      if (text !== "") await conn.write(text);
    }
  });
  return {
    port: server.addr.port,
    heard,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Says that TLS may begin, and begins it. */
export async function beginTls(conn: Connection, text: string): Promise<string> {
  await conn.write(text);
  await upgradeTlsServer(conn, (await testCertificates()).good);
  return "";
}
