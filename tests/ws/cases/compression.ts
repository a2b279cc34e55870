/**
 * Compressed messages (RFC 7692): literal payloads, good and bad, and the traffic that each side has
 * to carry for each set of parameters.
 *
 * @module
 */

import {
  BINARY,
  bytesOf,
  CaseTable,
  chop,
  CLOSE,
  close,
  closePayload,
  CONTINUATION,
  expect,
  hex,
  PING,
  PONG,
  send,
  type Step,
  TEXT,
} from "./case.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What both sides agree on (RFC 7692 §7.1). */
export interface Agreement {
  /** The server compresses each message on its own. @default false */
  readonly serverNoContextTakeover?: true;
  /** The client compresses each message on its own. @default false */
  readonly clientNoContextTakeover?: true;
  /** Window of the server, in bits. @default 15 */
  readonly serverMaxWindowBits?: number;
  /** Window of the client, in bits. @default 15 */
  readonly clientMaxWindowBits?: number;
}

/** Returns the extension with these parameters, as a client offers and a server accepts them. */
export function extensionOf(agreement: Agreement): string {
  const { serverMaxWindowBits: server, clientMaxWindowBits: client } = agreement;
  return [
    "permessage-deflate",
    ...agreement.serverNoContextTakeover ? ["server_no_context_takeover"] : [],
    ...agreement.clientNoContextTakeover ? ["client_no_context_takeover"] : [],
    ...server === undefined ? [] : [`server_max_window_bits=${server}`],
    ...client === undefined ? [] : [`client_max_window_bits=${client}`],
  ].join("; ");
}

const RSV1 = { rsv: 4 };
/** "Hello" in one block, and by a reference to an earlier "Hello" (RFC 7692 §7.2.3.1, §7.2.3.2). */
const HELLO = hex("f2 48 cd c9 c9 07 00"), AGAIN = hex("f2 00 11 00 00");

const packed = (payload: Bytes, opcode = TEXT): Step => send(opcode, payload, RSV1);

/** A compressed message in fragments: only the first frame has RSV1. */
function packedParts(
  opcode: number,
  parts: readonly Bytes[],
  between: readonly Step[] = [],
): Step[] {
  return parts.flatMap((payload, i) => {
    const fin = i === parts.length - 1;
    const frame = send(i === 0 ? opcode : CONTINUATION, payload, { fin, rsv: i === 0 ? 4 : 0 });
    return fin ? [frame] : [frame, ...between];
  });
}

/** A message in blocks without compression (RFC 1951 §3.2.4), as §7.2.3.3 shows. */
function stored(bytes: Bytes): Bytes {
  const { length } = bytes;
  const head = [0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff];
  return new Uint8Array([...head, ...bytes, 0]);
}

const literal = new CaseTable("deflate", "7692 §7.2.3");

const GOOD: Record<string, Bytes> = {
  "one-block": HELLO,
  "no-compression": hex("00 05 00 fa ff 48 65 6c 6c 6f 00"),
  "last-block-marked": hex("f3 48 cd c9 c9 07 00 00"),
  "two-blocks": hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"),
  "tail-not-removed": hex("f2 48 cd c9 c9 07 00 00 00 ff ff 00"),
  "stored-block": stored(bytesOf("Hello")),
};
for (const [name, payload] of Object.entries(GOOD)) {
  literal.works(name, [packed(payload), expect(TEXT, "Hello")]);
  literal.works(`${name}-binary`, [packed(payload, BINARY), expect(BINARY, "Hello")]);
  literal.works(`${name}-in-single-bytes`, [
    ...packedParts(TEXT, chop(payload, 1)),
    expect(TEXT, "Hello"),
  ]);
  literal.works(`${name}-with-pings-between`, [
    ...packedParts(TEXT, chop(payload, 3), [send(PING, "p"), expect(PONG, "p")]),
    expect(TEXT, "Hello"),
  ]);
  literal.works(`${name}-with-empty-fragments`, [
    ...packedParts(TEXT, [hex(""), payload, hex("")]),
    expect(TEXT, "Hello"),
  ]);
}
literal.works("empty-message", [packed(hex("00")), expect(TEXT, "")], { rfc: "7692 §7.2.3.6" });
literal.works("empty-message-in-fragments", [
  ...packedParts(BINARY, [hex(""), hex("00"), hex("")]),
  expect(BINARY, ""),
]);
literal.works("not-compressed", [send(TEXT, "plain"), expect(TEXT, "plain")], {
  rfc: "7692 §6",
});
literal.works("with-and-without", [
  packed(HELLO),
  expect(TEXT, "Hello"),
  send(TEXT, "plain"),
  expect(TEXT, "plain"),
  packed(HELLO, BINARY),
  expect(BINARY, "Hello"),
], { rfc: "7692 §6" });
literal.works("utf8-across-blocks", [
  packed(new Uint8Array([...stored(hex("e4b8")).subarray(0, -1), ...stored(hex("96"))])),
  expect(TEXT, "世"),
]);
literal.closes("close-after-a-message", 1000, [packed(HELLO), expect(TEXT, "Hello"), close(1000)]);

