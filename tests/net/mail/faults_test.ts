/** FTP, SMTP, POP3 and IMAP over networks that break, by way of the fault proxy. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import { connectFtp } from "../../../net/ftp/client.ts";
import type { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectImap } from "../../../net/imap/client.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { type NetworkFaults, serveFaultProxy } from "../../../tools/fault_proxy.ts";
import { type LineServer, lineServer } from "../../_support/line_server.ts";
import { post } from "../../_support/smtp_server.ts";

const PLAIN = {
  tls: "none",
  allowPlaintextLogin: true,
  username: "ann",
  password: "secret",
} as const;
const TEXT = "Subject: hi\r\n\r\n..two\r\nthe end\r\n";

/** How each client connects. */
const CONNECT = { ftp: connectFtp, smtp: connectSmtp, pop3: connectPop3, imap: connectImap };

/** What a protocol is tried with: a server, and a visit that gives what it has seen. */
interface Trial {
  serve(): LineServer;
  visit(port: number, timeout: number): Promise<unknown>;
  readonly seen: unknown;
}

const read = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(stream).text();

const TRIALS: Record<string, Trial> = {
  ftp: {
    serve: () =>
      lineServer(
        "220-hi\r\n220 ready\r\n",
        (line) =>
          line.startsWith("USER")
            ? "331 go on\r\n"
            : line.startsWith("PASS")
            ? "230 in\r\n"
            : line === "FEAT"
            ? "211-x\r\n UTF8\r\n211 end\r\n"
            : line.startsWith("SIZE")
            ? "213 5\r\n"
            : "200 ok\r\n",
      ),
    async visit(port, timeout) {
      await using ftp = await connectFtp({ ...PLAIN, port, timeout });
      return await ftp.size("a");
    },
    seen: 5,
  },
  smtp: {
    serve: () => post(),
    async visit(port, timeout) {
      const { username: _, password: __, ...nobody } = PLAIN;
      await using mail = await connectSmtp({ ...nobody, port, timeout });
      const to = ["a@b.test", "nobody@b.test"];
      const { accepted, rejected } = await mail.send({ from: "", to }, TEXT);
      return [...accepted, ...rejected.map(({ error }) => (error as ReplyError).enhanced)];
    },
    seen: ["a@b.test", "5.1.1"],
  },
  pop3: {
    serve: () =>
      lineServer(
        "+OK hi\r\n",
        (line) =>
          line === "CAPA"
            ? "+OK\r\nUSER\r\n.\r\n"
            : line === "RETR 1"
            ? `+OK\r\n${TEXT.replace("\r\n..", "\r\n...")}.\r\n`
            : "+OK 1 9\r\n",
      ),
    async visit(port, timeout) {
      await using mail = await connectPop3({ ...PLAIN, port, timeout });
      return [(await mail.stat()).count, await read(await mail.retrieve(1))];
    },
    seen: [1, TEXT],
  },
  imap: {
    serve: () =>
      lineServer("* OK hi\r\n", (line) => {
        const [tag, verb] = line.split(" ");
        const data = verb === "CAPABILITY"
          ? "* CAPABILITY IMAP4rev1\r\n"
          : verb === "UID"
          ? `* 1 FETCH (UID 7 BODY[] {${TEXT.length}}\r\n${TEXT} FLAGS (\\Seen))\r\n`
          : "";
        return `${data}${tag} OK done\r\n`;
      }),
    async visit(port, timeout) {
      await using mail = await connectImap({ ...PLAIN, port, timeout });
      return await read(await mail.message(7));
    },
    seen: TEXT,
  },
};

for (const name of Object.keys(CONNECT) as (keyof typeof CONNECT)[]) {
  Deno.test(`${name}: with keepAlive NOOP is said whenever nothing else is, until the end`, async () => {
    await using server = TRIALS[name]!.serve();
    const noops = () => server.heard.filter((line) => line.endsWith("NOOP")).length;
    const { username: _, password: __, ...nobody } = PLAIN;
    const options = { ...nobody, port: server.port, timeout: 30_000 };
    await using silent = await CONNECT[name](options);
    // Longer than any timer of the system can be, which would fire at once.
    await using patient = await CONNECT[name]({ ...options, keepAlive: 2 ** 31 });
    await delay(30);
    assertEquals(noops(), 0);
    await using mail = await CONNECT[name]({ ...options, keepAlive: 20 });
    const end = performance.now() + 5000;
    while (noops() < 3 && performance.now() < end) await delay(10);
    assert(noops() >= 3 && silent.open && patient.open && mail.open, server.heard.join("\n"));
    await mail[Symbol.asyncDispose]();
    const said = noops();
    await delay(60);
    assertEquals(noops(), said);
    await assertRejects(
      () => CONNECT[name]({ ...options, keepAlive: -1 }),
      RangeError,
      "keepAlive",
    );
  });
}

for (const [name, { serve, visit, seen }] of Object.entries(TRIALS)) {
  const through = async (
    server: LineServer,
    faults: { download?: NetworkFaults; upload?: NetworkFaults },
    timeout: number,
  ) => {
    const to = { hostname: "127.0.0.1", port: server.port };
    let bytes = 0;
    const proxy = await serveFaultProxy({
      to,
      ...faults,
      onEvent: (event) => {
        if (event.type === "close") bytes = event.downloaded;
      },
    });
    const inTime = new AbortController();
    const late = delay(10_000, inTime).then(() => new Error("it hangs"));
    const result = await Promise.race([visit(proxy.addr.port, timeout), late])
      .catch((error: unknown) => error);
    inTime.abort();
    await late.catch(() => {});
    await proxy.shutdown();
    return { result, bytes };
  };

  Deno.test(`${name}: single bytes, late and in both directions, change nothing`, async () => {
    await using server = serve();
    const faults = { chunkSize: 1, latency: 5, jitter: 5 };
    const { result } = await through(server, { download: faults, upload: faults }, 10_000);
    assertEquals(result, seen);
  });

  Deno.test(`${name}: wherever the line is cut, it is an error in time, or all was there`, async () => {
    await using server = serve();
    const { bytes } = await through(server, {}, 5000);
    assert(bytes > 50, `${bytes}`);
    let whole = 0;
    for (const fault of ["truncateAfter", "resetAfter"] as const) {
      for (let at = 0; at < bytes; at += 7) {
        const { result } = await through(server, { download: { [fault]: at } }, 5000);
        if (!(result instanceof Error)) {
          assertEquals(result, seen, `${fault} ${at}`);
          whole++;
          continue;
        }
        const kind = result instanceof NetError ? result.kind : `${result}`;
        assert(["truncated", "reset", "closed"].includes(kind), `${fault} ${at}: ${kind}`);
      }
    }
    // Only the farewell may be missing.
    assert(whole < 16, `${whole}`);
  });

  Deno.test(`${name}: a line that falls silent is given up in time`, async () => {
    await using server = serve();
    for (const at of [0, 3, 40]) {
      const { result } = await through(server, { download: { stallAfter: at } }, 150);
      assertEquals(result instanceof NetError && result.kind, "timeout", `${at}: ${result}`);
    }
  });
}
