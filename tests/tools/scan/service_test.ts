/** `scan --service`: the table of services, against servers of this test and real ones. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { recordingIo } from "../../../tools/cli.ts";
import { main, scan, type ScannedService, type ScanResult } from "../../../tools/scan.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needs } from "../../_support/peers.ts";
import { freePorts } from "../../_support/ports.ts";

const hostname = "127.77.4.1";

/** A server that greets, and answers the first chunk of a client that contains a text. */
interface Script {
  greeting?: string;
  answers?: [request: string, reply: string][];
}

const latin1 = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0));

async function play(listener: Deno.Listener<Deno.Conn>, { greeting, answers = [] }: Script) {
  const talks: Promise<void>[] = [];
  const serve = async (conn: Deno.Conn) => {
    try {
      if (greeting !== undefined) await conn.write(latin1(greeting));
      const buffer = new Uint8Array(4096);
      for (let n; (n = await conn.read(buffer)) !== null;) {
        const text = String.fromCharCode(...buffer.subarray(0, n));
        const reply = answers.find(([request]) => text.includes(request))?.[1];
        if (reply !== undefined) await conn.write(latin1(reply));
        else if (greeting === undefined) break;
      }
    } catch {
      /* The scan has closed the connection. */
    } finally {
      conn.close();
    }
  };
  while (true) {
    try {
      talks.push(serve(await listener.accept()));
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) break;
    }
  }
  await Promise.all(talks);
}

async function identify(script: Script, options = {}): Promise<ScanResult> {
  const listener = Deno.listen({ hostname, port: 0, ...options });
  const playing = play(listener, script);
  try {
    const ports = [listener.addr.port];
    for await (const found of scan(hostname, { ports, service: true, timeout: 30_000 })) {
      return found;
    }
    throw new Error("no result");
  } finally {
    listener.close();
    await playing;
  }
}

const HTTP: Script = {
  answers: [[
    "GET / HTTP/1.1\r\nHost: 127.77.4.1\r\n",
    "HTTP/1.1 200 OK\r\nServer: own/1.0\x1b[2J\r\n\r\n<html><title>\n The\n page </title>",
  ]],
};
const MYSQL = "\x4a\0\0\0\x0a8.0.36\0" + "x".repeat(66);

const TABLE: readonly [Script, ScannedService | undefined][] = [
  [{ greeting: "SSH-2.0-OpenSSH_9.2p1 Debian\r\n" }, {
    protocol: "ssh",
    product: "OpenSSH_9.2p1 Debian",
  }],
  [{ greeting: "220 mx.test ESMTP Postfix\r\n" }, {
    protocol: "smtp",
    product: "mx.test ESMTP Postfix",
  }],
  [{ greeting: "220 (vsFTPd 3.0.3)\r\n" }, { protocol: "ftp", product: "(vsFTPd 3.0.3)" }],
  [{ greeting: "220 ready\r\n", answers: [["EHLO", "250 hello\r\n"]] }, {
    protocol: "smtp",
    product: "ready",
  }],
  [{ greeting: "220 ready\r\n", answers: [["EHLO", "500 unknown\r\n"]] }, {
    protocol: "ftp",
    product: "ready",
  }],
  [{ greeting: "* OK [CAPABILITY IMAP4rev1 IDLE] Dovecot ready.\r\n" }, {
    protocol: "imap",
    product: "Dovecot ready.",
  }],
  [{ greeting: "+OK Dovecot ready. <12.34@test>\r\n" }, {
    protocol: "pop3",
    product: "Dovecot ready.",
  }],
  [{ greeting: "200 news.test InterNetNews NNRP server INN 2.7.1 ready\r\n" }, {
    protocol: "nntp",
    product: "news.test InterNetNews NNRP server INN 2.7.1 ready",
  }],
  [{ greeting: "SSH-2.0-caf\xc3\xa9_\xff\r\n" }, { protocol: "ssh", product: "café_\ufffd" }],
  [{ greeting: "RFB 003.008\n" }, { protocol: "vnc", product: "003.008" }],
  [{ greeting: "\xff\xfd\x18\xff\xfd\x20\0" }, { protocol: "telnet" }],
  [{ greeting: MYSQL }, { protocol: "mysql", product: "8.0.36" }],
  [HTTP, { protocol: "http", product: "own/1.0\\x1B[2J", status: 200, title: "The page" }],
  [{ answers: [["PING", "+PONG\r\n$27\r\n# Server\r\nredis_version:7.0.15\r\n"]] }, {
    protocol: "redis",
    product: "7.0.15",
  }],
  [{ answers: [["PING", "-NOAUTH Authentication required.\r\n"]] }, { protocol: "redis" }],
  [{ answers: [["\x04\xd2\x16\x2f", "S"]] }, { protocol: "postgresql" }],
  [{ answers: [["\x0e\xe0", "\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\x02\0\0\0"]] }, {
    protocol: "rdp",
  }],
  [{
    answers: [[
      "version\x04bind",
      "\0\x34PS\x84\0\0\x01\0\x01\0\0\0\0\x07version\x04bind\0\0\x10\0\x03" +
      "\xc0\x0c\0\x10\0\x03\0\0\0\0\0\x07\x069.18.1",
    ]],
  }, { protocol: "dns", product: "9.18.1" }],
  [{ answers: [["version\r\n", "VERSION 1.6.18\r\n"]] }, {
    protocol: "memcached",
    product: "1.6.18",
  }],
  [{ greeting: "hello, I am new here\r\n" }, undefined],
];

