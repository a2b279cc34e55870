import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  Http1Decoder,
  Http1Error,
  Http1Fields,
  type Http1Limits,
} from "../../../http/http1/codec.ts";
import {
  bytesOf,
  decodeAll,
  type Decoded,
  encodeChunk,
  encodeEnd,
  encodeHead,
} from "../../_support/http1.ts";

const GET = "GET / HTTP/1.1\r\nHost: h\r\n";
const POST = "POST / HTTP/1.1\r\nHost: h\r\n";

/** Decodes a request given whole. */
function request(text: string, limits?: Http1Limits): Decoded {
  return decodeAll("request", [bytesOf(text)], { limits });
}

/** Decodes a response given whole, to its end. */
function response(text: string, method = "GET"): Decoded {
  return decodeAll("response", [bytesOf(text)], { methods: [method], finish: true });
}

const REFUSED: Record<string, [text: string, status?: number]> = {
  "an empty request line of spaces": [" \r\n\r\n"],
  "the beginning of TLS": ["\x16\x03\x01\x02\0\x01\0"],
  "the beginning of SOCKS": ["\x05\x01\0"],
  "no target": ["GET HTTP/1.1\r\nHost: h\r\n\r\n"],
  "two spaces in the request line": ["GET  / HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a tab in the request line": ["GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a space behind the version": ["GET / HTTP/1.1 \r\nHost: h\r\n\r\n"],
  "a lower-case version": ["GET / http/1.1\r\nHost: h\r\n\r\n"],
  "a version of two digits": ["GET / HTTP/1.10\r\nHost: h\r\n\r\n"],
  "HTTP/0.9": ["GET /\r\n\r\n"],
  "HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  "a method that is no token": ["G(T / HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a fragment in the target": ["GET /#a HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a byte above 127 in an authority": ["GET http://h\xe4/ HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a byte above 127 in a login": ["GET http://\xe4@h/ HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a byte above 127 in a scheme": ["GET htt\xe4://h/ HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a byte above 127 in no known form": ["GET a/\xe4 HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a byte above 127 in a CONNECT": ["CONNECT h\xe4:1 HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a byte above 127 in the path of a CONNECT": ["CONNECT /\xe4 HTTP/1.1\r\nHost: h\r\n\r\n"],
  "a byte above 127 in the Host": ["GET / HTTP/1.1\r\nHost: h\xe4\r\n\r\n"],
  "a target that is too long once escaped": [
    `GET /${"\xe4".repeat(4000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    414,
  ],
  "a control character in the target": ["GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n"],
  "three empty lines in front": ["\r\n\r\n\r\n" + GET + "\r\n"],
  "a bare LF behind the request line": ["GET / HTTP/1.1\nHost: h\r\n\r\n"],
  "a bare LF behind a field": ["GET / HTTP/1.1\r\nHost: h\n\r\n"],
  "a bare LF as the empty line": [GET + "\n"],
  "a bare CR in a value": [GET + "X: a\rb\r\n\r\n"],
  "a bare CR behind the request line": ["GET / HTTP/1.1\rHost: h\r\n\r\n"],
  "a folded line": [GET + "X: a\r\n b\r\n\r\n"],
  "a folded first line": ["GET / HTTP/1.1\r\n Host: h\r\n\r\n"],
  "a space before the colon": [GET + "X : a\r\n\r\n"],
  "a field without a colon": [GET + "X\r\n\r\n"],
  "a field without a name": [GET + ": a\r\n\r\n"],
  "a name that is no token": [GET + "X(: a\r\n\r\n"],
  "a name above 127": [GET + "X\xe4: a\r\n\r\n"],
  "a NUL in a value": [GET + "X: a\0b\r\n\r\n"],
  "an escape in a value": [GET + "X: a\x1b[2J\r\n\r\n"],
  "a DEL in a value": [GET + "X: a\x7f\r\n\r\n"],
  "no Host": ["GET / HTTP/1.1\r\n\r\n"],
  "two Hosts": [GET + "Host: h\r\n\r\n"],
  "a space in the Host": ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
  "a slash in the Host": ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  "an at sign in the Host": ["GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"],
  "two lengths": [POST + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"],
  "two equal lengths": [POST + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"],
  "a list of lengths": [POST + "Content-Length: 1, 1\r\n\r\n"],
  "a length with a sign": [POST + "Content-Length: +1\r\n\r\n"],
  "a negative length": [POST + "Content-Length: -1\r\n\r\n"],
  "a hexadecimal length": [POST + "Content-Length: 0x1\r\n\r\n"],
  "an empty length": [POST + "Content-Length: \r\n\r\n"],
  "a length with a space": [POST + "Content-Length: 1 2\r\n\r\n"],
  "a length that is no safe number": [POST + "Content-Length: 9999999999999999\r\n\r\n"],
  "a length and chunks": [POST + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
  "chunks and a length": [POST + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"],
  "chunks in HTTP/1.0": ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  "chunked not last": [POST + "Transfer-Encoding: chunked, gzip\r\n\r\n"],
  "chunked twice": [POST + "Transfer-Encoding: chunked, chunked\r\n\r\n"],
  "chunked in two lines": [
    POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  "a coding in two lines": [POST + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"],
  "no coding": [POST + "Transfer-Encoding: \r\n\r\n"],
  "identity": [POST + "Transfer-Encoding: identity\r\n\r\n"],
  "another coding": [POST + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501],
  "xchunked": [POST + "Transfer-Encoding: xchunked\r\n\r\n"],
  "a quoted chunked": [POST + 'Transfer-Encoding: "chunked"\r\n\r\n'],
  "a vertical tab before chunked": [POST + "Transfer-Encoding: \x0bchunked\r\n\r\n"],
  "a CONNECT with a length": ["CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 1\r\n\r\n"],
  "a chunk without a length": [POST + "Transfer-Encoding: chunked\r\n\r\n\r\n"],
  "a chunk length with a prefix": [POST + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n"],
  "a chunk length with a sign": [POST + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n"],
  "a chunk length with a space": [POST + "Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n"],
  "a space before a chunk length": [POST + "Transfer-Encoding: chunked\r\n\r\n 1\r\na\r\n"],
  "a chunk length that overflows": [
    POST + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n",
  ],
  "a chunk length and a bare LF": [POST + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n"],
  "a bare LF in an extension": [POST + "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n"],
  "a bare CR in an extension": [POST + "Transfer-Encoding: chunked\r\n\r\n1;a\rb\r\na\r\n"],
  "a long extension": [
    POST + `Transfer-Encoding: chunked\r\n\r\n1;${"a".repeat(8200)}\r\na\r\n`,
  ],
  "many extensions": [
    POST + "Transfer-Encoding: chunked\r\n\r\n" + `1;${"a".repeat(200)}\r\na\r\n`.repeat(100),
  ],
  "a chunk longer than it says": [POST + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"],
  "a chunk that ends in a bare LF": [POST + "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n"],
  "a folded trailer": [POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n"],
  "long trailers": [
    POST + `Transfer-Encoding: chunked\r\n\r\n0\r\nX: ${"a".repeat(9000)}\r\n\r\n`,
    431,
  ],
  "a long request line": [`GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
  "a request line without end": [`GET /${"a".repeat(9000)}`, 414],
  "a long head": [GET + `X: ${"a".repeat(1000)}\r\n`.repeat(40) + "\r\n", 431],
  "a head without end": [GET + `X: ${"a".repeat(1000)}\r\n`.repeat(40), 431],
  "many fields": [GET + "X: a\r\n".repeat(100) + "\r\n", 431],
};

for (const [what, [text, status = 400]] of Object.entries(REFUSED)) {
  Deno.test(`Http1Decoder refuses ${what}: ${status}`, () => {
    for (const step of [1, 7, Infinity]) {
      const { error } = decodeAll("request", split(bytesOf(text), step), { finish: true });
      assert(error instanceof Http1Error, `nothing is wrong in steps of ${step}`);
      assertEquals([error.status, error.truncated], [status, false]);
    }
  });
}

const BYTES = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
const BLANKS = " \t";

for (const [name, value] of [["Transfer-Encoding", "chunked"], ["Content-Length", "5"]]) {
  Deno.test(`Http1Decoder strips no byte but SP and HTAB from ${name}`, () => {
    const body = value === "5" ? "hello" : "5\r\nhello\r\n0\r\n\r\n";
    for (const byte of BYTES) {
      for (const around of [byte + value, value + byte, byte + value + byte]) {
        if (name === "Content-Length" && byte >= "0" && byte <= "9") continue;
        const { messages, error } = request(`${POST}${name}: ${around}\r\n\r\n${body}`);
        if (BLANKS.includes(byte)) assertEquals(messages[0]!.body, "hello");
        else assert(error !== undefined, JSON.stringify(around));
      }
    }
  });
}

Deno.test("Http1Decoder strips no byte but SP and HTAB from options of Connection", () => {
  for (const byte of BYTES) {
    for (const around of [`${byte}close`, `close${byte}`, `x,${byte}close,y`]) {
      const { messages } = request(`${GET}Connection: ${around}\r\n\r\n`);
      if (messages.length === 0) continue;
      const closes = `${BLANKS},`.includes(byte);
      assertEquals(messages[0]!.keepAlive, !closes, JSON.stringify(around));
    }
  }
});

Deno.test("Http1Decoder reads no letter above 127 as one of ASCII", () => {
  // U+0130 and U+212A do so, but each byte becomes a character below U+0100.
  for (let byte = 0x80; byte < 0x100; byte++) {
    const letter = String.fromCharCode(byte);
    for (const text of ["chunked", "close"]) {
      for (let i = 0; i < text.length; i++) {
        const odd = text.slice(0, i) + letter + text.slice(i + 1);
        assert(request(`${POST}Transfer-Encoding: ${odd}\r\n\r\n`).error !== undefined);
        assert(request(`${GET}Connection: ${odd}\r\n\r\n`).messages[0]!.keepAlive);
      }
    }
  }
});

for (let major = 0; major < 10; major++) {
  Deno.test(`Http1Decoder reads HTTP/${major}.0 to ${major}.9 as RFC 9110 §2.5 says`, () => {
    for (let minor = 0; minor < 10; minor++) {
      const version = `HTTP/${major}.${minor}`;
      const asked = request(`GET / ${version}\r\nHost: h\r\n\r\n`);
      const answered = response(`${version} 200 OK\r\nContent-Length: 2\r\n\r\nok`);
      if (major !== 1) {
        assertEquals([asked.error?.status, answered.error?.status], [505, 505], version);
        continue;
      }
      const one = asked.messages[0]!;
      assertEquals([one.first, one.keepAlive], [`GET / ${minor === 0 ? 0 : 1}`, minor > 0]);
      const other = answered.messages[0]!;
      assertEquals([other.body, other.whole, other.keepAlive], ["ok", true, minor > 0]);
    }
  });
}

Deno.test("Http1Decoder escapes the bytes of a target from 0x80 on, and no others", () => {
  for (const [byte, character] of BYTES.entries()) {
    for (const to of ["/a", "http://h/a", "http://h?a", "/?"]) {
      const { messages, error } = request(`GET ${to}${character}b HTTP/1.1\r\nHost: h\r\n\r\n`);
      if (byte <= 0x20 || byte === 0x7f || character === "#") assertEquals(error?.status, 400);
      else {
        const sent = byte < 0x80 ? character : `%${byte.toString(16).toUpperCase()}`;
        assertEquals(messages[0]!.first, `GET ${to}${sent}b 1`);
      }
    }
  }
  const utf8 = request("GET /\xc3\xbc?\xe2\x82\xac=%C3%BC HTTP/1.1\r\nHost: h\r\nA: \xe4\r\n\r\n");
  assertEquals(utf8.messages[0]!.first, "GET /%C3%BC?%E2%82%AC=%C3%BC 1");
  assertEquals(utf8.messages[0]!.lines, [["Host", "h"], ["A", "\xe4"]]);
});

/** Decodes `count` chunks of `size` bytes, each with an extension of `extension`; gives the size. */
function chunky(count: number, size: number, extension: number): number {
  const decoder = new Http1Decoder("request");
  decoder.push(bytesOf(`${POST}Transfer-Encoding: chunked\r\n\r\n`));
  assertEquals(decoder.next()?.kind, "request");
  const line = `${size.toString(16)}${extension === 0 ? "" : `;${"e".repeat(extension - 1)}`}\r\n`;
  const chunk = bytesOf(`${line}${"x".repeat(size)}\r\n`);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    decoder.push(chunk);
    for (let event; (event = decoder.next()) !== undefined;) {
      if (event.kind === "data") sum += event.bytes.length;
    }
  }
  decoder.push(bytesOf("0\r\n\r\n"));
  assertEquals(decoder.next()?.kind, "end");
  return sum;
}

const EXTENSIONS: [count: number, size: number, extension: number, accepted: boolean][] = [
  // As signed uploads have it: 70 bytes on each 64 KiB.
  [400, 65536, 70, true],
  [2000, 512, 85, true],
  [20000, 1, 0, true],
  [20000, 1, 18, true],
  [3000, 100, 216, true],
  [10, 1, 1000, true],
  [1, 1, 1000, true],
  [20, 1, 1000, false],
  [100, 1, 200, false],
  [20000, 1, 20, false],
  [3000, 100, 250, false],
];
for (const [count, size, extension, accepted] of EXTENSIONS) {
  const what = `${count} chunks of ${size} with extensions of ${extension} bytes`;
  Deno.test(`Http1Decoder ${accepted ? "takes" : "refuses"} ${what}`, () => {
    if (accepted) assertEquals(chunky(count, size, extension), count * size);
    else assertThrows(() => chunky(count, size, extension), Http1Error, "extensions are too long");
  });
}

Deno.test("Http1Decoder allows extensions only for the data in their own chunk", () => {
  const parts = [
    "10000\r\n",
    "x".repeat(65536),
    "\r\n",
    `1;${"e".repeat(1000)}\r\nx\r\n`.repeat(20),
  ];
  const { error } = request(`${POST}Transfer-Encoding: chunked\r\n\r\n${parts.join("")}`);
  assertEquals(error?.message, "The chunk extensions are too long");
});

Deno.test("Http1Decoder takes chunk sizes with leading zeros, up to 16 digits", () => {
  const head = `${POST}Transfer-Encoding: chunked\r\n\r\n`;
  const taken = request(`${head}0000000000000002\r\nok\r\n0000000000000000\r\n\r\n`);
  assertEquals([taken.messages[0]!.body, taken.messages[0]!.whole], ["ok", true]);
  for (const size of ["00000000000000002", "1000000000000", "ffffffffffffffff"]) {
    assertEquals(request(`${head}${size}\r\nok`).error?.message, "A chunk is malformed");
  }
});

Deno.test("Http1Decoder keeps order, duplicates, case and the bytes of fields", () => {
  const { messages } = request(GET + "X-b:1\r\nx-A: \t2 \t\r\nX-B:\r\nY: \xe4\r\n\r\n");
  assertEquals(messages[0]!.lines, [
    ["Host", "h"],
    ["X-b", "1"],
    ["x-A", "2"],
    ["X-B", ""],
    ["Y", "\xe4"],
  ]);
});

Deno.test("Http1Decoder tells pipelined requests apart", () => {
  const { messages, rest } = request(
    POST + "Content-Length: 3\r\n\r\nabc" + "\r\n" + GET + "\r\n" +
      "M * HTTP/1.0\r\n\r\n" + "GET /half",
  );
  assertEquals(messages.map(({ first, body }) => [first, body]), [
    ["POST / 1", "abc"],
    ["GET / 1", ""],
    ["M * 0", ""],
  ]);
  assertEquals(rest, "GET /half");
});

Deno.test("Http1Decoder reads chunks, drops extensions, delivers trailers", () => {
  const { messages } = request(
    POST + "transfer-encoding: Chunked\r\n\r\n3;a=b;c\r\nabc\r\n00A ;x\r\n0123456789\r\n" +
      "000;last\r\nX-T: 1\r\nx-t: 2\r\n\r\n",
  );
  assertEquals(messages[0]!.body, "abc0123456789");
  assertEquals(messages[0]!.trailers, [["X-T", "1"], ["x-t", "2"]]);
});

Deno.test("Http1Decoder reads Connection, Upgrade and Expect", () => {
  const decoder = new Http1Decoder("request");
  decoder.push(bytesOf(
    GET + "Connection: Upgrade, X-a\r\nConnection: keep-alive\r\nUpgrade: WebSocket\r\n" +
      "Expect: 100-Continue\r\n\r\n",
  ));
  const head = decoder.next();
  assert(head?.kind === "request");
  assertEquals(head.connection, ["upgrade", "x-a", "keep-alive"]);
  assertEquals([head.upgrade, head.expect, head.keepAlive], ["WebSocket", "100-continue", true]);
});

Deno.test("Http1Decoder ignores an Upgrade that Connection does not name", () => {
  const { messages } = request(GET + "Upgrade: websocket\r\n\r\n");
  assertEquals(messages[0]!.upgrade, undefined);
});

const KEEP_ALIVE: [version: string, connection: string, kept: boolean][] = [
  ["1.1", "", true],
  ["1.1", "Connection: close\r\n", false],
  ["1.1", "Connection: x, CLOSE\r\n", false],
  ["1.1", "Connection: keep-alive\r\nConnection: close\r\n", false],
  ["1.0", "", false],
  ["1.0", "Connection: Keep-Alive\r\n", true],
];
for (const [version, connection, kept] of KEEP_ALIVE) {
  Deno.test(`Http1Decoder says ${kept ? "keep" : "close"} for ${version} ${connection.trim()}`, () => {
    const { messages } = request(`GET / HTTP/${version}\r\nHost: h\r\n${connection}\r\n`);
    assertStrictEquals(messages[0]!.keepAlive, kept);
  });
}

Deno.test("Http1Decoder reads responses: reasons, interim ones, bodies of each framing", () => {
  const { messages } = response(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" +
      "HTTP/1.1 200 All right\r\nContent-Length: 2\r\n\r\nhi",
  );
  assertEquals(messages.map(({ first, body }) => [first, body]), [
    ["100 Continue", ""],
    ["103 Early Hints", ""],
    ["200 All right", "hi"],
  ]);
  assertEquals(response("HTTP/1.0 200 OK\r\n\r\nto the end").messages[0]!.body, "to the end");
  assertEquals(response("HTTP/1.1 200\r\n\r\n").messages[0]!.first, "200 ");
  assertEquals(response("HTTP/1.1 200 \r\n\r\n").messages[0]!.first, "200 ");
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
  assertEquals(response(chunked).messages[0]!.body, "a");
});

Deno.test("Http1Decoder knows which responses have no body", () => {
  const length = "Content-Length: 2\r\n\r\n";
  assertEquals(response(`HTTP/1.1 200 OK\r\n${length}`, "HEAD").messages[0]!.body, "");
  assertEquals(response(`HTTP/1.1 304 No\r\n${length}`).messages[0]!.body, "");
  assertEquals(response(`HTTP/1.1 204 No\r\n\r\n`).messages[0]!.body, "");
});

Deno.test("Http1Decoder leaves the bytes after 101 and after a successful CONNECT", () => {
  for (const [method, text] of [["GET", "HTTP/1.1 101 S"], ["CONNECT", "HTTP/1.1 200 OK"]]) {
    const decoder = new Http1Decoder("response");
    decoder.answers(method!);
    decoder.push(bytesOf(`${text}\r\n\r\nraw`));
    assertEquals(decoder.next()?.kind, "response");
    assertEquals(decoder.next(), undefined);
    assertEquals(new TextDecoder().decode(decoder.takeRest()), "raw");
  }
});

Deno.test("Http1Decoder leaves a response without a request", () => {
  const decoder = new Http1Decoder("response");
  decoder.push(bytesOf("HTTP/1.1 200 OK\r\n\r\n"));
  assertEquals(decoder.next(), undefined);
  assertEquals([decoder.buffered > 0, decoder.between], [true, false]);
});

const BAD_RESPONSES = [
  "HTTP/1.1 2000 OK\r\n\r\n",
  "HTTP/1.1 099 OK\r\n\r\n",
  "HTTP/1.1 600 OK\r\n\r\n",
  "HTTP/1.1  200 OK\r\n\r\n",
  "HTTP/1.1 20 OK\r\n\r\n",
  "HTTP/2.0 200 OK\r\n\r\n",
  "\r\nHTTP/1.1 200 OK\r\n\r\n",
  "ICY 200 OK\r\n\r\n",
  "HTTP/1.1 200 O\x1bK\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
  "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
];
for (const text of BAD_RESPONSES) {
  Deno.test(`Http1Decoder refuses the response ${JSON.stringify(text)}`, () => {
    const { error } = response(text);
    assert(error instanceof Http1Error && !error.truncated);
  });
}

Deno.test("Http1Decoder reports a truncated message", () => {
  for (
    const text of [
      "HTTP/1.1 20",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
    ]
  ) {
    const { error } = response(text);
    assert(error instanceof Http1Error && error.truncated, text);
  }
});

Deno.test("Http1Decoder keeps no reference to pushed memory", () => {
  const decoder = new Http1Decoder("request");
  const lent = new Uint8Array(1);
  let found;
  for (const byte of bytesOf(GET + "X: y\r\n\r\n")) {
    lent[0] = byte;
    decoder.push(lent);
    found ??= decoder.next();
  }
  assert(found?.kind === "request");
  assertEquals([...found.fields], [["Host", "h"], ["X", "y"]]);
});

Deno.test("Http1Decoder delivers data as views of the pushed bytes", () => {
  const decoder = new Http1Decoder("request");
  const bytes = bytesOf(POST + "Content-Length: 9\r\n\r\n123456789");
  decoder.push(bytes);
  decoder.next();
  const data = decoder.next();
  assert(data?.kind === "data");
  assertStrictEquals(data.bytes.buffer, bytes.buffer);
});

Deno.test("Http1Decoder rejects limits that are out of range", () => {
  assertThrows(() => new Http1Decoder("request", { maxHead: 0 }), RangeError, "maxHead");
  assertThrows(() => new Http1Decoder("request", { maxFields: NaN }), RangeError, "maxFields");
});

Deno.test("Http1Fields rejects text that would end a line", () => {
  const fields = new Http1Fields();
  for (
    const [name, value] of [["a b", ""], ["", ""], ["a", "b\r\nc: d"], ["a", "\0"], ["a", " b"]]
  ) {
    assertThrows(() => fields.append(name!, value!), TypeError, "Cannot use");
  }
  assertThrows(() => fields.set("a", "\u{1f600}"), TypeError, "Cannot use");
});

Deno.test("Http1Fields changes lines and leaves the others", () => {
  const decoder = new Http1Decoder("request");
  decoder.push(bytesOf(GET + "A: 1\r\nb: 2\r\na: 3\r\n\r\n"));
  const head = decoder.next();
  assert(head?.kind === "request");
  const { fields } = head;
  assertEquals([fields.size, fields.get("A"), fields.has("c")], [4, "1, 3", false]);
  fields.set("a", "4");
  fields.delete("HOST");
  fields.append("C", "5");
  assertEquals([...fields], [["a", "4"], ["b", "2"], ["C", "5"]]);
  assertEquals(fields.size, 3);
});

Deno.test("Http1Fields keeps its order after any change, as a list does", () => {
  const names = ["a", "A", "b", "B", "c", "Set-Cookie"];
  const some = fc.constantFrom(...names);
  const change = fc.oneof(
    fc.tuple(fc.constant("append" as const), some, fc.stringMatching(/^[xyz]$/)),
    fc.tuple(fc.constant("set" as const), some, fc.stringMatching(/^[xyz]$/)),
    fc.tuple(fc.constant("delete" as const), some),
    fc.tuple(fc.constant("iterate" as const)),
  );
  fc.assert(fc.property(fc.array(fc.tuple(some, some)), fc.array(change), (lines, changes) => {
    const fields = new Http1Fields(lines);
    let list: (readonly [string, string])[] = [...lines];
    for (const [what, name = "", value = ""] of changes) {
      const is = ([one]: readonly [string, string]) => one.toLowerCase() === name.toLowerCase();
      if (what === "append") list.push([name, value]);
      else if (what === "delete") list = list.filter((line) => !is(line));
      else if (what === "set") {
        const first = list.findIndex(is);
        const line = [name, value] as const;
        if (first === -1) list.push(line);
        else list = list.flatMap((one, i) => i === first ? [line] : is(one) ? [] : [one]);
      }
      if (what === "append" || what === "set") fields[what](name, value);
      else if (what === "delete") fields.delete(name);
      else assertEquals([...fields], list);
      assertEquals(fields.size, list.length);
      for (const one of names) {
        const values = list.filter(([n]) => n.toLowerCase() === one.toLowerCase());
        assertEquals(fields.getAll(one), values.map(([, v]) => v));
        assertEquals(fields.has(one), values.length > 0);
      }
    }
    assertEquals([...fields], list);
  }));
});

Deno.test("Http1Fields allows changes during an iteration", () => {
  const fields = new Http1Fields([["a", "1"], ["b", "2"], ["A", "3"], ["c", "4"]]);
  const seen: string[] = [];
  for (const [name] of fields) {
    seen.push(name);
    fields.delete(name);
    fields.append("d", "5");
  }
  assertEquals([seen, fields.size, fields.get("d")], [["a", "b", "A", "c"], 4, "5, 5, 5, 5"]);
});

Deno.test("Http1Fields does not read a Kelvin sign as a k", () => {
  const fields = new Http1Fields([["Keep-Alive", "5"]]);
  assertEquals([fields.has("\u212aeep-alive"), fields.has("KEEP-ALIVE")], [false, true]);
});

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/);
const value = fc.stringMatching(/^([\x21-\x7e\xa0-\xff]([\x20-\x7e\t]{0,20}[\x21-\x7e])?)?$/);
const framed = /^(host|content-length|transfer-encoding|connection|upgrade|expect)$/i;
const someFields = fc.array(fc.tuple(token.filter((name) => !framed.test(name)), value), {
  maxLength: 8,
});
const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 5 });

