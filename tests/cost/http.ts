/** The functions of `http` that take bytes of a peer. @module */

import { accessLog } from "../../http/handlers/access_log.ts";
import { basicAuth, bearerAuth } from "../../http/handlers/auth.ts";
import { compress, decompress } from "../../http/handlers/compress.ts";
import { createCookieJar } from "../../http/client/cookie_jar.ts";
import { createClient } from "../../http/client/client.ts";
import { cors } from "../../http/handlers/cors.ts";
import { matchesETag } from "../../http/etag.ts";
import { filenameFrom } from "../../http/internal/content_disposition.ts";
import { parseChallenges } from "../../http/internal/challenges.ts";
import { events, lines, ndjson } from "../../http/client/streams.ts";
import { eventSource } from "../../http/client/event_source.ts";
import { eventStream } from "../../http/handlers/event_stream.ts";
import { hasMember, parseList, parseParameters, parseWeights } from "../../http/header_list.ts";
import { readForm } from "../../http/handlers/form.ts";
import { Http1Decoder, Http1Error, Http1Fields } from "../../http/http1/codec.ts";
import { ProblemError } from "../../http/problem.ts";
import { readJson } from "../../http/handlers/json.ts";
import { serveProxy } from "../../http/proxy/proxy.ts";
import { HttpDecodeError, HttpStatusError } from "../../http/client/errors.ts";
import { NetError } from "../../net/errors/errors.ts";
import { HttpResponse } from "../../http/client/response.ts";
import { parseRetryAfter } from "../../http/client/retry.ts";
import { reverseProxy } from "../../http/proxy/reverse/reverse_proxy.ts";
import { router } from "../../http/handlers/router.ts";
import { type HttpHandler, type HttpInfo, serveHttp } from "../../http/server/server.ts";
import { staticFiles } from "../../http/handlers/static_files.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import { bytesOf, type CostRow } from "../_support/cost.ts";

/** A field alone can fill a head, of which the servers allow so much by default. */
const FIELD = 32 * 1024;
const MUCH = 64 * 1024;

const LISTS: CostRow[] = [
  ...(["quoted-string", "entity-tag", "comment"] as const).map((quoting): CostRow => ({
    name: `parseList() of ${quoting}`,
    covers: ["parseList"],
    limit: MUCH,
    around: [['"', ""], ["(", ""], ['a, "', '", b']],
    units: ['"a", ', "(a), ", "((", "))"],
    run: (text) => parseList(text, quoting),
  })),
  { name: "hasMember()", covers: ["hasMember"], limit: MUCH, run: (text) => hasMember(text, "a") },
  {
    name: "parseParameters()",
    covers: ["parseParameters"],
    limit: MUCH,
    around: [["a;", ""], ['a;b="', '"'], ['a;b="', ""]],
    units: ["b=c;", 'b="c";', ";b"],
    run: parseParameters,
  },
  {
    name: "parseWeights()",
    covers: ["parseWeights"],
    limit: MUCH,
    around: [["a;q=0.", ""], ["a;q=", ", b"]],
    units: ["a;q=0.5,", "a;q=1,b;q=0,"],
    run: parseWeights,
  },
  ...(["weak", "strong"] as const).map((comparison): CostRow => ({
    name: `matchesETag(), ${comparison}`,
    covers: ["matchesETag"],
    limit: MUCH,
    around: [['"a"', '"b"'], ['W/"', '"']],
    units: ['"a",', 'W/"a" ', "W/"],
    run: (text) => matchesETag(text, '"e"', comparison),
  })),
  {
    name: "parseRetryAfter()",
    covers: ["parseRetryAfter"],
    limit: FIELD,
    around: [["Thu, 01 Jan 1970 ", " GMT"], ["1", ""]],
    run: (text) => parseRetryAfter(text, 0),
  },
];

/** Pushes all that a peer sends and takes what the decoder makes of it. */
function decode(side: "request" | "response", text: string, step = Infinity): void {
  const decoder = new Http1Decoder(side, {
    maxHead: FIELD * 2,
    maxLine: FIELD * 2,
    maxFields: 100_000,
    maxTrailers: FIELD * 2,
  });
  if (side === "response") decoder.answers("GET");
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length; at += step) {
    decoder.push(bytes.slice(at, Math.min(bytes.length, at + step)));
    while (decoder.next() !== undefined);
  }
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\n";

