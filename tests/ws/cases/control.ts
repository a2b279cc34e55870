/** Pings, pongs and the rules of all control frames (RFC 6455 §5.5). @module */

import {
  BINARY,
  CaseTable,
  CLOSE,
  CONTINUATION,
  expect,
  fragments,
  hex,
  part,
  pattern,
  PING,
  PONG,
  send,
  TEXT,
} from "./case.ts";

const table = new CaseTable("control", "6455 §5.5");

const PAYLOADS = {
  "empty": hex(""),
  "one-byte": hex("00"),
  "text": "are you there?",
  "bytes": hex("00 ff fe fd fc fb 00 80"),
  "invalid-utf8": hex("ce ba e1 bd b9 ed a0 80"),
  "124-bytes": pattern(124),
  "125-bytes": pattern(125),
};
for (const [name, payload] of Object.entries(PAYLOADS)) {
  table.works(`ping-${name}`, [send(PING, payload), expect(PONG, payload)], {
    rfc: "6455 §5.5.2",
  });
  table.works(`pong-${name}`, [
    send(PONG, payload),
    send(TEXT, "still here"),
    expect(TEXT, "still here"),
  ], { rfc: "6455 §5.5.3" });
}

table.works("pong-then-ping", [send(PONG, "unasked"), send(PING, "asked"), expect(PONG, "asked")]);
table.works("ten-pongs", [
  ...Array.from({ length: 10 }, (_, i) => send(PONG, `${i}`)),
  send(PING, "end"),
  expect(PONG, "end"),
]);
table.works("ten-pings", [
  ...Array.from({ length: 10 }, (_, i) => send(PING, `${i}`)),
  ...Array.from({ length: 10 }, (_, i) => expect(PONG, `${i}`)),
]);
table.works("same-ping-twice", [
  send(PING, "same"),
  expect(PONG, "same"),
  send(PING, "same"),
  expect(PONG, "same"),
]);
table.works("ping-and-message", [
  send(PING, "p"),
  send(BINARY, "m"),
  expect(PONG, "p"),
  expect(BINARY, "m"),
]);
for (const opcode of [TEXT, BINARY]) {
  table.works(`ping-between-fragments-of-${opcode}`, [
    part(opcode, "hel"),
    send(PING, "now"),
    expect(PONG, "now"),
    send(CONTINUATION, "lo"),
    expect(opcode, "hello"),
  ], { rfc: "6455 §5.4" });
}
table.works("pings-between-many-fragments", [
  ...fragments(TEXT, ["1", "2", "3", "4", "5"], [send(PING, "between"), expect(PONG, "between")]),
  expect(TEXT, "12345"),
], { rfc: "6455 §5.4" });
table.works("pongs-between-many-fragments", [
  ...fragments(TEXT, ["1", "2", "3", "4", "5"], [send(PONG, "between")]),
  expect(TEXT, "12345"),
], { rfc: "6455 §5.4" });
table.works("ping-inside-a-character", [
  part(TEXT, hex("f0 9f")),
  send(PING, hex("91 8b")),
  expect(PONG, hex("91 8b")),
  send(CONTINUATION, hex("91 8b")),
  expect(TEXT, "👋"),
], { rfc: "6455 §5.4" });

// §5.5: at most 125 bytes, and not fragmented.
for (const [opcode, name] of [[PING, "ping"], [PONG, "pong"], [CLOSE, "close"]] as const) {
  const head = opcode === CLOSE ? hex("03e8") : hex("");
  for (const size of [126, 127, 65_535, 65_536]) {
    const payload = new Uint8Array(size).fill(0x61);
    payload.set(head);
    table.fails(`${name}-of-${size}-bytes`, 1002, [send(opcode, payload)], {
      // Deno ignores such a pong, and answers such a close frame with one that is as long.
      ...opcode === PONG && { deno: { end: "normal" } },
      ...opcode === CLOSE && { deno: "skip" },
    });
  }
  table.fails(`${name}-of-4-bytes-in-16-bits`, 1002, [
    send(opcode, hex("03e8 6161"), { lengthBits: 16 }),
  ], {
    deno: opcode === CLOSE ? { end: "answered", code: 1000 } : { end: "normal" },
    ...opcode === PING && { denoAnswers: [{ opcode: PONG, payload: hex("03e8 6161") }] },
  });
  table.fails(`fragmented-${name}`, 1002, [part(opcode, head), send(CONTINUATION, "b")]);
  table.fails(`fragmented-${name}-inside-a-message`, 1002, [
    part(TEXT, "a"),
    part(opcode, head),
  ]);
  table.fails(`${name}-without-end`, 1002, [part(opcode, head)]);
}

/** The cases about control frames, close frames excepted. */
export const CONTROL = table.cases;