interface First {
  /** As it is sent. */
  line: string;
  /** The expected result. */
  first: string;
}

/** Whole messages with this beginning. */
function messagesOf(first: fc.Arbitrary<First>, framings: readonly string[]) {
  const framing = fc.constantFrom(...framings);
  const one = fc.record({ first, fields: someFields, framing, chunks, trailers: someFields });
  return fc.array(one, { minLength: 1, maxLength: 3 });
}

const method = token.filter((name) => name !== "CONNECT");
const target = fc.stringMatching(/^[\x21-\x22\x24-\x7e]{1,40}$/);
const status = fc.integer({ min: 200, max: 599 }).filter((code) => code !== 204 && code !== 304);
const SIDES = {
  request: messagesOf(
    fc.tuple(method, target).map(([name, to]) => ({
      line: `${name} ${to} HTTP/1.1`,
      first: `${name} ${to} 1`,
    })),
    ["none", "length", "chunked"],
  ),
  response: messagesOf(
    fc.tuple(status, value).map(([code, reason]) => ({
      line: `HTTP/1.1 ${code} ${reason}`,
      first: `${code} ${reason}`,
    })),
    ["length", "chunked"],
  ),
};

type Generated = (typeof SIDES)["request"] extends fc.Arbitrary<(infer T)[]> ? T : never;

