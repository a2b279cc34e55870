/** The time limits of the phases (RFC 5321 §4.5.3.2). */

import { assertEquals, assertRejects } from "@std/assert";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import type { ConnectSmtpOptions, SmtpTimeouts } from "../../../net/smtp/options.ts";
import { SmtpPool } from "../../../net/smtp/pool.ts";
import { type Answer, lineServer } from "../../_support/line_server.ts";
import { ENVELOPE, PLAIN, post } from "../../_support/smtp_server.ts";

const MINUTE = 60_000;

Deno.test("the time limits are the minima of RFC 5321, and timeout replaces all but the last", async () => {
  const five = { greeting: 5, ehlo: 5, mail: 5, rcpt: 5 };
  const one = { greeting: 1, ehlo: 1, mail: 1, rcpt: 1, data: 1, block: 1 };
  const rows: [ConnectSmtpOptions, Record<keyof SmtpTimeouts, number>][] = [
    [{}, { ...five, data: 2, block: 3, final: 10 }],
    [{ timeout: MINUTE }, { ...one, final: 10 }],
    [{ timeout: MINUTE, timeouts: { data: 7 * MINUTE, final: 8 * MINUTE } }, {
      ...one,
      ...{ data: 7, final: 8 },
    }],
    [{ finalTimeout: MINUTE, timeouts: { rcpt: 0 } }, {
      ...five,
      ...{ rcpt: 0, data: 2, block: 3, final: 1 },
    }],
  ];
  await using server = post();
  for (const [options, minutes] of rows) {
    await using mail = await connectSmtp({ ...options, tls: "none", port: server.port });
    const times = Object.entries(minutes).map(([phase, time]) => [phase, time * MINUTE]);
    assertEquals(mail.timeouts, Object.fromEntries(times));
  }
});

/** A limit that passes soon, and is found in the message of the error. */
const SHORT = 57;

/** Reads, and says nothing. */
const nothing: Answer = async (_, conn) => {
  while (await conn.readLine() !== null);
  return undefined;
};

/** A server that is silent in one phase. */
const silent = (phase: string) => {
  if (phase === "greeting") return lineServer("", nothing);
  if (phase !== "final") return post({ [phase.toUpperCase()]: nothing });
  return post({
    DATA: async (line, conn) => {
      await conn.write("354 go on\r\n");
      return await nothing(line, conn);
    },
  });
};

for (const phase of ["greeting", "ehlo", "mail", "rcpt", "data", "final"] as const) {
  Deno.test(`timeouts.${phase} limits its phase alone, alone and in a group of commands`, async () => {
    for (const isPipelined of [true, false]) {
      await using server = silent(phase);
      const { timeout: _, ...plain } = PLAIN;
      const options = { ...plain, port: server.port, timeouts: { [phase]: SHORT } };
      const late = await assertRejects(async () => {
        await using mail = await connectSmtp(options);
        if (!isPipelined) (mail.extensions as Map<string, unknown>).delete("PIPELINING");
        await mail.send(ENVELOPE, "x");
      }, NetError);
      assertEquals([late.kind, late.message.endsWith(`within ${SHORT} ms`)], ["timeout", true]);
    }
  });
}

Deno.test("timeouts.block limits a server that takes nothing, and the reply to a chunk", async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
  await using stalled = post({
    DATA: async (_, conn) => {
      await conn.write("354 go on\r\n");
      return await ended;
    },
  }, ["8BITMIME"]);
  const { timeout: __, ...plain } = PLAIN;
  const limits = { ...plain, timeouts: { block: SHORT } };
  await using mail = await connectSmtp({ ...limits, port: stalled.port });
  const late = await assertRejects(
    () => mail.send(ENVELOPE, "x".repeat(16 * 1024 * 1024)),
    NetError,
  );
  assertEquals([late.kind, late.message.endsWith(`nothing for ${SHORT} ms`)], ["timeout", true]);
  end(undefined);
  const [near, far] = memoryPair();
  await using _ = far;
  const speak = async () => {
    const replies = ["220 hi", "250-x\r\n250 CHUNKING", "250 ok", "250 ok"];
    for (const reply of replies) {
      await far.write(`${reply}\r\n`);
      await far.readLine();
    }
    for await (const _ of far) { /* The chunk is never answered. */ }
  };
  const speaking = speak();
  {
    await using mail = await connectSmtp({ ...limits, connection: near });
    const text = ReadableStream.from([new Uint8Array(2 * 1024 * 1024).fill(97)]);
    const late = await assertRejects(
      () => mail.send(ENVELOPE, text, { transfer: "chunks" }),
      NetError,
    );
    assertEquals([late.kind, late.message.endsWith(`within ${SHORT} ms`)], ["timeout", true]);
  }
  await speaking.catch(() => {});
});

Deno.test("timeouts are checked, and a pool takes them", async () => {
  await assertRejects(
    () => connectSmtp({ timeouts: { rcpt: -1 } }),
    RangeError,
    "timeouts.rcpt",
  );
  await assertRejects(() => connectSmtp({ timeouts: { helo: 1 } as never }), TypeError, "helo");
  await using server = silent("rcpt");
  const { timeout: _, ...plain } = PLAIN;
  await using pool = new SmtpPool({ ...plain, port: server.port, timeouts: { rcpt: SHORT } });
  assertEquals((await assertRejects(() => pool.send(ENVELOPE, "x"), NetError)).kind, "timeout");
});
