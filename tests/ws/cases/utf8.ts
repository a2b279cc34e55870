/** Texts in valid and invalid UTF-8 (RFC 6455 §8.1, RFC 3629 §3 and §4). @module */

import {
  BINARY,
  bytesOf,
  CaseTable,
  chop,
  closePayload,
  CONTINUATION,
  expect,
  fragments,
  hex,
  part,
  send,
  TEXT,
} from "./case.ts";

const table = new CaseTable("utf8", "6455 §8.1");

/** The first and last character of each row of the table in RFC 3629 §4, and what is often refused. */
const VALID: Record<string, string> = {
  "zero": "00",
  "last-of-one-byte": "7f",
  "first-of-two-bytes": "c280",
  "last-of-two-bytes": "dfbf",
  "first-of-three-bytes": "e0a080",
  "last-of-row-e0": "e0bfbf",
  "first-of-row-e1": "e18080",
  "last-of-row-ec": "ecbfbf",
  "last-before-surrogates": "ed9fbf",
  "first-after-surrogates": "ee8080",
  "byte-order-mark": "efbbbf",
  "byte-order-mark-and-text": "efbbbf 61",
  "replacement-character": "efbfbd",
  "u-fffe": "efbfbe",
  "last-of-three-bytes": "efbfbf",
  "noncharacter-fdd0": "efb790",
  "noncharacter-fdef": "efb7af",
  "first-of-four-bytes": "f0908080",
  "last-of-row-f0": "f0bfbfbf",
  "first-of-row-f1": "f1808080",
  "last-of-row-f3": "f3bfbfbf",
  "first-of-row-f4": "f4808080",
  "last-of-all": "f48fbfbf",
  "combining": "65cc81 cea9cc84",
  "line-separators": "e280a8 e280a9 c285",
  "right-to-left": "d7a9d79cd795d79d e280ae",
};
for (let plane = 1; plane <= 16; plane++) {
  VALID[`noncharacters-of-plane-${plane}`] = bytesOf(
    String.fromCodePoint(plane * 0x10000 + 0xfffe, plane * 0x10000 + 0xffff),
  ).toHex();
}
for (const [name, digits] of Object.entries(VALID)) {
  const bytes = hex(digits);
  table.works(`valid-${name}`, [send(TEXT, bytes), expect(TEXT, bytes)], { rfc: "3629 §4" });
  if (bytes.length === 1) continue;
  table.works(`valid-${name}-in-single-bytes`, [
    ...fragments(TEXT, chop(bytes, 1)),
    expect(TEXT, bytes),
  ]);
}
const MIXED = bytesOf("grüße 世界 κόσμε שלום 👩‍👩‍👧 \u0000 end");
for (let at = 1; at < MIXED.length; at += 3) {
  table.works(`valid-mixed-split-at-${at}`, [
    ...fragments(TEXT, [MIXED.subarray(0, at), MIXED.subarray(at)]),
    expect(TEXT, MIXED),
  ]);
}

/** Byte sequences that RFC 3629 forbids. */
const INVALID: Record<string, string> = {
  "continuation-first": "80",
  "continuation-last": "bf",
  "two-continuations": "80bf",
  "seven-continuations": "80bf80bf80bf80",
  "c0": "c0",
  "c1": "c1",
  "overlong-slash-in-2": "c0af",
  "overlong-slash-in-3": "e080af",
  "overlong-slash-in-4": "f08080af",
  "overlong-slash-in-5": "f8808080af",
  "overlong-slash-in-6": "fc80808080af",
  "largest-overlong-in-2": "c1bf",
  "largest-overlong-in-3": "e09fbf",
  "largest-overlong-in-4": "f08fbfbf",
  "largest-overlong-in-5": "f887bfbfbf",
  "largest-overlong-in-6": "fc83bfbfbfbf",
  "overlong-zero-in-2": "c080",
  "overlong-zero-in-3": "e08080",
  "overlong-zero-in-4": "f0808080",
  "overlong-zero-in-5": "f880808080",
  "overlong-zero-in-6": "fc8080808080",
  "first-surrogate": "eda080",
  "last-high-surrogate": "edafbf",
  "first-low-surrogate": "edb080",
  "last-surrogate": "edbfbf",
  "surrogate-pair": "eda081edb080",
  "last-surrogate-pair": "edafbfedbfbf",
  "surrogates-reversed": "edb080eda080",
  "above-10ffff": "f4908080",
  "row-f4-last": "f4bfbfbf",
  "f5": "f5808080",
  "f7": "f7bfbfbf",
  "five-bytes-first": "f888808080",
  "five-bytes-last": "fbbfbfbfbf",
  "six-bytes-first": "fc8480808080",
  "six-bytes-last": "fdbfbfbfbfbf",
  "fe": "fe",
  "ff": "ff",
  "utf16-big-endian": "feff0061",
  "utf16-little-endian": "fffe6100",
  "latin-1": "636166e920",
  "two-bytes-then-space": "c320",
  "three-bytes-then-space": "e28220",
  "three-bytes-second-missing": "e220",
  "four-bytes-then-space": "f09f9120",
  "four-bytes-third-missing": "f09f20",
  "four-bytes-second-missing": "f020",
  "lead-after-lead": "c3c3a9",
  "continuation-after-character": "c3a9a9",
};
/** Texts that end inside a character. */
const UNFINISHED: Record<string, string> = {
  "1-of-2": "c3",
  "1-of-3": "e2",
  "2-of-3": "e282",
  "1-of-4": "f0",
  "2-of-4": "f09f",
  "3-of-4": "f09f91",
  "text-and-1-of-3": "616263e2",
};

