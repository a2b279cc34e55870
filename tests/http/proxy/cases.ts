/**
 * What a proxy does to bytes, rule by rule: what a client sends, what the origin gets and says,
 * what the client gets, but for the dates that a proxy adds. `{o}` stands for the origin's host and
 * port. proxy_cases_peers_test.ts counts how many of them Squid and tinyproxy pass.
 *
 * @module
 */

/** What the origin does with one request. */
export interface Reply {
  /** Sent when the head of the request has come. */
  atHead?: string;
  /** Sent when all of it has come. */
  atEnd?: string;
  /** Whether the connection ends behind that. */
  end?: boolean;
  /** Whether the connection is reset behind that. */
  reset?: boolean;
}

/** One rule. */
export interface ProxyCase {
  /** The rule. */
  name: string;
  /** What the client sends; in turn with what it waits for. */
  send: string | (string | { until: string })[];
  /** What the origin answers, request by request. */
  replies?: (string | Reply)[];
  /**
   * All that the origin gets, on all its connections; empty if it must not be asked. A list is of
   * requests that may come in any order and on any connection.
   */
  up: string | string[];
  /** All that the client gets; a number for a page with that status, then the end. */
  down: string | number;
  /** What is as good, of another proxy. */
  also?: string;
  /** What is as good for the origin to get, from another proxy. */
  alsoUp?: string;
  /** Whether order and case of lines are what it is about. */
  exact?: boolean;
  /** Whether the origin upgrades or tunnels: it gives back in upper case what it gets. */
  tunnel?: boolean;
  /** How many connections the origin gets, where that is what it is about. */
  connections?: number;
  /** Whether the chunks of a body count as one, since a proxy may cut them anew. */
  merged?: boolean;
  /** Whether a client that ends its output is what it is about. */
  halfClose?: boolean;
  /** What the end of a tunnel still sends once the client has ended its output. */
  lastWords?: string[];
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const OK_VIA = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nVia: 1.1 t\r\n\r\nok";
const CLOSE = "Connection: close\r\n";
const VIA = "Via: 1.1 t\r\n";
const HOST = "Host: {o}\r\n";
/** The head of a request that asks for one answer. */
const get = (lines = "", path = "/") =>
  `GET http://{o}${path} HTTP/1.1\r\n${HOST}${lines}${CLOSE}\r\n`;
const got = (lines = "", path = "/") => `GET ${path} HTTP/1.1\r\n${HOST}${lines}${VIA}\r\n`;
const post = (lines: string) => `POST http://{o}/ HTTP/1.1\r\n${HOST}${lines}${CLOSE}\r\n`;
const posted = (lines: string, more = "") => `POST / HTTP/1.1\r\n${HOST}${lines}${more}${VIA}\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** A request that goes through, as a rule about its head. */
function through(name: string, send: string, up: string, more: Partial<ProxyCase> = {}): ProxyCase {
  return { name, send, replies: [OK], up, down: OK_VIA, ...more };
}

/** A request that is refused before anybody is asked. */
function refused(name: string, send: string, status = 400): ProxyCase {
  return { name: `${name}: ${status}`, send, up: "", down: status };
}

/** A response that goes through. */
function back(
  name: string,
  reply: string | Reply,
  down: string | number,
  more: Partial<ProxyCase> = {},
): ProxyCase {
  return { name, send: get(), replies: [reply], up: got(), down, ...more };
}

const FORWARD: ProxyCase[] = [
  through("absolute form becomes origin form", get(), got()),
  through("dots, slashes and escapes stay", get("", "/a/../b%2F//c"), got("", "/a/../b%2F//c")),
  through("a query stays", get("", "/a?b=c&d=%20"), got("", "/a?b=c&d=%20")),
  through("a query without a path", get("", "?x"), got("", "/?x")),
  through("no path at all", get("", ""), got()),
  through(
    "bytes above 127 in the path are escaped",
    get("", "/\xc3\xbc?\xff"),
    got("", "/%C3%BC?%FF"),
  ),
  through("HTTP/1.2 is HTTP/1.1", get().replace("HTTP/1.1", "HTTP/1.2"), got()),
  through("the scheme in capitals", get().replace("http:", "HTTP:"), got()),
  through(
    "OPTIONS without a path asks for all",
    `OPTIONS http://{o} HTTP/1.1\r\n${HOST}${CLOSE}\r\n`,
    `OPTIONS * HTTP/1.1\r\n${HOST}${VIA}\r\n`,
  ),
  through("Host comes from the URL", get().replace("Host: {o}", "Host: other"), got()),
  through(
    "HTTP/1.0 without a Host",
    "GET http://{o}/ HTTP/1.0\r\nA: b\r\n\r\n",
    `GET / HTTP/1.1\r\nA: b\r\n${HOST}Via: 1.0 t\r\n\r\n`,
  ),
  through(
    "case, order and duplicates of lines stay",
    get("X-b: 1\r\nx-A:2\r\nX-B: 3\r\nACCEPT: */*\r\n"),
    got("X-b: 1\r\nx-A:2\r\nX-B: 3\r\nACCEPT: */*\r\n"),
    { exact: true },
  ),
  through("bytes above 127 in a value stay", get("X: \xe4\xff\r\n"), got("X: \xe4\xff\r\n")),
  through("an empty value stays", get("X:\r\n"), got("X:\r\n")),
  through(
    "hop-by-hop fields go",
    get("Keep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: keep-alive\r\nA: b\r\n"),
    got("A: b\r\n"),
  ),
  through(
    "what Connection names goes",
    `GET http://{o}/ HTTP/1.1\r\n${HOST}X-A: 1\r\nx-b: 2\r\nC: 3\r\nConnection: close, x-a , X-B\r\n\r\n`,
    got("C: 3\r\n"),
  ),
  through(
    "Connection cannot take the Host away",
    `GET http://{o}/ HTTP/1.1\r\n${HOST}Connection: close, host\r\n\r\n`,
    got(),
  ),
  {
    name: "Connection cannot take the framing away",
    send:
      `POST http://{o}/ HTTP/1.1\r\n${HOST}Content-Length: 2\r\nConnection: close, content-length\r\n\r\nhi`,
    replies: [OK],
    up: posted("Content-Length: 2\r\n") + "hi",
    down: OK_VIA,
  },
  through(
    "Connection names fields among many",
    `GET http://{o}/ HTTP/1.1\r\n${HOST}X-A: 1\r\nC: 3\r\nConnection: close, ${
      "n,".repeat(500)
    }x-a\r\n\r\n`,
    got("C: 3\r\n"),
  ),
  through("credentials for the proxy go", get("Proxy-Authorization: Basic YTpi\r\n"), got()),
  through(
    "credentials for the origin stay",
    get("Authorization: Basic YTpi\r\n"),
    got("Authorization: Basic YTpi\r\n"),
  ),
  through("Via is added to", get("Via: 1.0 a\r\n"), got("Via: 1.0 a\r\n")),
  through(
    "a comment in Via is no loop",
    get("Via: 1.0 a (b, 1.1 t c)\r\n"),
    got("Via: 1.0 a (b, 1.1 t c)\r\n"),
  ),
  through(
    "a no-break space is no blank in Via",
    get("Via: 1.1\xa0t\r\n"),
    got("Via: 1.1\xa0t\r\n"),
  ),
  through(
    "an upgrade that is no WebSocket is not passed on",
    get("Upgrade: h2c\r\nHTTP2-Settings: AA\r\n").replace(CLOSE, "Connection: close, upgrade\r\n"),
    got(),
  ),
  through("an empty query stays", get("", "/?"), got("", "/?")),
  through(
    "a scheme in the path is no scheme",
    get("", "/http://other/"),
    got("", "/http://other/"),
  ),
  through(
    "OPTIONS with a query is about that",
    `OPTIONS http://{o}?a HTTP/1.1\r\n${HOST}${CLOSE}\r\n`,
    `OPTIONS /?a HTTP/1.1\r\n${HOST}${VIA}\r\n`,
  ),
  through(
    "what several Connections name goes",
    get("X-A: 1\r\nConnection: x-a\r\nX-B: 2\r\nConnection: x-b,,\r\nC: 3\r\n"),
    got("C: 3\r\n"),
  ),
  through("an unknown method", get().replace("GET", "M-SEARCH"), got().replace("GET", "M-SEARCH")),
];