const CODEC: CostRow[] = [
  {
    name: "Http1Decoder of requests",
    throws: [Http1Error],
    valid: `${GET}\r\n`,
    covers: ["Http1Decoder"],
    limit: FIELD,
    alphabet: "bytes",
    around: [
      [GET, "\r\n\r\n"],
      [`${GET}X: `, "\r\n\r\n"],
      [`${GET}Connection: `, "\r\n\r\n"],
      [`${GET}Transfer-Encoding: `, "\r\n\r\n"],
      ["GET /", " HTTP/1.1\r\nHost: a\r\n\r\n"],
      [POST, ""],
      [`${POST}1;`, "\r\n"],
      [`${POST}0\r\nX: `, "\r\n\r\n"],
    ],
    units: ["X: y\r\n", "1\r\na\r\n", "1;a\r\nb\r\n", "Connection: a\r\n", `${GET}\r\n`],
    run: (text) => decode("request", text),
  },
  {
    name: "Http1Decoder of responses",
    throws: [Http1Error],
    valid: `${OK}\r\n`,
    limit: FIELD,
    alphabet: "bytes",
    around: [
      [OK, "\r\n\r\n"],
      [`${OK}Connection: `, "\r\n\r\n"],
      [`${OK}Content-Length: `, "\r\n\r\n"],
      [`${OK}X: a`, "\r\n\r\n"],
      ["HTTP/1.1 200 ", "\r\n\r\n"],
      [`${OK}Transfer-Encoding: chunked\r\n\r\n`, ""],
    ],
    units: [
      "X: y\r\n",
      "X : y\r\n",
      " y\r\n",
      "1\r\na\r\n",
      "Content-Length: 1\r\n",
      "HTTP/1.1 100 C\r\n\r\n",
    ],
    run: (text) => decode("response", text),
  },
  {
    name: "Http1Decoder, byte by byte",
    throws: [Http1Error],
    limit: 32 * 1024,
    alphabet: "bytes",
    only: true,
    around: [[GET, ""], [`${GET}X: `, ""], [POST, ""], [`${POST}1;`, ""], [`${POST}0\r\nX: `, ""]],
    units: ["a", "X: y\r\n", "1\r\na\r\n", "\r\n"],
    run: (text) => decode("request", text, 1),
  },
  {
    name: "Http1Fields by name",
    isSizeOnly: true,
    limit: FIELD,
    only: true,
    units: ["a"],
    run: (text) => {
      const fields = new Http1Fields(Array.from({ length: text.length >> 3 }, () => ["A", "b"]));
      return [fields.get("a"), fields.has("b"), fields.delete("c"), fields.set("A", "b")];
    },
  },
];

const NEVER = new AbortController().signal;
/** What these handlers ask for. */
const INFO = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
  completed: Promise.resolve(),
  signal: NEVER,
  closing: NEVER,
} as unknown as HttpInfo;

const ok: HttpHandler = () => new Response("ok", { headers: { "content-type": "text/plain" } });

/** A row for a handler that reads a field. */
function field(
  handler: string,
  name: string,
  make: () => HttpHandler,
  more: Partial<CostRow> & { readonly headers?: Record<string, string> } = {},
): CostRow {
  const { headers = {}, ...rest } = more;
  let made: HttpHandler | undefined;
  return {
    name: `${handler} with a hostile ${name}`,
    limit: FIELD,
    alphabet: "field",
    valid: "a",
    run: async (value) => {
      const request = new Request("http://h/", { headers: { ...headers, [name]: value } });
      const response = await (made ??= make())(request, INFO);
      await response.body?.cancel();
    },
    ...rest,
  };
}

const FOLDER = new URL("./", import.meta.url);
const files = () => staticFiles({ root: FOLDER, index: "http.ts" });

/** A row for a handler that reads the path. */
function path(handler: string, make: () => HttpHandler): CostRow {
  let made: HttpHandler | undefined;
  return {
    name: `${handler} with a hostile path`,
    valid: "a",
    limit: FIELD,
    alphabet: "field",
    around: [["a/", "/b"], ["", "?x"], ["?", ""]],
    units: ["a/", "../", "%2e/", "%2f", "//", "a?"],
    run: async (text) => {
      const request = new Request("http://h/");
      Object.defineProperty(request, "url", { value: `http://h/${text}` });
      const response = await (made ??= make())(request, INFO);
      await response.body?.cancel();
    },
  };
}

