import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeFrameLength,
  encodeFrame,
  type FrameFormat,
} from "../../../net/connection/frame_codec.ts";

const FORMATS: FrameFormat[] = ([1, 2, 4] as const).flatMap((lengthBytes) => [
  { lengthBytes, littleEndian: false },
  { lengthBytes, littleEndian: true },
]);

Deno.test("encodeFrame() writes these bytes", () => {
  const rows: Array<[number[] | string, FrameFormat | undefined, number[]]> = [
    [[], undefined, [0, 0, 0, 0]],
    [[7], undefined, [0, 0, 0, 1, 7]],
    [[7, 8], {}, [0, 0, 0, 2, 7, 8]],
    [[7, 8], { littleEndian: true }, [2, 0, 0, 0, 7, 8]],
    [[7], { lengthBytes: 4, littleEndian: false }, [0, 0, 0, 1, 7]],
    [[], { lengthBytes: 2 }, [0, 0]],
    [[7], { lengthBytes: 2 }, [0, 1, 7]],
    [[7], { lengthBytes: 2, littleEndian: true }, [1, 0, 7]],
    [[7], { lengthBytes: 1 }, [1, 7]],
    [[7], { lengthBytes: 1, littleEndian: true }, [1, 7]],
    ["ä", { lengthBytes: 1 }, [2, 0xc3, 0xa4]],
    ["", { lengthBytes: 1 }, [0]],
    ["\n\0", { lengthBytes: 1 }, [2, 10, 0]],
  ];
  for (const [payload, format, raw] of rows) {
    const bytes = typeof payload === "string" ? payload : Uint8Array.from(payload);
    assertEquals(encodeFrame(bytes, format), Uint8Array.from(raw));
  }
});

Deno.test("encodeFrame() writes lengths of more than one byte in the right order", () => {
  const payload = new Uint8Array(0x0102);
  assertEquals([...encodeFrame(payload).subarray(0, 4)], [0, 0, 1, 2]);
  assertEquals([...encodeFrame(payload, { littleEndian: true }).subarray(0, 4)], [2, 1, 0, 0]);
  assertEquals([...encodeFrame(payload, { lengthBytes: 2 }).subarray(0, 2)], [1, 2]);
  const little: FrameFormat = { lengthBytes: 2, littleEndian: true };
  assertEquals([...encodeFrame(payload, little).subarray(0, 2)], [2, 1]);
  const large = encodeFrame(new Uint8Array(0x010203));
  assertEquals([...large.subarray(0, 4)], [0, 1, 2, 3]);
  assertEquals(large.length, 4 + 0x010203);
});

Deno.test("encodeFrame() refuses what the length cannot say, by one byte", () => {
  for (const [lengthBytes, limit] of [[1, 255], [2, 65535]] as const) {
    const longest = encodeFrame(new Uint8Array(limit), { lengthBytes });
    assertEquals(longest.length, lengthBytes + limit);
    assertEquals([...longest.subarray(0, lengthBytes)], Array(lengthBytes).fill(255));
    assertThrows(
      () => encodeFrame(new Uint8Array(limit + 1), { lengthBytes }),
      RangeError,
      `Cannot encode a frame of ${
        limit + 1
      } bytes: the maximum for a length of ${lengthBytes} bytes is ${limit}`,
    );
  }
  // Bytes count, not characters.
  assertThrows(() => encodeFrame("ä".repeat(128), { lengthBytes: 1 }), RangeError, "256 bytes");
});

Deno.test("encodeFrame() copies: what is changed afterwards does not matter", () => {
  const payload = Uint8Array.of(1, 2);
  const frame = encodeFrame(payload, { lengthBytes: 1 });
  payload.fill(9);
  assertEquals(frame, Uint8Array.of(2, 1, 2));
  const view = Uint8Array.of(9, 1, 2, 9).subarray(1, 3);
  assertEquals(encodeFrame(view, { lengthBytes: 1 }), Uint8Array.of(2, 1, 2));
});

