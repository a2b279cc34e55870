/**
 * What a peer may send, good and bad, after the chapters of the Autobahn test suite.
 *
 * @module
 */

import { concat } from "../../_support/ws_peers.ts";

/** Makes one frame from its first byte and its payload, masked if the sender must mask. */
export type MakeFrame = (first: number, payload?: Uint8Array | string) => Uint8Array;

/** One case. */
export interface Case {
  readonly name: string;
  readonly sent: (frame: MakeFrame) => readonly Uint8Array[];
  /** The frames of the answer. */
  readonly answers: readonly Answer[];
  /** The code of the final close frame; "end" if the stream ends without one. */
  readonly end: number | "end";
  /** The code that `closed` reports. */
  readonly told: number;
  /** The code that RFC 6455 requires in place of `end`, and that the hardened transport sends. */
  readonly wanted: number;
}

type Answer = readonly [opcode: number, payload: Uint8Array | string];

const TEXT = 1, BINARY = 2, PONG = 10;

const code = (value: number, reason: Uint8Array | string = "") =>
  concat(new Uint8Array([value >> 8, value & 0xff]), bytesOf(reason));
const bytesOf = (value: Uint8Array | string) =>
  typeof value === "string" ? new TextEncoder().encode(value) : value;
const hex = (value: string) => Uint8Array.fromHex(value);

const CASES: Case[] = [];

/** A case with an answer, after which the sender closes. */
function answered(name: string, sent: Case["sent"], ...answers: Answer[]): void {
  CASES.push({ name, sent, answers, end: 1000, told: 1000, wanted: 1000 });
}

/** A case that ends without a close frame although RFC 6455 requires a code. */
function cut(name: string, wanted: number, sent: Case["sent"], ...answers: Answer[]): void {
  CASES.push({ name, sent, answers, end: "end", told: 1006, wanted });
}

/** A case with a close frame and its answer. */
function closes(name: string, sent: Case["sent"], end: number, told = end): void {
  CASES.push({ name, sent, answers: [], end, told, wanted: end });
}

for (const size of [0, 125, 126, 127, 128, 65_535, 65_536]) {
  const text = "*".repeat(size);
  const data = new Uint8Array(size).fill(0xfe);
  answered(`1.1 text of ${size} bytes`, (frame) => [frame(0x81, text)], [TEXT, text]);
  answered(`1.2 binary of ${size} bytes`, (frame) => [frame(0x82, data)], [BINARY, data]);
}

answered("2.1 ping without payload", (frame) => [frame(0x89)], [PONG, ""]);
answered("2.2 ping with text", (frame) => [frame(0x89, "hello")], [PONG, "hello"]);
answered("2.3 ping with bytes", (frame) => [frame(0x89, hex("00fffefd"))], [PONG, hex("00fffefd")]);
answered("2.4 ping of 125 bytes", (frame) => [frame(0x89, "x".repeat(125))], [
  PONG,
  "x".repeat(125),
]);
cut("2.5 ping of 126 bytes", 1002, (frame) => [frame(0x89, "x".repeat(126))]);
answered("2.7 pong that nobody asked for, then a ping", (frame) => [
  frame(0x8a),
  frame(0x8a, "unasked"),
  frame(0x89, "asked"),
], [PONG, "asked"]);
answered(
  "2.10 ten pings",
  (frame) => Array.from({ length: 10 }, (_, i) => frame(0x89, `${i}`)),
  ...Array.from({ length: 10 }, (_, i) => [PONG, `${i}`] as const),
);

for (let bits = 1; bits < 8; bits++) {
  cut(`3.${bits} reserved bits ${bits}`, 1002, (frame) => [frame(0x81 | bits << 4, "x")]);
}

for (const opcode of [3, 4, 5, 6, 7]) {
  cut(`4.1 opcode ${opcode}`, 1002, (frame) => [frame(0x80 | opcode)]);
}
for (const opcode of [11, 12, 13, 14, 15]) {
  cut(`4.2 opcode ${opcode}`, 1002, (frame) => [frame(0x80 | opcode, "x")]);
}

cut("5.1 fragmented ping", 1002, (frame) => [frame(0x09, "a"), frame(0x80, "b")]);
cut("5.2 fragmented pong", 1002, (frame) => [frame(0x0a, "a"), frame(0x80, "b")]);
answered("5.3 text in fragments", (frame) => [frame(0x01, "hel"), frame(0x80, "lo")], [
  TEXT,
  "hello",
]);
answered(
  "5.6 ping between fragments",
  (frame) => [
    frame(0x01, "hel"),
    frame(0x89, "p"),
    frame(0x80, "lo"),
  ],
  [PONG, "p"],
  [TEXT, "hello"],
);
cut("5.9 last continuation of nothing", 1002, (frame) => [frame(0x80, "x"), frame(0x81, "y")]);
cut("5.12 continuation of nothing", 1002, (frame) => [frame(0x00, "x"), frame(0x81, "y")]);
cut("5.15 continuation after the last", 1002, (frame) => [
  frame(0x01, "a"),
  frame(0x80, "b"),
  frame(0x00, "c"),
  frame(0x81, "d"),
], [TEXT, "ab"]);
cut("5.18 message inside another one", 1002, (frame) => [frame(0x01, "a"), frame(0x81, "b")]);
answered(
  "5.19 pings between five fragments",
  (frame) => [
    frame(0x01, "1"),
    frame(0x00, "2"),
    frame(0x89, "p"),
    frame(0x00, "3"),
    frame(0x00, "4"),
    frame(0x89, "q"),
    frame(0x80, "5"),
  ],
  [PONG, "p"],
  [PONG, "q"],
  [TEXT, "12345"],
);

