import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Http1Decoder, Http1Error, type Http1Limits } from "../../../http/http1/codec.ts";
import { bytesOf, encodeChunk, encodeEnd, encodeHead } from "../../_support/http1.ts";
import { oddResponse } from "../../_support/odd_responses.ts";
import { RESPONSES } from "../proxy/responses.ts";

const LIMITS = { maxHead: 64 * 1024 };
/** Limits that are not in the way. */
const LARGE = { ...LIMITS, maxLine: 64 * 1024, maxFields: Infinity };

/** The result of a decoder for a response and its interim responses. */
interface Outcome {
  /** As `ResponseRow` has it. */
  text: string;
  heads: { status: number; reason: string; lines: [string, string][] }[];
  body: string;
  trailers: [string, string][];
  /** Whether the connection may be used again. */
  reusable: boolean;
  repaired: boolean;
}

/** Decodes one response that ends with its connection. */
function outcomeOf(
  bytes: Uint8Array<ArrayBuffer>,
  { tolerant, method = "GET", step = Infinity, limits = LIMITS }: {
    tolerant: boolean;
    method?: string;
    step?: number;
    limits?: Http1Limits;
  },
): Outcome {
  const decoder = new Http1Decoder("response", { ...limits, tolerant });
  decoder.answers(method);
  const one: Outcome = {
    text: "",
    heads: [],
    body: "",
    trailers: [],
    reusable: false,
    repaired: false,
  };
  let keepAlive = false;
  let ended = false;
  const look = () => {
    for (let event; !ended && (event = decoder.next()) !== undefined;) {
      if (event.kind === "response") {
        const { status, reason, fields } = event;
        one.heads.push({ status, reason, lines: [...fields] as [string, string][] });
        keepAlive = event.keepAlive;
      } else if (event.kind === "data") one.body += String.fromCharCode(...event.bytes);
      else if (event.kind === "end") {
        one.trailers = [...event.trailers ?? []] as [string, string][];
        ended = true;
      }
    }
  };
  try {
    let at = 0;
    for (; at < bytes.length && !ended; at += step) {
      decoder.push(bytes.subarray(at, at + step));
      look();
    }
    if (!ended) {
      decoder.finish();
      look();
    }
    // The rest would be pushed next.
    one.reusable = keepAlive && decoder.between && at >= bytes.length;
    one.repaired = decoder.repaired;
    const lines = (all: [string, string][]) => all.map(([name, value]) => `${name}: ${value}\n`);
    one.text = one.heads.map(({ status, reason, lines: all }) =>
      `${status} ${reason}\n${lines(all).join("")}\n`
    ).join("\n--\n") + one.body +
      (one.trailers.length > 0 ? `\n${lines(one.trailers).join("")}` : "");
    if (one.text === "") {
      one.text = "! nothing";
    }
  } catch (error) {
    if (!(error instanceof Http1Error)) throw error;
    one.text = `! ${error.message}`;
  }
  return one;
}

/** Encodes the last response of an outcome as the codec does. */
function encoded({ heads, body, trailers }: Outcome, status: number): Uint8Array<ArrayBuffer> {
  const { reason, lines } = heads.at(-1)!;
  const chunked = lines.some(([name]) => name.toLowerCase() === "transfer-encoding");
  const bytes = bytesOf(body);
  return new Uint8Array([
    ...encodeHead(`HTTP/1.1 ${status} ${reason}`, lines),
    ...chunked ? encodeChunk(bytes) : bytes,
    ...chunked ? encodeEnd(trailers) : [],
  ]);
}

for (const [name, text, strict, tolerant = strict, method] of RESPONSES) {
  Deno.test(`Http1Decoder and a response: ${name}`, () => {
    const bytes = bytesOf(text);
    for (const step of [Infinity, 7, 1]) {
      const one = outcomeOf(bytes, { tolerant: false, method, step });
      const other = outcomeOf(bytes, { tolerant: true, method, step });
      assertEquals([one.text, other.text], [strict, tolerant], `in steps of ${step}`);
      assertEquals(one.repaired, false);
      if (!strict.startsWith("!")) assertEquals(other, one);
      // The sender may have meant something else, so nothing else is read from this connection.
      if (other.repaired) assert(!other.reusable);
    }
    if (method === undefined) assertCanonical(outcomeOf(bytes, { tolerant: true }));
  });
}

/** Writes an accepted response, and checks that a strict decoder reads the same from it. */
function assertCanonical(found: Outcome): void {
  const last = found.heads.at(-1);
  if (found.text.startsWith("!") || last!.status < 200) return;
  // Strict decoders know statuses up to 599.
  const status = Math.min(last!.status, 599);
  const again = outcomeOf(encoded(found, status), { tolerant: false, limits: LARGE });
  assertEquals(again.heads, [{ ...last!, status }]);
  assertEquals([again.body, again.trailers], [found.body, found.trailers]);
}