const HANDLERS: CostRow[] = [
  field("staticFiles()", "if-none-match", files, { around: [['"a"', '"b"']], units: ['"a", '] }),
  field("staticFiles()", "if-match", files, { around: [['"a"', '"b"']], units: ['"a", '] }),
  field("staticFiles()", "if-modified-since", files, { around: [["Thu, 01 Jan 1970 ", " GMT"]] }),
  field("staticFiles()", "if-range", files, { headers: { range: "bytes=0-1" } }),
  field("staticFiles()", "range", files, { around: [["bytes=", ""], ["bytes=0-", ""]] }),
  field("staticFiles()", "accept-encoding", files, { around: [["gzip;q=", ""]] }),
  path("staticFiles()", files),
  path(
    "router()",
    () => router({ "GET /:a/:b/:c": ok, "GET /a/*": ok, "GET /a/:b/a/:c/a": ok, "POST /*": ok }),
  ),
  field("basicAuth()", "authorization", () => basicAuth(ok, { users: { a: "b" } }), {
    around: [["Basic ", ""], ["Basic QQ==", ""], ["Basic ", "=="]],
  }),
  field("bearerAuth()", "authorization", () => bearerAuth(ok, { tokens: ["a"] }), {
    around: [["Bearer ", ""], ["Bearer a", "!"]],
  }),
  field("cors()", "origin", () => cors(ok, { origins: ["https://a.test"] })),
  field("cors()", "access-control-request-headers", () => cors(ok, { origins: "*" }), {
    headers: { origin: "https://a.test" },
  }),
  field("accessLog()", "x-request-id", () => accessLog(ok, { log() {}, trustRequestId: true })),
  field("accessLog()", "traceparent", () => accessLog(ok, { log() {} }), {
    around: [["00-", ""], [`00-${"a".repeat(32)}-${"b".repeat(16)}-01`, ""]],
  }),
  path("accessLog()", () => accessLog(ok, { log() {} })),
  field("eventStream()", "last-event-id", () => eventStream(async function* () {})),
  field("compress()", "accept-encoding", () => compress(ok, { minSize: 0 }), {
    around: [["gzip;q=", ""]],
  }),
  field("decompress()", "content-encoding", () => decompress(ok), { around: [["gzip, ", ""]] }),
  field("readJson()", "content-type", () => reading, {
    throws: [ProblemError],
    valid: "application/json",
    around: [["application/json;", ""], ["a/", "+json"]],
  }),
  {
    name: "readJson() of a hostile body",
    throws: [ProblemError],
    covers: ["readJson"],
    limit: 256 * 1024,
    around: [["[", "]"], ['"', '"'], ["[1,", "x"]],
    units: ["[", '{"a":', '"a",', "1,", "\\u0041", "\n", "[]", "1e9", "-"],
    run: (body) =>
      readJson(new Request("http://h/", { method: "POST", body }), { checkType: false }),
  },
];

