/** Reserved bits and reserved opcodes (RFC 6455 §5.2). @module */

import {
  BINARY,
  CaseTable,
  CLOSE,
  closePayload,
  CONTINUATION,
  expect,
  part,
  PING,
  PONG,
  send,
  type Step,
  TEXT,
} from "./case.ts";

const bits = new CaseTable("bits", "6455 §5.2");
const opcodes = new CaseTable("opcodes", "6455 §5.2");

const KINDS = [[TEXT, "text"], [BINARY, "binary"], [PING, "ping"], [PONG, "pong"]] as const;

for (let rsv = 1; rsv < 8; rsv++) {
  for (const [opcode, name] of KINDS) {
    bits.fails(`${name}-with-${rsv}`, 1002, [send(opcode, "x", { rsv })]);
  }
  bits.fails(`close-with-${rsv}`, 1002, [send(CLOSE, closePayload(1000), { rsv })]);
  bits.fails(`empty-with-${rsv}`, 1002, [send(TEXT, "", { rsv })]);
  bits.fails(`continuation-with-${rsv}`, 1002, [
    part(TEXT, "a"),
    send(CONTINUATION, "b", { rsv }),
  ]);
  bits.fails(`after-an-answer-with-${rsv}`, 1002, answered(send(TEXT, "x", { rsv })));
  bits.fails(`then-more-with-${rsv}`, 1002, [
    ...answered(send(BINARY, "x", { rsv })),
    send(PING, "late"),
    send(TEXT, "late"),
  ], { deliveries: ["at once"] });
}

for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  opcodes.fails(`${opcode}-empty`, 1002, [send(opcode)]);
  opcodes.fails(`${opcode}-with-payload`, 1002, [send(opcode, "payload")]);
  opcodes.fails(`${opcode}-after-an-answer`, 1002, answered(send(opcode)));
  opcodes.fails(`${opcode}-then-more`, 1002, [
    ...answered(send(opcode, "payload")),
    send(PING, "late"),
    send(TEXT, "late"),
  ], { deliveries: ["at once"] });
  opcodes.fails(`${opcode}-inside-a-message`, 1002, [part(TEXT, "a"), send(opcode, "b")]);
}

/** A message whose answer must come although a violation follows. */
function answered(violation: Step): Step[] {
  return [send(TEXT, "answer me"), expect(TEXT, "answer me"), violation];
}

/** The cases about reserved bits. */
export const BITS = bits.cases;
/** The cases about reserved opcodes. */
export const OPCODES = opcodes.cases;
