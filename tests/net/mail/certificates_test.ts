/** The options of TLS that the clients of mail and FTP share, with the smallest servers that will do. */

import { assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectFtp } from "../../../net/ftp/client.ts";
import { connectImap } from "../../../net/imap/client.ts";
import type { MailClientOptions } from "../../../net/mail/options.ts";
import { createPool } from "../../../net/pool/pool.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { upgradeTlsServer, type UpgradeTlsServerOptions } from "../../../net/tls/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { writeCertificate } from "../../_support/x509_writer.ts";

// As `openssl req -x509` makes them: a server that is its own authority.
const own = await writeCertificate({ cn: "x", names: [{ dns: "localhost" }], ca: true });
const other = await writeCertificate({ cn: "other" });
const certs = await testCertificates();
const serving: UpgradeTlsServerOptions = {
  cert: own.pem,
  key: own.key,
  clientAuth: "request",
  clientCa: [certs.ca],
};

/** A client, and what its server says. */
interface Case {
  readonly connect: (options: MailClientOptions) => Promise<{ close(): Promise<void> }>;
  readonly greeting: string;
  readonly starttls: RegExp;
  /** Answers a line. */
  readonly answer: (line: string) => string;
}

const CASES: Readonly<Record<string, Case>> = {
  IMAP: {
    connect: connectImap,
    greeting: "* OK hello\r\n",
    starttls: /STARTTLS/i,
    answer: (line) => {
      const [tag, command = ""] = line.split(" ");
      const capability = /CAPABILITY/i.test(command) ? "* CAPABILITY IMAP4rev1 STARTTLS\r\n" : "";
      return `${capability}${tag} OK done\r\n`;
    },
  },
  POP3: {
    connect: connectPop3,
    greeting: "+OK hello\r\n",
    starttls: /^STLS/i,
    answer: (line) => /^CAPA/i.test(line) ? "+OK\r\nSTLS\r\nUSER\r\n.\r\n" : "+OK\r\n",
  },
  SMTP: {
    connect: connectSmtp,
    greeting: "220 hello\r\n",
    starttls: /^STARTTLS/i,
    answer: (line) => /^EHLO/i.test(line) ? "250-hello\r\n250 STARTTLS\r\n" : "250 ok\r\n",
  },
  FTP: {
    connect: connectFtp,
    greeting: "220 hello\r\n",
    starttls: /^AUTH TLS/i,
    answer: (line) => {
      if (/^FEAT/i.test(line)) return "211-features\r\n AUTH TLS\r\n211 end\r\n";
      return /^AUTH/i.test(line)
        ? "234 begin\r\n"
        : /^USER/i.test(line)
        ? "230 in\r\n"
        : "200 ok\r\n";
    },
  },
};

/** Starts a server that notes the names of the clients' certificates. */
function serve({ greeting, starttls, answer }: Case, implicit: boolean) {
  const seen: (string | undefined)[] = [];
  const speak = async (conn: Connection) => {
    if (implicit) seen.push(conn.tls?.peerCertificate?.commonName);
    await conn.write(greeting);
    for await (const line of conn.lines()) {
      await conn.write(answer(line));
      if (!starttls.test(line)) continue;
      await upgradeTlsServer(conn, serving);
      seen.push(conn.tls?.peerCertificate?.commonName);
    }
  };
  const server = implicit ? serveTls({ ...serving, engine: "node" }, speak) : serveTcp({}, speak);
  return { server, seen };
}

for (const [name, row] of Object.entries(CASES)) {
  for (const tls of ["implicit", "starttls"] as const) {
    Deno.test(`${name}, ${tls}: pins, self-signed certificates, client certificates`, async () => {
      const { server, seen } = serve(row, tls === "implicit");
      await using _server = server;
      const dial = { hostname: "127.0.0.1", port: server.addr.port, tls, serverName: "localhost" };
      const { cert, key } = certs.client;
      for (
        const trust of [
          { pin: own.pin },
          { caCerts: [own.pem] },
          { pin: [other.pin, own.pin], cert, key, minVersion: "TLSv1.3" as const },
        ]
      ) {
        const client = await row.connect({ ...dial, ...trust });
        await client.close();
      }
      assertEquals(seen, [undefined, undefined, "test client"]);
      for (
        const [trust, reason] of [[{ pin: other.pin }, "pin"], [{}, "bad-certificate"]] as const
      ) {
        const error = await assertRejects(() => row.connect({ ...dial, ...trust }), NetError);
        assertEquals([error.kind, error.tls], ["tls", reason], error.message);
      }
      await assertRejects(() => row.connect({ ...dial, cert }), TypeError, "cert and key");
    });
  }
}

Deno.test("a pool keeps the connections of different pins apart", async () => {
  await using server = serveTls({ cert: own.pem, key: own.key }, async (conn) => {
    await conn.readLine();
  });
  await using pool = createPool();
  const target = { port: server.addr.port, tls: true } as const;
  {
    await using _lease = await pool.acquire({ ...target, pin: own.pin });
  }
  const error = await assertRejects(() => pool.acquire({ ...target, pin: other.pin }), NetError);
  assertEquals(error.tls, "pin");
});
