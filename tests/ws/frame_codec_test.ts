import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  encodeWsClose,
  encodeWsFrame,
  isCloseCode,
  WsFrameDecoder,
  WsFrameError,
  type WsFrameEvent,
  type WsFrameLimits,
  WsOpcode,
} from "../../ws/frame_codec.ts";
import { concat } from "../_support/ws_peers.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Returns the events of a decoder for chunks, and the code of its failure if there is one. */
function decode(
  role: "server" | "client",
  chunks: readonly Bytes[],
  limits?: WsFrameLimits,
): { events: WsFrameEvent[]; code?: number } {
  const decoder = new WsFrameDecoder(role, limits);
  const events: WsFrameEvent[] = [];
  try {
    for (const chunk of chunks) {
      decoder.push(chunk.slice());
      for (let event; (event = decoder.next()) !== undefined;) events.push(event);
    }
  } catch (error) {
    assert(error instanceof WsFrameError);
    assertEquals(assertThrows(() => decoder.next(), WsFrameError), error);
    return { events, code: error.code };
  }
  return { events };
}

const bare = (text: string, limits?: WsFrameLimits) => decode("client", [hex(text)], limits);

Deno.test("WsFrameDecoder decodes the examples of RFC 6455 section 5.7", () => {
  const hello: WsFrameEvent = { kind: "message", data: "Hello" };
  assertEquals(bare("81 05 48656c6c6f").events, [hello]);
  const masked = hex("81 85 37fa213d 7f9f4d5158");
  assertEquals(decode("server", [masked]).events, [hello]);
  assertEquals(bare("01 03 48656c 80 02 6c6f").events, [hello]);
  assertEquals(bare("89 05 48656c6c6f").events, [{ kind: "ping", payload: bytesOf("Hello") }]);
  assertEquals(decode("server", [hex("8a 85 37fa213d 7f9f4d5158")]).events, [
    { kind: "pong", payload: bytesOf("Hello") },
  ]);
  for (const [head, size] of [["82 7e0100", 256], ["82 7f0000000000010000", 65_536]] as const) {
    const { events } = decode("client", [hex(head), new Uint8Array(size).fill(7)]);
    assertEquals(events, [{ kind: "message", data: new Uint8Array(size).fill(7) }]);
  }
});

Deno.test("encodeWsFrame() encodes the same examples", () => {
  assertEquals(encodeWsFrame(WsOpcode.text, "Hello"), hex("81 05 48656c6c6f"));
  const mask = hex("37fa213d");
  assertEquals(encodeWsFrame(WsOpcode.text, "Hello", { mask }), hex("81 85 37fa213d 7f9f4d5158"));
  assertEquals(encodeWsFrame(WsOpcode.text, "Hel", { fin: false }), hex("01 03 48656c"));
  assertEquals(encodeWsFrame(WsOpcode.continuation, "lo"), hex("80 02 6c6f"));
  assertEquals(encodeWsFrame(WsOpcode.ping), hex("89 00"));
  assertEquals(encodeWsFrame(WsOpcode.text, "ü"), hex("81 02 c3bc"));
  for (const [size, head] of [[125, "82 7d"], [126, "82 7e007e"], [65_535, "82 7effff"]] as const) {
    const frame = encodeWsFrame(WsOpcode.binary, new Uint8Array(size));
    assertEquals([frame.length, frame.slice(0, hex(head).length)], [
      size + hex(head).length,
      hex(head),
    ]);
  }
  assertEquals(
    encodeWsFrame(WsOpcode.binary, new Uint8Array(65_536)).slice(0, 10),
    hex("82 7f0000000000010000"),
  );
  assertEquals(encodeWsClose(), hex("88 00"));
  assertEquals(encodeWsClose(1000, "bye"), hex("88 05 03e8 627965"));
});