answered("6.1 empty fragments", (frame) => [frame(0x01), frame(0x00, "x"), frame(0x80)], [
  TEXT,
  "x",
]);
const greek = "Hello-µ@ßöäüàá-UTF-8!! κόσμε 👋";
answered("6.2 UTF-8", (frame) => [frame(0x81, greek)], [TEXT, greek]);
answered("6.2 UTF-8, a fragment a byte", (frame) => {
  const bytes = bytesOf(greek);
  return Array.from(
    bytes,
    (byte, i) =>
      frame((i === 0 ? 1 : 0) | (i === bytes.length - 1 ? 0x80 : 0), new Uint8Array([byte])),
  );
}, [TEXT, greek]);
const INVALID = {
  "6.3 a surrogate": "cebae1bdb9cf83cebcceb5eda080656469746564",
  "6.6 half a letter": "e1",
  "6.8 a lead byte beyond": "f888808080",
  "6.10 a lone continuation": "80",
  "6.12 fe and ff": "fefeffff",
  "6.13 a slash in two bytes": "c0af",
  "6.18 zero in two bytes": "c080",
  "6.20 above U+10FFFF": "f4908080",
};
for (const [name, value] of Object.entries(INVALID)) {
  const bytes = hex(value);
  cut(name, 1007, (frame) => [frame(0x81, bytes)]);
  if (name.startsWith("6.6")) continue;
  const half = Math.ceil(bytes.length / 2);
  cut(`${name}, split`, 1007, (frame) => [
    frame(0x01, bytes.subarray(0, half)),
    frame(0x80, bytes.subarray(half)),
  ]);
}
CASES.push({
  name: "6.6 incomplete character at the end of the last fragment",
  sent: (frame) => [frame(0x01, "κό"), frame(0x80, hex("cf83e1"))],
  answers: [[TEXT, "κόσ"]],
  end: 1000,
  told: 1000,
  wanted: 1007,
});

closes("7.1.1 a message and a close at once", (frame) => [
  frame(0x81, "hello"),
  frame(0x88, code(1000)),
], 1000);
closes(
  "7.1.2 two close frames",
  (frame) => [frame(0x88, code(1000)), frame(0x88, code(1001))],
  1000,
);
closes("7.1.3 ping after close", (frame) => [frame(0x88, code(1000)), frame(0x89)], 1000);
closes("7.1.4 text after close", (frame) => [frame(0x88, code(1000)), frame(0x81, "late")], 1000);
closes("7.1.5 close between fragments", (frame) => [
  frame(0x01, "a"),
  frame(0x88, code(1000)),
  frame(0x80, "b"),
], 1000);
closes("7.3.1 close without a code", (frame) => [frame(0x88)], 1005);
cut("7.3.2 close of one byte", 1002, (frame) => [frame(0x88, "x")]);
closes("7.3.4 close with a reason", (frame) => [frame(0x88, code(1000, "bye"))], 1000);
closes("7.3.5 reason of 123 bytes", (frame) => [frame(0x88, code(1000, "x".repeat(123)))], 1000);
CASES.push({
  name: "7.3.6 reason of 124 bytes",
  sent: (frame) => [frame(0x88, code(1000, "x".repeat(124)))],
  answers: [],
  end: 1000,
  told: 1000,
  wanted: 1002,
});
cut("7.5.1 reason that is no UTF-8", 1007, (frame) => [frame(0x88, code(1000, hex("fffe")))]);
for (const good of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
  closes(`7.7 close ${good}`, (frame) => [frame(0x88, code(good))], good);
}
for (const bad of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]) {
  closes(`7.9 close ${bad}`, (frame) => [frame(0x88, code(bad))], 1002, 1006);
}

const long = "*".repeat(65_536);
answered(
  "10.1 a long text in frames of 1300 bytes",
  (frame) =>
    Array.from({ length: 51 }, (_, i) =>
      frame(
        (i === 0 ? 1 : 0) | (i === 50 ? 0x80 : 0),
        long.slice(i * 1300, (i + 1) * 1300),
      )),
  [TEXT, long],
);

/** The head of a binary frame of this length. */
const head = (length: string) => (frame: MakeFrame) => {
  const masked = frame(0x82)[1]! & 0x80;
  return [new Uint8Array([0x82, masked | 127]), hex(length), new Uint8Array(masked ? 4 : 0)];
};
cut("9 a frame of 64 MiB", 1009, head("0000000004000000"));
cut("9 a frame of 2^40 bytes", 1009, head("0000010000000000"));
cut("9 a frame of 2^63 bytes", 1002, head("8000000000000000"));

/** All cases. */
export const AUTOBAHN: readonly Case[] = CASES;
