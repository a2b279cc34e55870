import { type FileId, ifFound, isSameFile, writeAnew } from "../../../net/internal/local_files.ts";
import { assertEquals, assertRejects } from "@std/assert";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("ifFound() returns undefined for a missing file, and passes other errors on", () =>
  inFolder(async (folder) => {
    assertEquals(await ifFound(Deno.lstat(`${folder}/none`)), undefined);
    assertEquals((await ifFound(Deno.lstat(folder)))?.isDirectory, true);
    await assertRejects(() => ifFound(Deno.readTextFile(folder)), Error, "directory");
  }));

Deno.test("writeAnew() replaces a file, and a link without following it", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/other`, "of somebody else");
    await Deno.symlink(`${folder}/other`, `${folder}/note`);
    for (const text of ["first", "second"]) {
      await writeAnew(`${folder}/note`, text);
      assertEquals(await Deno.readTextFile(`${folder}/note`), text);
    }
    assertEquals((await Deno.lstat(`${folder}/note`)).isSymlink, false);
    assertEquals(await Deno.readTextFile(`${folder}/other`), "of somebody else");
  }));

Deno.test("isSameFile() tells files apart, also on Windows, which may not know their numbers", () =>
  inFolder(async (folder) => {
    const [one, other] = [`${folder}/one`, `${folder}/other`];
    for (const path of [one, other]) await Deno.writeTextFile(path, "");
    using file = await Deno.open(one);
    assertEquals(isSameFile(await file.stat(), await Deno.lstat(one)), true);
    assertEquals(isSameFile(await file.stat(), await Deno.lstat(other)), false);
    // A path has all numbers there, and an open file has none.
    const path: FileId = { dev: 7, ino: 9, birthtime: new Date(1000) };
    const opened: FileId = { dev: 0, ino: null, birthtime: new Date(1000) };
    assertEquals(isSameFile(path, opened), true);
    assertEquals(isSameFile(opened, path), true);
    assertEquals(isSameFile(path, { ...opened, birthtime: new Date(2000) }), false);
    assertEquals(isSameFile(opened, { ...opened, birthtime: null }), false);
    assertEquals(isSameFile({ ...path, dev: 8 }, path), false);
  }));