const REFUSED: Record<string, [bytes: string, code?: number]> = {
  "RSV1": ["c1 00"],
  "RSV2": ["a1 00"],
  "RSV3": ["91 00"],
  "opcode 3": ["83 00"],
  "opcode 7": ["87 00"],
  "opcode 11": ["8b 00"],
  "opcode 15": ["8f 00"],
  "a masked frame of a server": ["81 80 00000000"],
  "a ping of 126 bytes": ["89 7e007e"],
  "a ping of a 64-bit length": ["89 7f0000000000000001"],
  "a fragmented ping": ["09 00"],
  "a fragmented close": ["08 00"],
  "125 bytes in two": ["82 7e007d"],
  "65535 bytes in eight": ["82 7f000000000000ffff"],
  "2^63 bytes": ["82 7f8000000000000000"],
  "2^63 - 1 bytes": ["82 7f7fffffffffffffff", 1009],
  "a continuation of nothing": ["80 00"],
  "a continuation behind the last": ["81 00 80 00"],
  "a message inside another one": ["01 00 81 00"],
  "text that is no UTF-8": ["81 01 ff", 1007],
  "half a letter": ["81 01 c3", 1007],
  "half a letter at the end of the last fragment": ["01 01 61 80 01 c3", 1007],
  "a wrong letter over two fragments": ["01 01 c3 80 01 28", 1007],
  "a surrogate": ["81 03 eda080", 1007],
  "a slash in two bytes": ["81 02 c0af", 1007],
  "above U+10FFFF": ["81 04 f4908080", 1007],
  "a close of one byte": ["88 01 03"],
  "close 999": ["88 02 03e7"],
  "close 1004": ["88 02 03ec"],
  "close 1005": ["88 02 03ed"],
  "close 1006": ["88 02 03ee"],
  "close 1015": ["88 02 03f7"],
  "close 1016": ["88 02 03f8"],
  "close 2999": ["88 02 0bb7"],
  "close 5000": ["88 02 1388"],
  "a reason that is no UTF-8": ["88 03 03e8 ff", 1007],
};

for (const [name, [bytes, code = 1002]] of Object.entries(REFUSED)) {
  Deno.test(`WsFrameDecoder refuses ${name}`, () => assertEquals(bare(bytes).code, code));
}

Deno.test("WsFrameDecoder refuses unmasked frames of a client", () => {
  assertEquals(decode("server", [hex("81 00")]).code, 1002);
});

Deno.test("WsFrameDecoder refuses invalid UTF-8 before the last fragment", () => {
  assertEquals(bare("01 02 c328").code, 1007);
  assertEquals(bare("01 01 61 00 01 ff").code, 1007);
});

Deno.test("WsFrameDecoder refuses invalid UTF-8 before the end of its frame", () => {
  const decoder = new WsFrameDecoder("client");
  for (const digits of ["81 7e 40 00 ce", "ba 61", "e2 82"]) {
    decoder.push(hex(digits));
    assertEquals(decoder.next(), undefined);
  }
  decoder.push(hex("61"));
  assertEquals(assertThrows(() => decoder.next(), WsFrameError).code, 1007);
});

Deno.test("WsFrameDecoder keeps a byte order mark, and characters across fragments", () => {
  assertEquals(bare("01 02 efbb 00 00 80 02 bf61").events, [{ kind: "message", data: "\ufeffa" }]);
});

Deno.test("WsFrameDecoder accepts U+FFFD, but not invalid UTF-8 beside it", () => {
  assertEquals(bare("81 03 efbfbd").events, [{ kind: "message", data: "\ufffd" }]);
  assertEquals(bare("81 04 efbfbd80").code, 1007);
  assertEquals(bare("81 03 eda080").code, 1007);
});

Deno.test("WsFrameDecoder refuses a message above the limit before its payload", () => {
  const limits = { maxMessageSize: 10 };
  assertEquals(bare("82 0b", limits).code, 1009);
  assertEquals(bare("82 0a 00010203040506070809", limits).events.length, 1);
  assertEquals(bare("02 06 000000000000 80 05", limits).code, 1009);
  assertEquals(bare("02 06 000000000000 80 04 00000000", limits).events.length, 1);
  assertThrows(() => new WsFrameDecoder("client", { maxMessageSize: -1 }), RangeError);
});

Deno.test("WsFrameDecoder refuses endless empty fragments", () => {
  const many = (count: number) => concat(hex("02 00"), ...Array(count).fill(hex("00 00")));
  assertEquals(decode("client", [many(999)]).code, undefined);
  assertEquals(decode("client", [many(1000)]).code, 1008);
});

