/**
 * Appends messages to a store until it is killed: `_writer.ts FILE`. Prints the highest number after each
 * append that was confirmed.
 *
 * @module
 */

import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { messages } from "./entries.ts";

const archive = openArchive(Deno.args[0]!);
for (let seq = archive.lastSeq + 1;; seq += 3) {
  await archive.append(messages(seq, seq + 2));
  console.log(seq + 2);
}
