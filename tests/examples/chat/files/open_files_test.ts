import { assertEquals, assertRejects } from "@std/assert";
import type { Archive } from "../../../../examples/chat/archive/archive.ts";
import { conversationKey } from "../../../../examples/chat/archive/records.ts";
import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import type { ChatFiles } from "../../../../examples/chat/files/chat_files.ts";
import { openFiles } from "../../../../examples/chat/files/open_files.ts";
import { bodyOf } from "./_files.ts";

const LIMITS = { maxFile: 1000, maxTotal: 0 };

async function withStore(test: (store: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "chat_files_" });
  try {
    await test(`${folder}/chat.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Makes a user, and returns the id. */
async function userOf(archive: Archive): Promise<number> {
  const record = { name: "Ann", rooms: [], seenAt: 0, session: "online" } as const;
  return (await archive.saveUsers([record]))[0]!;
}

/** Stores a file, and a message that names it. Returns the id of the file. */
async function attach(archive: Archive, files: ChatFiles, seq: number): Promise<string> {
  const user = await userOf(archive);
  const { id } = await files.add({
    user,
    network: "192.0.2.1",
    name: "a",
    size: undefined,
    body: bodyOf("hello"),
  });
  const line = { kind: "message", user, name: "Ann", text: "see", action: false } as const;
  await archive.append([{ ...line, seq, at: 1, room: conversationKey(user, 99), files: [id] }]);
  return id;
}

async function textOf(files: ChatFiles, id: string): Promise<string | undefined> {
  const body = await files.read(id, { start: 0, end: 5 });
  return body === undefined ? undefined : await new Response(body).text();
}

Deno.test("openFiles() keeps the files of messages beside the store, across a restart", async () => {
  await withStore(async (store) => {
    let id: string;
    {
      await using archive = openArchive(store);
      await using open = await openFiles({ records: archive, store, ...LIMITS });
      id = await attach(archive, open.files, 1);
    }
    await using archive = openArchive(store);
    await using open = await openFiles({ records: archive, store, ...LIMITS });
    assertEquals((await open.files.find(id))?.size, 5);
    assertEquals(await textOf(open.files, id), "hello");
    const [message] = (await archive.history(conversationKey(1, 99), { limit: 1 })).messages;
    assertEquals(message?.files?.map((file) => file.id), [id]);
  });
});

Deno.test("openFiles() removes contents that a crash has left behind", async () => {
  await withStore(async (store) => {
    await using archive = openArchive(store);
    const stray = `${store}-files/ab/${"ab".repeat(16)}`;
    await Deno.mkdir(`${store}-files/ab`, { recursive: true });
    await Deno.writeTextFile(stray, "stray");
    await using _open = await openFiles({ records: archive, store, ...LIMITS });
    await assertRejects(() => Deno.stat(stray), Deno.errors.NotFound);
  });
});

Deno.test("a file goes with its message, and an unused one after an hour", async () => {
  let time = 0;
  await using archive = openArchive(":memory:");
  const now = () => time;
  await using open = await openFiles({ records: archive, ...LIMITS, now });
  const { files } = open;
  const used = await attach(archive, files, 1);
  const deleted = await attach(archive, files, 2);
  const user = await userOf(archive);
  const unused = await files.add({
    user,
    network: "192.0.2.1",
    name: "a",
    size: 5,
    body: bodyOf("other"),
  });
  const line = { kind: "delete", user: 2, name: "Ann", target: 2, at: 2, seq: 3 } as const;
  await archive.append([{ ...line, room: conversationKey(2, 99) }]);
  assertEquals(await files.find(deleted), undefined);
  await files.tidy();
  assertEquals(await textOf(files, deleted), undefined);
  assertEquals(await textOf(files, unused.id), "other");
  time = 3_600_001;
  await files.tidy();
  assertEquals(await textOf(files, unused.id), undefined);
  assertEquals(await textOf(files, used), "hello");
});

Deno.test("files in memory are limited, whatever the limit on disk is", async () => {
  await using archive = openArchive(":memory:");
  const MIB = 1024 * 1024;
  await using open = await openFiles({ records: archive, maxFile: 100 * MIB, maxTotal: 0 });
  const user = await userOf(archive);
  const given = { user, network: "192.0.2.1", name: "a", size: 65 * MIB, body: bodyOf("x") };
  await assertRejects(() => open.files.add(given), Error, "no room for more files");
});
