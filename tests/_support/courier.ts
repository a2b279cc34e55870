/** The maildrop server of Courier on loopback, behind a login of our own. @module */

import type { Connection } from "../../net/connection/connection.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import { serveTls } from "../../net/tls/server.ts";
import { upgradeTlsServer } from "../../net/tls/upgrade.ts";
import { testCertificates } from "./certificates.ts";
import { type Availability, findProgram, needs } from "./peers.ts";

/** Says whether there is one, installed or unpacked: `couriertcpd` is of the same package. */
export function needsCourierPop(): Availability {
  return needs("couriertcpd");
}

/** A running server; the user `ann` has the password `secret`. */
export interface CourierPop extends AsyncDisposable {
  /** The port without encryption, and for STLS. */
  readonly pop3: number;
  readonly pop3s: number;
  /** Puts a message into the maildrop. */
  deliver(message: string): Promise<void>;
  /** The number of messages in the maildrop. */
  count(): number;
}

/**
 * Starts one. Courier's own login needs a daemon with fixed paths. Therefore this one speaks until the
 * password, and runs Courier's server for all that follows.
 */
export async function startCourierPop(): Promise<CourierPop> {
  const home = await Deno.makeTempDir({ prefix: "portside-courier." });
  for (const part of ["", "/new", "/cur", "/tmp"]) await Deno.mkdir(`${home}/Maildir${part}`);
  const { good } = await testCertificates();
  const session = (conn: Connection) => login(conn, home);
  const plain = serveTcp({}, session);
  const encrypted = serveTls({ ...good }, session);
  let count = 0;
  return {
    pop3: plain.addr.port,
    pop3s: encrypted.addr.port,
    deliver: (message) => Deno.writeTextFile(`${home}/Maildir/new/${++count}.portside`, message),
    count: () =>
      ["new", "cur"].reduce(
        (sum, part) => sum + [...Deno.readDirSync(`${home}/Maildir/${part}`)].length,
        0,
      ),
    async [Symbol.asyncDispose]() {
      await plain[Symbol.asyncDispose]();
      await encrypted[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** Speaks as Courier does before the password. */
async function login(conn: Connection, home: string): Promise<void> {
  let utf8 = "0";
  await conn.write("+OK Hello there.\r\n");
  for (let line; (line = await conn.readLine()) !== null;) {
    if (line === "CAPA") {
      const stls = conn.tls === undefined ? "STLS\r\n" : "";
      await conn.write(`+OK Here's what I can do:\r\n${stls}TOP\r\nUSER\r\nUTF8 USER\r\n.\r\n`);
    } else if (line === "STLS") {
      await conn.write("+OK Begin SSL/TLS negotiation now.\r\n");
      await upgradeTlsServer(conn, (await testCertificates()).good);
    } else if (line === "UTF8") {
      utf8 = "1";
      await conn.write("+OK UTF8 enabled\r\n");
    } else if (line === "PASS secret") return await maildrop(conn, home, utf8);
    else {await conn.write(
        line === "USER ann" ? "+OK Password required.\r\n" : "-ERR Login failed.\r\n",
      );}
  }
}

/** Runs Courier's server on a connection. */
async function maildrop(conn: Connection, home: string, utf8: string): Promise<void> {
  // An unpacked package has its libraries beside it.
  const root = findProgram("couriertcpd")!.replace(/\/usr\/sbin\/couriertcpd$/, "");
  const libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
  const child = new Deno.Command(`${root}/usr/lib/courier/courier/courierpop3d`, {
    args: ["Maildir"],
    cwd: home,
    env: {
      AUTHENTICATED: "ann",
      MAILDIR: "Maildir",
      TCPREMOTEIP: "127.0.0.1",
      UTF8: utf8,
      LD_LIBRARY_PATH: libraries.map((folder) => root + folder).join(":"),
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = child.stdin.getWriter();
  const upload = (async () => {
    try {
      for (let chunk; (chunk = await conn.readChunk()) !== null;) await input.write(chunk);
    } catch { /* One of the two has ended the session. */ }
    await input.close().catch(() => {});
  })();
  for await (const chunk of child.stdout) await conn.write(chunk);
  await child.status;
  await conn.close();
  await upload;
}
