/** Single commands of IMAP, with a server that plays a script: removal, ID, sets, changes by polling. */

import { assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectImap } from "../../../net/imap/client.ts";
import { imapSet } from "../../../net/imap/codec.ts";
import type { ImapEvent } from "../../../net/imap/options.ts";
import { scriptedImap } from "../../_support/imap_script.ts";

Deno.test("expunge() of no messages sends nothing, with UIDPLUS and without", async () => {
  for (const capabilities of ["", "UIDPLUS"]) {
    await using server = await scriptedImap(capabilities);
    await server.mail.expunge([]);
    assertEquals(server.sent, []);
  }
});

Deno.test("expunge() with UIDPLUS names the messages", async () => {
  for (const capabilities of ["UIDPLUS", "IMAP4rev2"]) {
    await using server = await scriptedImap(capabilities);
    await server.mail.expunge([7, 5, 6, 9]);
    await server.mail.expunge();
    assertEquals(server.sent, ["UID EXPUNGE 5:7,9", "EXPUNGE"]);
  }
});

Deno.test("expunge() without UIDPLUS spares the messages that others have marked", async () => {
  await using server = await scriptedImap("", {
    "UID SEARCH": "* SEARCH 5 6 8 7\r\n$ OK done\r\n",
  });
  await server.mail.expunge([5, 6]);
  assertEquals(server.sent, [
    "UID SEARCH DELETED",
    "UID STORE 7:8 -FLAGS.SILENT (\\Deleted)",
    "EXPUNGE",
    "UID STORE 7:8 +FLAGS.SILENT (\\Deleted)",
  ]);
});

Deno.test("expunge() without UIDPLUS: no others, a set with a star, others refused", async () => {
  await using server = await scriptedImap("", {
    "UID SEARCH": ["* SEARCH 5\r\n$ OK\r\n", "* SEARCH\r\n$ OK\r\n", "* SEARCH 5 6\r\n$ OK\r\n"],
  });
  const { mail, sent } = server;
  await mail.expunge(5);
  await mail.expunge("20:*");
  assertEquals(sent.splice(0), [
    "UID SEARCH DELETED",
    "EXPUNGE",
    "UID SEARCH DELETED NOT (UID 20:*)",
    "EXPUNGE",
  ]);
  const error = await assertRejects(() => mail.expunge(5, { others: "refuse" }), NetError);
  assertEquals(error.kind, "unsupported");
  assertEquals(sent, ["UID SEARCH DELETED"]);
  assertEquals(mail.open, true);
  await assertRejects(() => mail.expunge(5, { others: "x" as never }), TypeError, "others must");
});

Deno.test("expunge() sets the marks of others again if the removal is refused", async () => {
  await using server = await scriptedImap("", {
    "UID SEARCH": "* SEARCH 5 6\r\n$ OK done\r\n",
    "EXPUNGE": "$ NO not now\r\n",
  });
  await assertRejects(() => server.mail.expunge(5), ReplyError, "not now");
  assertEquals(server.sent.at(-1), "UID STORE 6 +FLAGS.SILENT (\\Deleted)");
});

Deno.test("move() without MOVE and UIDPLUS removes nothing of others", async () => {
  await using server = await scriptedImap("", {
    "UID SEARCH": "* SEARCH 6 7\r\n$ OK done\r\n",
  });
  await server.mail.move(7, "Archive");
  assertEquals(server.sent, [
    'UID COPY 7 "Archive"',
    "UID STORE 7 +FLAGS.SILENT (\\Deleted)",
    "UID SEARCH DELETED",
    "UID STORE 6 -FLAGS.SILENT (\\Deleted)",
    "EXPUNGE",
    "UID STORE 6 +FLAGS.SILENT (\\Deleted)",
  ]);
  await using rev2 = await scriptedImap("IMAP4rev2");
  await rev2.mail.move(7, "Archive");
  assertEquals(rev2.sent, ['UID MOVE 7 "Archive"']);
});

Deno.test("lists of UIDs become short sets, in lines that servers accept", async () => {
  assertEquals(imapSet([9, 3, 2, 1, 3, 7]), "1:3,7,9");
  assertEquals(imapSet([4294967295, 4294967294]), "4294967294:4294967295");
  await using server = await scriptedImap("");
  const odd = Array.from({ length: 3000 }, (_, i) => 4_000_000_001 - 2 * i);
  await server.mail.store(odd, "add", ["\\Seen"]);
  assertEquals(server.sent.every((line) => line.length < 8000), true);
  const sets = server.sent.map((line) => line.split(" ")[2]!.split(",").map(Number));
  assertEquals(sets.flat(), odd.toReversed());
  server.sent.length = 0;
  await server.mail.store(Array.from({ length: 100_000 }, (_, i) => i + 1), "add", ["\\Seen"]);
  assertEquals(server.sent, ["UID STORE 1:100000 +FLAGS.SILENT (\\Seen)"]);
  for (const bad of [0, -1, 1.5, NaN, 2 ** 32]) {
    await assertRejects(() => server.mail.store([1, bad], "add", []), RangeError, "uids[1]");
  }
});