for (const rsv of [1, 2, 3, 5, 6, 7]) {
  literal.fails(`bits-${rsv}`, 1002, [send(TEXT, HELLO, { rsv })], { rfc: "7692 §6" });
}
for (const [opcode, name] of [[PING, "ping"], [PONG, "pong"], [CLOSE, "close"]] as const) {
  const payload = opcode === CLOSE ? closePayload(1000) : HELLO;
  literal.fails(`compressed-${name}`, 1002, [send(opcode, payload, RSV1)], { rfc: "7692 §5.1" });
}
literal.fails("compressed-continuation", 1002, [
  send(TEXT, HELLO.subarray(0, 3), { fin: false, ...RSV1 }),
  send(CONTINUATION, HELLO.subarray(3), RSV1),
], { rfc: "7692 §6.1" });
literal.fails("compressed-continuation-of-plain", 1002, [
  send(TEXT, "plain", { fin: false }),
  send(CONTINUATION, HELLO, RSV1),
], { rfc: "7692 §6.1" });

const BAD: Record<string, Bytes> = {
  "unknown-block": hex("07"),
  "wrong-length-of-a-stored-block": hex("00 05 00 00 00 48 65 6c 6c 6f 00"),
  "text-in-place-of-deflate": bytesOf("this is no deflate data"),
  "reference-before-the-beginning": AGAIN,
  "too-many-codes": hex("fd ff ff ff"),
  "gzip": hex("1f 8b 08 00 00 00 00 00 00 03"),
};
for (const [name, payload] of Object.entries(BAD)) {
  literal.fails(name, 1007, [packed(payload)], { rfc: "1951 §3.2" });
  literal.fails(`${name}-in-fragments`, 1007, packedParts(BINARY, chop(payload, 2)), {
    rfc: "1951 §3.2",
  });
}
for (
  const [name, digits] of [["ff", "ff"], ["unfinished", "e282"], ["surrogate", "eda080"]] as const
) {
  literal.fails(`invalid-utf8-${name}`, 1007, [packed(stored(hex(digits)))], { rfc: "6455 §8.1" });
}
literal.works("invalid-utf8-in-binary", [
  packed(stored(hex("ff fe")), BINARY),
  expect(BINARY, hex("ff fe")),
]);

const takeover = new CaseTable("deflate-window", "7692 §7.2.3.2");
takeover.works("refers-to-the-first-message", [
  packed(HELLO),
  expect(TEXT, "Hello"),
  packed(AGAIN),
  expect(TEXT, "Hello"),
  packed(AGAIN),
  expect(TEXT, "Hello"),
]);
takeover.works("plain-messages-are-not-in-the-window", [
  packed(HELLO),
  expect(TEXT, "Hello"),
  send(TEXT, "plain text of some length"),
  expect(TEXT, "plain text of some length"),
  packed(AGAIN),
  expect(TEXT, "Hello"),
]);
takeover.works("the-window-survives-a-last-block", [
  packed(hex("f3 48 cd c9 c9 07 00 00")),
  expect(TEXT, "Hello"),
  packed(HELLO),
  expect(TEXT, "Hello"),
]);
takeover.works("the-window-survives-fragments", [
  ...packedParts(TEXT, chop(HELLO, 2)),
  expect(TEXT, "Hello"),
  ...packedParts(TEXT, chop(AGAIN, 2)),
  expect(TEXT, "Hello"),
]);

const alone = new CaseTable("deflate-alone", "7692 §7.1.1");
alone.works("each-message-alone", [
  packed(HELLO),
  expect(TEXT, "Hello"),
  packed(HELLO),
  expect(TEXT, "Hello"),
]);
alone.fails("reference-to-an-earlier-message", 1007, [
  packed(HELLO),
  expect(TEXT, "Hello"),
  packed(AGAIN),
]);

