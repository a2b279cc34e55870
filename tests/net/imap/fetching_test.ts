import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import {
  connectImap,
  type ConnectImapOptions,
  type ImapEvent,
  ImapFetchError,
  type ImapMessage,
} from "../../../net/imap/client.ts";
import { testAlone } from "../../_support/alone.ts";
import { type Answer, type LineServer, lineServer } from "../../_support/line_server.ts";

/** A server that answers FETCH. */
function mailbox(fetch: Answer, others: Record<string, string> = {}): LineServer {
  return lineServer("* PREAUTH hi\r\n", async (line, conn) => {
    const [tag = "", verb = "", more] = line.split(" ");
    const all = { CAPABILITY: "* CAPABILITY IMAP4rev1\r\n", LOGOUT: "* BYE\r\n", ...others };
    const text = more === "FETCH"
      ? await fetch(line, conn)
      : `${all[verb as "LOGOUT"] ?? ""}$ OK\r\n`;
    return text?.replaceAll("$", tag);
  });
}

const connect = (server: LineServer, options: ConnectImapOptions = {}) =>
  connectImap({ tls: "none", timeout: 30_000, port: server.port, ...options });

const size = (uid: number) => `* ${uid} FETCH (UID ${uid} RFC822.SIZE ${uid}0)\r\n`;
const uids = (messages: readonly ImapMessage[]) => messages.map(({ uid }) => uid);

Deno.test("fetch() yields each message when it arrives, before the server has sent all", async () => {
  const seen = Promise.withResolvers<void>();
  await using server = mailbox(async (_, conn) => {
    await conn.write(size(7) + size(8));
    await seen.promise;
    return `${size(9)}$ OK done\r\n`;
  });
  await using mail = await connect(server);
  const sizes: unknown[] = [];
  for await (const message of mail.fetch("1:*", { size: true })) {
    sizes.push(message.size);
    seen.resolve();
  }
  assertEquals(sizes, [70, 80, 90]);
  assertEquals(uids(await mail.fetch("1:*", { size: true })), [7, 8, 9]);
});

Deno.test("fetch() lets its loop send other commands, and other loops run within it", async () => {
  await using server = mailbox((line) =>
    line.includes("1:*") ? `${size(7)}${size(8)}${size(9)}$ OK done\r\n` : `${size(1)}$ OK done\r\n`
  );
  await using mail = await connect(server);
  const seen: unknown[] = [];
  for await (const { uid } of mail.fetch("1:*", { size: true })) {
    seen.push(uid);
    await mail.noop();
    for await (const inner of mail.fetch(1, { size: true })) seen.push(inner.uid);
    assertEquals(uids(await mail.fetch(1, { size: true })), [1]);
  }
  assertEquals(seen, [7, 1, 8, 1, 9, 1]);
});

Deno.test("fetch() loses nothing if the server refuses some messages at the end", async () => {
  await using server = mailbox(() => `${size(7)}${size(8)}$ NO [EXPUNGEISSUED] some are gone\r\n`);
  await using mail = await connect(server);
  const error = await assertRejects(
    () => mail.fetch("1:*", { size: true }),
    ImapFetchError,
    "some are gone",
  );
  assertEquals([error.code, error.enhanced, uids(error.messages)], ["NO", "EXPUNGEISSUED", [7, 8]]);
  const seen: unknown[] = [];
  const late = await assertRejects(async () => {
    for await (const { uid } of mail.fetch("1:*", { size: true })) seen.push(uid);
  }, ImapFetchError);
  assertEquals([seen, late.messages], [[7, 8], []]);
  await mail.noop();
});

Deno.test("fetch() goes on with the other sets after a refusal", async () => {
  await using server = mailbox((line) =>
    / 1:?[,0-9]*/.test(line) ? "$ NO gone\r\n" : `${size(5999)}$ OK done\r\n`
  );
  await using mail = await connect(server);
  const many = Array.from({ length: 3000 }, (_, i) => 2 * i + 1);
  const error = await assertRejects(() => mail.fetch(many, { size: true }), ImapFetchError);
  assertEquals(uids(error.messages), [5999]);
});

Deno.test("fetch() can be left early: the rest is read and dropped, and other calls go on", async () => {
  await using server = mailbox(() => `${size(7)}${size(8)}* 12 EXISTS\r\n${size(9)}$ OK done\r\n`);
  const events: ImapEvent[] = [];
  await using mail = await connect(server, { onEvent: (event) => void events.push(event) });
  for await (const { uid } of mail.fetch("1:*", { size: true })) {
    assertEquals(uid, 7);
    break;
  }
  await mail.noop();
  assertEquals(events, [{ type: "exists", count: 12 }]);
});

