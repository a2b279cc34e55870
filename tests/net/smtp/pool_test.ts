import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { SmtpRecipientsError } from "../../../net/smtp/options.ts";
import { SmtpPool } from "../../../net/smtp/pool.ts";
import type { Answer } from "../../_support/line_server.ts";
import { ENVELOPE, PLAIN, post } from "../../_support/smtp_server.ts";

Deno.test("a pool keeps to its limits, and gives connections back", async () => {
  await using server = post();
  {
    await using pool = new SmtpPool({
      ...PLAIN,
      port: server.port,
      maxConnections: 2,
      maxMessages: 3,
    });
    const all = Array.from({ length: 10 }, (_, i) => pool.send(ENVELOPE, `Subject: ${i}\n\n`));
    assertEquals(pool.stats().connections, 2);
    assertEquals((await Promise.all(all)).length, 10);
  }
  assertEquals(server.mail.length, 10);
  const sessions = server.heard.filter((line) => line.startsWith("EHLO")).length;
  assert(sessions >= 4 && sessions <= 5, `${sessions}`);
  assertEquals(server.heard.filter((line) => line === "QUIT").length, sessions);
});

Deno.test("a pool tries again what is refused for now, and nothing else", async () => {
  let turn = 0;
  await using server = post({
    MAIL: (line) =>
      line.includes("never") ? "550 no\r\n" : ++turn < 3 ? "451 4.7.1 later\r\n" : "250 ok\r\n",
  });
  await using pool = new SmtpPool({ ...PLAIN, port: server.port, minTimeout: 1 });
  await pool.send(ENVELOPE, "x");
  assertEquals(turn, 3);
  await assertRejects(() => pool.send({ ...ENVELOPE, from: "never@a.test" }, "x"), ReplyError);
  assertEquals(server.heard.filter((line) => line.includes("never")).length, 1);
  // The connection ends with the message: it may have arrived.
  let times = 0;
  const cutLate: Answer = async (_, conn) => {
    times++;
    await conn.write("354 go on\r\n");
    for (let line; (line = await conn.readLine()) !== null && line !== ".";);
    return undefined;
  };
  await using cut = post({ DATA: cutLate });
  await using other = new SmtpPool({ ...PLAIN, port: cut.port, minTimeout: 1 });
  await assertRejects(() => other.send(ENVELOPE, "x"), NetError);
  assertEquals(times, 1);
  // Without its end, the message cannot have arrived.
  times = 0;
  await using early = post({ DATA: () => ++times < 3 ? undefined : "451 later\r\n" });
  await using third = new SmtpPool({ ...PLAIN, port: early.port, minTimeout: 1 });
  assertEquals((await assertRejects(() => third.send(ENVELOPE, "x"), ReplyError)).code, "451");
  assertEquals(times, 3);
});

Deno.test("a pool has a rate, a bound on what waits, and an end", async () => {
  await using server = post();
  const pool = new SmtpPool({
    ...PLAIN,
    port: server.port,
    rate: 20,
    maxConnections: 1,
    maxWaiting: 30,
  });
  const started = performance.now();
  await Promise.all(Array.from({ length: 25 }, () => pool.send(ENVELOPE, "x")));
  assert(performance.now() - started >= 200);
  const many = Array.from(
    { length: 40 },
    () => pool.send(ENVELOPE, "x").then(() => "sent", (error) => error.kind),
  );
  assertEquals((await Promise.all(many)).filter((kind) => kind === "limit").length, 9);
  await pool[Symbol.asyncDispose]();
  assertEquals((await assertRejects(() => pool.send(ENVELOPE, "x"), NetError)).kind, "closed");
  assertThrows(() => new SmtpPool({ maxConnections: 0 }), RangeError, "maxConnections");
});

Deno.test("a pool that ends waits for what waits, and takes nothing more", async () => {
  const { promise: held, resolve: go } = Promise.withResolvers<void>();
  await using server = post({ MAIL: async () => (await held, "250 ok\r\n") });
  const pool = new SmtpPool({ ...PLAIN, port: server.port, maxConnections: 1 });
  const all = [1, 2, 3].map(() => pool.send(ENVELOPE, "x"));
  const ended = pool[Symbol.asyncDispose]();
  assertEquals((await assertRejects(() => pool.send(ENVELOPE, "x"), NetError)).kind, "closed");
  go();
  await ended;
  assertEquals((await Promise.all(all)).length, 3);
  assertEquals(pool.stats(), { connections: 0, idle: 0, waiting: 0 });
  await pool[Symbol.asyncDispose]();
});

Deno.test("a pool tells that a message is sent before its session has ended", async () => {
  const { promise: held, resolve: go } = Promise.withResolvers<void>();
  await using server = post({ QUIT: async () => (await held, "221 bye\r\n") });
  await using pool = new SmtpPool({ ...PLAIN, port: server.port, maxMessages: 1 });
  const { accepted } = await pool.send(ENVELOPE, "x");
  assertEquals([accepted, pool.stats().connections], [["bob@b.test"], 1]);
  go();
});

