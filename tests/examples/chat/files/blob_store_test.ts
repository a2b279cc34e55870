/** One conformance suite for all stores of contents, and what only the disk has. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskBlobs } from "../../../../examples/chat/files/disk_blobs.ts";
import type { BlobStore } from "../../../../examples/chat/files/blob_store.ts";
import { idsOf, STORES } from "./_files.ts";

const ID = "ab".repeat(16);
const OTHER = "cd".repeat(16);

async function put(blobs: BlobStore, id: string, ...pieces: readonly string[]): Promise<void> {
  const writer = await blobs.create(id);
  for (const piece of pieces) await writer.write(new TextEncoder().encode(piece));
  await writer.commit();
}

async function get(blobs: BlobStore, id: string, start: number, end: number): Promise<string> {
  const body = await blobs.read(id, { start, end });
  return body === undefined ? "absent" : await new Response(body).text();
}

for (const [name, open] of Object.entries(STORES)) {
  Deno.test(`a store in ${name} returns what was written, and parts of it`, async () => {
    await withFolder(async (folder) => {
      const blobs = await open(folder);
      await put(blobs, ID, "0123", "", "456789");
      await put(blobs, OTHER);
      assertEquals(await get(blobs, ID, 0, 10), "0123456789");
      assertEquals(await get(blobs, ID, 3, 5), "34");
      assertEquals(await get(blobs, OTHER, 0, 0), "");
      assertEquals(await get(blobs, "ef".repeat(16), 0, 1), "absent");
      assertEquals(await idsOf(blobs), [ID, OTHER]);
    });
  });

  Deno.test(`a store in ${name} sends a large file in pieces`, async () => {
    await withFolder(async (folder) => {
      const blobs = await open(folder);
      const text = "0123456789abcdef".repeat(20_000);
      await put(blobs, ID, text);
      assertEquals(await get(blobs, ID, 0, text.length), text);
      assertEquals(await get(blobs, ID, 100_001, 300_003), text.slice(100_001, 300_003));
      const body = await blobs.read(ID, { start: 0, end: text.length }) as ReadableStream;
      await body.cancel();
    });
  });

  Deno.test(`a store in ${name} keeps no file that is incomplete, aborted or removed`, async () => {
    await withFolder(async (folder) => {
      const blobs = await open(folder);
      const writer = await blobs.create(ID);
      await writer.write(new Uint8Array(100_000));
      assertEquals([await get(blobs, ID, 0, 1), await idsOf(blobs)], ["absent", []]);
      await writer.abort();
      await writer.abort();
      assertEquals(await idsOf(blobs), []);
      await put(blobs, ID, "x");
      await blobs.remove(ID);
      await blobs.remove(ID);
      assertEquals([await get(blobs, ID, 0, 1), await idsOf(blobs)], ["absent", []]);
    });
  });

  Deno.test(`a store in ${name} copies the bytes that it is given`, async () => {
    await withFolder(async (folder) => {
      const blobs = await open(folder);
      const writer = await blobs.create(ID);
      const buffer = new TextEncoder().encode("one");
      await writer.write(buffer);
      buffer.fill(0);
      await writer.commit();
      assertEquals(await get(blobs, ID, 0, 3), "one");
    });
  });
}

Deno.test("DiskBlobs keeps files and removes what was not completed, after a restart", async () => {
  await withFolder(async (folder) => {
    const before = await DiskBlobs.open(folder);
    await put(before, ID, "kept");
    const cut = await before.create(OTHER);
    await cut.write(new Uint8Array(10));
    const after = await DiskBlobs.open(folder);
    assertEquals([await get(after, ID, 0, 4), await idsOf(after)], ["kept", [ID]]);
    assertEquals([...Deno.readDirSync(`${folder}/incoming`)], []);
    await cut.abort();
  });
});

Deno.test("DiskBlobs gives nobody else access, and reads nothing outside of its folder", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/secret`, "secret");
    const blobs = await DiskBlobs.open(`${folder}/files`);
    await put(blobs, ID, "x");
    for (const id of ["../secret", "ab/../../secret", "", "AB".repeat(16), `${ID}\n`]) {
      assertEquals(await get(blobs, id, 0, 6), "absent", id);
      await blobs.remove(id);
    }
    assertEquals(await Deno.readTextFile(`${folder}/secret`), "secret");
    if (Deno.build.os === "windows") return;
    const { mode } = await Deno.stat(`${folder}/files/ab/${ID}`);
    assertEquals((mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("DiskBlobs ignores files that are not its own", async () => {
  await withFolder(async (folder) => {
    const blobs = await DiskBlobs.open(folder);
    await put(blobs, ID, "x");
    await Deno.writeTextFile(`${folder}/ab/notes.txt`, "");
    await Deno.mkdir(`${folder}/other`);
    assertEquals(await idsOf(blobs), [ID]);
  });
});

Deno.test("DiskBlobs rejects a folder that it cannot use", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const error = await assertRejects(() => DiskBlobs.open(`${folder}/file/sub`));
    assert(error instanceof Error && error.message.includes("file/sub"), String(error));
  });
});

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "chat_files_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
