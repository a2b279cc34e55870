import { assertEquals } from "@std/assert";
import { constants, zstdCompressSync } from "node:zlib";
import { ZstdFrames } from "../../../http/internal/zstd_frames.ts";

function isComplete(body: Uint8Array, piece: number): boolean {
  const frames = new ZstdFrames();
  for (let at = 0; at < body.length && !frames.over;) {
    at += frames.push(body.subarray(at, at + piece));
  }
  return frames.complete;
}

const noise = (size: number) => new Uint8Array(size).map((_, i) => Math.imul(i, 2654435761) >>> 13);

Deno.test("ZstdFrames sees whether a body is complete, however it is delivered", () => {
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  for (const content of [noise(0), noise(1), noise(300), new Uint8Array(300_000), noise(300_000)]) {
    for (const options of [{}, { params }]) {
      const body = zstdCompressSync(content, options);
      for (const piece of [1, 7, 4096, body.length]) {
        assertEquals(isComplete(body, piece), true, `${content.length} in ${piece}`);
        assertEquals(isComplete(Buffer.concat([body, body]), piece), true);
        assertEquals(isComplete(Buffer.concat([body, Buffer.from("garbage")]), piece), true);
        assertEquals(isComplete(Buffer.concat([body, body.subarray(0, -1)]), piece), false);
      }
      const step = Math.max(1, Math.floor(body.length / 200));
      // Deno may add an empty frame, and without it the body is complete, too.
      const end = content.length > 1000 ? body.length - 16 : body.length;
      for (let size = 0; size < end; size += step) {
        assertEquals(isComplete(body.subarray(0, size), 4096), false, `${size} of ${body.length}`);
      }
    }
  }
  const skippable = new Uint8Array([0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]);
  assertEquals(isComplete(Buffer.concat([skippable, zstdCompressSync("a")]), 3), true);
  assertEquals(isComplete(skippable.subarray(0, -1), 3), false);
});
