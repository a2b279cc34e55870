import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Http1Error } from "../../../http/http1/codec.ts";
import { findProgram, needs } from "../../_support/peers.ts";
import { runPeer } from "../../_support/runnable.ts";
import { bytesOf, decodeAll, type Message } from "../../_support/http1.ts";
import { oddResponse } from "../../_support/odd_responses.ts";

const node = needs("node");
const ORACLE = new URL("./oracle.mjs", import.meta.url).pathname;
const SAMPLES = 1500;

/** The result of Node for a message. */
interface Verdict {
  first: string;
  /** Names and values, one behind the other. */
  lines: string[];
  body: string;
}

async function ask(side: "request" | "response", texts: string[]): Promise<(Verdict | null)[]> {
  const args = [ORACLE, side];
  const { code, stdout, stderr } = await runPeer(
    findProgram("node")!,
    args,
    JSON.stringify(texts),
    60_000,
  );
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

/** Mostly well-formed, with a mistake here and there. */
function messages(first: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const line = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom("X-A: b", "x-a:c", "Accept:  */* ", "Y:", "Cookie: a=b"),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "Connection: keep-alive, x",
        "content-length: 0",
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "Content-Length: +3",
        "Content-Length: 3, 3",
        "Content-Length: 3 3",
        "Content-Length: 0x3",
        "Content-Length: -1",
        "Content-Length:",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding : chunked",
        " folded",
        "\tfolded",
        "X",
        "X: a\0b",
        "X: a\rb",
        "X(: a",
        ": a",
        "X: \x7f",
        "X: \xe4",
      ),
    },
  );
  const end = fc.oneof(
    { weight: 20, arbitrary: fc.constant("\r\n") },
    { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "\r\r\n", " \r\n") },
  );
  const chunk = fc.constantFrom(
    "3\r\nabc\r\n",
    "1;x=y\r\na\r\n",
    "A\r\n0123456789\r\n",
    "2 \r\nab\r\n",
    "2\nab\r\n",
    "2\r\nabc\r\n",
    "-1\r\n",
    "0x1\r\na\r\n",
    "1\r\na\n",
  );
  const body = fc.oneof(
    fc.constantFrom("", "abc", "ab", "3\r\nabc\r\n0\r\n\r\n", "0\r\n\r\n", "0\r\nX-T: 1\r\n\r\n"),
    fc.array(chunk, { maxLength: 3 }).map((chunks) => chunks.join("") + "0\r\n\r\n"),
  );
  return fc.tuple(first, end, fc.array(fc.tuple(line, end), { maxLength: 4 }), end, body)
    .map(([first, one, lines, two, body]) => first + one + lines.flat().join("") + two + body);
}

/** The result of the decoder for the first message of a text, and the length of this message. */
function first(side: "request" | "response", text: string): [Message, number] | Http1Error {
  const { messages: [message], error, sizes: [size] } = decodeAll(side, [bytesOf(text)], {
    methods: ["GET"],
    finish: true,
  });
  return message?.whole ? [message, size!] : error ?? new Http1Error("nothing");
}

/** Messages that Node accepts and the decoder rejects. */
const STRICTER = [
  "The request line is malformed", // Node takes several spaces in it.
  "There is more than one Content-Length", // Node takes equal ones.
  "The line of a chunk is too long",
  "HTTP/1.0 has no Transfer-Encoding",
  "There is more than one Transfer-Encoding",
  "No Transfer-Encoding is known but chunked",
  "The Transfer-Encoding does not end in chunked", // For a response Node reads on to the end.
  "There are Content-Length and Transfer-Encoding",
];

async function compare(side: "request" | "response", texts: string[]): Promise<void> {
  const ours = texts.map((text) => first(side, text));
  const verdicts = await ask(
    side,
    texts.map((text, i) => ours[i] instanceof Http1Error ? text : text.slice(0, ours[i]![1])),
  );
  let accepted = 0;
  for (const [i, text] of texts.entries()) {
    const [one, theirs] = [ours[i]!, verdicts[i]!];
    const what = JSON.stringify(text);
    if (one instanceof Http1Error) {
      // Node takes a bare CR in the status line, behind which no whole line may follow.
      const expected = theirs === null || STRICTER.includes(one.message) || text.includes("\r\r");
      assert(expected, `Node accepts what we refuse: ${one.message} in ${what}`);
      continue;
    }
    accepted++;
    const [message] = one;
    assert(theirs !== null, `Node refuses what we accept: ${what}`);
    const line = side === "request" ? message.first.slice(0, -2) : message.first;
    assertEquals([line, message.body], [theirs.first, theirs.body], what);
    assertEquals(message.lines.flat(), theirs.lines, what);
  }
  assert(accepted > SAMPLES / 20, `only ${accepted} of ${SAMPLES} were accepted`);
}

Deno.test({
  name: `Http1Decoder and Node read the same in the same requests${node.suffix}`,
  ignore: node.ignore,
  fn: async () => {
    const lines = fc.constantFrom(
      ...[
        "GET / HTTP/1.1\r\nHost: h",
        "POST /a?b HTTP/1.1\r\nHost: h",
        "PUT * HTTP/1.1\r\nHost: h",
      ],
      ...["GET http://h/ HTTP/1.1\r\nHost: h", "GET / HTTP/1.0", "GET /\t HTTP/1.1\r\nHost: h"],
      ...["GET / HTTP/1.1", "GET  / HTTP/1.1\r\nHost: h"],
    );
    await compare("request", fc.sample(messages(lines), SAMPLES));
  },
});

Deno.test({
  name: `Http1Decoder and Node read the same in the same responses${node.suffix}`,
  ignore: node.ignore,
  fn: async () => {
    const lines = fc.constantFrom(
      ...["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.0 200 OK", "HTTP/1.1 204 None"],
      ...[
        "HTTP/1.1 200",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 304 Same",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 200 ",
      ],
    );
    await compare("response", fc.sample(messages(lines), SAMPLES));
  },
});

Deno.test({
  name: `A tolerant Http1Decoder and Node read the same in odd responses${node.suffix}`,
  ignore: node.ignore,
  fn: async () => {
    const framing = /^(?:content-length|transfer-encoding)$/i;
    const texts = fc.sample(oddResponse, 2 * SAMPLES);
    const ours = texts.map((text) => {
      const { messages } = decodeAll("response", [bytesOf(text)], {
        methods: ["GET"],
        finish: true,
        limits: { tolerant: true },
      });
      return messages.at(-1);
    });
    const verdicts = await ask("response", texts);
    let both = 0;
    for (const [i, theirs] of verdicts.entries()) {
      const last = ours[i];
      if (theirs === null || !last?.whole || last.first.startsWith("1")) continue;
      const what = JSON.stringify(texts[i]);
      assertEquals(last.first.slice(0, 3), theirs.first.slice(0, 3), what);
      assertEquals(last.body, theirs.body, what);
      const kept = (lines: string[][]) => lines.filter(([name]) => !framing.test(name!));
      const pairs = theirs.lines.flatMap((name, i) => i % 2 ? [] : [[name, theirs.lines[i + 1]!]]);
      assertEquals(kept(last.lines), kept(pairs), what);
      both++;
    }
    assert(both > SAMPLES / 100, `both accept ${both} of ${texts.length}`);
  },
});
