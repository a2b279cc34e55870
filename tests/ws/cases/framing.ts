/** Messages in one frame, their lengths and masks (RFC 6455 §5.2, §5.3, §5.6). @module */

import { BINARY, CaseTable, expect, hex, pattern, send, TEXT } from "./case.ts";

const table = new CaseTable("framing", "6455 §5.2");

/** The largest value of each length field, and its neighbours. */
const SIZES = [0, 1, 2, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537];

for (const size of SIZES) {
  const text = "0123456789".repeat(Math.ceil(size / 10)).slice(0, size);
  const data = pattern(size);
  table.works(`text-${size}`, [send(TEXT, text), expect(TEXT, text)], { rfc: "6455 §5.6" });
  table.works(`binary-${size}`, [send(BINARY, data), expect(BINARY, data)], { rfc: "6455 §5.6" });
}

table.works("many-in-a-row", [
  ...Array.from({ length: 40 }, (_, i) => send(i % 2 + 1, `message ${i}`)),
  ...Array.from({ length: 40 }, (_, i) => expect(i % 2 + 1, `message ${i}`)),
]);
table.works("every-byte-value", [
  send(BINARY, pattern(1021)),
  expect(BINARY, pattern(1021)),
]);
table.works("bytes-that-look-like-frames", [
  send(BINARY, hex("88 80 00 00 00 00 81 05 48 65 6c 6c 6f")),
  expect(BINARY, hex("88 80 00 00 00 00 81 05 48 65 6c 6c 6f")),
]);

// §5.2: "the minimal number of bytes MUST be used to encode the length". Deno accepts more.
for (const [size, lengthBits] of [[0, 16], [125, 16], [5, 64], [126, 64], [65_535, 64]] as const) {
  const payload = "x".repeat(size);
  table.fails(`length-${size}-in-${lengthBits}-bits`, 1002, [send(TEXT, payload, { lengthBits })], {
    deno: { end: "normal" },
    denoAnswers: [{ opcode: TEXT, payload: new TextEncoder().encode(payload) }],
  });
}
// §5.2: the most significant bit of a length of 64 bits must be 0.
for (const [name, declared] of [["first-bit", 2n ** 63n], ["all-bits", 2n ** 64n - 1n]] as const) {
  table.fails(`length-with-${name}`, 1002, [send(BINARY, "x", { declared, lengthBits: 64 })]);
}

// §5.1: a server must refuse an unmasked frame, and a client a masked one.
for (
  const [opcode, name] of [[TEXT, "text"], [BINARY, "binary"], [9, "ping"], [8, "close"]] as const
) {
  const payload = opcode === 8 ? hex("03e8") : hex("6869");
  table.fails(`${name}-without-mask`, 1002, [send(opcode, payload, { masked: false })], {
    rfc: "6455 §5.1",
    side: "server",
    deno: opcode === 8 ? { end: "answered", code: 1000 } : { end: "normal" },
    denoAnswers: opcode === 8 ? [] : [{ opcode: opcode === 9 ? 10 : opcode, payload }],
  });
  table.fails(`${name}-with-mask`, 1002, [send(opcode, payload, { masked: true })], {
    rfc: "6455 §5.1",
    side: "client",
  });
}
table.fails("empty-without-mask", 1002, [send(TEXT, "", { masked: false })], {
  rfc: "6455 §5.1",
  side: "server",
  deno: { end: "normal" },
  denoAnswers: [{ opcode: TEXT, payload: hex("") }],
});
table.fails("second-frame-without-mask", 1002, [
  send(TEXT, "one"),
  expect(TEXT, "one"),
  send(TEXT, "two", { masked: false }),
], {
  rfc: "6455 §5.1",
  side: "server",
  deno: { end: "normal" },
  denoAnswers: [
    { opcode: TEXT, payload: hex("6f6e65") },
    { opcode: TEXT, payload: hex("74776f") },
  ],
});

/** The cases about single frames. */
export const FRAMING = table.cases;