Deno.test("each service of the table is recognized", async () => {
  await Promise.all(TABLE.map(async ([script, expected]) => {
    const { state, detected, banner } = await identify(script);
    assertEquals([state, detected], ["open", expected], JSON.stringify(script));
    if (expected === undefined) assertEquals(banner, "hello, I am new here");
  }));
});

Deno.test("a service inside of TLS is recognized, with the certificate", async () => {
  const { cert, key } = (await testCertificates()).good;
  const listener = Deno.listenTls({ hostname, port: 0, cert, key });
  const playing = play(listener, HTTP);
  const io = recordingIo();
  const port = `${listener.addr.port}`;
  assertEquals(await main([hostname, "-p", port, "--service", "--json"], io), 0);
  const found: ScanResult = JSON.parse(io.out);
  assertEquals([found.detected?.protocol, found.detected?.title], ["http", "The page"]);
  assertEquals(found.tls?.protocol, "TLSv1.3");
  assert(found.tls!.names!.includes("localhost"));
  const table = recordingIo();
  await main([hostname, "-p", port, "--service"], table);
  assertMatch(
    table.out,
    /^\d+ +open +[\d.]+ ms {2}https +127\.77\.4\.1\n {6}own\/1\.0[^\n]+"The page"\n {6}TLSv1\.3, /m,
  );
  listener.close();
  await playing;
});

Deno.test("an endless or silent server ends within the limits", async () => {
  const endless = await identify({ greeting: "x".repeat(200_000) });
  assertEquals([endless.detected, endless.banner?.length], [undefined, 200]);
  // The first line is empty, so the table has no line for it.
  const io = recordingIo();
  const blank = Deno.listen({ hostname, port: 0 });
  const playing = play(blank, { greeting: "\r\n" });
  const port = `${blank.addr.port}`;
  assertEquals(await main([hostname, "-p", port, "--service", "-t", "2s"], io), 0);
  assertMatch(io.out, new RegExp(`^PORT[^\\n]+\\n${port} +open [^\\n]+\\n1 open, 0 closed in `));
  blank.close();
  await playing;
  const costly = await identify({ greeting: `+OK ${"<".repeat(60_000)}\r\n` });
  assertEquals(costly.detected?.protocol, "pop3");
});

const redis = needs("redis-server");

Deno.test({
  name: `a real Redis is recognized${redis.suffix}`,
  ignore: redis.ignore,
  async fn() {
    const [port] = freePorts(1);
    const args = ["--bind", hostname, "--port", `${port}`, "--save", "", "--protected-mode", "no"];
    const options = { args, stdout: "null", stderr: "null" } as const;
    await using server = new Deno.Command("redis-server", options).spawn();
    let found: ScanResult | undefined;
    for (let i = 0; i < 100 && found?.state !== "open"; i++) {
      for await (found of scan(hostname, { ports: [port!], service: true }));
    }
    assertEquals(found?.detected?.protocol, "redis");
    assertMatch(found!.detected!.product!, /^\d+\.\d+/);
    server.kill("SIGKILL");
    await server.status;
  },
});
