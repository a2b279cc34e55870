/** Limits of recipients, connections and time, and sessions that end within a message. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { SmtpPool } from "../../../net/smtp/pool.ts";
import { SmtpRecipientsError } from "../../../net/smtp/options.ts";
import type { Answer } from "../../_support/line_server.ts";
import { type Script, type ScriptServer, scriptServer } from "../../_support/smtp_script.ts";
import { ENVELOPE, PLAIN, post } from "../../_support/smtp_server.ts";

const people = (count: number) => Array.from({ length: count }, (_, i) => `u${i}@b.test`);

/** Accepts so many recipients for each message. */
const atMost = (most: number): Script => ({
  RCPT: (taken) => taken < most ? "250 ok" : "452 4.5.3 too many",
});

/** Says how often each recipient got the message. */
function copies({ delivered }: ScriptServer): number[] {
  const counts = new Map<string, number>();
  for (const one of delivered.flatMap(({ to }) => to)) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts.values()];
}

const rcpts = ({ heard }: ScriptServer) => heard.filter((line) => line.startsWith("RCPT")).length;

Deno.test("1,000 recipients at a server that takes 100: each gets the message once", async () => {
  for (const make of ["client", "pool"] as const) {
    await using server = scriptServer(atMost(100));
    await using mail = make === "client"
      ? await connectSmtp({ ...PLAIN, port: server.port })
      : new SmtpPool({ ...PLAIN, port: server.port, maxAttempts: 1 });
    const to = people(1000);
    const { accepted, rejected, text } = await mail.send({ from: "", to }, "x");
    assertEquals([accepted, rejected.length], [to, 0]);
    assertEquals(copies(server), Array.from({ length: 1000 }, () => 1));
    assertEquals([server.delivered.length, text.split("\n").length], [10, 10]);
    // The limit is known after the first message, so only one group of recipients is refused.
    assertEquals(rcpts(server), 1100);
  }
});

Deno.test("whatever the server says to each recipient, the result is exact", async () => {
  const kinds = {
    ok: "250 ok",
    no: "571 5.7.1 no",
    busy: "450 later",
    full: "552 5.2.2 full",
  } as const;
  const kind = fc.constantFrom(...Object.keys(kinds) as (keyof typeof kinds)[]);
  const cases = fc.tuple(
    fc.array(kind, { minLength: 1, maxLength: 60 }),
    fc.integer({ min: 1, max: 9 }),
  );
  await fc.assert(
    fc.asyncProperty(cases, fc.boolean(), async ([list, most], isPipelined) => {
      const to = list.map((kind, i) => `${kind}-${i}@b.test`);
      const refusals = Object.entries(kinds).slice(1)
        .map(([kind, reply]) => [`RCPT TO:<${kind}-`, reply]);
      await using server = scriptServer({
        EHLO: isPipelined ? "250-x\n250 PIPELINING" : "250 x",
        ...Object.fromEntries(refusals),
        ...atMost(most),
      });
      await using mail = await connectSmtp({ ...PLAIN, port: server.port });
      const sent = await mail.send({ from: "", to }, "x").catch((error) => {
        assert(error instanceof SmtpRecipientsError);
        return { accepted: [], rejected: error.rejected };
      });
      const good = to.filter((one) => one.startsWith("ok"));
      assertEquals(sent.accepted, good);
      assertEquals(server.delivered.flatMap(({ to }) => to), good);
      const codes = sent.rejected.map(({ address, error }) => `${address} ${error.code}`);
      const bad = to.filter((one) => !one.startsWith("ok"))
        .map((one) => `${one} ${kinds[one.split("-")[0] as keyof typeof kinds].slice(0, 3)}`);
      assertEquals(codes.toSorted(), bad.toSorted());
      await mail.noop();
    }),
    { numRuns: 40 },
  );
});

Deno.test("maxRecipients and RCPTMAX divide a message before the server must", async () => {
  for (
    const [maxRecipients, ehlo] of [[2, "250 x"], [
      Infinity,
      "250-x\n250 LIMITS RCPTMAX=2",
    ]] as const
  ) {
    await using server = scriptServer({ EHLO: ehlo, ...atMost(2) });
    await using mail = await connectSmtp({ ...PLAIN, port: server.port, maxRecipients });
    const { accepted } = await mail.send({ from: "", to: people(5) }, "x");
    assertEquals([accepted.length, rcpts(server)], [5, 5]);
    assertEquals(server.delivered.map(({ to }) => to.length), [2, 2, 1]);
  }
});

Deno.test("a stream is sent once: recipients above the limit are rejected for now", async () => {
  await using server = scriptServer(atMost(2));
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const { accepted, rejected } = await mail.send(
    { from: "", to: people(4) },
    new Response("x").body!,
  );
  assertEquals([accepted.length, server.delivered.length], [2, 1]);
  assertEquals(rejected.map(({ error, sent }) => [error.code, error.retryable, sent]), [
    ["452", true, "no"],
    ["452", true, "no"],
  ]);
});

Deno.test("recipients that the server never takes end the transactions", async () => {
  await using server = scriptServer({
    RCPT: (taken) => taken === 0 ? "552 5.5.3 too many today" : "250 ok",
  });
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const error = await assertRejects(
    () => mail.send({ from: "", to: people(3) }, "x"),
    SmtpRecipientsError,
  );
  assertEquals([error.retryable, error.rejected.length, rcpts(server)], [true, 3, 3]);
});

