/** How `diagnose` prints on a terminal, and to a reader that goes away. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { recordingIo } from "../../../tools/cli.ts";
import { main } from "../../../tools/diagnose.ts";

Deno.test("diagnose shows colors and its steps on a terminal, and removes the line of the steps", async () => {
  const io = recordingIo({ stdoutIsTerminal: true, stderrIsTerminal: true, noColor: false });
  assertEquals(await main(["interfaces"], io), 0);
  assert(io.out.includes("\x1b["), io.out);
  const [begin, ...lines] = io.err.split("\r\x1b[K");
  assertEquals([begin, lines.at(-1)], ["", ""]);
  assertMatch(lines[0]!, /^… /);
  const plain = recordingIo({ stdoutIsTerminal: true, stderrIsTerminal: true });
  assertEquals(await main(["interfaces"], plain), 0);
  assert(!plain.out.includes("\x1b"), plain.out);
});

Deno.test("diagnose ends without an error if the reader of its output has gone", async () => {
  const io = recordingIo({
    stdout() {
      throw new Deno.errors.BrokenPipe("gone");
    },
  });
  await main(["interfaces"], io);
  assertEquals(io.err, "");
});
