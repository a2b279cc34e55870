import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { trimBlanks } from "../../../net/text.ts";
import { Http1Decoder, type Http1Response } from "../../../http/http1/codec.ts";
import {
  checkOpening,
  encodeOpening,
  type Opening,
  OpeningFault,
  readHeaders,
  readProtocols,
} from "../../../ws/internal/client_opening.ts";
import { readTarget } from "../../../ws/internal/client_target.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** The answer to that key (RFC 6455 §1.3). */
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const PLAIN: Opening = { headers: new Headers(), protocols: [], compression: undefined };

function lines(url: string, opening: Partial<Opening> = {}): string[] {
  const bytes = encodeOpening(readTarget(url), { ...PLAIN, ...opening }, KEY);
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("").split("\r\n");
}

/** Returns the head of a response with these lines. */
function response(...fields: string[]): Http1Response {
  const decoder = new Http1Decoder("response", { tolerant: true });
  decoder.answers("GET");
  const [first = ""] = fields;
  const status = first.startsWith("HTTP/") ? fields.shift()! : "HTTP/1.1 101 Switching Protocols";
  decoder.push(new TextEncoder().encode(`${[status, ...fields].join("\r\n")}\r\n\r\n`));
  const head = decoder.next();
  assert(head?.kind === "response");
  return head;
}

const UPGRADE = ["Upgrade: websocket", "Connection: Upgrade"];

