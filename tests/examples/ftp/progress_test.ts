import { assert, assertEquals } from "@std/assert";
import { bytesText, fileText, Rate, timeText } from "../../../examples/ftp/progress.ts";

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