const RUNS = { numRuns: 3000 };

Deno.test("Http1Decoder reads odd responses alike, wherever they are cut", () => {
  let accepted = 0;
  fc.assert(
    fc.property(oddResponse, fc.integer({ min: 1, max: 40 }), (text, step) => {
      const bytes = bytesOf(text);
      for (const tolerant of [false, true]) {
        const whole = outcomeOf(bytes, { tolerant });
        const cut = outcomeOf(bytes, { tolerant, step });
        if (whole.text.startsWith("!")) assert(cut.text.startsWith("!"), cut.text);
        else assertEquals(cut, whole);
        if (tolerant && whole.repaired && !whole.text.startsWith("!")) accepted++;
      }
    }),
    RUNS,
  );
  // Else nothing is tested here.
  assert(accepted > RUNS.numRuns / 20, `${accepted} were repaired`);
});

Deno.test("Http1Decoder delivers odd responses in a form that a strict one reads alike", () => {
  fc.assert(
    fc.property(oddResponse, (text) => {
      const found = outcomeOf(bytesOf(text), { tolerant: true });
      assertCanonical(found);
      if (found.repaired) assert(!found.reusable);
    }),
    RUNS,
  );
});

Deno.test("Http1Decoder reads well-formed responses alike, tolerant or not", () => {
  fc.assert(
    fc.property(oddResponse, (text) => {
      const strict = outcomeOf(bytesOf(text), { tolerant: false });
      if (strict.text.startsWith("!")) return;
      assertEquals(outcomeOf(bytesOf(text), { tolerant: true }), strict);
    }),
    RUNS,
  );
});

Deno.test("the odd responses are at least 120, each with a name of its own", () => {
  assert(RESPONSES.length >= 120);
  assertEquals(new Set(RESPONSES.map(([name]) => name)).size, RESPONSES.length);
});

/** Well-formed responses behind which the connection must end all the same. */
const LAST = [
  "length: 204 with one",
  "coding: 204",
  "interim: 103 with a length",
  "interim: close",
  "coding: HTTP/1.0 keep-alive",
];
for (const last of LAST) {
  Deno.test(`Http1Decoder lets nothing follow a response: ${last}`, () => {
    const [, text] = RESPONSES.find(([name]) => name === last)!;
    assertEquals(outcomeOf(bytesOf(text), { tolerant: true }).reusable, false);
  });
}

Deno.test("Http1Decoder lets a response follow a well-formed one, but not a repaired one", () => {
  const good = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const odd: Record<string, string> = {
    head: "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    chunk: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0 \r\n\r\n",
    "chunk end": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
    trailer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n",
    "line in front": "\r\n" + good,
  };
  for (const [what, text] of Object.entries(odd)) {
    const decoder = new Http1Decoder("response", { tolerant: true });
    const answer = (text: string) => {
      decoder.answers("GET");
      decoder.push(bytesOf(text));
      const head = decoder.next();
      assert(head?.kind === "response");
      while (decoder.next()?.kind !== "end");
      return [head.keepAlive, decoder.between, decoder.repaired];
    };
    assertEquals(answer(good), [true, true, false]);
    assertEquals(answer(text).slice(1), [false, true], what);
    // Not even after another request on the connection.
    assertEquals(answer(good), [false, false, false], what);
  }
});

Deno.test("Http1Decoder always reads requests strictly", () => {
  assertThrows(() => new Http1Decoder("request", { tolerant: true }), TypeError, "tolerantly");
  assertThrows(
    () => new Http1Decoder("response", { tolerant: "1" as unknown as boolean }),
    TypeError,
    "tolerant",
  );
  new Http1Decoder("request", { tolerant: false });
});

Deno.test("Http1Decoder has the same limits for repaired messages", () => {
  const odd = (text: string, options = {}) => {
    const decoder = new Http1Decoder("response", { tolerant: true, ...options });
    decoder.answers("GET");
    decoder.push(bytesOf(text));
    while (decoder.next() !== undefined);
  };
  const field = "A : b\n";
  assertThrows(() => odd(`HTTP/1.1 200 OK\n${field.repeat(6000)}\n`), Http1Error, "32768 bytes");
  assertThrows(
    () => odd(`HTTP/1.1 200 OK\n${field.repeat(20)}\n`, { maxFields: 19 }),
    Http1Error,
    "19",
  );
  assertThrows(() => odd(`http/1.1 200 ${"a".repeat(90)}\n\n`, { maxLine: 80 }), Http1Error, "80");
  const chunked = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n";
  assertThrows(() => odd(`${chunked}0\n${field.repeat(2000)}\n`), Http1Error, "8192");
  assertThrows(
    () => odd(`${chunked}${`${"0".repeat(500)}1\na\n`.repeat(60)}`),
    Http1Error,
    "too long",
  );
});
