import { assert, assertEquals, assertThrows } from "@std/assert";
import { createInflateRaw } from "node:zlib";
import { MessageDeflater, MessageInflater } from "../../../ws/internal/message_deflate.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => data && new TextDecoder().decode(data);

/** A pair of both directions, which the test must release. */
function pair(windowBits = 15, takeover = true) {
  const deflater = new MessageDeflater({ windowBits, takeover }, 6);
  const inflater = new MessageInflater({ windowBits, takeover });
  return {
    deflater,
    inflater,
    [Symbol.dispose]() {
      deflater.release();
      inflater.release();
    },
  };
}

/** Bytes that do not compress, the same in each run. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(size);
  let state = 1;
  for (let i = 0; i < size; i++) {
    state = Math.imul(state, 1103515245) + 12345;
    data[i] = state >>> 16;
  }
  return data;
}

Deno.test("the compressed forms are those of RFC 7692 §7.2.3", () => {
  using both = pair();
  assertEquals(both.deflater.deflate(bytes("Hello")), hex("f2 48 cd c9 c9 07 00"));
  assertEquals(both.deflater.deflate(bytes("Hello")), hex("f2 00 11 00 00"));
  assertEquals(both.deflater.deflate(bytes("")), hex("00"));
});

Deno.test("the examples of RFC 7692 §7.2.3 are decompressed", () => {
  const most = 100;
  using both = pair();
  const { inflater } = both;
  const forms = {
    "one block": "f2 48 cd c9 c9 07 00",
    "a reference to the message before": "f2 00 11 00 00",
    "no compression": "00 05 00 fa ff 48 65 6c 6c 6f 00",
    "the last block of a stream": "f3 48 cd c9 c9 07 00 00",
    "a message after a last block": "f2 48 cd c9 c9 07 00",
    "two blocks": "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
    "the last block, and nothing behind it": "f3 48 cd c9 c9 07 00",
    "the message after that": "f2 48 cd c9 c9 07 00",
  };
  for (const [name, form] of Object.entries(forms)) {
    assertEquals(text(inflater.inflate(hex(form), most)), "Hello", name);
  }
  assertEquals(inflater.inflate(hex("00"), most), new Uint8Array());
  assertEquals(inflater.inflate(hex("02 00"), most), new Uint8Array());
});

Deno.test("what is compressed is decompressed, with every window and with or without takeover", () => {
  const sizes = [0, 1, 125, 126, 65_535, 65_536, 300_000];
  for (const windowBits of [8, 9, 10, 12, 15]) {
    for (const takeover of [true, false]) {
      using both = pair(windowBits, takeover);
      for (const size of sizes) {
        const words = bytes("some words, again ".repeat(size / 18 + 1)).slice(0, size);
        for (const data of [words, noise(size), new Uint8Array(size)]) {
          const payload = both.deflater.deflate(data);
          assertEquals(both.inflater.inflate(payload, size), data);
        }
      }
    }
  }
});

Deno.test("two messages are smaller with takeover than without", () => {
  const sizes = [true, false].map((takeover) => {
    using both = pair(15, takeover);
    both.deflater.deflate(noise(1000));
    return both.deflater.deflate(noise(1000)).length;
  });
  assert(sizes[0]! < 100 && sizes[1]! > 900, `${sizes}`);
});

Deno.test("a window of 8 bits is never exceeded", async () => {
  using both = pair(8);
  const data = bytes(Array.from({ length: 5000 }, (_, i) => `${i % 300} `).join(""));
  const strict = createInflateRaw({ windowBits: 8 });
  const whole = new Promise<string>((resolve, reject) => {
    let all = "";
    strict.on("data", (part: Uint8Array) => all += text(part)).on("error", reject);
    strict.on("end", () => resolve(all));
  });
  // Byte by byte, so that the decompressor has nothing but its window.
  for (const byte of both.deflater.deflate(data)) {
    await new Promise((resolve) => strict.write(Uint8Array.of(byte), resolve));
  }
  strict.end(hex("00 00 ff ff 01 00 00 ff ff"));
  assertEquals(await whole, text(data));
});

Deno.test("a released compressor begins anew, and the peer still understands it", () => {
  using both = pair();
  const { deflater, inflater } = both;
  const first = deflater.deflate(bytes("Hello"));
  deflater.release();
  const second = deflater.deflate(bytes("Hello"));
  assertEquals(second, first);
  const alone = deflater.deflateAlone(bytes("Hello"));
  deflater.release();
  const last = deflater.deflate(bytes("Hello, Hello"));
  for (const payload of [first, second, alone]) {
    assertEquals(text(inflater.inflate(payload, 5)), "Hello");
  }
  assertEquals(text(inflater.inflate(last, 12)), "Hello, Hello");
});

Deno.test("a message above the limit is given up before it is decompressed", () => {
  for (const takeover of [true, false]) {
    using both = pair(15, takeover);
    const bomb = both.deflater.deflate(new Uint8Array(50_000_000));
    assert(bomb.length < 60_000);
    assertEquals(both.inflater.inflate(bomb, 1_000_000), undefined);
    using other = pair(15, takeover);
    const fits = both.deflater.deflateAlone(noise(1000));
    assertEquals(other.inflater.inflate(fits, 1000), noise(1000));
    assertEquals(other.inflater.inflate(fits, 999), undefined);
  }
});

Deno.test("malformed payloads are rejected, and do not disturb other connections", () => {
  const bad = [
    "ff ff ff ff",
    "07",
    "f2 00 11 00 00",
    "00 05 00 00 00 48",
    "f3 48 cd c9 c9 07 00 ff",
  ];
  for (const takeover of [true, false]) {
    for (const payload of bad) {
      using both = pair(15, takeover);
      assertThrows(() => both.inflater.inflate(hex(payload), 100), TypeError, "Cannot decompress");
      using other = pair(15, takeover);
      const good = other.inflater.inflate(hex("f2 48 cd c9 c9 07 00"), 100);
      assertEquals(text(good), "Hello");
    }
  }
});

Deno.test("a payload with very many last blocks is rejected, because each one takes long", () => {
  for (const takeover of [true, false]) {
    using last = pair(15, takeover);
    const { inflater } = last;
    const blocks = (count: number) => hex("03 00".repeat(count));
    assertEquals(inflater.inflate(blocks(100), 1000)?.length, 0);
    assertThrows(() => inflater.inflate(blocks(200), 1000), TypeError, "too many last blocks");
    // A block of its own for each KiB is allowed in a message of any size.
    const block = new Uint8Array(1024 + 5);
    block.set([1, 0, 4, 0xff, 0xfb]);
    const many = new Uint8Array(1000 * block.length);
    for (let i = 0; i < 1000; i++) many.set(block, i * block.length);
    assertEquals(inflater.inflate(many, 2 ** 20)?.length, 1000 * 1024);
  }
});

Deno.test("random bytes never hang or crash the decompressor", () => {
  const random = noise(4000);
  for (let at = 0; at < 3000; at += 7) {
    using both = pair(15, at % 2 === 0);
    try {
      both.inflater.inflate(random.slice(at, at + 1 + at % 200), 10_000);
    } catch (error) {
      assert(error instanceof TypeError);
    }
  }
});