const BOUNDARY = "a".repeat(70);
const PART = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n`;

const FORMS: CostRow[] = [
  {
    name: "readForm() of a hostile content-type",
    throws: [ProblemError],
    covers: ["readForm"],
    limit: FIELD,
    alphabet: "field",
    around: [["multipart/form-data; boundary=", ""], ["multipart/form-data;", "; boundary=a"]],
    valid: "application/x-www-form-urlencoded",
    run: (type) => readForm(form(type, "a=b")),
  },
  {
    name: "readForm() of a hostile form",
    throws: [ProblemError],
    limit: MUCH,
    alphabet: "bytes",
    valid: "a=b",
    around: [["a=", "&b"]],
    units: ["a=b&", "&", "=", "%41", "+"],
    run: (text) => readForm(form("application/x-www-form-urlencoded", text)),
  },
  ...[Infinity, 1].map((step): CostRow => ({
    name: `readForm() of hostile parts, ${step === 1 ? "byte by byte" : "all at once"}`,
    throws: [ProblemError],
    limit: step === 1 ? 16 * 1024 : MUCH,
    alphabet: "bytes",
    only: step === 1,
    around: [
      [`--${BOUNDARY}\r\n`, ""],
      [`${PART}\r\n`, `\r\n--${BOUNDARY}--`],
      [PART, `\r\n\r\n\r\n--${BOUNDARY}--`],
      [`--${BOUNDARY}\r\nContent-Disposition: form-data; name="`, `"\r\n\r\n\r\n--${BOUNDARY}--`],
    ],
    units: [
      "a",
      "\r",
      "\r\n",
      "\r\n-",
      "\r\n--",
      `\r\n--${BOUNDARY}`,
      " ",
      "-",
      `X: y\r\n`,
      '"',
      ";",
    ],
    run: (text) => readForm(form(`multipart/form-data; boundary=${BOUNDARY}`, text, step)),
  })),
];

/** A request whose body comes in pieces. */
function form(type: string, text: string, step = Infinity): Request {
  const bytes = bytesOf(text);
  const pieces = function* () {
    for (let at = 0; at < bytes.length; at += step) yield bytes.slice(at, at + step);
  };
  const body = step === Infinity ? bytes : ReadableStream.from(pieces());
  return new Request("http://h/", { method: "POST", headers: { "content-type": type }, body });
}

async function reading(request: Request): Promise<Response> {
  const { headers } = request;
  await readJson(new Request("http://h/", { method: "POST", headers, body: "1" }));
  return new Response();
}

/** A response as a server has sent it. */
function response(headers: HeadersInit, body: string): HttpResponse {
  return new HttpResponse(body, {
    status: 200,
    statusText: "",
    headers: new Headers(headers),
    url: "http://h/",
    shownUrl: "http://h/",
    redirected: false,
    history: [],
  });
}

const CLIENT: CostRow[] = [
  {
    name: "HttpResponse.text() with a hostile content-type",
    limit: FIELD,
    alphabet: "field",
    around: [["text/plain; charset=", ""], ["text/plain;", "charset=utf-8"]],
    units: ["; charset", "; charset =", ";\tcharset=a"],
    run: (type) => response({ "content-type": type }, "").text(),
  },
  {
    name: "HttpResponse.json() of a hostile body",
    throws: [HttpDecodeError],
    limit: 256 * 1024,
    around: [["[", "]"], ["[1,", "x"]],
    units: ["[", '{"a":', '"a",', "1,", "\n"],
    run: (body) => response({}, body).json(),
  },
  {
    name: "a cookie jar of cookies.txt",
    limit: MUCH,
    around: [["a.test\tFALSE\t/\tFALSE\t0\t", ""], ["#HttpOnly_", "\tFALSE\t/\tFALSE\t0\ta\tb"]],
    units: ["a.test\tFALSE\t/\tFALSE\t0\ta\tb\n", "\t", "\r\n"],
    run: (text) => createCookieJar(text),
  },
  {
    name: "parseChallenges()",
    limit: FIELD,
    around: [['Digest realm="', '"'], ["Basic ", ""], ["a=", ""]],
    units: ["Basic, ", 'Digest realm="a", nonce=b, ', "a=b, ", "a b, "],
    run: parseChallenges,
  },
  {
    name: "filenameFrom()",
    limit: FIELD,
    around: [['attachment; filename="', '"'], ["attachment; filename*=UTF-8''", ""]],
    units: ["%e4", "a/", ". "],
    run: (text) => filenameFrom(text, "http://a.test/"),
  },
  {
    name: "the name in a URL",
    limit: FIELD,
    units: ["%e4", "a/", ". "],
    run: (text) => filenameFrom(null, `http://a.test/${text}`),
  },
  {
    name: "lines()",
    covers: ["lines"],
    limit: MUCH,
    units: ["\n", "\r", "\r\n", "a\n"],
    run: (text) => Array.fromAsync(lines(new Response(text))),
  },
  {
    name: "events()",
    covers: ["events"],
    limit: MUCH,
    units: ["data\n", "data: a\n\n", ":\n", "id: 1\r\r"],
    run: (text) => Array.fromAsync(events(new Response(text))),
  },
  {
    name: "ndjson()",
    throws: [HttpDecodeError],
    covers: ["ndjson"],
    limit: MUCH,
    around: [["[", "]"], ['{"a":', "}"]],
    units: ["[", "1\n", "\x1e1\n", "  \n"],
    run: (text) => Array.fromAsync(ndjson(new Response(text))),
  },
  {
    name: "a cookie jar",
    valid: "a=b",
    limit: 8192,
    alphabet: "field",
    around: [["a=b; ", ""], ["a=", "; Path=/"], ["a=b; Domain=", ""], ["a=b; Expires=", ""]],
    units: ["a=b; ", "; Path=/", "Expires=Thu, 01 Jan 1970 00:00:00 GMT; "],
    run: async (cookie) => {
      const jar = createCookieJar();
      await jar.store("http://a.test/", [cookie]);
      return await jar.cookies("http://a.test/");
    },
  },
  {
    name: "a cookie jar of many cookies",
    isSizeOnly: true,
    valid: "a",
    limit: 64 * 1024,
    only: true,
    units: ["a"],
    run: (text) => {
      const many = Array.from({ length: text.length >> 6 }, (_, i) => `name${i}=${"v".repeat(40)}`);
      return createCookieJar().store("http://a.test/", many);
    },
  },
  ...(["content-encoding", "content-type", "retry-after", "location", "x"] as const).map((
    name,
  ): CostRow => ({
    name: `createClient() with a hostile ${name}`,
    ...(name !== "location" && { valid: "1" }),
    limit: 32 * 1024,
    connects: true,
    throws: [NetError, HttpDecodeError, HttpStatusError],
    alphabet: "field",
    only: true,
    around: [["a", "b"], ["gzip,", ""], ["text/plain; charset=", ""], ["/", ""]],
    units: [" ", ",", " ,", '"', '\\"', ";", "; charset", "a", "%20", "../", "1"],
    run: (value) =>
      answered(`HTTP/1.1 ${name === "location" ? 302 : 200} OK\r\n${name}: ${value}\r\n`),
  })),
  {
    name: "eventSource()",
    connects: true,
    throws: [NetError],
    valid: "data: a\n\n",
    limit: 64 * 1024,
    alphabet: "bytes",
    only: true,
    units: [
      "a",
      ":",
      "\n",
      "\r",
      "\r\n",
      ":\n",
      "data\n",
      "data:\n\n",
      "id: 1\n",
      "retry: 1\n",
      "event:a\n",
    ],
    run: async (text) => {
      await using server = new Answering(
        `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n${text}`,
      );
      // One connection is enough.
      const once = new AbortController();
      const onReconnect = () => once.abort();
      try {
        for await (const _ of eventSource(server.url, { onReconnect, signal: once.signal }));
      } catch (error) {
        if (!once.signal.aborted) throw error;
      }
    },
  },
];

