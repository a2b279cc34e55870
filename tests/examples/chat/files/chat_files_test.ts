import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { BlobStore } from "../../../../examples/chat/files/blob_store.ts";
import { ChatFiles, FileRefusal, type Upload } from "../../../../examples/chat/files/chat_files.ts";
import { MemoryBlobs } from "../../../../examples/chat/files/memory_blobs.ts";
import { bodyOf, type Files, idsOf, makeFiles, TestRecords } from "./_files.ts";

function upload(body: Upload["body"], more: Partial<Upload> = {}): Upload {
  return { user: 1, network: "192.0.2.1", name: "a.txt", size: undefined, body, ...more };
}

async function refusedWith(code: string, { files }: Files, given: Upload): Promise<void> {
  const error = await assertRejects(() => files.add(given), FileRefusal);
  assertEquals(error.code, code);
}

async function left({ blobs, records }: Files): Promise<[string[], number]> {
  return [await idsOf(blobs), records.files.size];
}

Deno.test("add() stores the bytes with a safe name, a sniffed type, the size and a hash", async () => {
  const { files, records, blobs } = makeFiles(new MemoryBlobs(), { now: () => 5 });
  const record = await files.add(upload(bodyOf("hel", "lo"), { name: "../a\u202e.png", size: 5 }));
  const { id, ...rest } = record;
  assertEquals(rest, {
    name: "_a.png",
    type: "text/plain; charset=utf-8",
    size: 5,
    sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    user: 1,
    at: 5,
  });
  assert(/^[0-9a-f]{32}$/.test(id));
  assertEquals((await files.find(id))?.name, "_a.png");
  assertEquals(await idsOf(blobs), [...records.files.keys()]);
});

Deno.test("add() finds the type although the first bytes come one by one", async () => {
  const { files } = makeFiles(new MemoryBlobs());
  const bytes = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0];
  const body = ReadableStream.from(bytes.map((byte) => Uint8Array.of(byte)));
  assertEquals((await files.add(upload(body))).type, "image/png");
});

Deno.test("add() refuses a file that is too large, announced or not, and keeps nothing", async () => {
  const all = makeFiles(new MemoryBlobs(), { maxFile: 10 });
  await refusedWith("file-too-large", all, upload(bodyOf("x"), { size: 11 }));
  await refusedWith("file-too-large", all, upload(bodyOf("123456", "78901")));
  assertEquals(await left(all), [[], 0]);
  await all.files.add(upload(bodyOf("1234567890")));
  assertEquals((await left(all))[1], 1);
});

Deno.test("add() limits the number of files, also of empty ones", async () => {
  const all = makeFiles(new MemoryBlobs(), { perFile: 10, maxPerUser: 35, maxTotal: 50 });
  for (let i = 0; i < 3; i++) await all.files.add(upload(bodyOf()));
  await refusedWith("user-quota", all, upload(bodyOf(), { size: 0 }));
  for (let i = 0; i < 2; i++) await all.files.add(upload(bodyOf(), { user: 2 }));
  await refusedWith("files-full", all, upload(bodyOf(), { user: 3 }));
});

Deno.test("add() does not compute the sum of all files for each byte of a file", async () => {
  const { files, records } = makeFiles(new MemoryBlobs());
  await files.add(upload(bodyOf(..."x".repeat(1000))));
  assert(records.sums <= 4, `${records.sums}`);
});

Deno.test("add() refuses what exceeds the share of a user, or the whole room", async () => {
  const all = makeFiles(new MemoryBlobs(), { maxFile: 100, maxPerUser: 25, maxTotal: 50 });
  const ten = () => bodyOf("0123456789");
  await all.files.add(upload(ten()));
  await all.files.add(upload(ten(), { size: 10 }));
  await refusedWith("user-quota", all, upload(ten(), { size: 10 }));
  await refusedWith("user-quota", all, upload(ten()));
  for (const user of [2, 2, 3]) await all.files.add(upload(ten(), { user }));
  await refusedWith("files-full", all, upload(bodyOf("x"), { user: 4 }));
  assertEquals((await left(all))[0].length, 5);
});

Deno.test("add() counts files that arrive at the same time", async () => {
  const all = makeFiles(new MemoryBlobs(), { maxPerUser: 15 });
  const first = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const storing = all.files.add(upload(first.readable, { size: 10 }));
  await refusedWith("user-quota", all, upload(bodyOf("0123456789"), { size: 10 }));
  const writer = first.writable.getWriter();
  await writer.write(new Uint8Array(10));
  await writer.close();
  await storing;
  assertEquals((await left(all))[1], 1);
});