function linesOf({ fields, framing, chunks }: Generated): [string, string][] {
  return [
    ["Host", "h"],
    ...fields,
    ...(framing === "length" ? [["Content-Length", `${sizeOf(chunks)}`]] : []),
    ...(framing === "chunked" ? [["Transfer-Encoding", "chunked"]] : []),
  ] as [string, string][];
}

function encode(one: Generated): Uint8Array {
  const { framing, chunks, trailers } = one;
  const parts = [encodeHead(one.first.line, linesOf(one))];
  if (framing === "length") parts.push(...chunks.map((chunk) => new Uint8Array(chunk)));
  if (framing === "chunked") {
    parts.push(...chunks.map(encodeChunk), encodeEnd(trailers));
  }
  return join(parts);
}

for (const side of ["request", "response"] as const) {
  Deno.test(`Http1Decoder gives back each ${side} that was encoded, however it is cut`, () => {
    fc.assert(
      fc.property(SIDES[side], fc.nat(50), (all, step) => {
        const bytes = join(all.map(encode));
        const methods = side === "request" ? [] : all.map(() => "GET");
        const { messages, error, rest } = decodeAll(side, split(bytes, step + 1), { methods });
        assertEquals([error, rest], [undefined, ""]);
        assertEquals(
          messages.map(({ first, lines, body, trailers }) => ({ first, lines, body, trailers })),
          all.map((one) => ({
            first: one.first.first,
            lines: linesOf(one),
            body: one.framing === "none" ? "" : textOf(one.chunks),
            trailers: one.framing === "chunked" ? one.trailers : [],
          })),
        );
      }),
    );
  });

  Deno.test(`Http1Decoder reads any ${side} alike, wherever it is cut`, () => {
    const piece = fc.oneof(
      fc.constantFrom("GET / HTTP/1.1\r\n", "Host: h\r\n", "\r\n", "Content-Length: 3\r\n", "\n"),
      fc.constantFrom("HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early\r\n", "HTTP/1.1 304 \r\n"),
      fc.constantFrom("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n", "0\r\n", "\r", " ", ";a"),
      fc.string({ unit: "binary", maxLength: 5 }).map((text) => text.replace(/[^\0-\xff]/gu, "")),
    );
    const start = side === "request" ? "GET / HTTP/1.1\r\n" : "HTTP/1.1 200 OK\r\n";
    const pieces = fc.tuple(fc.constantFrom("", start), fc.array(piece, { maxLength: 15 }));
    fc.assert(fc.property(pieces, fc.nat(10), ([first, more], step) => {
      const bytes = bytesOf(first + more.join(""));
      const methods = side === "request" ? [] : ["GET", "GET", "GET"];
      const options = { finish: true, methods };
      const whole = decodeAll(side, [bytes], options);
      const cut = decodeAll(side, split(bytes, step + 1), options);
      assertEquals(cut.messages, whole.messages);
      assertEquals(cut.error === undefined, whole.error === undefined);
    }));
  });
}