Deno.test("a pool sends over a new session what an old one did not take any more", async () => {
  let turn = 0;
  // Idle for too long: the server has gone without a word.
  await using server = post({ MAIL: () => ++turn === 2 ? undefined : "250 ok\r\n" }, ["8BITMIME"]);
  await using pool = new SmtpPool({ ...PLAIN, port: server.port, minTimeout: 1 });
  await pool.send(ENVELOPE, "1");
  await pool.send(ENVELOPE, "2");
  assertEquals([server.mail, turn], [["1\n", "2\n"], 3]);
});

Deno.test("a session that the server ends between two messages is no failed try", async () => {
  let turn = 0;
  await using server = post({
    // Two messages for each session.
    MAIL: () => ++turn % 3 === 0 ? "421 4.7.0 enough for now\r\n" : "250 ok\r\n",
  });
  await using pool = new SmtpPool({
    ...{ ...PLAIN, port: server.port },
    ...{ maxConnections: 1, maxAttempts: 1 },
  });
  for (let i = 0; i < 9; i++) await pool.send(ENVELOPE, `${i}`);
  const mail = server.mail.filter((text) => text !== "");
  assertEquals(mail, Array.from({ length: 9 }, (_, i) => `${i}\n`));
  // The first message of a session is refused: this is a failed try.
  await using busy = post({ MAIL: () => "421 4.7.0 busy\r\n" });
  await using other = new SmtpPool({ ...PLAIN, port: busy.port, maxAttempts: 1 });
  assertEquals((await assertRejects(() => other.send(ENVELOPE, "x"), ReplyError)).code, "421");
  assertEquals(busy.heard.filter((line) => line.startsWith("MAIL")).length, 1);
});

Deno.test("a pool tries those again, alone, who were refused for now", async () => {
  const turns = new Map<string, number>();
  await using server = post({
    RCPT: (line) => {
      const turn = (turns.get(line) ?? 0) + 1;
      turns.set(line, turn);
      return line.includes("nobody")
        ? "550 5.1.1 no such user\r\n"
        : line.includes("grey") && turn < 3
        ? "450 4.2.1 come back\r\n"
        : line.includes("never")
        ? "451 4.7.1 later\r\n"
        : "250 ok\r\n";
    },
  });
  await using pool = new SmtpPool({ ...PLAIN, port: server.port, minTimeout: 1 });
  const to = ["a@b.test", "grey@b.test", "nobody@b.test", "never@b.test"];
  const sent = await pool.send({ from: "", to }, "x");
  assertEquals(sent.accepted, ["a@b.test", "grey@b.test"]);
  assertEquals(sent.rejected.map(({ address, error }) => `${address} ${error.code}`), [
    "nobody@b.test 550",
    "never@b.test 451",
  ]);
  assertEquals([...turns.values()], [1, 3, 1, 3]);
  assertEquals(server.mail.filter((text) => text !== ""), ["x\n", "x\n"]);
  turns.clear();
  const none = await assertRejects(
    () => pool.send({ from: "", to: ["nobody@b.test", "never@b.test"] }, "x"),
    SmtpRecipientsError,
    "any of 2 recipients",
  );
  assertEquals(none.rejected.map(({ error }) => error.code), ["550", "451"]);
  assertEquals([[...turns.values()], none.retryable], [[1, 3], true]);
});

Deno.test("a recipient that is given twice gets the message once", async () => {
  let turn = 0;
  await using server = post({
    RCPT: () => ++turn === 2 ? "451 4.7.1 later\r\n" : "250 ok\r\n",
  });
  const to = ["a@b.test", { address: "a@b.test" }, "c@b.test", "a@b.test"];
  await using pool = new SmtpPool({ ...PLAIN, port: server.port, minTimeout: 1 });
  assertEquals((await pool.send({ from: "", to }, "x")).accepted, ["a@b.test", "c@b.test"]);
  assertEquals(server.heard.filter((line) => line.startsWith("RCPT")), [
    "RCPT TO:<a@b.test>",
    "RCPT TO:<c@b.test>",
    "RCPT TO:<c@b.test>",
  ]);
});

Deno.test("a message of a pool is given up while it waits, and the others go on", async () => {
  const { promise: held, resolve: go } = Promise.withResolvers<void>();
  await using server = post({ MAIL: async () => (await held, "250 ok\r\n") });
  await using pool = new SmtpPool({ ...PLAIN, port: server.port, maxConnections: 1 });
  const first = pool.send(ENVELOPE, "1");
  const stop = new AbortController();
  const waiting = pool.send(ENVELOPE, "2", { signal: stop.signal });
  const last = pool.send(ENVELOPE, "3");
  stop.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  assertEquals(pool.stats().waiting, 1);
  await assertRejects(() => pool.send(ENVELOPE, "4", { signal: stop.signal }), Error, "enough");
  go();
  await Promise.all([first, last]);
  assertEquals(server.mail, ["1\n", "3\n"]);
  // While it is being sent: its connection goes with it, the next message has another.
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  await using slow = post({ DATA: () => (begin(), new Promise(() => {})) }, ["8BITMIME"]);
  await using other = new SmtpPool({ ...PLAIN, port: slow.port, maxConnections: 1 });
  const again = new AbortController();
  const sending = other.send(ENVELOPE, "x", { signal: again.signal });
  await begun;
  again.abort(new Error("enough"));
  await assertRejects(() => sending, Error, "enough");
});