Deno.test("fetch() merges the items of a message in successive responses, and tells changes apart", async () => {
  await using server = mailbox(() =>
    "* 7 FETCH (UID 7 RFC822.SIZE 1)\r\n* 7 FETCH (UID 7 BODY[1] {1}\r\nx)\r\n" +
    "* 3 FETCH (UID 3 FLAGS (a))\r\n* 4 FETCH (FLAGS ())\r\n$ OK done\r\n"
  );
  const events: ImapEvent[] = [];
  await using mail = await connect(server, { onEvent: (event) => void events.push(event) });
  const seen: unknown[] = [];
  for await (const { uid, size, sections } of mail.fetch("1:*", { size: true, sections: ["1"] })) {
    seen.push([uid, size, [...sections.keys()]]);
  }
  assertEquals(seen, [[7, 1, ["1"]]]);
  assertEquals(events.length, 2);
});

Deno.test("fetch() takes only the messages that it asked for, and reports changes of others", async () => {
  const other = (uid: number) => `* ${uid} FETCH (UID ${uid} FLAGS (changed))\r\n`;
  await using server = mailbox(() =>
    `${other(3)}* 7 FETCH (UID 7 FLAGS ())\r\n${other(8)}* 9 FETCH (UID 9 FLAGS ())\r\n${
      other(11)
    }$ OK done\r\n`
  );
  let events = 0;
  await using mail = await connect(server, { onEvent: () => void events++ });
  for (const asked of ["7,9:10", [9, 10, 7]]) {
    assertEquals(uids(await mail.fetch(asked, { flags: true })), [7, 9]);
    const seen: unknown[] = [];
    for await (const { uid } of mail.fetch(asked, { flags: true })) seen.push(uid);
    assertEquals(seen, [7, 9]);
  }
  assertEquals(events, 12);
  assertEquals(uids(await mail.fetch("7:*", { flags: true })), [3, 7, 8, 9, 11]);
});

Deno.test("fetch() owns the memory of what it yields", async () => {
  const text = (uid: number) => `* ${uid} FETCH (UID ${uid} BODY[TEXT] {2}\r\nt${uid})\r\n`;
  await using server = mailbox(() => `${text(1)}${text(2)}${text(3)}$ OK done\r\n`);
  await using mail = await connect(server);
  const seen: string[] = [];
  for await (const { sections } of mail.fetch("1:*", { sections: ["TEXT"] })) {
    const bytes = sections.get("TEXT")!;
    seen.push(new TextDecoder().decode(bytes));
    (bytes.buffer as ArrayBuffer).transfer();
  }
  assertEquals(seen, ["t1", "t2", "t3"]);
});

Deno.test("fetch() rejects bad arguments before anything is sent, and reports a lost connection", async () => {
  await using server = mailbox(() => undefined);
  await using mail = await connect(server);
  const before = server.heard.length;
  await assertRejects(() => mail.fetch("1 OR", {}), TypeError, "uids must be");
  await assertRejects(async () => {
    for await (const _ of mail.fetch(1, { sections: ["1] ("] }));
  }, TypeError);
  assertEquals(server.heard.length, before);
  const error = await assertRejects(async () => {
    for await (const _ of mail.fetch(1, {}));
  }, NetError);
  assertEquals([error.kind, mail.open], ["truncated", false]);
});

testAlone(import.meta.url, {
  name: "fetch() takes the same memory for any number of messages in a loop",
  async fn() {
    const total = 100_000;
    const text = "x".repeat(2000);
    await using server = mailbox(async (_, conn) => {
      for (let uid = 1; uid <= total; uid += 100) {
        let batch = "";
        for (let i = uid; i < uid + 100; i++) {
          batch += `* ${i} FETCH (UID ${i} BODY[TEXT] {2000}\r\n${text})\r\n`;
        }
        await conn.write(batch);
      }
      return "$ OK done\r\n";
    });
    // The limit is for what is in memory, not for all messages.
    await using mail = await connect(server, { maxResponse: 1_000_000 });
    let count = 0;
    let most = 0;
    const before = Deno.memoryUsage().rss;
    for await (const { sections } of mail.fetch("1:*", { sections: ["TEXT"] })) {
      count += sections.get("TEXT")!.length;
      if (count % 2_000_000 === 0) most = Math.max(most, Deno.memoryUsage().rss - before);
    }
    assertEquals(count, total * 2000);
    assert(most < 100_000_000, `${most} bytes more`);
  },
});

Deno.test("what nobody wants any more keeps other calls waiting until commandTimeout", async () => {
  const answers = [size(7) + size(8), "* 1 FETCH (UID 1 BODY[] {1000000}\r\n"];
  const endless = ["* OK still there\r\n", "x"];
  for (const [i, answer] of answers.entries()) {
    await using server = mailbox(async (_, conn) => {
      await conn.write(answer);
      while (conn.open) {
        await conn.write(endless[i]!);
        await delay(10);
      }
      return undefined;
    });
    await using mail = await connect(server, { commandTimeout: 200 });
    if (i === 0) { for await (const _ of mail.fetch("1:*", { size: true })) break; }
    else await (await mail.message(1)).cancel();
    await assertRejects(() => mail.noop(), NetError);
    assertEquals(mail.open, false);
  }
});
