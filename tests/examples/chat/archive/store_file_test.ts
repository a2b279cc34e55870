import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  ArchiveError,
  type ArchiveErrorKind,
} from "../../../../examples/chat/archive/archive_error.ts";
import { openArchive, SqliteArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { ownStore } from "../../../../examples/chat/archive/store_file.ts";
import { message, messages, user } from "./entries.ts";

/** Registers a test with a folder of its own. */
function test(name: string, body: (folder: string) => Promise<void> | void, ignore = false): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        await body(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** Makes a store with some messages. */
async function makeStore(path: string, count = 100): Promise<void> {
  await using archive = openArchive(path);
  await archive.append(messages(1, count, { text: "some words that fill pages ".repeat(20) }));
}

function assertRefused(
  path: string,
  kind: ArchiveErrorKind,
  reason: RegExp,
  readOnly = false,
): void {
  const error = assertThrows(() => openArchive(path, { readOnly }), ArchiveError);
  assertEquals([error.kind, reason.test(error.message)], [kind, true], error.message);
  assert(error.message.startsWith(`Cannot use the store "${path}`), error.message);
}

test("ownStore() makes a store that only its owner can read", async (folder) => {
  const path = `${folder}/chat.db`;
  await using archive = openArchive(path);
  assertEquals([archive.isNew, archive.path], [true, path]);
  for await (const { name } of Deno.readDir(folder)) {
    assertEquals((await Deno.stat(`${folder}/${name}`)).mode! & 0o777, 0o600, name);
  }
});

test("ownStore() takes an empty file as a new store", async (folder) => {
  const path = `${folder}/chat.db`;
  await Deno.writeTextFile(path, "");
  await using archive = openArchive(path);
  assertEquals(archive.isNew, true);
});

test("ownStore() uses the settings that make a commit survive a crash", (folder) => {
  using store = ownStore(`${folder}/chat.db`);
  const settings = ["journal_mode", "synchronous", "foreign_keys", "secure_delete", "auto_vacuum"];
  assertEquals(settings.map((name) => store.db.pragma(name)), ["wal", 2, 1, 1, 2]);
});

test("ownStore() refuses a second owner, also by a link, until the first one closes", async (folder) => {
  const path = `${folder}/chat.db`;
  const first = openArchive(path);
  await Deno.symlink(path, `${folder}/link.db`);
  assertRefused(path, "in-use", /another process uses it; stop that process first/);
  const error = assertThrows(() => openArchive(`${folder}/link.db`), ArchiveError);
  assertEquals(error.kind, "in-use");
  await first.append([message(1)]);
  await first[Symbol.asyncDispose]();
  await using second = openArchive(path);
  assertEquals(second.lastSeq, 1);
});

test("readStore() reads the state of the opening while the owner writes", async (folder) => {
  const path = `${folder}/chat.db`;
  await using owner = openArchive(path);
  await owner.append([message(1)]);
  await using reader = openArchive(path, { readOnly: true });
  await owner.append([message(2)]);
  assertEquals((await reader.history("#lobby", { limit: 9 })).messages.length, 1);
  const error = await assertRejects(() => reader.saveUsers([user()]), ArchiveError);
  assertEquals(error.kind, "read-only");
});

test("readStore() reads a store that nobody owns", async (folder) => {
  const path = `${folder}/chat.db`;
  await makeStore(path, 3);
  await using reader = openArchive(path, { readOnly: true });
  assertEquals(reader.lastSeq, 3);
});

test("readStore() refuses a file that does not exist, and makes none", async (folder) => {
  assertRefused(`${folder}/chat.db`, "missing", /does not exist/, true);
  assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
});

test("ownStore() refuses a folder, a missing folder, and a file as a folder", async (folder) => {
  assertRefused(folder, "bad-path", /it is a folder; name a file in it/);
  assertRefused(
    `${folder}/no/chat.db`,
    "bad-path",
    /the folder ".*\/no" does not exist; make it first/,
  );
  await makeStore(`${folder}/chat.db`);
  assertRefused(`${folder}/chat.db/x.db`, "bad-path", /not a folder/);
});

test("ownStore() refuses a file that is not a store, and leaves it as it is", async (folder) => {
  const path = `${folder}/notes.txt`;
  const content = "These are notes.\n".repeat(1000);
  await Deno.writeTextFile(path, content);
  assertRefused(path, "damaged", /it is not a store of the chat/);
  assertRefused(path, "damaged", /it is not a store of the chat/, true);
  assertEquals(await Deno.readTextFile(path), content);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["notes.txt"]);
});

test("ownStore() refuses the database of another program", (folder) => {
  const path = `${folder}/other.db`;
  new DatabaseSync(path).exec("CREATE TABLE bookmarks (url)");
  assertRefused(path, "damaged", /it is a database of another program/);
});

test("ownStore() refuses a store of a newer version, and leaves it as it is", async (folder) => {
  const path = `${folder}/chat.db`;
  await makeStore(path);
  using db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 99");
  assertRefused(path, "newer", /it has version 99, and this chat knows versions up to \d+/);
  assertEquals(db.prepare("PRAGMA user_version").get()?.user_version, 99);
});

test("ownStore() refuses a damaged store, wherever the damage is", async (folder) => {
  const path = `${folder}/chat.db`;
  await makeStore(path, 400);
  const good = await Deno.readFile(path);
  const pages = good.length / 4096;
  assert(pages > 20);
  for (let page = 0; page < pages; page += Math.ceil(pages / 20)) {
    const bad = good.slice();
    // The head of the page, which has its type and the places of its cells.
    crypto.getRandomValues(bad.subarray(page * 4096, page * 4096 + 64));
    await Deno.writeFile(path, bad);
    const error = assertThrows(() => openArchive(path), ArchiveError, undefined, `page ${page}`);
    assertEquals(error.kind, "damaged", error.message);
    assertEquals(await Deno.readFile(path), bad);
  }
  await Deno.writeFile(path, good.subarray(0, good.length >> 1));
  assertRefused(path, "damaged", /it is damaged/);
});

test("ownStore() does not take a store that was cut to nothing as a new one", async (folder) => {
  const path = `${folder}/chat.db`;
  await Deno.writeTextFile(path, "");
  await Deno.writeTextFile(`${path}-wal`, "journal");
  assertRefused(path, "damaged", /it is empty, but ".*-wal" is not; restore a backup/);
});

test("a full store refuses the batch, keeps the rest, and goes on when there is space", async (folder) => {
  const store = ownStore(`${folder}/chat.db`);
  await using archive = new SqliteArchive(store);
  await archive.append([message(1)]);
  const pages = Number(store.db.pragma("page_count"));
  store.db.pragma(`max_page_count = ${pages + 2}`);
  const large = { text: "x".repeat(4000) };
  const error = await assertRejects(() => archive.append(messages(2, 20, large)), ArchiveError);
  assertEquals([error.kind, /the disk is full/.test(error.message)], ["full", true]);
  assertEquals(await archive.message(2), undefined);
  assertEquals((await archive.history("#lobby", { limit: 9 })).messages.length, 1);
  store.db.pragma("max_page_count = 100000");
  await archive.append(messages(2, 20, large));
});

test("a store that has become read-only refuses the batch and still reads", async (folder) => {
  const store = ownStore(`${folder}/chat.db`);
  await using archive = new SqliteArchive(store);
  await archive.append([message(1)]);
  store.db.exec("PRAGMA query_only = ON");
  const error = await assertRejects(() => archive.append([message(2)]), ArchiveError);
  assertEquals(error.kind, "read-only");
  assertEquals((await archive.message(1))?.text, "text 1");
  store.db.exec("PRAGMA query_only = OFF");
  await archive.append([message(2)]);
});

test("a damaged index is made again from the messages", async (folder) => {
  await using archive = new SqliteArchive(ownStore(`${folder}/chat.db`), -1);
  await archive.append(messages(1, 3000, { text: "some words to find" }));
  await archive.keep({}, 0);
  // Without this setting, SQLite protects the tables of the index.
  const options = { defensive: false, timeout: 1000 };
  const damage = () => {
    using other = new DatabaseSync(`${folder}/chat.db`, options);
    other.exec("UPDATE search_data SET block = randomblob(100) WHERE id > 10");
  };
  damage();
  const query = { words: ["words"], from: [], rooms: ["#lobby"] };
  const { hits } = await archive.search(query, { limit: 5 });
  assertEquals(hits.map(({ message: { seq } }) => seq), [3000, 2999, 2998, 2997, 2996]);
  damage();
  assertEquals((await archive.keep({ messages: 10 }, 0)).size > 0, true);
  assertEquals((await archive.search(query, { limit: 99 })).hits.length, 10);
});

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;

/** Runs a command, and returns whether it succeeded. */
async function run(program: string, ...args: string[]): Promise<boolean> {
  return (await new Deno.Command(program, { args, stderr: "null" }).output()).success;
}

test("a full disk refuses the batch, and the store is whole afterwards", async (folder) => {
  if (!await run("mount", "-t", "tmpfs", "-o", "size=1M", "chat-test", folder)) return;
  try {
    const path = `${folder}/chat.db`;
    let stored = 0;
    {
      await using archive = openArchive(path);
      const fill = async () => {
        for (;; stored++) await archive.append([message(stored + 1, { text: "x".repeat(5000) })]);
      };
      assertEquals((await assertRejects(fill, ArchiveError)).kind, "full");
      assertEquals((await archive.history("#lobby", { limit: 999 })).messages.length, stored);
      assert(await run("mount", "-o", "remount,size=4M", folder));
      await archive.append([message(stored + 1)]);
    }
    await using again = openArchive(path);
    assertEquals(again.lastSeq, stored + 1);
  } finally {
    await run("umount", folder);
  }
}, !isRoot);

test("a disk without any space gives a clear error at the start", async (folder) => {
  if (!await run("mount", "-t", "tmpfs", "-o", "size=64K", "chat-test", folder)) return;
  try {
    await Deno.writeFile(`${folder}/rest`, new Uint8Array(56 << 10));
    const error = assertThrows(() => openArchive(`${folder}/chat.db`), ArchiveError);
    assert(error.kind === "full" || error.kind === "io", error.message);
  } finally {
    await run("umount", folder);
  }
}, !isRoot);

test("what was confirmed survives kill -9, once", async (folder) => {
  const path = `${folder}/chat.db`;
  const writer = new URL("_writer.ts", import.meta.url).pathname;
  let confirmed = 0;
  for (let round = 0; round < 12; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", "-A", writer, path],
      stdout: "piped",
    }).spawn();
    const until = confirmed + 3 + 20 * round;
    let output = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      const last = Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1));
      if (last < until) continue;
      if (round === 0) assertRefused(path, "in-use", /another process/);
      child.kill("SIGKILL");
      confirmed = Math.max(confirmed, last);
      break;
    }
    assertEquals((await child.status).signal, "SIGKILL");
    await using archive = openArchive(path);
    assert(archive.lastSeq >= confirmed, `${archive.lastSeq} < ${confirmed}`);
    // A batch is there as a whole or not at all.
    assertEquals(archive.lastSeq % 3, 0);
    const { messages } = await archive.history("#lobby", { limit: 1e6 });
    assertEquals(messages.map(({ seq }) => seq), Array.from(messages, (_, i) => i + 1));
    assertEquals(messages.length, archive.lastSeq);
    confirmed = archive.lastSeq;
  }
});