Deno.test("a session that ends between two transactions does not hide who has the message", async () => {
  const script: Script = { ...atMost(2), MAIL: ["250 ok", "421 4.7.0 too much", "250 ok"] };
  await using server = scriptServer(script);
  await using mail = await connectSmtp({ ...PLAIN, port: server.port });
  const { accepted, rejected } = await mail.send({ from: "", to: people(3) }, "x");
  assertEquals(accepted, ["u0@b.test", "u1@b.test"]);
  assertEquals(rejected.map(({ error, sent }) => [error.code, error.retryable, sent]), [
    ["421", true, "no"],
  ]);
  assertEquals(mail.open, false);
  // A pool goes on over another session, and this is no failed try.
  await using other = scriptServer(script);
  await using pool = new SmtpPool({ ...PLAIN, port: other.port, maxAttempts: 1 });
  assertEquals((await pool.send({ from: "", to: people(3) }, "x")).accepted.length, 3);
  assertEquals(copies(other), [1, 1, 1]);
});

Deno.test("a recipient that may have the message does not get it again", async () => {
  // The connection ends after the second message was sent.
  await using server = scriptServer({ ...atMost(2), ".": ["250 ok", null, "250 ok"] });
  await using pool = new SmtpPool({ ...PLAIN, port: server.port, minTimeout: 1 });
  const { accepted, rejected } = await pool.send({ from: "", to: people(3) }, "x");
  assertEquals([accepted.length, rejected.length], [2, 1]);
  assertEquals([rejected[0]!.sent, rejected[0]!.error.kind], ["maybe", "truncated"]);
  assertEquals(server.delivered.length, 1);
});

Deno.test("the reply to a message has a time limit of its own", async () => {
  const { promise: held, resolve: go } = Promise.withResolvers<void>();
  const data: Answer = async (_, conn) => {
    await conn.write("354 go on\r\n");
    for (let line; (line = await conn.readLine()) !== null && line !== ".";);
    await held;
    return "250 ok\r\n";
  };
  await using server = post({ DATA: data, NOOP: () => "" });
  const limits = { ...PLAIN, port: server.port, timeout: 200 };
  await using patient = await connectSmtp({ ...limits, timeouts: { final: 30_000 } });
  await using hasty = await connectSmtp({ ...limits, finalTimeout: 200 });
  const sending = patient.send(ENVELOPE, "x");
  const error = await assertRejects(() => hasty.send(ENVELOPE, "x"), NetError);
  assertEquals([error.kind, hasty.midway, hasty.open], ["timeout", true, false]);
  // The other limit has passed as well by now.
  await using third = await connectSmtp(limits);
  assertEquals((await assertRejects(() => third.noop(), NetError)).kind, "timeout");
  go();
  assertEquals((await sending).accepted, ENVELOPE.to);
});

Deno.test("a server that goes within a message is asked for its reason", async () => {
  const data: Answer = async (_, conn) => {
    await conn.write("354 go on\r\n");
    await conn.readLine();
    await conn.write("421 4.3.0 out of memory\r\n");
    return undefined;
  };
  await using server = post({ DATA: data });
  const mail = await connectSmtp({ ...PLAIN, port: server.port });
  const parts = async function* () {
    for (let i = 0; i < 2000; i++) yield new TextEncoder().encode(`${"x".repeat(65_534)}\r\n`);
  };
  const error = await assertRejects(() => mail.send(ENVELOPE, parts()), ReplyError);
  assertEquals([error.code, error.retryable, mail.open, mail.midway], ["421", true, false, false]);
  await mail[Symbol.asyncDispose]();
});

Deno.test("a pool keeps to the number of connections that the server accepts", async () => {
  let open = 0;
  let refused = 0;
  await using server = serveTcp({}, async (conn) => {
    try {
      if (++open > 2) {
        refused++;
        return await conn.write("421 4.7.0 too many connections\r\n");
      }
      await conn.write("220 hi\r\n");
      for await (const line of conn.lines()) {
        if (line === "QUIT") return;
        await conn.write(line === "DATA" ? "354 go\r\n" : "250 ok\r\n");
        if (line !== "DATA") continue;
        while (await conn.readLine() !== ".");
        await conn.write("250 ok\r\n");
      }
    } finally {
      open--;
    }
  });
  const limits = { maxConnections: 5, maxAttempts: 1 };
  await using pool = new SmtpPool({ ...PLAIN, port: server.addr.port, ...limits });
  const all = await Promise.all(Array.from({ length: 30 }, () => pool.send(ENVELOPE, "x")));
  assertEquals([all.length, pool.stats().waiting], [30, 0]);
  assert(refused >= 1 && refused <= 3, `${refused}`);
  assert(pool.stats().connections <= 2, `${pool.stats().connections}`);
});

Deno.test("a message to more recipients than a call takes arguments is reported as sent", async () => {
  const [near, far] = memoryPair();
  const serve = async () => {
    await far.write("220 hi\r\n");
    const decoder = new TextDecoder();
    for (let chunk; (chunk = await far.readChunk()) !== null;) {
      const text = decoder.decode(chunk);
      const lines = text.split("\n").length - 1;
      if (text.startsWith("EHLO")) await far.write("250-a\r\n250 PIPELINING\r\n");
      else if (text.startsWith("DATA")) await far.write("354 go on\r\n");
      else await far.write("250 ok\r\n".repeat(text.endsWith("\r\n.\r\n") ? 1 : lines));
    }
  };
  const served = serve().finally(() => far.close());
  const mail = await connectSmtp({ connection: near, tls: "none" });
  const { accepted } = await mail.send({ from: "", to: people(150_000) }, "x");
  assertEquals(accepted.length, 150_000);
  await mail.close();
  await served;
});
