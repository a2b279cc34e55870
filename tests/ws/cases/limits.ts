/** Large messages, many messages, and the size limit (RFC 6455 §10.4; close code 1009). @module */

import {
  BINARY,
  CaseTable,
  chop,
  CONTINUATION,
  expect,
  fragments,
  part,
  pattern,
  PING,
  PONG,
  send,
  TEXT,
} from "./case.ts";

const table = new CaseTable("limits", "6455 §10.4");
const volume = new CaseTable("volume", "6455 §5.4");

/** Largest message of a subject in these tables, in bytes. */
export const MOST = 4 * 1024 * 1024;

const KiB = 1024, MiB = 1024 * KiB;
const AT_ONCE = { deliveries: ["at once"] } as const;

for (const size of [64 * KiB, 256 * KiB, MiB, MOST]) {
  const text = "0123456789abcdef".repeat(size / 16);
  const data = pattern(size);
  volume.works(`text-of-${size}`, [send(TEXT, text), expect(TEXT, text)], AT_ONCE);
  volume.works(`binary-of-${size}`, [send(BINARY, data), expect(BINARY, data)], AT_ONCE);
}
const large = pattern(MiB);
for (const size of [64, 256, 1024, 4096, 16_384, 65_536, 262_144, MiB]) {
  volume.works(`1-MiB-in-frames-of-${size}`, [
    ...fragments(BINARY, chop(large, size)),
    expect(BINARY, large),
  ], AT_ONCE);
}
const letters = new TextEncoder().encode("κόσμε 世界 ".repeat(20_000));
for (const size of [7, 64, 1300, 65_536]) {
  volume.works(`utf8-in-frames-of-${size}`, [
    ...fragments(TEXT, chop(letters, size)),
    expect(TEXT, letters),
  ], AT_ONCE);
}
for (const size of [0, 16, 64, 256, 1024, 4096]) {
  for (const opcode of [TEXT, BINARY]) {
    const payload = "m".repeat(size);
    volume.works(`400-of-${size}-opcode-${opcode}`, [
      ...Array.from({ length: 400 }, () => send(opcode, payload)),
      ...Array.from({ length: 400 }, () => expect(opcode, payload)),
    ], AT_ONCE);
  }
}
volume.works("400-pings", [
  ...Array.from({ length: 400 }, (_, i) => send(PING, `${i}`)),
  ...Array.from({ length: 400 }, (_, i) => expect(PONG, `${i}`)),
], AT_ONCE);

// Only the head of a frame is sent: the size must be refused before its payload arrives.
for (const declared of [BigInt(MOST) + 1n, 2n ** 26n, 2n ** 32n, 2n ** 40n, 2n ** 53n, 2n ** 62n]) {
  // Deno knows only its own limit of 64 MiB a frame.
  const deno = declared < 2n ** 26n ? "skip" : { end: "cut" } as const;
  for (const opcode of [TEXT, BINARY]) {
    table.fails(`frame-of-${declared}-opcode-${opcode}`, 1009, [
      send(opcode, "", { declared, lengthBits: 64 }),
    ], { deno });
    table.fails(`fragment-of-${declared}-opcode-${opcode}`, 1009, [
      part(opcode, "a"),
      send(CONTINUATION, "", { declared, lengthBits: 64 }),
    ], { deno });
  }
}
table.fails("second-fragment-above-the-limit", 1009, [
  part(BINARY, pattern(MOST)),
  part(CONTINUATION, "x"),
], { deno: "skip", ...AT_ONCE });
table.fails("answer-precedes-the-refusal", 1009, [
  send(TEXT, "answer me"),
  expect(TEXT, "answer me"),
  send(BINARY, "", { declared: 2n ** 40n, lengthBits: 64 }),
]);
table.fails("ping-precedes-the-refusal", 1009, [
  send(PING, "p"),
  expect(PONG, "p"),
  send(BINARY, "", { declared: 2n ** 40n, lengthBits: 64 }),
]);
table.works("limit-in-fragments", [
  ...fragments(BINARY, chop(pattern(MOST), MOST / 4)),
  expect(BINARY, pattern(MOST)),
], AT_ONCE);

/** The cases about the size limit. */
export const LIMITS = table.cases;
/** The cases with much data. */
export const VOLUME = volume.cases;