/** A server of one answer to every connection. */
class Answering implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #done: Promise<void>;
  readonly url = `http://127.0.0.1:${this.#listener.addr.port}/`;

  constructor(answer: string) {
    this.#done = this.#serve(bytesOf(answer));
  }

  async #serve(answer: Uint8Array): Promise<void> {
    for await (const conn of this.#listener) {
      const head = new Uint8Array(4096);
      await conn.read(head);
      try {
        for (let at = 0; at < answer.length;) at += await conn.write(answer.subarray(at));
      } catch { /* The client has seen enough. */ }
      conn.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done;
  }
}

async function answered(head: string): Promise<void> {
  await using server = new Answering(`${head}Content-Length: 1\r\nConnection: close\r\n\r\nx`);
  await using client = createClient({ retry: false, maxRedirects: 1 });
  await client.get(server.url).text();
}

/** Requests that a server or a proxy refuses or answers by itself. */
const SERVERS: CostRow[] = [
  {
    name: "a hardened server with a hostile head",
    valid: GET,
    limit: 30 * 1024,
    alphabet: "field",
    only: true,
    around: [
      [`${GET}X: `, ""],
      [`${GET}Upgrade: x\r\nConnection: `, ""],
      [`${GET}Connection: upgrade\r\nUpgrade: `, ""],
      ["GET / HTTP/1.1\r\nHost: ", ""],
      [`${GET}Expect: `, ""],
    ],
    units: [" ", ",", " ,", "a,", '"', '\\"', "a", ":", "1.", "ff:"],
    run: async (head) => {
      await using server = serveHttp({ hardened: true }, ok);
      await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
      await conn.write(bytesOf(`${head}\r\nX: y\r\nConnection: close\r\n\r\n`));
      for await (const _ of conn);
    },
  },
  ...(["forwarded", "x-forwarded-for", "x-forwarded-host"] as const).map((name): CostRow => ({
    name: `a server behind proxies with a hostile ${name}`,
    limit: 30 * 1024,
    alphabet: "field",
    only: true,
    valid: "a",
    around: [["", ", 127.0.0.1"], ['for="', '", for=127.0.0.1']],
    units: [" ", ",", "127.0.0.1,", "for=127.0.0.1,", 'for="[::1]", ', ";", '"', '\\"', "a"],
    run: async (value) => {
      const trustProxy = {
        from: ["127.0.0.0/8"],
        header: name === "forwarded" ? name : "x-forwarded",
      } as const;
      const handler: HttpHandler = (_, info) => new Response(info.remoteAddr.hostname);
      await using server = serveHttp({ hardened: true, trustProxy }, handler);
      await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
      await conn.write(bytesOf(`${GET}${name}: ${value}\r\nConnection: close\r\n\r\n`));
      for await (const _ of conn);
    },
  })),
  {
    name: "reverseProxy() with a hostile request",
    covers: ["reverseProxy"],
    limit: 30 * 1024,
    alphabet: "field",
    only: true,
    valid: GET,
    around: [
      [`${GET}Via: `, ""],
      [`${GET}Forwarded: `, ""],
      [`${GET}X-Forwarded-For: `, ""],
      [`${GET}Connection: `, ""],
      [`${GET}TE: `, ""],
      ["GET /", " HTTP/1.1\r\nHost: a"],
    ],
    units: [
      " ",
      ",",
      "a,",
      "1.1 a, ",
      "1.1 a (b), ",
      "(",
      '"',
      '\\"',
      "a",
      "../",
      "%2e%2e/",
      "..;/",
    ],
    run: (head) =>
      reversed(`${head}\r\nConnection: close\r\n\r\n`, `${OK}Content-Length: 0\r\n\r\n`),
  },
  {
    name: "reverseProxy() with a hostile response",
    limit: 30 * 1024,
    alphabet: "field",
    only: true,
    valid: OK,
    around: [
      [`${OK}Via: `, ""],
      [`${OK}Location: `, ""],
      [`${OK}Connection: `, ""],
      [`${OK}Keep-Alive: `, ""],
      [`${OK}Set-Cookie: a=b; `, ""],
      [`${OK}Trailer: `, ""],
    ],
    units: [" ", ",", "a,", "timeout=1,", '"', '\\"', "a", "; Path=/", "../", "http://a/"],
    run: (head) =>
      reversed(`${GET}Connection: close\r\n\r\n`, `${head}\r\nContent-Length: 0\r\n\r\n`),
  },
  {
    name: "the proxy with a hostile head",
    valid: GET,
    limit: 30 * 1024,
    alphabet: "field",
    only: true,
    around: [
      ["GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nVia: ", ""],
      ["GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nConnection: ", ""],
      ["GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic ", ""],
      [
        "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\nX: ",
        "",
      ],
    ],
    units: [" ", ",", " ,", "a,", "1.1 a, ", "1.1 a (b), ", "(", '"', "\\(", "a"],
    run: (head) => proxied(`${head}\r\nConnection: close\r\n\r\n`),
  },
  {
    name: "the proxy with a hostile target",
    valid: "http://127.0.0.1:1/",
    limit: 8000,
    alphabet: "field",
    only: true,
    around: [["http://", "@a/"], ["http://a:", "/"], ["/", "@"], ["http://a/", "@"], ["", ""]],
    units: ["a", "a:", "@", ":", "/", ":@", "/a:b@", "/a:", "a.", "1.", "[", "%20"],
    run: (target) => proxied(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
  },
  {
    name: "the proxy with as many names in Connection as fields",
    isSizeOnly: true,
    valid: "Connection: close\r\n",
    limit: 30 * 1024,
    only: true,
    shapes: {
      "half of the head is names": (size) => {
        const names = "n,".repeat(size / 4);
        return `Connection: close,${names}\r\n${"a:b\r\n".repeat(Math.min(size / 10, 90))}`;
      },
    },
    run: (lines) => proxied(`GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\n${lines}\r\n`),
  },
];

/** Sends a request through a reverse proxy to a server of one answer. */
async function reversed(request: string, answer: string): Promise<void> {
  await using origin = new Answering(answer);
  await using server = serveHttp({ hardened: true }, reverseProxy(origin.url));
  await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
  await conn.write(bytesOf(request));
  for await (const _ of conn);
}

async function proxied(text: string): Promise<void> {
  await using proxy = serveProxy({ allowPrivate: true, onEntry: () => {} });
  await using conn = await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 });
  await conn.write(bytesOf(text));
  for await (const _ of conn);
}

/** All of them. */
export const ROWS: readonly CostRow[] = [
  ...LISTS,
  ...CODEC,
  ...HANDLERS,
  ...FORMS,
  ...CLIENT,
  ...SERVERS.map((row) => ({ ...row, connects: true, throws: [NetError] })),
];
