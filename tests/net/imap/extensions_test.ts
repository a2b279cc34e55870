/** Extensions of IMAP, with a server that plays a script. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import type { ImapEvent } from "../../../net/imap/options.ts";
import { scriptedImap } from "../../_support/imap_script.ts";

Deno.test("paths are joined with the delimiter of the server, which is asked for once", async () => {
  await using server = await scriptedImap("MOVE", {
    'LIST "" ""': '* LIST (\\Noselect) "." ""\r\n$ OK done\r\n',
  });
  const { mail, sent } = server;
  await mail.create(["INBOX", "Größe & Maß"]);
  await mail.rename(["INBOX", "a"], "b");
  await mail.select(["INBOX", "b"]);
  await mail.status(["INBOX", "b"]);
  await mail.move(7, ["INBOX", "c"]);
  await mail.copy(7, ["INBOX", "d"]);
  assertEquals(sent, [
    'LIST "" ""',
    'CREATE "INBOX.Gr&APYA3w-e &- Ma&AN8-"',
    'RENAME "INBOX.a" "b"',
    'SELECT "INBOX.b"',
    'STATUS "INBOX.b" (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)',
    'UID MOVE 7 "INBOX.c"',
    'UID COPY 7 "INBOX.d"',
  ]);
});

Deno.test("a path must fit the delimiter of the server", async () => {
  await using server = await scriptedImap("", {
    'LIST "" ""': '* LIST (\\Noselect) "/" ""\r\n$ OK done\r\n',
  });
  const { mail } = server;
  await assertRejects(() => mail.select(["a/b", "c"]), TypeError, "the delimiter /: a/b");
  for (const bad of [[], [""], ["a", ""], 7, null]) {
    await assertRejects(() => mail.select(bad as never), Error, "folder must be");
  }
  assertEquals(mail.open, true);
  await using flat = await scriptedImap("", { 'LIST "" ""': '* LIST () NIL ""\r\n$ OK\r\n' });
  await assertRejects(() => flat.mail.select(["a", "b"]), TypeError, "no folders within folders");
  await flat.mail.select(["a"]);
  assertEquals(flat.sent.at(-1), 'SELECT "a"');
});

Deno.test("names with control characters are refused, unless the server has listed them", async () => {
  await using server = await scriptedImap("X-GM-EXT-1", {
    LIST: '* LIST () "/" "a&AAo-b"\r\n* LIST () "/" "c&d"\r\n* LIST () "/" "e&-f"\r\n$ OK done\r\n',
  });
  const { mail, sent } = server;
  const bad = "a\r\nb";
  const calls: (() => Promise<unknown>)[] = [
    () => mail.create(bad),
    () => mail.create(["INBOX", bad]),
    () => mail.create("a\u2028b"),
    () => mail.create("a\ud800"),
    () => mail.rename("x", bad),
    () => mail.rename(bad, "x"),
    () => mail.deleteFolder(bad),
    () => mail.subscribe(bad),
    () => mail.subscribe(bad, false),
    () => mail.select(bad),
    () => mail.examine(bad),
    () => mail.status(bad),
    () => mail.append(bad, "x"),
    () => mail.copy(7, bad),
    () => mail.move(7, bad),
    () => mail.quotas(bad),
    () => mail.list(bad),
    () => mail.list("*", bad),
    () => mail.subscribed(bad),
    () => mail.storeLabels(7, "add", [bad]),
  ];
  for (const call of calls) {
    const error = await assertRejects(call, Error);
    if (error instanceof NetError) assertEquals(error.kind, "unsupported");
    else assertStringIncludes(error.message, "a name without control characters");
  }
  assertEquals(sent, []);
  const names = (await mail.list()).map(({ name }) => name);
  assertEquals(names, ["a\nb", "c&d", "e&f"]);
  for (const name of names) await mail.select(name);
  await mail.rename("a\nb", "g&h");
  assertEquals(sent.slice(1), [
    'SELECT "a&AAo-b"',
    'SELECT "c&d"',
    'SELECT "e&-f"',
    'RENAME "a&AAo-b" "g&-h"',
  ]);
  assertEquals(mail.open, true);
});

const LISTED = '* LIST (\\HasChildren \\Sent) "/" "a/Gesendet"\r\n' +
  '* STATUS "a/Gesendet" (MESSAGES 3 UNSEEN 1 UIDNEXT 9 UIDVALIDITY 4)\r\n' +
  '* LIST (\\Noselect) "/" b\r\n* LIST () "/" "c"\r\n$ OK done\r\n';
const COUNTERS = { messages: 3, unseen: 1, uidNext: 9, uidValidity: 4 };

Deno.test("list() asks for uses and counters in one command where the server can", async () => {
  await using server = await scriptedImap("LIST-EXTENDED LIST-STATUS SPECIAL-USE STATUS=SIZE", {
    LIST: LISTED,
    STATUS: "$ NO not allowed\r\n",
  });
  const folders = await server.mail.list("*", "", { status: { size: true, modSeq: true } });
  const [sent, , { statusError, ...other } = {}] = folders;
  assertEquals(sent, {
    name: "a/Gesendet",
    path: ["a", "Gesendet"],
    delimiter: "/",
    flags: ["\\HasChildren", "\\Sent"],
    specialUse: "sent",
    status: COUNTERS,
  });
  assertEquals(other, { name: "c", path: ["c"], delimiter: "/", flags: [] });
  assertStringIncludes(`${statusError}`, "Cannot ask for the status of c");
  assertEquals([statusError?.code, statusError?.text], ["NO", "not allowed"]);
  assertEquals((await server.mail.list("*", "", { specialUse: true })).length, 1);
  const items = "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY SIZE)";
  assertEquals(server.sent, [
    `LIST "" "*" RETURN (SPECIAL-USE STATUS ${items})`,
    `STATUS "c" ${items}`,
    'LIST (SPECIAL-USE) "" "*" RETURN (SPECIAL-USE)',
  ]);
});

Deno.test("list() asks for the counters of each folder where the server cannot list them", async () => {
  await using server = await scriptedImap("", {
    LIST: '* LIST (\\NonExistent) "/" x\r\n* LIST () "/" "y"\r\n$ OK done\r\n',
    STATUS: '* STATUS "y" (MESSAGES 3 UNSEEN 1 UIDNEXT 9 UIDVALIDITY 4)\r\n$ OK\r\n',
  });
  const folders = await server.mail.list("*", "", { status: {} });
  assertEquals(folders.map(({ status }) => status), [undefined, COUNTERS]);
  assertEquals(server.sent.length, 2);
});

Deno.test("list() does without extensions that the server only claims to have", async () => {
  await using server = await scriptedImap("IMAP4rev2", {
    'LIST "" "*" RETURN': "$ BAD what\r\n",
    LIST: '* LIST () "/" "y"\r\n$ OK done\r\n',
  });
  assertEquals((await server.mail.list()).length, 1);
  assertEquals(server.sent, ['LIST "" "*" RETURN (SPECIAL-USE)', 'LIST "" "*"']);
});

Deno.test("status() gets the size, the last change and the id where the server has them", async () => {
  const script = {
    STATUS: '* STATUS "x" (MESSAGES 1 SIZE 44421 HIGHESTMODSEQ 90060115194045001 ' +
      "MAILBOXID (F2212ea87-6097-4256-9d51-71338625))\r\n$ OK\r\n",
  };
  await using server = await scriptedImap("STATUS=SIZE CONDSTORE OBJECTID", script);
  assertEquals(await server.mail.status("x", { size: true, modSeq: true }), {
    messages: 1,
    size: 44421,
    highestModSeq: 90060115194045001n,
    mailboxId: "F2212ea87-6097-4256-9d51-71338625",
  });
  const classic = "MESSAGES UNSEEN UIDNEXT UIDVALIDITY";
  assertEquals(server.sent, [`STATUS "x" (${classic} SIZE HIGHESTMODSEQ MAILBOXID)`]);
  await using old = await scriptedImap("", script);
  await old.mail.status("x", { size: true, modSeq: true });
  assertEquals(old.sent, [`STATUS "x" (${classic})`]);
});

Deno.test("select() with QRESYNC reports what has vanished and changed (RFC 7162 §3.2.5.2)", async () => {
  const events: ImapEvent[] = [];
  await using server = await scriptedImap("ENABLE QRESYNC", {
    ENABLE: "* ENABLED QRESYNC\r\n$ OK\r\n",
    SELECT: "* OK [CLOSED] x\r\n* 100 EXISTS\r\n* OK [UIDVALIDITY 67890007] x\r\n" +
      "* OK [UIDNEXT 600] x\r\n* OK [HIGHESTMODSEQ 90060115205545359] x\r\n" +
      "* OK [UNSEEN 7] x\r\n* VANISHED (EARLIER) 41,43:116,118,120:211,214:540\r\n" +
      "* 49 FETCH (UID 117 FLAGS (\\Seen \\Answered) MODSEQ (90060115194045001))\r\n" +
      "$ OK [READ-WRITE] done\r\n",
    NOOP: "* VANISHED 405,407:409\r\n$ OK\r\n",
  }, { onEvent: (event) => events.push(event) });
  const { mail, sent } = server;
  const resync = { uidValidity: 67890007, modSeq: 90060115194045000n, uids: "41:211,214:541" };
  const { vanished, changed, highestModSeq, exists } = await mail.select("INBOX", { resync });
  assertEquals(vanished, [[41, 41], [43, 116], [118, 118], [120, 211], [214, 540]]);
  assertEquals(changed?.map(({ uid, modSeq }) => [uid, modSeq]), [[117, 90060115194045001n]]);
  assertEquals([highestModSeq, exists], [90060115205545359n, 100]);
  assertEquals([events, mail.selected?.vanished], [[], undefined]);
  await mail.noop();
  assertEquals(events, [{ type: "vanished", uids: [[405, 405], [407, 409]] }]);
  assertEquals(mail.selected?.exists, 96);
  await mail.select("INBOX", { resync: { uidValidity: 1, modSeq: 2n } });
  assertEquals(sent.filter((line) => line !== "NOOP"), [
    "ENABLE QRESYNC",
    'SELECT "INBOX" (QRESYNC (67890007 90060115194045000 41:211,214:541))',
    'SELECT "INBOX" (QRESYNC (1 2))',
  ]);
});

Deno.test("CONDSTORE: changes since a state, and flags that are set only if nothing changed", async () => {
  await using server = await scriptedImap("CONDSTORE", {
    "UID FETCH": "* 1 FETCH (UID 4 MODSEQ (65402) FLAGS (\\Seen))\r\n$ OK\r\n",
    "UID STORE": ["$ OK [MODIFIED 7,9:10] x\r\n", "$ OK done\r\n"],
    "UID SEARCH": "* SEARCH 2 5 (MODSEQ 917162500)\r\n$ OK\r\n",
    SELECT: "* 20 EXISTS\r\n$ OK [NOMODSEQ] x\r\n",
  });
  const { mail, sent } = server;
  const { highestModSeq } = await mail.select("INBOX", { condstore: true });
  const { messages, vanished } = await mail.changedSince("1:*", 65401n);
  assertEquals(messages.map(({ uid, modSeq, flags }) => [uid, modSeq, flags]), [
    [4, 65402n, ["\\Seen"]],
  ]);
  assertEquals([highestModSeq, vanished], [undefined, undefined]);
  const options = { unchangedSince: 12121230045n };
  assertEquals(await mail.store([7, 9, 10, 11], "add", ["\\Seen"], options), [7, 9, 10]);
  assertEquals(await mail.store(7, "set", ["a"]), []);
  assertEquals(await mail.search({ modSeq: 620162338n }), [2, 5]);
  assertEquals(sent, [
    'SELECT "INBOX" (CONDSTORE)',
    "UID FETCH 1:* (UID FLAGS MODSEQ) (CHANGEDSINCE 65401)",
    "UID STORE 7,9:11 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Seen)",
    "UID STORE 7 FLAGS.SILENT (a)",
    "UID SEARCH MODSEQ 620162338",
  ]);
  await using old = await scriptedImap("");
  for (
    const work of [
      () => old.mail.select("INBOX", { condstore: true }),
      () => old.mail.select("INBOX", { resync: { uidValidity: 1, modSeq: 1n } }),
      () => old.mail.changedSince("1:*", 1n),
      () => old.mail.store(1, "add", [], options),
    ]
  ) {
    assertEquals((await assertRejects(work, NetError)).kind, "unsupported");
  }
  assertEquals([old.sent, old.mail.open], [[], true]);
  for (const modSeq of [-1n, 1n << 63n, 5 as never]) {
    await assertRejects(() => mail.changedSince("1:*", modSeq), Error, "modSeq must be");
  }
});

Deno.test("QRESYNC: changedSince() has the UIDs that have vanished", async () => {
  await using server = await scriptedImap("QRESYNC", {
    "UID FETCH": "* VANISHED (EARLIER) 300:310,405\r\n* VANISHED 9\r\n" +
      "* 1 FETCH (UID 404 MODSEQ (65402) FLAGS ())\r\n$ OK\r\n",
  });
  const { messages, vanished } = await server.mail.changedSince([300, 301], 12345n, {});
  assertEquals([messages.length, vanished], [1, [[300, 310], [405, 405]]]);
  assertEquals(server.sent, [
    "ENABLE QRESYNC",
    "UID FETCH 300:301 (UID MODSEQ) (CHANGEDSINCE 12345 VANISHED)",
  ]);
});

Deno.test("namespaces() are those of RFC 2342", async () => {
  await using server = await scriptedImap("NAMESPACE", {
    NAMESPACE: '* NAMESPACE (("" "/")("#mh/" "/" "X-PARAM" ("FLAG1"))) NIL (("Entw&APw-rfe" NIL))' +
      "\r\n$ OK\r\n",
  });
  assertEquals(await server.mail.namespaces(), {
    personal: [{ prefix: "", delimiter: "/" }, { prefix: "#mh/", delimiter: "/" }],
    others: [],
    shared: [{ prefix: "Entwürfe", delimiter: undefined }],
  });
  await using old = await scriptedImap("");
  await assertRejects(() => old.mail.namespaces(), NetError, "does not support NAMESPACE");
});

Deno.test("quotas() are in bytes and messages", async () => {
  await using server = await scriptedImap("QUOTA", {
    GETQUOTAROOT:
      '* QUOTAROOT "INBOX" "" x\r\n* QUOTA "" (STORAGE 10 512 message 2 100 x NIL 3)\r\n' +
      "* QUOTA x ()\r\n$ OK\r\n",
  });
  const quotas = await server.mail.quotas();
  const storage = { used: 10240, limit: 524288 };
  const messages = { used: 2, limit: 100 };
  assertEquals(quotas, [
    {
      root: "",
      storage,
      messages,
      resources: new Map([["STORAGE", { used: 10, limit: 512 }], ["MESSAGE", messages]]),
    },
    { root: "x", resources: new Map() },
  ]);
});

Deno.test("sort() keeps the order of the server", async () => {
  await using server = await scriptedImap("SORT LITERAL+", {
    "UID SORT": "* SORT 5 3 4 1\r\n$ OK\r\n",
  });
  const { mail, sent } = server;
  assertEquals(await mail.sort(["-date", "subject"], { seen: false }), [5, 3, 4, 1]);
  assertEquals(sent, ["UID SORT (REVERSE DATE SUBJECT) UTF-8 UNSEEN"]);
  await assertRejects(() => mail.sort([]), TypeError, "keys must not be empty");
  await assertRejects(() => mail.sort(["x" as never]), TypeError, "keys[0] must be");
});

Deno.test("thread() returns the threads of RFC 5256 §4", async () => {
  await using server = await scriptedImap("THREAD=REFERENCES", {
    "UID THREAD": "* THREAD (2)(3 6 (4 23)(44 7 96))((3)(5))\r\n$ OK\r\n",
  });
  const leaf = (uid: number) => ({ uid, answers: [] });
  assertEquals(await server.mail.thread(), [
    leaf(2),
    {
      uid: 3,
      answers: [{
        uid: 6,
        answers: [
          { uid: 4, answers: [leaf(23)] },
          { uid: 44, answers: [{ uid: 7, answers: [leaf(96)] }] },
        ],
      }],
    },
    { uid: undefined, answers: [leaf(3), leaf(5)] },
  ]);
  assertEquals(server.sent, ["UID THREAD REFERENCES UTF-8 ALL"]);
  const missing = () => server.mail.thread("orderedsubject");
  await assertRejects(missing, NetError, "THREAD=ORDEREDSUBJECT");
});

Deno.test("unselect() removes nothing, with UNSELECT or without", async () => {
  await using server = await scriptedImap("UNSELECT");
  await server.mail.unselect();
  await server.mail.select("a");
  await server.mail.unselect();
  assertEquals([server.sent, server.mail.selected], [['SELECT "a"', "UNSELECT"], undefined]);
  await using old = await scriptedImap("");
  await old.mail.select("a");
  await old.mail.unselect();
  await old.mail.examine("a");
  await old.mail.unselect();
  assertEquals(old.sent, ['SELECT "a"', 'EXAMINE "a"', "CLOSE", 'EXAMINE "a"', "CLOSE"]);
});

Deno.test("Gmail: labels, ids and searches", async () => {
  await using server = await scriptedImap("X-GM-EXT-1", {
    "UID FETCH": "* 1 FETCH (UID 4 X-GM-THRID 1266894439832287888 X-GM-MSGID 1278455344230334865 " +
      'X-GM-LABELS (\\Inbox "Entw&APw-rfe" Work))\r\n$ OK\r\n',
    "UID SEARCH": "* SEARCH 4\r\n$ OK\r\n",
  });
  const { mail, sent } = server;
  const items = { gmailLabels: true, gmailMessageId: true, gmailThreadId: true };
  const [message] = await mail.fetch(4, items);
  assertEquals(message?.gmailLabels, ["\\Inbox", "Entwürfe", "Work"]);
  assertEquals(message?.gmailThreadId, 1266894439832287888n);
  await mail.storeLabels(4, "add", ["\\Starred", "Größe", 'a "b"']);
  await mail.search({ gmailRaw: "has:attachment in:unread" });
  await mail.storeLabels(4, "set", []);
  assertEquals(sent, [
    "UID FETCH 4 (UID X-GM-LABELS X-GM-MSGID X-GM-THRID)",
    'UID STORE 4 +X-GM-LABELS.SILENT (\\Starred "Gr&APYA3w-e" "a \\"b\\"")',
    'UID SEARCH X-GM-RAW "has:attachment in:unread"',
    "UID STORE 4 X-GM-LABELS.SILENT ()",
  ]);
  await using other = await scriptedImap("");
  await assertRejects(() => other.mail.storeLabels(4, "add", ["x"]), NetError, "X-GM-EXT-1");
});

Deno.test("OBJECTID: ids of messages are fetched and searched", async () => {
  await using server = await scriptedImap("OBJECTID", {
    "UID FETCH":
      "* 3 FETCH (UID 4 EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))\r\n$ OK\r\n",
    SELECT: "* OK [MAILBOXID (F2212ea87)] x\r\n$ OK\r\n",
  });
  const { mail, sent } = server;
  assertEquals((await mail.select("INBOX")).mailboxId, "F2212ea87");
  const [message] = await mail.fetch(4, { emailId: true, threadId: true });
  assertEquals([message?.emailId, message?.threadId], ["M6d99ac3275bb4e", "T64b478a75b7ea9"]);
  await mail.search({ emailId: "M6d99ac3275bb4e" });
  assertEquals(sent.slice(1), [
    "UID FETCH 4 (UID EMAILID THREADID)",
    "UID SEARCH EMAILID M6d99ac3275bb4e",
  ]);
});
