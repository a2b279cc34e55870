import { assertEquals } from "@std/assert";
import type { KeepReport } from "../../../../examples/chat/archive/archive.ts";
import { Housekeeper } from "../../../../examples/chat/archive/housekeeper.ts";
import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { holdWhile } from "../../../../net/internal/timer.ts";
import { message, messages, START } from "./entries.ts";

Deno.test("Housekeeper applies the limits at once, and again after much new text", async () => {
  await using archive = openArchive(":memory:");
  await archive.append(messages(1, 20));
  const reports: KeepReport[] = [];
  let reported = Promise.withResolvers<void>();
  await using _keeper = new Housekeeper(archive, {
    limits: { messages: 5 },
    now: () => START,
    onReport(report) {
      reports.push(report);
      reported.resolve();
    },
  });
  await holdWhile(reported.promise);
  reported = Promise.withResolvers();
  await archive.append(messages(21, 30, { text: "x".repeat(500_000) }));
  await holdWhile(reported.promise);
  assertEquals(reports.map((report) => report.messages), [15, 10]);
  assertEquals((await archive.history("#lobby", { limit: 99 })).messages[0]?.seq, 26);
});

Deno.test("Housekeeper reports a failure", async () => {
  const archive = openArchive(":memory:");
  await archive[Symbol.asyncDispose]();
  const failed = Promise.withResolvers<unknown>();
  await using _keeper = new Housekeeper(archive, { limits: {}, onError: failed.resolve });
  assertEquals((await holdWhile(failed.promise) as Error).name, "ArchiveError");
});

Deno.test("Housekeeper stops a run in progress with its archive", async () => {
  const archive = openArchive(":memory:");
  await archive.append(messages(1, 5000));
  const keeper = new Housekeeper(archive, { limits: { messages: 1 } });
  const closed = archive[Symbol.asyncDispose]();
  await keeper[Symbol.asyncDispose]();
  await closed;
});

Deno.test("the upkeep lets messages through between its portions", async () => {
  await using archive = openArchive(":memory:");
  await archive.append(messages(1, 5000));
  const ended: string[] = [];
  const upkeep = archive.keep({ messages: 100 }, START).then(() => ended.push("upkeep"));
  for (let seq = 5001; seq <= 5003; seq++) {
    await archive.append([message(seq)]);
    ended.push("message");
    await new Promise((resume) => setTimeout(resume));
  }
  await upkeep;
  assertEquals(ended, ["message", "message", "message", "upkeep"]);
});
