import { assert, assertEquals } from "@std/assert";
import type { Appended, Archive, Entry } from "../../../examples/chat/archive/archive.ts";
import { ArchiveError } from "../../../examples/chat/archive/archive_error.ts";
import { openArchive, type SqliteArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import { type Draft, Ledger } from "../../../examples/chat/ledger.ts";
import { message, user } from "./archive/entries.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A message that waits for its number. */
function draft(text: string, size = 1): Draft<string> {
  const room = { room: "#lobby", roomName: "lobby" };
  const content = { kind: "message", text, action: false } as const;
  return {
    author: text,
    size,
    entry: { ...content, ...room, seq: 0, at: 1, user: 1, name: "Ann" },
  };
}

/** A ledger that writes down what happens. */
async function setUp(append?: (batch: readonly Entry[]) => Promise<readonly Appended[]>) {
  const archive = openArchive(":memory:");
  await archive.saveUsers([{ name: "Ann", rooms: [], seenAt: 0, session: "online" }]);
  const store: Archive = append === undefined ? archive : Object.create(archive, {
    append: { value: append },
    lastSeq: { value: archive.lastSeq },
  });
  const log: string[] = [];
  const ledger = new Ledger<string>(store, {
    settle(drafts, results) {
      for (const [i, { author, entry }] of drafts.entries()) {
        log.push(`${entry.seq} ${author} ${results[i]?.outcome}`);
      }
    },
    onStep: (step) => log.push(step),
    onFault: (reason) => log.push(`fault: ${reason}`),
  });
  return { archive, ledger, log };
}

Deno.test("Ledger stores the lines of one turn together, and tells of them in order", async () => {
  const { ledger, log, archive } = await setUp();
  ledger.stage(draft("a"));
  ledger.stage(draft("b"));
  assertEquals(log, []);
  await ledger.settled();
  assertEquals(log, ["number", "commit", "1 a stored", "2 b stored"]);
  ledger.stage(draft("c"));
  await ledger.settled();
  assertEquals(log.slice(4), ["number", "commit", "3 c stored"]);
  assertEquals(ledger.seq, 3);
  const { messages } = await archive.history("#lobby", { limit: 10 });
  assertEquals(messages.map(({ seq, text }) => `${seq} ${text}`), ["1 a", "2 b", "3 c"]);
});

Deno.test("Ledger runs a task after the lines before it, and before the lines behind it", async () => {
  const { ledger, log } = await setUp();
  ledger.stage(draft("a"));
  ledger.run(async () => {
    log.push("begins");
    await turn();
    log.push("ends");
  });
  ledger.stage(draft("b"));
  ledger.run(() => void log.push("task"));
  await ledger.settled();
  assertEquals(log.filter((line) => line !== "number" && line !== "commit"), [
    "1 a stored",
    "begins",
    "ends",
    "2 b stored",
    "task",
  ]);
});

Deno.test("Ledger runs a task at once if nothing waits, and a nested one after it", async () => {
  const { ledger, log } = await setUp();
  ledger.run(() => {
    ledger.run(() => void log.push("inner"));
    log.push("outer");
  });
  assertEquals(log, ["outer", "inner"]);
});

Deno.test("Ledger gives the numbers back if nothing was stored, and works again afterwards", async () => {
  let fails = true;
  const own = await setUp();
  const { ledger, log } = await setUp((batch) => {
    if (fails) return Promise.reject(new ArchiveError("full", "The disk is full"));
    return own.archive.append(batch);
  });
  ledger.stage(draft("a"));
  ledger.stage(draft("b"));
  await ledger.settled();
  assertEquals(log, [
    "number",
    "fault: The disk is full",
    "commit",
    "1 a undefined",
    "2 b undefined",
  ]);
  assertEquals([ledger.seq, ledger.fault], [0, "full"]);
  fails = false;
  ledger.stage(draft("c"));
  await ledger.settled();
  assertEquals(log.at(-1), "1 c stored");
  assertEquals([ledger.seq, ledger.fault], [1, undefined]);
});

Deno.test("Ledger lets speakers wait while too many bytes are not stored", async () => {
  const { ledger, log } = await setUp();
  ledger.stage(draft("a", 1024 * 1024));
  assertEquals(ledger.backlog(), undefined);
  ledger.stage(draft("b"));
  const wait = ledger.backlog();
  assertEquals(ledger.backlog(), wait);
  await wait;
  assertEquals(log.at(-1), "2 b stored");
  assertEquals(ledger.backlog(), undefined);
});

/** Makes a ledger whose results are kept as texts. A store that is "full" refuses every transaction. */
async function start() {
  const archive = openArchive(":memory:");
  await archive.saveUsers([user()]);
  const state = { full: false };
  const limited: Pick<Archive, "append" | "line" | "lastSeq"> = {
    lastSeq: archive.lastSeq,
    append: (batch) => state.full ? Promise.reject(new Error("full")) : archive.append(batch),
    line: (author, line) => archive.line(author, line),
  };
  const told: string[] = [];
  const ledger = new Ledger<string>(limited as SqliteArchive, {
    settle(drafts, results) {
      for (const [i, { author, entry }] of drafts.entries()) {
        const result = results[i];
        const event = result !== undefined && "event" in result ? result.event : undefined;
        told.push(`${author} ${result?.outcome ?? "not stored"} ${event?.seq ?? entry.seq}`);
      }
    },
    onStep: () => {},
    onFault: (reason) => told.push(reason),
  });
  const say = (author: string, line?: string) => {
    const entry = { ...message(0, line === undefined ? {} : { line }) };
    ledger.stage({ entry, size: 1, author });
  };
  const read = async () => {
    await ledger.settled();
    return told.splice(0);
  };
  return { archive, ledger, state, say, read };
}

Deno.test("Ledger lets speakers wait while too many tasks wait", async () => {
  const { ledger } = await setUp();
  const gate = Promise.withResolvers<void>();
  ledger.run(() => gate.promise);
  for (let i = 0; i < 1024; i++) ledger.run(() => {});
  const wait = ledger.backlog();
  assert(wait !== undefined);
  gate.resolve();
  await wait;
  assertEquals(ledger.backlog(), undefined);
});

Deno.test("a repeated line takes no number, so that no number is known before it is stored", async () => {
  const { archive, ledger, say, read } = await start();
  await using _ = archive;
  say("a", "1");
  say("b", "2");
  assertEquals(await read(), ["a stored 1", "b stored 2"]);
  say("c", "3");
  say("a again", "1");
  say("b again", "2");
  assertEquals(await read(), ["c stored 3", "a again repeated 1", "b again repeated 2"]);
  assertEquals(ledger.seq, 3);
  say("d");
  assertEquals(await read(), ["d stored 4"]);
  assertEquals((await archive.history("#lobby", { limit: 9 })).messages.length, 4);
});

Deno.test("a stored line that is sent again is confirmed although the store is full", async () => {
  const { archive, ledger, state, say, read } = await start();
  await using _ = archive;
  say("a", "1");
  assertEquals(await read(), ["a stored 1"]);
  state.full = true;
  say("b", "2");
  say("a again", "1");
  say("c");
  assertEquals(await read(), ["full", "b not stored 2", "a again repeated 1", "c not stored 4"]);
  assertEquals([ledger.seq, ledger.fault], [1, "unknown"]);
  say("d");
  assertEquals(await read(), ["d not stored 2"], "the same reason again is not reported");
  state.full = false;
  say("b again", "2");
  assertEquals(await read(), ["b again stored 2"]);
  assertEquals(ledger.fault, undefined);
});

/** An archive that numbers the lines of several processes, as far as a ledger knows. */
async function setUpShared() {
  const answers: PromiseWithResolvers<readonly Appended[]>[] = [];
  const { archive } = await setUp();
  const shared: Archive = Object.create(archive, {
    follow: { value: () => Promise.resolve() },
    append: {
      value: () => {
        const answer = Promise.withResolvers<readonly Appended[]>();
        answers.push(answer);
        return answer.promise;
      },
    },
    lastSeq: { value: 7 },
  });
  const log: string[] = [];
  const ledger = new Ledger<string>(shared, {
    settle: (drafts) =>
      void log.push(...drafts.map(({ author, entry }) => `${author} ${entry.seq}`)),
    onStep: () => {},
    onFault: (reason) => void log.push(reason),
  });
  return { ledger, log, answers };
}

Deno.test("Ledger lets work of other processes pass lines that wait, and no tasks", async () => {
  const { ledger, log, answers } = await setUpShared();
  ledger.stage(draft("a"));
  await turn();
  const task = Promise.withResolvers<void>();
  ledger.run(() => task.promise.finally(() => log.push("task")));
  await ledger.feed(() => Promise.resolve(void log.push("first")));
  answers[0]!.resolve([{ outcome: "unchanged" }]);
  await turn();
  const second = ledger.feed(() => Promise.resolve(void log.push("second")));
  await turn();
  assertEquals([log, ledger.seq], [["first", "a 0"], 7]);
  task.resolve();
  await second;
  assertEquals(log, ["first", "a 0", "task", "second"]);
  let error: unknown;
  await ledger.feed(() => Promise.reject(new Error("broken"))).catch((one) => error = one);
  assertEquals(`${error}`, "Error: broken");
  await ledger.settled();
});

Deno.test("Ledger forgets the lines that wait, and runs the tasks", async () => {
  const { ledger, log, answers } = await setUpShared();
  ledger.stage(draft("a"));
  await turn();
  ledger.stage(draft("b"));
  ledger.run(() => void log.push("task"));
  ledger.stage(draft("c"));
  ledger.drop();
  answers[0]!.reject(new ArchiveError("unreachable", "gone"));
  await ledger.settled();
  assertEquals([log, answers.length, ledger.waiting], [["gone", "a 0", "task"], 1, 0]);
  ledger.stage(draft("d"));
  ledger.drop();
  await turn();
  await ledger.settled();
  assertEquals(answers.length, 1);
});