Deno.test("add() limits the files that arrive at once from an address", async () => {
  const all = makeFiles(new MemoryBlobs(), { maxUploads: 4 });
  const streams = [1, 2].map(() => new TransformStream());
  const running = streams.map(({ readable }, user) => all.files.add(upload(readable, { user })));
  await refusedWith("busy", all, upload(bodyOf("x"), { user: 7 }));
  await all.files.add(upload(bodyOf("x"), { user: 7, network: "192.0.2.2" }));
  for (const { writable } of streams) await writable.close();
  await Promise.all(running);
  await all.files.add(upload(bodyOf("x"), { user: 7 }));
});

Deno.test("add() limits the files that arrive at once, of a user and of all", async () => {
  const all = makeFiles(new MemoryBlobs(), {
    maxUploads: 3,
    maxUploadsPerUser: 2,
    maxUploadsPerAddress: 3,
  });
  const streams: TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>[] = [];
  const start = (user: number) => {
    const stream = new TransformStream();
    streams.push(stream);
    return all.files.add(upload(stream.readable, { user }));
  };
  const running = [start(1), start(1)];
  await refusedWith("busy", all, upload(bodyOf("x")));
  running.push(start(2));
  await refusedWith("busy", all, upload(bodyOf("x"), { user: 3 }));
  for (const { writable } of streams) await writable.close();
  await Promise.all(running);
  await all.files.add(upload(bodyOf("x")));
});

Deno.test("add() keeps nothing of a file that is cut", async () => {
  const all = makeFiles(new MemoryBlobs(), { maxPerUser: 10 });
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      controller.enqueue(new Uint8Array(5));
      controller.error(new Error("reset by the peer"));
    },
  });
  await refusedWith("cut", all, upload(body, { size: 10 }));
  assertEquals(await left(all), [[], 0]);
  // The reservation is gone, too.
  await all.files.add(upload(bodyOf("0123456789"), { size: 10 }));
});

Deno.test("add() keeps nothing if the store or the archive fails", async () => {
  const memory = new MemoryBlobs();
  const full = new Error("No space left on device");
  for (const step of ["create", "write", "commit"] as const) {
    const blobs: BlobStore = {
      create: async (id) => {
        if (step === "create") throw full;
        const writer = await memory.create(id);
        return { ...writer, [step]: () => Promise.reject(full) };
      },
      read: (id, part) => memory.read(id, part),
      remove: (id) => memory.remove(id),
      ids: () => memory.ids(),
    };
    const all = makeFiles(blobs);
    const error = await assertRejects(() => all.files.add(upload(bodyOf("x"))), FileRefusal);
    assertEquals([error.code, error.cause], ["not-stored", full]);
    assertEquals(await left(all), [[], 0]);
  }
  const all = makeFiles(memory);
  all.records.failure = full;
  await refusedWith("not-stored", all, upload(bodyOf("x")));
  assertEquals(await left(all), [[], 0]);
});

Deno.test("tidy() removes files of removed messages and old unused files", async () => {
  let time = 0;
  const all = makeFiles(new MemoryBlobs(), { now: () => time, unusedTime: 100 });
  const { files, records } = all;
  const [used, dropped, old] = await Promise.all(
    ["used", "dropped", "old"].map((text) => files.add(upload(bodyOf(text)))),
  );
  records.use(used!.id);
  records.use(dropped!.id);
  records.drop(dropped!.id);
  time = 50;
  const young = await files.add(upload(bodyOf("young")));
  assertEquals(await files.find(dropped!.id), undefined);
  await files.tidy();
  assertEquals(await idsOf(all.blobs), [used!.id, old!.id, young.id].sort());
  time = 120;
  await Promise.all([files.tidy(), files.tidy()]);
  assertEquals(await idsOf(all.blobs), [used!.id, young.id].sort());
});

Deno.test("tidy() removes any number of files", async () => {
  let time = 0;
  const all = makeFiles(new MemoryBlobs(), { now: () => time, unusedTime: 1 });
  for (let i = 0; i < 450; i++) await all.files.add(upload(bodyOf(`${i}`)));
  time = 10;
  await all.files.tidy();
  assertEquals(await left(all), [[], 0]);
});

Deno.test("recover() removes contents without a record", async () => {
  const all = makeFiles(new MemoryBlobs());
  const { id } = await all.files.add(upload(bodyOf("kept")));
  const writer = await all.blobs.create("ab".repeat(16));
  await writer.commit();
  await all.files.recover();
  assertEquals(await idsOf(all.blobs), [id]);
});

Deno.test("ChatFiles checks its options", () => {
  const make = (options: object) => new ChatFiles(new MemoryBlobs(), new TestRecords(), options);
  assertThrows(() => make({ maxFile: 0 }), RangeError, "maxFile");
  assertThrows(() => make({ maxSize: 1 }), TypeError, "maxSize");
});