function split(bytes: Uint8Array, step: number): Uint8Array<ArrayBuffer>[] {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const size = Math.min(step, bytes.length);
  for (let i = 0; i < bytes.length; i += size) parts.push(new Uint8Array(bytes.slice(i, i + size)));
  return parts;
}

function join(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function sizeOf(parts: Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function textOf(parts: Uint8Array[]): string {
  return String.fromCharCode(...join(parts));
}

Deno.test("pushed memory may be transferred after all its bytes have been delivered", () => {
  const chunks = "3\r\nabc\r\n0\r\n\r\n";
  for (
    const parts of [
      [`${POST}Content-Length: 3\r\n\r\nabc`],
      [`${POST}Content-Length: 3\r\n\r\n`, "abc"],
      [`${POST}Transfer-Encoding: chunked\r\n\r\n${chunks}`],
      [`${POST}Transfer-Encoding: chunked\r\n\r\n`, ...chunks],
      [`${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, "0\r\n", "X: y\r\n\r\n"],
    ]
  ) {
    const decoder = new Http1Decoder("request");
    for (let turn = 0; turn < 2; turn++) {
      const kinds: string[] = [];
      let body = "";
      for (const part of parts) {
        const bytes = bytesOf(part);
        decoder.push(bytes);
        for (let event; (event = decoder.next()) !== undefined;) {
          kinds.push(event.kind);
          if (event.kind === "data") body += new TextDecoder().decode(event.bytes);
          if (event.kind === "end") break;
        }
        structuredClone(bytes, { transfer: [bytes.buffer] });
        assertEquals(decoder.next(), undefined, "nothing is left");
      }
      assertEquals([kinds.at(0), kinds.at(-1), body], ["request", "end", "abc"]);
    }
  }
});
