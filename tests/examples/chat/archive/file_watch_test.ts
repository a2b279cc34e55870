import { assertEquals, assertRejects } from "@std/assert";
import { ArchiveError } from "../../../../examples/chat/archive/archive_error.ts";
import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { storeFile } from "../_faces.ts";
import { message, user } from "./entries.ts";

for (const suffix of ["", "-wal"]) {
  Deno.test({
    name: `a store whose file${suffix} was removed stores nothing until it is back`,
    ignore: Deno.build.os === "windows", // It does not let open files be removed.
    async fn() {
      await using file = await storeFile();
      const path = file.path + suffix;
      await using archive = openArchive(file.path);
      await archive.append([message(1)]);
      await Deno.rename(path, `${path}.away`);
      const write = () => archive.append([message(2)]);
      const removed = await assertRejects(write, ArchiveError, "was removed or replaced");
      assertEquals(removed.kind, "io");
      await assertRejects(() => archive.saveUsers([user()]), ArchiveError, "was removed");
      await Deno.copyFile(`${path}.away`, path);
      await assertRejects(write, ArchiveError, "was removed or replaced");
      await Deno.rename(`${path}.away`, path);
      assertEquals((await write()).map(({ outcome }) => outcome), ["stored"]);
    },
  });
}