for (const [name, digits] of Object.entries(INVALID)) {
  const bytes = hex(digits);
  const middle = new Uint8Array([...bytesOf("κό "), ...bytes, ...bytesOf(" end")]);
  table.fails(`invalid-${name}`, 1007, [send(TEXT, bytes)]);
  table.fails(`invalid-${name}-in-the-middle`, 1007, [send(TEXT, middle)]);
  table.fails(`invalid-${name}-in-single-bytes`, 1007, fragments(TEXT, chop(middle, 1)));
  // The failure must not wait for the rest of the message.
  table.fails(`invalid-${name}-in-the-first-fragment`, 1007, [part(TEXT, middle)]);
  table.fails(`invalid-${name}-in-the-second-fragment`, 1007, [
    part(TEXT, "fine so far "),
    part(CONTINUATION, middle),
  ]);
}
for (const [name, digits] of Object.entries(UNFINISHED)) {
  const bytes = hex(digits);
  table.fails(`unfinished-${name}`, 1007, [send(TEXT, bytes)]);
  table.fails(`unfinished-${name}-in-the-last-fragment`, 1007, [
    part(TEXT, "x"),
    send(CONTINUATION, bytes),
  ], {
    // Deno drops the part of the character.
    deno: { end: "normal" },
    denoAnswers: [{ opcode: TEXT, payload: bytesOf(name.startsWith("text") ? "xabc" : "x") }],
  });
  table.fails(`unfinished-${name}-then-an-empty-fragment`, 1007, [
    part(TEXT, bytes),
    send(CONTINUATION, ""),
  ], {
    deno: { end: "normal" },
    denoAnswers: [{ opcode: TEXT, payload: bytesOf(name.startsWith("text") ? "abc" : "") }],
  });
  table.fails(`unfinished-${name}-then-a-letter`, 1007, [
    part(TEXT, bytes),
    part(CONTINUATION, "a"),
  ]);
  table.works(`binary-${name}`, [send(BINARY, bytes), expect(BINARY, bytes)]);
}

// The failure comes inside a frame: its payload is announced, but only a part of it arrives.
for (
  const [name, bad] of Object.entries({ "surrogate": "eda080", "ff": "ff", "above": "f4908080" })
) {
  const payload = new Uint8Array(40).fill(0x61);
  payload.set(hex(bad), 10);
  const unmaskedHead = 2;
  const cut = unmaskedHead + 30;
  table.fails(`invalid-${name}-in-an-unfinished-frame`, 1007, [send(TEXT, payload, { cut })], {
    deno: "skip",
  });
  table.fails(`invalid-${name}-in-an-unfinished-fragment`, 1007, [
    part(TEXT, "a"),
    send(CONTINUATION, payload, { cut, fin: false }),
  ], { deno: "skip" });
}

// The reason of a close frame is a text too (§5.5.1).
for (const [name, digits] of Object.entries({ ...INVALID, ...UNFINISHED })) {
  const reason = new Uint8Array([...bytesOf("bye "), ...hex(digits)]);
  table.fails(`reason-${name}`, 1007, [send(8, closePayload(1000, reason))], {
    rfc: "6455 §5.5.1",
  });
}
for (const name of ["last-of-all", "last-before-surrogates", "byte-order-mark", "zero"]) {
  table.closes(`reason-valid-${name}`, 1000, [send(8, closePayload(1000, hex(VALID[name]!)))], {
    rfc: "6455 §5.5.1",
  });
}

/** The cases about UTF-8. */
export const UTF8 = table.cases;