Deno.test("encodeOpening() writes the request of RFC 6455 section 4.1", () => {
  assertEquals(lines("wss://[::1]:8443/a%20b?c=d#e"), [
    "GET /a%20b?c=d HTTP/1.1",
    "Host: [::1]:8443",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${KEY}`,
    "Sec-WebSocket-Version: 13",
    `User-Agent: ${navigator.userAgent}`,
    "",
    "",
  ]);
  assertEquals(lines("https://a.test:443")[1], "Host: a.test");
  assertEquals(lines("ws://a.test:443")[1], "Host: a.test:443");
  const more = lines("ws://ada:p%40ss@a.test/", {
    headers: new Headers({ Host: "b.test", "User-Agent": "me", Cookie: "a=b; c=\u00fc" }),
    protocols: ["chat", "v2.chat"],
    compression: {},
  });
  assertEquals(more.slice(6).sort(), [
    "",
    "",
    `Authorization: Basic ${btoa("ada:p@ss")}`,
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Protocol: chat, v2.chat",
    "cookie: a=b; c=\u00fc",
    "user-agent: me",
  ]);
  assertEquals(more[1], "Host: b.test");
  const own = lines("ws://ada:pass@a.test/", {
    headers: new Headers({ authorization: "Bearer t" }),
  });
  assertEquals(own.filter((line) => /^authorization/i.test(line)), ["authorization: Bearer t"]);
});

Deno.test("checkOpening() accepts what RFC 6455 allows", () => {
  const accept = `Sec-WebSocket-Accept: ${ACCEPT}`;
  const good: [fields: string[], protocol: string][] = [
    [[...UPGRADE, accept], ""],
    [["upgrade: WebSocket", "connection: keep-alive, UPGRADE", accept.toLowerCase()], "-"],
    [[...UPGRADE, accept, "Sec-WebSocket-Protocol: chat"], "chat"],
    [[...UPGRADE, accept, "Sec-WebSocket-Extensions:"], ""],
    [["HTTP/1.1 101", ...UPGRADE, accept, "Content-Length: 5"], ""],
  ];
  for (const [fields, protocol] of good) {
    // The value of the field has upper and lower case.
    if (protocol === "-") fields[2] = accept.replace(/^[^:]+/, (name) => name.toLowerCase());
    const opened = checkOpening(response(...fields), ACCEPT, { ...PLAIN, protocols: ["chat"] });
    assertEquals([opened.protocol, opened.deflate], [protocol.replace("-", ""), undefined]);
  }
  const deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
  const agreed = checkOpening(response(...UPGRADE, accept, deflate), ACCEPT, {
    ...PLAIN,
    compression: {},
  });
  assertEquals(agreed.deflate?.serverNoContextTakeover, true);
});

Deno.test("checkOpening() refuses every other response 101", () => {
  const accept = `Sec-WebSocket-Accept: ${ACCEPT}`;
  const bad: [fields: string[], words: string][] = [
    [["Upgrade: h2c", "Connection: Upgrade", accept], "switched to another protocol"],
    [["Upgrade: websocket, h2c", "Connection: Upgrade", accept], "switched to another protocol"],
    [["Upgrade: websocket", accept], "switched to another protocol"],
    [["Upgrade: websocket", "Connection: close", accept], "switched to another protocol"],
    [["Connection: Upgrade", accept], "switched to another protocol"],
    [["HTTP/1.0 101 Yes", ...UPGRADE, accept], "switched to another protocol"],
    [UPGRADE, "did not confirm the key"],
    [[...UPGRADE, `Sec-WebSocket-Accept: ${KEY}`], "did not confirm the key"],
    [[...UPGRADE, accept.toLowerCase()], "did not confirm the key"],
    [[...UPGRADE, accept, accept], "did not confirm the key"],
    [[...UPGRADE, accept, "Sec-WebSocket-Protocol: other"], '"other", which was not offered'],
    [[...UPGRADE, accept, "Sec-WebSocket-Protocol: CHAT"], '"CHAT", which was not offered'],
    [[...UPGRADE, accept, "Sec-WebSocket-Protocol: chat, v2"], "which was not offered"],
    [[...UPGRADE, accept, "Sec-WebSocket-Protocol:"], '"", which was not offered'],
    [
      [...UPGRADE, accept, "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"],
      "several subprotocols",
    ],
    [[...UPGRADE, accept, "Sec-WebSocket-Extensions: permessage-deflate"], "rules of extensions"],
    [[...UPGRADE, accept, "Sec-WebSocket-Extensions: x-unknown"], "rules of extensions"],
  ];
  for (const [fields, words] of bad) {
    const head = response(...fields);
    const offers = { ...PLAIN, protocols: ["chat"] };
    assertThrows(() => checkOpening(head, ACCEPT, offers), OpeningFault, words);
  }
  for (const extension of ["x-unknown", "permessage-deflate; x=1", "permessage-deflate, x"]) {
    const head = response(...UPGRADE, accept, `Sec-WebSocket-Extensions: ${extension}`);
    assertThrows(() => checkOpening(head, ACCEPT, { ...PLAIN, compression: {} }), OpeningFault);
  }
});

Deno.test("readHeaders() refuses malformed fields and those of the handshake, and shows no value", () => {
  const bad: [HeadersInit, string][] = [
    [{ "x y": "s3cret" }, "the header field x has a malformed name or value"],
    [[["a", "b"], ["x\u001b", "s3cret"]], "the header field x has a malformed name or value"],
    [{ "Authorization: s3cret": "" }, "the header field Authorization has a malformed name"],
    [{ a: "b", x: "s3cret\r\ny: z" }, "the header field x has a malformed name or value"],
    [{ x: "s3cret\u0100" }, "the header field x has a malformed name or value"],
    [["x" as never], "a header field has a malformed name or value"],
    [{ "": "s3cret" }, "a header field has a malformed name or value"],
    [{ x: "s3cret\u001b[31m" }, "the header field x has a malformed value"],
    [{ Upgrade: "s3cret" }, "the field upgrade"],
    [{ connection: "s3cret" }, "the field connection"],
    [{ "Sec-WebSocket-Key": "s3cret" }, "the field sec-websocket-key"],
    [{ "sec-websocket-protocol": "s3cret" }, "use the option protocols"],
    [{ "Sec-WebSocket-Extensions": "s3cret" }, "use the option compression"],
    [{ "Content-Length": "5" }, "the field content-length"],
  ];
  for (const [headers, words] of bad) {
    const error = assertThrows(() => readHeaders(headers, "ws://a.test/"), TypeError, words);
    assert(error.message.startsWith("Cannot open ws://a.test/: "));
    assert(!Deno.inspect(error).includes("s3c"), "neither does a cause");
  }
  assertEquals([...readHeaders({ a: "b" }, "")], [["a", "b"]]);
});

Deno.test("readProtocols() accepts tokens, each of them once", () => {
  assertEquals(readProtocols("chat", ""), ["chat"]);
  assertEquals(readProtocols(["a", "b.c+1"], ""), ["a", "b.c+1"]);
  for (const bad of ["", "a b", ["a,b"], ["ü"], ["a", "a"], ["a", ""]]) {
    assertThrows(() => readProtocols(bad, "ws://a.test/"), TypeError, "a subprotocol must be");
  }
});

Deno.test("a server reads exactly what encodeOpening() was given, for any header field and URL", () => {
  const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
  const byte = fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f);
  const value = fc.array(byte, { maxLength: 20 }).map((codes) => String.fromCharCode(...codes));
  const path = fc.webPath();
  fc.assert(fc.property(
    fc.array(fc.tuple(token.map((name) => `x-${name}`), value), { maxLength: 5 }),
    fc.uniqueArray(token, { maxLength: 3 }),
    path,
    (lines, protocols, path) => {
      const headers = readHeaders(lines, "");
      const target = readTarget(`ws://a.test${path}`);
      const decoder = new Http1Decoder("request");
      decoder.push(encodeOpening(target, { ...PLAIN, headers, protocols }, KEY));
      const head = decoder.next();
      assert(head?.kind === "request");
      assertEquals([head.method, head.target], ["GET", target.url.pathname + target.url.search]);
      // Two lines of a name, the second of them empty, are one value that ends with a blank (RFC 9110 §5.5).
      for (const [name, value] of headers) assertEquals(head.fields.get(name), trimBlanks(value));
      const offered = head.fields.get("sec-websocket-protocol");
      assertEquals(offered, protocols.length === 0 ? undefined : protocols.join(", "));
      assertEquals([decoder.next()?.kind, decoder.buffered], ["end", 0]);
    },
  ));
});
