/** The closing handshake: codes, reasons, and bytes after it (RFC 6455 §5.5.1, §7). @module */

import {
  BINARY,
  bytesOf,
  CaseTable,
  CLOSE,
  close,
  closePayload,
  CONTINUATION,
  expect,
  hex,
  part,
  pattern,
  PING,
  PONG,
  send,
  type Step,
  TEXT,
} from "./case.ts";

const table = new CaseTable("closing", "6455 §7");

// §7.4.1 and the registry of IANA: these may be in a frame.
const GOOD = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014],
  ...[3000, 3001, 3999, 4000, 4001, 4999],
];
// §7.4: these must not: unused, reserved, only for reports, and not yet assigned.
const BAD = [
  ...[0, 1, 125, 126, 127, 255, 256, 500, 999],
  ...[1004, 1005, 1006, 1015, 1016, 1017, 1099, 1100, 1999, 2000, 2998, 2999],
  ...[5000, 5001, 9999, 32_768, 65_534, 65_535],
];

table.closes("without-code", 1005, [send(CLOSE)], { rfc: "6455 §5.5.1" });
table.fails("half-a-code", 1002, [send(CLOSE, hex("03"))], { rfc: "6455 §5.5.1" });
for (const code of GOOD) {
  // Deno does not know 1014, which is in the registry but not in the RFC.
  const rest = { rfc: "6455 §7.4", ...code === 1014 && { deno: { end: "refused" } as const } };
  table.closes(`code-${code}`, code, [close(code)], rest);
  table.closes(`code-${code}-with-reason`, code, [close(code, "a reason")], rest);
}
for (const code of BAD) {
  const deno = { end: "refused" } as const;
  table.fails(`code-${code}`, 1002, [close(code)], { rfc: "6455 §7.4", deno });
  table.fails(`code-${code}-with-reason`, 1002, [close(code, "a reason")], {
    rfc: "6455 §7.4",
    deno,
  });
}

const REASONS = {
  "one-byte": "x",
  "122-bytes": "r".repeat(122),
  "123-bytes": "r".repeat(123),
  "123-bytes-of-utf8": "é".repeat(61) + "x",
  "control-characters": "\u0000\u001b[31m\r\n",
};
for (const [name, reason] of Object.entries(REASONS)) {
  table.closes(`reason-of-${name}`, 1000, [close(1000, reason)], { rfc: "6455 §5.5.1" });
}
for (const size of [124, 200]) {
  table.fails(`reason-of-${size}-bytes`, 1002, [close(1000, "r".repeat(size))], {
    rfc: "6455 §5.5",
    // Deno accepts it, and answers with a close frame that is as long.
    deno: "skip",
  });
}

table.closes("after-a-message", 1000, [
  send(TEXT, "first"),
  expect(TEXT, "first"),
  close(1000),
]);
table.closes("between-fragments", 1001, [part(TEXT, "unfinished"), close(1001)]);
table.closes("between-fragments-of-a-character", 1001, [part(TEXT, hex("f09f")), close(1001)]);
table.closes("after-a-ping", 1000, [send(PING, "p"), expect(PONG, "p"), close(1000)]);

/** What may follow a close frame. All of it must be ignored (§1.4, §5.5.1). */
const LATE: Record<string, readonly Step[]> = {
  "close": [close(1001)],
  "close-of-another-code": [close(4000, "again")],
  "ping": [send(PING, "late")],
  "pong": [send(PONG, "late")],
  "text": [send(TEXT, "late")],
  "binary": [send(BINARY, pattern(1000))],
  "continuation": [send(CONTINUATION, "late")],
  "violation": [send(TEXT, "late", { rsv: 7 })],
  "unknown-opcode": [send(5, "late")],
  "invalid-utf8": [send(TEXT, hex("ff"))],
  "half-a-frame": [send(TEXT, "late", { cut: 3 })],
  "ten-messages": Array.from({ length: 10 }, (_, i) => send(TEXT, `${i}`)),
  "256-KiB": [send(BINARY, pattern(262_144))],
};
for (const [name, late] of Object.entries(LATE)) {
  table.closes(`then-${name}`, 1000, [close(1000), ...late], { rfc: "6455 §5.5.1" });
}
table.closes("then-rest-of-the-message", 1000, [
  part(TEXT, "a"),
  close(1000),
  send(CONTINUATION, "b"),
], { rfc: "6455 §5.5.1" });

/** What may follow a violation. The first failure counts, and nothing is answered. */
for (const [name, late] of Object.entries(LATE)) {
  table.fails(`violation-then-${name}`, 1002, [send(TEXT, "x", { rsv: 1 }), ...late], {
    rfc: "6455 §7.1.7",
  });
  table.fails(`invalid-utf8-then-${name}`, 1007, [send(TEXT, hex("ff")), ...late], {
    rfc: "6455 §7.1.7",
  });
}
table.fails("invalid-code-and-invalid-reason", 1002, [
  send(CLOSE, closePayload(999, hex("ff"))),
]);
table.fails("violation-after-three-messages", 1002, [
  ...["one", "two", "three"].flatMap((text) => [send(TEXT, text), expect(TEXT, text)]),
  send(TEXT, "x", { rsv: 2 }),
], { rfc: "6455 §7.1.7" });
table.fails("violation-after-a-large-message", 1002, [
  send(TEXT, "a".repeat(200_000)),
  expect(TEXT, "a".repeat(200_000)),
  send(11, bytesOf("x")),
], { rfc: "6455 §7.1.7" });

/** The cases about closing. */
export const CLOSING = table.cases;