/** Both sides without context takeover. */
const BOTH_ALONE: Agreement = { serverNoContextTakeover: true, clientNoContextTakeover: true };

/** The cases of literal bytes, by what the two sides agree on. */
export const DEFLATE_SECTIONS = [
  { name: "literal payloads", agreement: {}, cases: literal.cases },
  { name: "literal payloads, each alone", agreement: BOTH_ALONE, cases: literal.cases },
  { name: "windows", agreement: {}, cases: takeover.cases },
  { name: "no windows", agreement: BOTH_ALONE, cases: alone.cases },
] as const;

/** Contents of messages. */
export type Content = "words" | "json" | "utf8" | "zeros" | "random" | "bytes";

/** Messages that go to the subject and back, compressed in both directions. */
export interface Traffic {
  readonly content: Content;
  /** Size of a message before compression, in bytes. */
  readonly size: number;
  /** Number of messages. */
  readonly count: number;
  /** Largest payload of a frame, in bytes; undefined for one frame. */
  readonly frame?: number;
}

const SIZES = [0, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072];

/** Returns the traffic of all sizes, in one frame each, and the large ones also in small frames. */
function trafficOf(content: Content, sizes = SIZES, share = 1): Traffic[] {
  const count = (size: number) => Math.ceil((size <= 1024 ? 100 : size <= 16_384 ? 30 : 8) * share);
  return [
    ...sizes.map((size) => ({ content, size, count: count(size) })),
    ...sizes.filter((size) => size >= 8192).map((size) => ({
      content,
      size,
      count: count(size),
      frame: 256,
    })),
  ];
}

/** Each kind of content with the default parameters. */
export const CONTENTS: readonly Traffic[] = [
  ...trafficOf("words"),
  ...trafficOf("json"),
  ...trafficOf("utf8"),
  ...trafficOf("zeros"),
  ...trafficOf("random"),
  ...trafficOf("bytes"),
];

/** Sets of parameters, each of which carries {@linkcode PARAMETER_TRAFFIC}. */
export const AGREEMENTS: readonly Agreement[] = [
  {},
  { serverNoContextTakeover: true },
  { clientNoContextTakeover: true },
  BOTH_ALONE,
  ...[8, 9, 11, 15].flatMap((bits) => [
    { serverMaxWindowBits: bits },
    { clientMaxWindowBits: bits },
    { serverMaxWindowBits: bits, clientMaxWindowBits: bits },
    { ...BOTH_ALONE, serverMaxWindowBits: bits, clientMaxWindowBits: bits },
  ]),
];

/** The traffic for each set of parameters. */
export const PARAMETER_TRAFFIC: readonly Traffic[] = [
  ...trafficOf("json", [16, 1024, 8192, 65_536], 0.2),
  ...trafficOf("bytes", [0, 256, 32_768, 131_072], 0.2),
];

/** Returns a message of this content. The number tells messages apart. */
export function contentOf({ content, size }: Traffic, number: number): Bytes {
  let seed = number * 7919 + size + 1;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const bytes = new Uint8Array(size);
  if (content === "zeros") return bytes;
  if (content === "random") return bytes.map(() => random() * 256);
  // Few different bytes, far apart, so that references need the whole window.
  if (content === "bytes") return bytes.map(() => random() < 0.7 ? 0x2a : random() * 256);
  let text = "";
  while (text.length < size) {
    if (content === "json") {
      text += JSON.stringify({ id: text.length, name: word(random), ok: random() < 0.5 });
    } else text += `${word(random)}${content === "utf8" ? " 世界 é " : " "}`;
  }
  const encoded = bytesOf(text);
  // Ends before a character that does not fit, and fills with spaces.
  let end = size;
  while (end > 0 && (encoded[end] ?? 0) >> 6 === 2) end--;
  bytes.fill(0x20).set(encoded.subarray(0, end));
  return bytes;
}

/** Returns whether the messages are texts. */
export function isText({ content }: Traffic): boolean {
  return content === "words" || content === "json" || content === "utf8" || content === "zeros";
}

const WORDS = "alpha beta gamma delta epsilon socket frame message server client window".split(" ");

function word(random: () => number): string {
  return WORDS[Math.floor(random() * WORDS.length)]!;
}
