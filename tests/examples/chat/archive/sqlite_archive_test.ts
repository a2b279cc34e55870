import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { testArchive } from "./conformance.ts";

testArchive("an archive in memory", () => {
  const archive = openArchive(":memory:");
  return Promise.resolve({ archive, [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose]() });
});

testArchive("an archive in a file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/chat.db`;
  let archive = openArchive(path);
  return {
    archive,
    async reopen() {
      await archive[Symbol.asyncDispose]();
      return archive = openArchive(path);
    },
    async [Symbol.asyncDispose]() {
      await archive[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
});
