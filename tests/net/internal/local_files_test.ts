import { ifFound, writeAnew } from "../../../net/internal/local_files.ts";
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