const MAX_FORWARDS: ProxyCase[] = [
  through(
    "Max-Forwards of TRACE becomes less",
    `TRACE http://{o}/ HTTP/1.1\r\n${HOST}Max-Forwards: 2\r\n${CLOSE}\r\n`,
    `TRACE / HTTP/1.1\r\n${HOST}Max-Forwards: 1\r\n${VIA}\r\n`,
  ),
  through(
    "Max-Forwards of OPTIONS becomes less",
    `OPTIONS http://{o}/a HTTP/1.1\r\n${HOST}Max-Forwards: 1\r\n${CLOSE}\r\n`,
    `OPTIONS /a HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\n${VIA}\r\n`,
  ),
  through("Max-Forwards of GET stays", get("Max-Forwards: 0\r\n"), got("Max-Forwards: 0\r\n")),
  {
    name: "TRACE with Max-Forwards 0 is answered, without secrets",
    send: `TRACE http://{o}/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\nCookie: a\r\n${CLOSE}\r\n`,
    up: "",
    down: "HTTP/1.1 200 OK\r\nContent-Type: message/http\r\nContent-Length: {n}\r\n" +
      "Connection: close\r\n\r\nTRACE http://{o}/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n" +
      "Connection: close\r\n\r\n",
  },
  {
    name: "OPTIONS with Max-Forwards 0 is answered",
    send: `OPTIONS http://{o}/ HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\n${CLOSE}\r\n`,
    up: "",
    down:
      "HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE, CONNECT\r\n" +
      "Content-Length: 0\r\nConnection: close\r\n\r\n",
  },
  refused(
    "a TRACE with a body",
    `TRACE http://{o}/ HTTP/1.1\r\n${HOST}Content-Length: 1\r\n${CLOSE}\r\na`,
  ),
  refused(
    "a malformed Max-Forwards",
    `TRACE http://{o}/ HTTP/1.1\r\n${HOST}Max-Forwards: -1\r\n${CLOSE}\r\n`,
  ),
];