Deno.test("WsFrameDecoder ignores all bytes after a close frame", () => {
  assertEquals(bare("88 02 03e8 81 01 61 ff").events, [{ kind: "close", code: 1000, reason: "" }]);
  assertEquals(bare("88 00").events, [{ kind: "close", code: 1005, reason: "" }]);
});

Deno.test("encodeWsFrame() uses the given buffer if it is large enough", () => {
  const memory = new Uint8Array(10).fill(255);
  for (const payload of ["abc", "é!", new Uint8Array([1, 2, 3])]) {
    const frame = encodeWsFrame(WsOpcode.text, payload, { memory });
    assertEquals(frame, encodeWsFrame(WsOpcode.text, payload));
    assert(frame.buffer === memory.buffer && frame.byteOffset === 0);
  }
  const mask = new Uint8Array([1, 2, 3, 4]);
  assert(encodeWsFrame(WsOpcode.text, "five!", { memory, mask }).buffer !== memory.buffer);
});

Deno.test("encodeWsFrame() and encodeWsClose() refuse invalid arguments", () => {
  for (const opcode of [3, 7, 11, -1, 1.5]) {
    assertThrows(() => encodeWsFrame(opcode), RangeError);
  }
  assertThrows(() => encodeWsFrame(WsOpcode.ping, "", { fin: false }), RangeError);
  assertThrows(() => encodeWsFrame(WsOpcode.ping, new Uint8Array(126)), RangeError);
  assertThrows(() => encodeWsFrame(WsOpcode.ping, "é".repeat(63)), RangeError);
  assertThrows(() => encodeWsFrame(WsOpcode.text, "", { mask: new Uint8Array(3) }), RangeError);
  assertThrows(() => encodeWsClose(1006), RangeError);
  assertThrows(() => encodeWsClose(1000, "x".repeat(124)), RangeError);
  assert(isCloseCode(1014) && !isCloseCode(1015) && !isCloseCode(3000.5));
});

/** Frames, good and bad, as one stream of bytes. */
const stream = fc.array(
  fc.tuple(
    fc.constantFrom(0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x80, 0x89, 0x8a, 0x88, 0xc1),
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }).map(bytesOf),
      fc.uint8Array({ maxLength: 200 }),
    ),
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
  ),
  { maxLength: 8 },
).map((frames) =>
  concat(...frames.map(([first, payload, mask]) => {
    const size = (first & 8) > 0 ? Math.min(payload.length, 125) : payload.length;
    const frame = encodeWsFrame(WsOpcode.binary, payload.slice(0, size), { mask });
    frame[0] = first;
    return frame;
  }))
);

Deno.test("WsFrameDecoder returns the same events for any split of the bytes", () => {
  fc.assert(fc.property(stream, fc.array(fc.nat(400), { maxLength: 12 }), (bytes, cuts) => {
    const limits = { maxMessageSize: 150 };
    const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) =>
      a - b
    );
    const chunks = at.slice(1).map((end, i) => bytes.slice(at[i]!, end));
    const whole = decode("server", [bytes], limits);
    assertEquals(decode("server", chunks, limits), whole);
    assertEquals(
      decode("server", Array.from(bytes, (byte) => new Uint8Array([byte])), limits),
      whole,
    );
  }));
});

Deno.test("WsFrameDecoder decodes the frames of encodeWsFrame(), in any fragments", () => {
  const message = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => bytes.slice()),
  );
  const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(message, fc.array(fc.nat(300), { maxLength: 5 }), mask, (data, cuts, key) => {
      const bytes = typeof data === "string" ? bytesOf(data) : data;
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) =>
        a - b
      );
      const opcode = typeof data === "string" ? WsOpcode.text : WsOpcode.binary;
      for (const [role, mask] of [["server", { mask: key }], ["client", {}]] as const) {
        const frames = at.slice(1).map((end, i) =>
          encodeWsFrame(i === 0 ? opcode : 0, bytes.slice(at[i]!, end), {
            ...mask,
            fin: i === at.length - 2,
          })
        );
        assertEquals(decode(role, frames).events, [{ kind: "message", data }]);
        assertEquals(decode(role, [encodeWsFrame(opcode, data, mask)]).events, [
          { kind: "message", data },
        ]);
      }
    }),
  );
});