Deno.test("decodeFrameLength() reads these bytes", () => {
  const rows: Array<[number[], FrameFormat | undefined, number | undefined]> = [
    [[], undefined, undefined],
    [[0, 0, 0], undefined, undefined],
    [[0, 0, 0, 0], undefined, 0],
    [[0, 0, 1, 2, 99], undefined, 0x0102],
    [[1, 2, 3, 4], undefined, 0x01020304],
    [[1, 2, 3, 4], { littleEndian: true }, 0x04030201],
    // Unsigned: never negative, never taken for a small number.
    [[255, 255, 255, 255], undefined, 0xffffffff],
    [[128, 0, 0, 0], undefined, 0x80000000],
    [[0, 0, 0, 128], { littleEndian: true }, 0x80000000],
    [[], { lengthBytes: 2 }, undefined],
    [[1], { lengthBytes: 2 }, undefined],
    [[1, 2], { lengthBytes: 2 }, 0x0102],
    [[1, 2], { lengthBytes: 2, littleEndian: true }, 0x0201],
    [[255, 255, 1], { lengthBytes: 2 }, 65535],
    [[], { lengthBytes: 1 }, undefined],
    [[255, 1], { lengthBytes: 1 }, 255],
    [[5], { lengthBytes: 1, littleEndian: true }, 5],
  ];
  for (const [raw, format, length] of rows) {
    assertEquals(decodeFrameLength(Uint8Array.from(raw), format), length, JSON.stringify(raw));
  }
});

Deno.test("decodeFrameLength() reads a view where it is, not the buffer behind it", () => {
  const buffer = Uint8Array.of(9, 9, 0, 0, 0, 5, 9);
  assertEquals(decodeFrameLength(buffer.subarray(2)), 5);
  assertEquals(decodeFrameLength(buffer.subarray(4), { lengthBytes: 2 }), 5);
  // The rest of the buffer is not the rest of the view.
  assertEquals(decodeFrameLength(buffer.subarray(2, 5)), undefined);
});

/** Takes frames from chunks as a reader with a buffer does; also what is left over. */
function readFrames(
  chunks: readonly Uint8Array[],
  format: FrameFormat,
): { frames: number[][]; left: number[] } {
  const prefix = format.lengthBytes ?? 4;
  const frames: number[][] = [];
  let left: number[] = [];
  for (const chunk of chunks) {
    left = [...left, ...chunk];
    while (true) {
      const length = decodeFrameLength(Uint8Array.from(left), format);
      if (length === undefined || left.length < prefix + length) break;
      frames.push(left.slice(prefix, prefix + length));
      left = left.slice(prefix + length);
    }
  }
  return { frames, left };
}

/** Cuts bytes at the given places. */
function cut(input: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set(at.map((n) => n % (input.length + 1)))].sort((a, b) => a - b);
  return [...places, input.length].map((end, i) => input.subarray(places[i - 1] ?? 0, end));
}

const payload = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 20 });
const anyFormat = fc.constantFrom(...FORMATS);

Deno.test("frames cut anywhere come out as they went in", () => {
  fc.assert(
    fc.property(
      fc.array(payload, { maxLength: 6 }),
      fc.array(fc.nat()),
      anyFormat,
      (payloads, at, format) => {
        const stream = Uint8Array.from(
          payloads.flatMap((bytes) => [...encodeFrame(Uint8Array.from(bytes), format)]),
        );
        assertEquals(readFrames(cut(stream, at), format), { frames: payloads, left: [] });
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("any bytes cut anywhere give the same frames and the same rest", () => {
  const any = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 255 })),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(any, fc.array(fc.nat()), anyFormat, (values, at, format) => {
      const bytes = Uint8Array.from(values);
      const whole = readFrames([bytes], format);
      assertEquals(readFrames(cut(bytes, at), format), whole);
      assertEquals(readFrames(values.map((value) => Uint8Array.of(value)), format), whole);
      const again = whole.frames.flatMap((frame) => [
        ...encodeFrame(Uint8Array.from(frame), format),
      ]);
      assertEquals([...again, ...whole.left], values);
    }),
    { numRuns: 500 },
  );
});

Deno.test("every length that a prefix can say reads back", () => {
  for (const format of FORMATS) {
    const limit = 2 ** (8 * (format.lengthBytes ?? 4)) - 1;
    const lengths = fc.integer({ min: 0, max: Math.min(limit, 70_000) });
    fc.assert(
      fc.property(lengths, (length) => {
        assertEquals(
          decodeFrameLength(encodeFrame(new Uint8Array(length), format), format),
          length,
        );
      }),
      { numRuns: 30 },
    );
  }
});

Deno.test("a prefix of 3 bytes is refused instead of being written over the payload", () => {
  for (const lengthBytes of [0, 3, 8, NaN]) {
    const format = { lengthBytes: lengthBytes as 4 };
    assertThrows(() => encodeFrame("hi", format), RangeError, `got ${lengthBytes}`);
    assertThrows(() => decodeFrameLength(new Uint8Array(8), format), RangeError);
  }
});