const BODIES: ProxyCase[] = [
  through(
    "a body with a length",
    post("Content-Length: 3\r\n") + "abc",
    posted("Content-Length: 3\r\n") + "abc",
  ),
  through("an empty body", post("Content-Length: 0\r\n"), posted("Content-Length: 0\r\n")),
  through(
    "a chunked body, without its extensions",
    post(CHUNKED) + "3;x=y\r\nabc\r\n2\r\nde\r\n0;z\r\n\r\n",
    posted("", CHUNKED) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
  ),
  through(
    "trailers, but for framing and routing",
    post(CHUNKED + "Trailer: X-T\r\n") +
      "1\r\na\r\n0\r\nX-T: 1\r\nContent-Length: 5\r\nHost: x\r\n\r\n",
    posted("Trailer: X-T\r\n", CHUNKED) + "1\r\na\r\n0\r\nX-T: 1\r\n\r\n",
  ),
  through(
    "a body of GET",
    get("Content-Length: 3\r\n") + "abc",
    got("Content-Length: 3\r\n") + "abc",
  ),
  through(
    "trailers, but for what ends at a proxy",
    `POST http://{o}/ HTTP/1.1\r\n${HOST}${CHUNKED}Connection: close, x-a\r\n\r\n` +
      "0\r\nX-A: 1\r\nProxy-Authorization: Basic YTpi\r\nKeep-Alive: 1\r\nX-B: 2\r\n\r\n",
    posted("", CHUNKED) + "0\r\nX-B: 2\r\n\r\n",
  ),
  {
    name: "100-continue from end to end",
    send: [post("Content-Length: 2\r\nExpect: 100-continue\r\n"), { until: "100 Continue" }, "hi"],
    replies: [{ atHead: "HTTP/1.1 100 Continue\r\n\r\n", atEnd: OK }],
    up: posted("Content-Length: 2\r\nExpect: 100-continue\r\n") + "hi",
    down: `HTTP/1.1 100 Continue\r\n${VIA}\r\n${OK_VIA}`,
  },
  {
    name: "417 instead of a body",
    send: `POST http://{o}/ HTTP/1.1\r\n${HOST}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n`,
    replies: [{ atHead: "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n" }],
    up: posted("Content-Length: 9\r\nExpect: 100-continue\r\n"),
    down: `HTTP/1.1 417 No\r\nContent-Length: 0\r\n${CLOSE}${VIA}\r\n`,
  },
  {
    name: "413 in the middle of a body",
    send: post("Content-Length: 99\r\n") + "some",
    replies: [{ atHead: "HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n", end: true }],
    up: posted("Content-Length: 99\r\n") + "some",
    down: `HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n${CLOSE}${VIA}\r\n`,
  },
  {
    name: "a response before the end of the request",
    send: [post(CHUNKED) + "1\r\na\r\n", { until: "early" }, "1\r\nb\r\n0\r\n\r\n"],
    replies: [{ atHead: `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n5\r\nearly\r\n`, atEnd: "0\r\n\r\n" }],
    up: posted("", CHUNKED) + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
    down: `HTTP/1.1 200 OK\r\n${CHUNKED}${CLOSE}${VIA}\r\n5\r\nearly\r\n0\r\n\r\n`,
  },
  {
    name: "pipelined requests, in order",
    send:
      `GET http://{o}/1 HTTP/1.1\r\n${HOST}\r\nPOST http://{o}/2 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx` +
      get("", "/3"),
    replies: ["1", "2", "3"].map((n) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${n}`),
    up:
      `GET /1 HTTP/1.1\r\n${HOST}${VIA}\r\nPOST /2 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n${VIA}\r\nx` +
      got("", "/3"),
    down:
      `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${VIA}\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${VIA}\r\n2` +
      `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${CLOSE}${VIA}\r\n3`,
  },
];

const BAD_HEADS: [name: string, lines: string][] = [
  ["a folded line", "X: a\r\n b\r\n"],
  ["a space before the colon", "X : a\r\n"],
  ["a bare CR", "X: a\rb\r\n"],
  ["a bare LF", "X: a\nY: b\r\n"],
  ["a NUL", "X: a\0b\r\n"],
  ["an escape", "X: \x1b[2J\r\n"],
  ["a name that is no token", "X(: a\r\n"],
  ["a line without a colon", "X\r\n"],
  ["two Hosts", "Host: other\r\n"],
];
const BAD_LENGTHS: [name: string, lines: string, body: string][] = [
  ["a length and chunks", "Content-Length: 5\r\n" + CHUNKED, "0\r\n\r\n"],
  ["two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n", "a"],
  ["two equal lengths", "Content-Length: 1\r\nContent-Length: 1\r\n", "a"],
  ["a list of lengths", "Content-Length: 1, 1\r\n", "a"],
  ["a signed length", "Content-Length: +1\r\n", "a"],
  ["a negative length", "Content-Length: -1\r\n", ""],
  ["a hexadecimal length", "Content-Length: 0x1\r\n", "a"],
  ["an endless length", "Content-Length: 99999999999999999999\r\n", "a"],
  ["chunked not last", "Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"],
  ["chunked twice", "Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"],
  ["two codings", CHUNKED + CHUNKED, "0\r\n\r\n"],
  ["a quoted chunked", 'Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"],
  ["a hidden chunked", "Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"],
  ["identity", "Transfer-Encoding: identity\r\n", ""],
];

const REFUSED: ProxyCase[] = [
  ...BAD_HEADS.map(([name, lines]) => refused(name, get(lines))),
  ...BAD_LENGTHS.map(([name, lines, body]) => refused(name, post(lines) + body)),
  refused("an unknown coding", post("Transfer-Encoding: gzip, chunked\r\n"), 501),
  refused("chunks in HTTP/1.0", `POST http://{o}/ HTTP/1.0\r\n${HOST}${CHUNKED}\r\n0\r\n\r\n`),
  refused("no Host", "GET http://{o}/ HTTP/1.1\r\n\r\n"),
  refused("HTTP/0.9", "GET http://{o}/\r\n\r\n"),
  refused("HTTP/2.0", `GET http://{o}/ HTTP/2.0\r\n${HOST}\r\n`, 505),
  refused("two spaces in the request line", get().replace(" http", "  http")),
  refused("a fragment", get("", "/#a")),
  refused("a byte above 127 in the host", get().replace("{o}", "{o}\xe4")),
  refused("origin form", `GET / HTTP/1.1\r\n${HOST}${CLOSE}\r\n`),
  refused("another scheme", get().replace("http:", "ftp:")),
  refused("a login in the URL", get().replace("{o}", "a:b@{o}")),
  refused("an empty host", "GET http:///a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
  refused("port 0", "GET http://127.0.0.1:0/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
  refused(
    "port 99999",
    "GET http://127.0.0.1:99999/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
  ),
  refused(
    "a port that is none",
    "GET http://127.0.0.1:8o/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
  ),
  refused(
    "an escaped host",
    "GET http://127%2e0.0.1/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
  ),
  refused("too many fields", get("X: y\r\n".repeat(120)), 431),
  refused("a head that is too long", get(`X: ${"y".repeat(900)}\r\n`.repeat(40)), 431),
  refused("a target that is too long", get("", `/${"y".repeat(17_000)}`), 414),
  refused("a loop", get("Via: 1.1 a, 1.1 t\r\n"), 508),
  refused("a loop over several lines", get("Via: 1.1 t (x, y)\r\nVia: 1.1 a\r\n"), 508),
  refused("a loop behind a comment without an end", get("Via: 1.1 a (\r\nVia: 1.1 t\r\n"), 508),
  refused("a loop behind a quote", get('Via: 1.1 a "\r\nVia: 1.1 t\r\n'), 508),
  {
    name: "what follows a refused request is not a request",
    send: post("Content-Length: +5\r\n").replace(CLOSE, "") + get("", "/smuggled"),
    up: "",
    down: 400,
  },
];

/** Mistakes of a client that are tolerated of a server. */
const TOLERATED = ["two equal lengths", "a list of lengths", "identity"];

/** The body `abc`, with a length, between two lines. */
const got3 = (lines: string) =>
  `HTTP/1.1 200 OK\r\n${lines}Content-Length: 3\r\n${CLOSE}${VIA}\r\nabc`;
const CHUNKED_3 = `HTTP/1.1 200 OK\r\n${CHUNKED}${CLOSE}${VIA}\r\n3\r\nabc\r\n0\r\n\r\n`;

/** What servers get wrong, and what the client gets: well-formed responses. */
const REPAIRED: ProxyCase[] = [
  back(
    "bare LFs become CRLFs",
    "HTTP/1.1 200 OK\nA: b\nContent-Length: 3\n\nabc",
    got3("A: b\r\n"),
  ),
  back(
    "a folded line becomes one",
    "HTTP/1.1 200 OK\r\nA: b\r\n\t c\r\nContent-Length: 3\r\n\r\nabc",
    got3("A: b c\r\n"),
  ),
  back(
    "blanks in front of a colon go",
    "HTTP/1.1 200 OK\r\nA : b\r\nContent-Length : 3\r\n\r\nabc",
    got3("A: b\r\n"),
  ),
  back(
    "a line that is no field goes",
    "HTTP/1.1 200 OK\r\nnonsense\r\nA b: c\r\nContent-Length: 3\r\n\r\nabc",
    got3(""),
  ),
  back(
    "control characters in a value become blanks",
    "HTTP/1.1 200 OK\r\nA: b\x1bc\r\nContent-Length: 3\r\n\r\nabc",
    got3("A: b c\r\n"),
  ),
  back(
    "equal lengths become one",
    "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\nContent-Length: 3\r\n\r\nabc",
    got3(""),
  ),
  back(
    "identity is no coding",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
    got3(""),
  ),
  back(
    "an empty line in front of a response goes",
    "\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    got3(""),
  ),
  back(
    "the status line gets its form",
    "http/1.1  200\tOK \r\nContent-Length: 3\r\n\r\nabc",
    got3(""),
  ),
  back(
    "a status that nobody knows stays",
    "HTTP/1.1 999 Request denied\r\nContent-Length: 3\r\n\r\nabc",
    got3("").replace("200 OK", "999 Request denied"),
  ),
  back(
    "many fields stay",
    `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(1000)}Content-Length: 3\r\n\r\nabc`,
    got3("A: b\r\n".repeat(1000)),
  ),
  back(
    "chunks get their form",
    `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n${"0".repeat(20)}3 \nabc\n0\n\n`,
    CHUNKED_3,
  ),
  back(
    "trailers get their form",
    `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n3\r\nabc\r\n0\r\nA : b\n c\nnonsense\n\n`,
    CHUNKED_3.replace("0\r\n\r\n", "0\r\nA: b c\r\n\r\n"),
  ),
  back(
    "a length beside chunks goes, if the connection ends",
    `HTTP/1.1 200 OK\r\n${CHUNKED}Content-Length: 9\r\n${CLOSE}\r\n3\r\nabc\r\n0\r\n\r\n`,
    CHUNKED_3,
  ),
  {
    name: "nothing is read behind a response that was repaired",
    send: `GET http://{o}/1 HTTP/1.1\r\n${HOST}\r\n` + get("", "/2"),
    replies: [
      "HTTP/1.1 200 OK\nContent-Length: 1\n\naHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\nevil",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb",
    ],
    up: `GET /1 HTTP/1.1\r\n${HOST}${VIA}\r\n` + got("", "/2"),
    down: `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${VIA}\r\naHTTP/1.1 200 OK\r\n` +
      `Content-Length: 1\r\n${CLOSE}${VIA}\r\nb`,
  },
];

const RESPONSES: ProxyCase[] = [
  back(
    "lines of a response stay, hop-by-hop ones go",
    "HTTP/1.1 404 Not here\r\nX-b: 1\r\nx-A:2\r\nKeep-Alive: 5\r\nConnection: keep-alive, x-c\r\nX-C: 3\r\nContent-Length: 0\r\n\r\n",
    `HTTP/1.1 404 Not here\r\nX-b: 1\r\nx-A:2\r\nContent-Length: 0\r\n${CLOSE}${VIA}\r\n`,
    { exact: true },
  ),
  back(
    "several cookies stay several",
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n",
    `HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n${CLOSE}${VIA}\r\n`,
  ),
  back(
    "Via of a response is added to",
    "HTTP/1.1 200 OK\r\nVia: 1.0 a, 1.1 b\r\nContent-Length: 0\r\n\r\n",
    `HTTP/1.1 200 OK\r\nVia: 1.0 a, 1.1 b\r\nContent-Length: 0\r\n${CLOSE}${VIA}\r\n`,
  ),
  back(
    "what Connection of a response names goes, but for the framing",
    "HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: x-a, content-length\r\nContent-Length: 1\r\n\r\na",
    `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${CLOSE}${VIA}\r\na`,
  ),
  back(
    "the Date of a server stays; without one there is that of now",
    "HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Length: 0\r\n\r\n",
    `HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Length: 0\r\n${CLOSE}${VIA}\r\n`,
  ),
  back(
    "a login that a server wants is between it and the client",
    'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="a"\r\nContent-Length: 0\r\n\r\n',
    `HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="a"\r\nContent-Length: 0\r\n${CLOSE}${VIA}\r\n`,
  ),
  back(
    "an answer to an upgrade that is none",
    "HTTP/1.1 400 No\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n",
    `HTTP/1.1 400 No\r\nContent-Length: 0\r\n${CLOSE}${VIA}\r\n`,
    {
      send: get("Upgrade: websocket\r\n").replace(CLOSE, "Connection: close, upgrade\r\n"),
      up: got("Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    },
  ),
  back(
    "100 and 102 are passed on, whether asked for or not",
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\nKeep-Alive: 1\r\nX: y\r\n\r\n${OK}`,
    `HTTP/1.1 100 Continue\r\n${VIA}\r\nHTTP/1.1 102 Wait\r\nX: y\r\n${VIA}\r\n${OK_VIA}`,
  ),
  back(
    "103 is passed on",
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`,
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n${VIA}\r\n${OK_VIA}`,
  ),
  back(
    "a chunked response, its trailers too",
    `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n3;x\r\nabc\r\n0\r\nX-T: 1\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n${CHUNKED}${CLOSE}${VIA}\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n`,
  ),
  back(
    "a response to the end of the connection",
    { atEnd: "HTTP/1.1 200 OK\r\n\r\nabc", end: true },
    `HTTP/1.1 200 OK\r\n${CHUNKED}${CLOSE}${VIA}\r\n3\r\nabc\r\n0\r\n\r\n`,
    { also: `HTTP/1.1 200 OK\r\n${CLOSE}${VIA}\r\nabc` },
  ),
  back(
    "204 has no body and no length",
    "HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n",
    `HTTP/1.1 204 None\r\n${CLOSE}${VIA}\r\n`,
  ),
  back(
    "304 has no body whatever its length",
    "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n",
    `HTTP/1.1 304 Same\r\nContent-Length: 9\r\n${CLOSE}${VIA}\r\n`,
  ),
  back(
    "a response of HTTP/1.0",
    { atEnd: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", end: true },
    `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${CLOSE}Via: 1.0 t\r\n\r\na`,
  ),
  {
    name: "HEAD has a length and no body",
    send: get().replace("GET", "HEAD"),
    replies: ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"],
    up: got().replace("GET", "HEAD"),
    down: `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n${CLOSE}${VIA}\r\n`,
  },
  {
    name: "HTTP/1.0 that wants to keep the connection",
    send: `GET http://{o}/ HTTP/1.0\r\n${HOST}Connection: Keep-Alive\r\n\r\n` + get(),
    replies: [OK, OK],
    up: `GET / HTTP/1.1\r\n${HOST}Via: 1.0 t\r\n\r\n` + got(),
    down: OK_VIA.replace("close", "keep-alive") + OK_VIA,
  },
  {
    name: "HTTP/1.0 gets no chunks",
    send: `GET http://{o}/ HTTP/1.0\r\n${HOST}\r\n`,
    replies: [`HTTP/1.1 200 OK\r\n${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\n`],
    up: `GET / HTTP/1.1\r\n${HOST}Via: 1.0 t\r\n\r\n`,
    down: `HTTP/1.1 200 OK\r\n${CLOSE}${VIA}\r\nabc`,
  },
  {
    name: "HTTP/1.0 gets no interim response",
    send: `GET http://{o}/ HTTP/1.0\r\n${HOST}\r\n`,
    replies: [`HTTP/1.1 103 Early\r\n\r\n${OK}`],
    up: `GET / HTTP/1.1\r\n${HOST}Via: 1.0 t\r\n\r\n`,
    down: OK_VIA,
  },
  back(
    "a length and chunks in a response: 502",
    `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n${CHUNKED}\r\n0\r\n\r\n`,
    502,
  ),
  ...BAD_LENGTHS.filter(([name]) => !TOLERATED.includes(name)).map(([name, lines, body]) =>
    back(`${name} in a response: 502`, `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`, 502)
  ),
  back("a bare CR in a response: 502", "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", 502),
  back("a NUL in a response: 502", "HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n", 502),
  back("no HTTP at all: 502", { atEnd: "SSH-2.0-x\r\n\r\n", end: true }, 502),
  back("no response at all: 502", { end: true }, 502),
  back("a head cut short: 502", { atEnd: "HTTP/1.1 200 OK\r\nContent-Le", end: true }, 502),
  back(
    "101 that nobody asked for: 502",
    "HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    502,
  ),
  back(
    "a chunked response that dies does not end as if it were whole",
    { atEnd: `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n3\r\nabc\r\n`, end: true },
    `HTTP/1.1 200 OK\r\n${CHUNKED}${CLOSE}${VIA}\r\n3\r\nabc\r\n`,
  ),
  back(
    "a response that is shorter than its length does not become longer",
    { atEnd: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", end: true },
    `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n${CLOSE}${VIA}\r\nabc`,
  ),
];

const TUNNELS: ProxyCase[] = [
  {
    name: "CONNECT, with early data in the same packet",
    send: [`CONNECT {o} HTTP/1.1\r\n${HOST}\r\nearly `, { until: "EARLY " }, "late"],
    up: "early late",
    down: "HTTP/1.1 200 Connection established\r\n\r\nEARLY LATE",
    tunnel: true,
    halfClose: true,
  },
  {
    name: "CONNECT of HTTP/1.0",
    send: ["CONNECT {o} HTTP/1.0\r\n\r\nhi"],
    up: "hi",
    down: "HTTP/1.1 200 Connection established\r\n\r\nHI",
    tunnel: true,
    halfClose: true,
  },
  {
    name: "a WebSocket by Upgrade",
    send: [
      `GET http://{o}/ws HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n`,
      { until: "\r\n\r\n" },
      "frames",
    ],
    replies: [
      "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: y\r\n\r\nHELLO ",
    ],
    up: `GET /ws HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n${VIA}\r\nframes`,
    down:
      `HTTP/1.1 101 Switching\r\nX: y\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${VIA}\r\nHELLO FRAMES`,
    tunnel: true,
    halfClose: true,
  },
  {
    name: "of several upgrades WebSocket alone is passed on",
    send: [
      `GET http://{o}/ws HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: h2c, WebSocket\r\n\r\n`,
      { until: "\r\n\r\n" },
      "frames",
    ],
    replies: ["HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
    up: `GET /ws HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n${VIA}\r\nframes`,
    down: `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${VIA}\r\nFRAMES`,
    tunnel: true,
    halfClose: true,
  },
  ...["127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1", "127.0.0.1:", ":443", "127.0.0.1:+80"].map((
    target,
  ) => refused(`CONNECT ${target}`, `CONNECT ${target} HTTP/1.1\r\nHost: h\r\n\r\n`)),
  refused("CONNECT to a URL", `CONNECT http://{o}/ HTTP/1.1\r\n${HOST}\r\n`),
  refused("CONNECT with a login", `CONNECT a@{o} HTTP/1.1\r\n${HOST}\r\n`),
  refused("CONNECT with a body", `CONNECT {o} HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\na`),
  refused("CONNECT to nobody", "CONNECT 127.0.0.1:{closed} HTTP/1.1\r\nHost: h\r\n\r\n", 502),
  {
    name: "what follows a CONNECT that failed is not a request",
    send: "CONNECT 127.0.0.1:{closed} HTTP/1.1\r\nHost: h\r\n\r\n" + get("", "/smuggled"),
    up: "",
    down: 502,
  },
];

/** All of them. */
export const CASES: ProxyCase[] = [
  ...FORWARD,
  ...MAX_FORWARDS,
  ...BODIES,
  ...REFUSED,
  ...RESPONSES,
  ...REPAIRED,
  ...TUNNELS,
];
