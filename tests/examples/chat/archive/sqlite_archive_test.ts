import { openArchive, SqliteArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { ownStore } from "../../../../examples/chat/archive/store_file.ts";
import type { ImportingFixture } from "./archives.ts";
import { testImporting } from "./conformance.ts";

testImporting("an archive in memory", () => {
  const archive = openArchive(":memory:");
  return Promise.resolve({ archive, [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose]() });
});

/** Returns an archive in a file of its own. */
async function inFile(open: (path: string) => SqliteArchive): Promise<ImportingFixture> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/chat.db`;
  let archive = open(path);
  return {
    archive,
    async reopen() {
      await archive[Symbol.asyncDispose]();
      return archive = open(path);
    },
    async [Symbol.asyncDispose]() {
      await archive[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

testImporting("an archive in a file", () => inFile(openArchive));

// In the small rooms of these tests, the index is not asked otherwise.
testImporting(
  "an archive that always asks its index",
  () => inFile((path) => new SqliteArchive(ownStore(path), -1)),
);
