/** Responses with the mistakes that servers make, and with some that nobody makes. @module */

import fc from "fast-check";

/** Mostly the first of them. */
function mostly<T>(first: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant(first) },
    { weight: 2, arbitrary: fc.constantFrom(first, ...others) },
  );
}

const end = mostly("\r\n", "\n");
const bad = (text: string) => ({ weight: 1, arbitrary: fc.constant(text) });

const statusLine = fc.tuple(
  mostly("", "\r\n", "\n", "\r\n\r\n", " ", "\n\n\n"),
  mostly("HTTP/1.1", "HTTP/1.0", "HTTP/1.7", "http/1.1", "HTTP / 1.1", "ICY", "HTTP/2.0", "HTTP"),
  mostly(" ", "  ", "\t", ""),
  mostly("200", "404", "999", "600", "299", "20", "2000", "099", "+200", "204", "304"),
  mostly(" OK", "", " ", "OK", "\tOK", " D\xe9j\xe0 vu ", " a\x1bb", " a\rb"),
  end,
).map((parts) => parts.join(""));

const name = mostly(
  "X-A",
  "x-b",
  "Set-Cookie",
  "A b",
  "A(b)",
  "",
  "\xe4",
  "A\x01",
  "Content_Length",
);
const value = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom("b", "", "a, b", "\xe4\xff", " a\tb ", '"a, b"') },
  { weight: 3, arbitrary: fc.constantFrom("a\x1bb", "\x07", "a\x7f", "\x0bchunked") },
  bad("a\0b"),
  bad("a\rb"),
);
const field = fc.tuple(
  name,
  mostly("", " ", "\t"),
  mostly(":", ": ", ""),
  value,
  fc.array(fc.tuple(end, mostly(" c", "\tc", "  ", " Content-Length: 9")), { maxLength: 2 }),
  end,
).map(([name, blank, colon, value, folds, last]) =>
  name + blank + colon + value + folds.flat().join("") + last
);
/** Lines that frame a body of three bytes, and lines that do not. */
const lengthLine = fc.tuple(
  mostly("Content-Length", "content-length", "Content-Length ", "Content Length"),
  mostly(": 3", ":3", ":\r\n 3", ": 3, 3", ": 03", ": 3,", ": +3", ": 3x", ": ", ": 0x3", ": 4"),
  end,
).map((parts) => parts.join(""));
const codingLine = fc.tuple(
  mostly("Transfer-Encoding", "transfer-encoding", "Transfer-Encoding\t"),
  mostly(
    ...[": chunked", ": Chunked", ": identity", ": identity, chunked", ": ,chunked", ":", ": gzip"],
    ...[": chunked, gzip", ": chunked, chunked", ": \xa0chunked", ": \x0bchunked", ':"chunked"'],
  ),
  end,
).map((parts) => parts.join(""));
const connection = mostly("", "Connection: close\r\n", "Connection: keep-alive, X-A\n");

const chunk = fc.tuple(
  mostly("", "0", "00000000000000000000", " ", "+", "0x"),
  mostly("3", "4"),
  mostly("", " ", ";a=b", ' ; a="b"', ";\xa0", ";\n", " x"),
  end,
  fc.constant("abc"),
  mostly("\r\n", "\n", "", "\r"),
).map((parts) => parts.join(""));
const trailers = fc.array(field, { maxLength: 2 }).map((lines) => lines.join(""));
const chunked = fc.tuple(fc.array(chunk, { maxLength: 3 }), mostly("0", "000", "0 ", "0;a"), end)
  .chain(([chunks, last, end]) =>
    fc.tuple(trailers, mostly("\r\n", "\n", "")).map((rest) =>
      chunks.join("") + last + end + rest.join("")
    )
  );
const body = mostly("abc", "", "ab", "abcd");

/** How a body is framed, and the body. */
const framed: fc.Arbitrary<[lines: string[], body: string]> = fc.oneof(
  fc.tuple(fc.array(lengthLine, { minLength: 1, maxLength: 2 }), body),
  fc.tuple(fc.array(codingLine, { minLength: 1, maxLength: 2 }), chunked),
  fc.tuple(fc.tuple(lengthLine, codingLine).map((both) => [...both]), fc.oneof(chunked, body)),
  fc.tuple(fc.constant([] as string[]), body),
);

/** A whole response, up to the end of the connection. */
export const oddResponse: fc.Arbitrary<string> = fc.tuple(
  mostly("", "HTTP/1.1 103 Early Hints\nLink : a\n\n", "HTTP/1.1 100 Continue\r\n\r\n"),
  statusLine,
  fc.array(field, { maxLength: 3 }),
  connection,
  framed,
  fc.nat(),
  end,
).map(([interim, first, fields, connection, [framing, body], at, empty]) => {
  const lines = [...fields, connection];
  lines.splice(at % (lines.length + 1), 0, ...framing);
  return interim + first + lines.join("") + empty + body;
});