Deno.test("ID is sent after the login if it is asked for, and only to servers that have it", async () => {
  const id = { name: "test", version: 'a "quoted" one' };
  const login = { username: "ann", password: "x" };
  await using server = await scriptedImap("ID", {}, { id, ...login });
  const sent = 'ID ("name" "test" "version" "a \\"quoted\\" one")';
  assertEquals(server.sent, ['LOGIN "ann" "x"', "CAPABILITY", sent]);
  await using nobody = await scriptedImap("ID", { ID: "$ BAD what\r\n" }, { id });
  assertEquals(nobody.sent, [sent]);
  await using without = await scriptedImap("", {}, { id });
  assertEquals(without.sent, []);
  const bad = [{ name: "a\r\nb" }, { name: 1 as never }, { ["x".repeat(31)]: "" }, 1 as never];
  for (const one of bad) await assertRejects(() => connectImap({ id: one }), Error, "id");
});

Deno.test("id() returns the fields of the server", async () => {
  await using server = await scriptedImap("ID", {
    ID: ['* ID ("name" "Dovecot" "os" NIL)\r\n$ OK\r\n', "* ID NIL\r\n$ OK\r\n"],
  });
  assertEquals(await server.mail.id(), { name: "Dovecot", os: "" });
  assertEquals(await server.mail.id({ name: "x" }), {});
  assertEquals(server.sent, ["ID NIL", 'ID ("name" "x")']);
});

Deno.test("a server that opens no folder before ID gets one, once", async () => {
  await using server = await scriptedImap("ID", {
    SELECT: ["$ NO SELECT Unsafe Login. Please contact us\r\n", "* 3 EXISTS\r\n$ OK\r\n"],
    EXAMINE: "$ NO Unsafe Login\r\n",
  });
  assertEquals((await server.mail.select("INBOX")).exists, 3);
  await assertRejects(() => server.mail.examine("INBOX"), ReplyError, "Unsafe");
  assertEquals(server.sent, [
    'SELECT "INBOX"',
    'ID ("name" "portside")',
    'SELECT "INBOX"',
    'EXAMINE "INBOX"',
  ]);
});

Deno.test("idle() asks a server without IDLE, and ends at once when it is told to", async () => {
  const nothing = "$ OK done\r\n";
  await using server = await scriptedImap("", {
    NOOP: [nothing, nothing, "* 4 EXISTS\r\n* 1 EXPUNGE\r\n$ OK done\r\n", nothing],
  });
  const { mail, sent } = server;
  const events: ImapEvent[] = [];
  for await (const event of mail.idle({ poll: 1 })) {
    events.push(event);
    if (events.length === 2) break;
  }
  assertEquals(events, [{ type: "exists", count: 4 }, { type: "expunge", number: 1 }]);
  assertEquals(sent, ["NOOP", "NOOP", "NOOP"]);
  const stop = new AbortController();
  const ended = Array.fromAsync(mail.idle({ poll: 3_600_000, signal: stop.signal }));
  await mail.noop();
  stop.abort();
  assertEquals(await ended, []);
  await assertRejects(() => mail.idle({ poll: 0 }).next(), NetError, "does not support IDLE");
});

Deno.test("idle() asks a server that offers IDLE and refuses it", async () => {
  await using server = await scriptedImap("IDLE", {
    IDLE: "$ BAD what\r\n",
    NOOP: ["$ OK done\r\n", "* 4 EXISTS\r\n$ OK done\r\n"],
  });
  for await (const event of server.mail.idle({ poll: 1 })) {
    assertEquals(event, { type: "exists", count: 4 });
    break;
  }
  assertEquals(server.sent, ["IDLE", "NOOP", "NOOP"]);
});

Deno.test("idle() without IDLE yields what other commands reveal, and ends with the session", async () => {
  await using server = await scriptedImap("", {
    NOOP: "$ OK done\r\n",
    CHECK: "* 7 EXISTS\r\n$ OK done\r\n",
  });
  const { mail } = server;
  const changes = mail.idle({ poll: 3_600_000 });
  const first = changes.next();
  await mail.noop();
  await mail.command("CHECK");
  assertEquals((await first).value, { type: "exists", count: 7 });
  const next = changes.next();
  await mail.noop();
  mail.abort();
  await assertRejects(() => next, NetError);
});

Deno.test("search() leaves out numbers that no message can have", async () => {
  const found = "* SEARCH 0 7 4294967296 9999999999\r\n* ESEARCH UID ALL 0,8,4294967296\r\n";
  await using server = await scriptedImap("", {
    "UID SEARCH": `${found}$ OK done\r\n`,
    "SELECT": "* 9 EXISTS\r\n$ OK\r\n",
  });
  await server.mail.select("INBOX");
  assertEquals(await server.mail.search(), [7, 8]);
});
