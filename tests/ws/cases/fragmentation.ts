/** Messages in fragments, and violations of their order (RFC 6455 §5.4). @module */

import {
  BINARY,
  bytesOf,
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
  type Step,
  TEXT,
} from "./case.ts";

const table = new CaseTable("fragments", "6455 §5.4");

for (const [opcode, name] of [[TEXT, "text"], [BINARY, "binary"]] as const) {
  table.works(`${name}-in-two`, [...fragments(opcode, ["hel", "lo"]), expect(opcode, "hello")]);
  table.works(`${name}-in-five`, [
    ...fragments(opcode, ["a", "bc", "def", "ghij", "klmno"]),
    expect(opcode, "abcdefghijklmno"),
  ]);
  table.works(`${name}-in-single-bytes`, [
    ...fragments(opcode, chop(bytesOf("one byte each"), 1)),
    expect(opcode, "one byte each"),
  ]);
  for (
    const [what, parts] of [
      ["first", ["", "x", "y"]],
      ["middle", ["x", "", "y"]],
      ["last", ["x", "y", ""]],
      ["all", ["", "", ""]],
      ["many", [...Array(50).fill(""), "xy"]],
    ] as const
  ) {
    const whole = parts.join("");
    table.works(`${name}-with-empty-${what}`, [
      ...fragments(opcode, parts),
      expect(opcode, whole),
    ]);
  }
  table.works(`${name}-twice`, [
    ...fragments(opcode, ["a", "b"]),
    expect(opcode, "ab"),
    ...fragments(opcode, ["c", "d"]),
    expect(opcode, "cd"),
  ]);
}
for (const size of [125, 126, 65_535, 65_536]) {
  const data = pattern(size);
  table.works(`two-fragments-of-${size}`, [
    ...fragments(BINARY, [data, data]),
    { expect: { opcode: BINARY, payload: new Uint8Array([...data, ...data]) } },
  ]);
}
table.works("one-whole-after-fragments", [
  ...fragments(TEXT, ["a", "b"]),
  expect(TEXT, "ab"),
  send(BINARY, "c"),
  expect(BINARY, "c"),
]);

/** A continuation frame without a message. */
for (const fin of [true, false]) {
  const orphan = send(CONTINUATION, "nothing to continue", { fin });
  const name = fin ? "last" : "continuation";
  table.fails(`${name}-of-nothing`, 1002, [orphan]);
  table.fails(`${name}-of-nothing-then-text`, 1002, [orphan, send(TEXT, "late")]);
  table.fails(`empty-${name}-of-nothing`, 1002, [send(CONTINUATION, "", { fin })]);
  table.fails(`${name}-after-a-whole-message`, 1002, [
    send(TEXT, "whole"),
    expect(TEXT, "whole"),
    orphan,
  ]);
  table.fails(`${name}-after-the-last`, 1002, [
    ...fragments(TEXT, ["a", "b"]),
    expect(TEXT, "ab"),
    orphan,
    send(TEXT, "late"),
  ]);
  table.fails(`${name}-after-a-ping`, 1002, [send(PING, "p"), expect(PONG, "p"), orphan]);
}

/** A message that begins inside another one. Deno accepts an incomplete one, which replaces the first. */
for (const first of [TEXT, BINARY]) {
  for (const second of [TEXT, BINARY]) {
    const inside = `${second}-inside-${first}`;
    const begin: Step = part(first, "one ");
    table.fails(`whole-${inside}`, 1002, [begin, send(second, "two")]);
    table.fails(`begin-of-${inside}`, 1002, [begin, part(second, "two")], {
      deno: { end: "normal" },
    });
    table.fails(`begin-of-${inside}-and-its-end`, 1002, [
      begin,
      part(second, "two"),
      send(CONTINUATION, "end"),
    ], {
      deno: { end: "normal" },
      denoAnswers: [{ opcode: second, payload: bytesOf("twoend") }],
    });
  }
}
table.fails("whole-message-after-three-fragments", 1002, [
  part(TEXT, "1"),
  part(CONTINUATION, "2"),
  part(CONTINUATION, "3"),
  send(TEXT, "whole"),
]);

/** The cases about fragmentation. */
export const FRAGMENTS = table.cases;
