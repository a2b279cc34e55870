import { assert, assertEquals, assertMatch } from "@std/assert";
import { carryTree } from "../../../examples/ftp/mirror.ts";
import { bytesText, fileText, Rate, timeText } from "../../../examples/ftp/progress.ts";
import { defineCli, recordingIo } from "../../../tools/cli.ts";

Deno.test("sizes and times are short", () => {
  const sizes = [0, 999, 1000, 99_400, 999_499, 1_500_000, 2e13];
  assertEquals(sizes.map(bytesText), [
    "0 B",
    "999 B",
    "1.0 kB",
    "99.4 kB",
    "999 kB",
    "1.5 MB",
    "20.0 TB",
  ]);
  assertEquals([0, 59.2, 61, 3723].map(timeText), ["0:00", "1:00", "1:01", "1:02:03"]);
});

Deno.test("a rate follows the recent past", () => {
  const rate = new Rate(0, 0);
  rate.add(1000, 1000);
  assertEquals(rate.value, 1000);
  rate.add(1000, 1000);
  assertEquals(rate.value, 1000);
  // Nothing comes any more.
  rate.add(1000, 31_000);
  assert(rate.value < 1);
});

Deno.test("the progress of a file has a bar, the rate and the time left if they are known", () => {
  const half = "[############            ] 50%  5.0 MB  1.0 MB/s  0:05 left";
  assertEquals(fileText(5e6, 10e6, 1e6), half);
  assertEquals(fileText(5e6, undefined, 0), "5.0 MB  0 B/s");
  assertEquals(fileText(12e6, 10e6, 1e6).includes("100%"), true);
});

Deno.test("a mirror removes its progress from the line of the terminal before it logs", async () => {
  const cli = defineCli({ name: "t", summary: "x", flags: {}, permissions: {} });
  const io = recordingIo({ stderrIsTerminal: true });
  const code = await cli.run([], io, async (_, ctx) => {
    await carryTree(
      ({ onFile, onProgress, onRefused }) => {
        onFile?.("one", 10);
        onProgress?.(10, "one");
        onFile?.("two", 10);
        onRefused?.("two", new Error("gone") as never);
        return Promise.resolve({ files: 1, skipped: 0, bytes: 10, deleted: 0, left: [] });
      },
      ctx,
      {},
      false,
    );
  });
  assertEquals([code, io.out], [4, "1 file transferred (10 B), 0 unchanged, 0 deleted\n"]);
  // deno-lint-ignore no-control-regex -- it removes a line
  assertMatch(io.err, /\r\x1b\[K1 file {2}10 B {2}[^\n]* {2}one\r\x1b\[K[^\r\n]* t: two\n/);
});
