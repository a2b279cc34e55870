/**
 * More raw cases of the proxy, as proxy_cases.ts has them: pipelines over servers that break off,
 * old and future versions, raw UTF-8, chunk extensions, half-closed tunnels, and resets, which tell
 * a client that what it got is not all.
 *
 * @module
 */

import type { ProxyCase, Reply } from "./cases.ts";

const VIA = "Via: 1.1 t\r\n";
const HOST = "Host: {o}\r\n";
const CLOSE = "Connection: close\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/** The response with this body. */
const ok = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
/** The same, as the client gets it. */
const told = (body: string, lines = "") =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${lines}${VIA}\r\n${body}`;
const ask = (path: string, lines = "") => `GET http://{o}${path} HTTP/1.1\r\n${HOST}${lines}\r\n`;
const asked = (path: string, lines = "") => `GET ${path} HTTP/1.1\r\n${HOST}${lines}${VIA}\r\n`;
const post = (path: string, body: string, lines = "") =>
  `POST http://{o}${path} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n${lines}\r\n${body}`;
const posted = (path: string, body: string, lines = "") =>
  `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n${lines}${VIA}\r\n${body}`;

/** A body that is a request: whoever loses count of requests asks the server for it. */
const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";

/** Ways of a server to break off a kept connection instead of answering. */
const BREAKS: [name: string, reply: Reply][] = [
  ["closes", { end: true }],
  ["resets", { reset: true, atEnd: "" }],
];

const RETRIES: ProxyCase[] = BREAKS.flatMap(([name, reply]): ProxyCase[] => [
  {
    name: `a server ${name}: the second of four pipelined requests is repeated, none is swallowed`,
    send: ask("/1") + ask("/2") + ask("/3") + ask("/4", CLOSE),
    replies: [ok("1"), reply, ok("2"), ok("3"), ok("4")],
    up: ["/1", "/2", "/2", "/3", "/4"].map((path) => asked(path)),
    down: told("1") + told("2") + told("3") + told("4", CLOSE),
  },
  {
    name: `a server ${name}: a body behind a repeated request stays a body`,
    send: ask("/1") + ask("/2") + post("/3", HIDDEN) + ask("/4", CLOSE),
    replies: [ok("1"), reply, ok("2"), ok("3"), ok("4")],
    up: [asked("/1"), asked("/2"), asked("/2"), posted("/3", HIDDEN), asked("/4")],
    down: told("1") + told("2") + told("3") + told("4", CLOSE),
  },
  {
    name: `a server ${name} twice: the request is repeated once, the rest goes on`,
    send: ask("/1") + ask("/2") + ask("/3", CLOSE),
    replies: [ok("1"), reply, reply, ok("3")],
    up: ["/1", "/2", "/2", "/3"].map((path) => asked(path)),
    down: told("1") +
      "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n" +
      "Content-Length: {n}\r\nCache-Control: no-store\r\n\r\n{page}" + told("3", CLOSE),
  },
]);

const UNSAFE: ProxyCase[] = [
  {
    name: "a POST behind a response is sent, though the server has closed the kept connection",
    send: [ask("/1"), { until: "\r\n\r\n1" }, post("/2", HIDDEN, CLOSE)],
    replies: [{ atEnd: ok("1"), end: true }, ok("2")],
    up: [asked("/1"), posted("/2", HIDDEN)],
    down: told("1") + told("2", CLOSE),
  },
  {
    name: "a GET behind a response is sent, though the server has closed the kept connection",
    send: [ask("/1"), { until: "\r\n\r\n1" }, ask("/2", CLOSE)],
    replies: [{ atEnd: ok("1"), end: true }, ok("2")],
    up: [asked("/1"), asked("/2")],
    down: told("1") + told("2", CLOSE),
  },
  {
    name: "a POST that a new connection breaks off is not repeated: 502",
    send: post("/1", "body", CLOSE),
    replies: [{ end: true }, ok("wrong")],
    up: [posted("/1", "body")],
    down: 502,
  },
  {
    name: "a request is not repeated once a byte of the response has come",
    send: ask("/1") + ask("/2", CLOSE),
    replies: [ok("1"), { atEnd: "HTTP/1.1 2", end: true }, ok("wrong")],
    up: [asked("/1"), asked("/2")],
    down: told("1") +
      "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n" +
      `Content-Length: {n}\r\nCache-Control: no-store\r\n${CLOSE}\r\n{page}`,
  },
  {
    name: "what a server says behind its response is not the next response",
    send: [ask("/1"), { until: "\r\n\r\n1" }, ask("/2", CLOSE)],
    replies: [ok("1") + ok("split"), ok("2")],
    up: [asked("/1"), asked("/2")],
    down: told("1") + told("2", CLOSE),
  },
  {
    name: "what a server says behind a response without a body is not the next response",
    send: [
      ask("/1").replace("GET", "HEAD"),
      { until: "\r\n\r\n" },
      ask("/2", CLOSE),
    ],
    replies: [ok("split"), ok("2")],
    up: [asked("/1").replace("GET", "HEAD"), asked("/2")],
    down: `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${VIA}\r\n` + told("2", CLOSE),
  },
];

const VERSIONS: ProxyCase[] = [
  {
    name: "HTTP/1.0 that posts",
    send: `POST http://{o}/ HTTP/1.0\r\n${HOST}Content-Length: 2\r\n\r\nhi`,
    replies: [OK],
    up: `POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\nVia: 1.0 t\r\n\r\nhi`,
    down: told("ok", CLOSE),
  },
  {
    name: "HTTP/1.0 that wants to keep the connection and gets no length",
    send: `GET http://{o}/ HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`,
    replies: [`HTTP/1.1 200 OK\r\n${CHUNKED}\r\n2\r\nok\r\n0\r\n\r\n`],
    up: `GET / HTTP/1.1\r\n${HOST}Via: 1.0 t\r\n\r\n`,
    down: `HTTP/1.1 200 OK\r\n${CLOSE}${VIA}\r\nok`,
  },
  {
    name: "HTTP/1.0 has no 100-continue: no interim response comes",
    send: `POST http://{o}/ HTTP/1.0\r\n${HOST}Content-Length: 2\r\nExpect: 100-continue\r\n\r\nhi`,
    replies: [{ atHead: "HTTP/1.1 100 Continue\r\n\r\n", atEnd: OK }],
    up:
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\nExpect: 100-continue\r\nVia: 1.0 t\r\n\r\nhi`,
    alsoUp: `POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\nVia: 1.0 t\r\n\r\nhi`,
    down: told("ok", CLOSE),
  },
  {
    name: "HTTP/1.2 counts as HTTP/1.1",
    send: ask("/", CLOSE).replace("HTTP/1.1", "HTTP/1.2"),
    replies: [OK],
    up: asked("/"),
    down: told("ok", CLOSE),
  },
  {
    name: "HTTP/1.2 with chunks counts as HTTP/1.1",
    send: `POST http://{o}/ HTTP/1.9\r\n${HOST}${CHUNKED}${CLOSE}\r\n2\r\nhi\r\n0\r\n\r\n`,
    replies: [OK],
    up: `POST / HTTP/1.1\r\n${HOST}${CHUNKED}${VIA}\r\n2\r\nhi\r\n0\r\n\r\n`,
    down: told("ok", CLOSE),
  },
  {
    name: "a response of HTTP/1.2 counts as one of HTTP/1.1",
    send: ask("/", CLOSE),
    replies: [OK.replace("HTTP/1.1", "HTTP/1.2")],
    up: asked("/"),
    down: told("ok", CLOSE),
  },
];

const UTF8: ProxyCase[] = [
  {
    name: "raw UTF-8 in a path and a query is escaped",
    send: ask("/gr\xc3\xbc\xc3\x9fe?\xe4\xbd\xa0=%E4\xf0\x9f\x98\x80", CLOSE),
    replies: [OK],
    up: asked("/gr%C3%BC%C3%9Fe?%E4%BD%A0=%E4%F0%9F%98%80"),
    down: told("ok", CLOSE),
  },
];

/** More bytes of extensions than any limit for one line or a small body. */
const EXTENDED = `400;sig="${"a".repeat(300)}"\r\n${"x".repeat(1024)}\r\n`.repeat(64) + "0\r\n\r\n";
const MERGED = `10000\r\n${"x".repeat(65_536)}\r\n0\r\n\r\n`;

const CHUNKS: ProxyCase[] = [
  {
    name: "a chunk extension on each chunk of a long body",
    send: `POST http://{o}/ HTTP/1.1\r\n${HOST}${CHUNKED}${CLOSE}\r\n${EXTENDED}`,
    replies: [OK],
    up: `POST / HTTP/1.1\r\n${HOST}${CHUNKED}${VIA}\r\n${MERGED}`,
    alsoUp: `POST / HTTP/1.1\r\n${HOST}Content-Length: 65536\r\n${VIA}\r\n${"x".repeat(65_536)}`,
    down: told("ok", CLOSE),
    merged: true,
  },
  {
    name: "a chunk extension on each chunk of a long response",
    send: ask("/", CLOSE),
    replies: [`HTTP/1.1 200 OK\r\n${CHUNKED}\r\n${EXTENDED}`],
    up: asked("/"),
    down: `HTTP/1.1 200 OK\r\n${CHUNKED}${CLOSE}${VIA}\r\n${MERGED}`,
    merged: true,
  },
];

const TUNNELS: ProxyCase[] = [
  {
    name: "a tunnel that the client has half-closed carries what the server still says",
    send: ["CONNECT {o} HTTP/1.1\r\nHost: {o}\r\n\r\n", { until: "\r\n\r\n" }, "end"],
    up: "end",
    down: "HTTP/1.1 200 Connection established\r\n\r\nENDone two three",
    tunnel: true,
    halfClose: true,
    lastWords: ["one ", "two ", "three"],
  },
];

/** A response that is cut: how it is framed, and what of it the client gets. */
const CUT: [name: string, reply: string, down: string][] = [
  [
    "a response shorter than its length",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n${CLOSE}${VIA}\r\nabc`,
  ],
  [
    "a chunked response without its end",
    `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n3\r\nabc\r\n`,
    `HTTP/1.1 200 OK\r\n${CHUNKED}${CLOSE}${VIA}\r\n3\r\nabc\r\n`,
  ],
];

const RESETS: ProxyCase[] = [
  ...CUT.map(([name, reply, down]): ProxyCase => ({
    // The framing tells a client of HTTP/1.1 that something is missing.
    name: `${name}, which the server resets, stays incomplete`,
    send: ask("/", CLOSE),
    replies: [{ atEnd: reply, reset: true }],
    up: asked("/"),
    down,
    also: `${down}<reset>`,
  })),
  {
    name: "a response to the end of the connection, which the server resets, stays incomplete",
    send: ask("/", CLOSE),
    replies: [{ atEnd: "HTTP/1.1 200 OK\r\n\r\nabc", reset: true }],
    up: asked("/"),
    down: `HTTP/1.1 200 OK\r\n${CHUNKED}${CLOSE}${VIA}\r\n3\r\nabc\r\n`,
    also: `HTTP/1.1 200 OK\r\n${CLOSE}${VIA}\r\nabc<reset>`,
  },
  ...CUT.map(([name, reply]): ProxyCase => ({
    name: `${name} is reset for a client of HTTP/1.0`,
    send: `GET http://{o}/ HTTP/1.0\r\n${HOST}\r\n`,
    replies: [{ atEnd: reply, end: true }],
    up: `GET / HTTP/1.1\r\n${HOST}Via: 1.0 t\r\n\r\n`,
    down: reply.includes("chunked")
      ? `HTTP/1.1 200 OK\r\n${CLOSE}${VIA}\r\nabc<reset>`
      : `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n${CLOSE}${VIA}\r\nabc<reset>`,
    also: reply.includes("chunked")
      ? undefined
      : `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n${CLOSE}${VIA}\r\nabc`,
  })),
  {
    name: "a tunnel that the server resets is reset",
    send: ["CONNECT {o} HTTP/1.1\r\nHost: {o}\r\n\r\n", { until: "\r\n\r\n" }, HIDDEN],
    replies: [{ atEnd: "abc", reset: true }],
    up: HIDDEN,
    down: "HTTP/1.1 200 Connection established\r\n\r\nabc<reset>",
  },
];

/** The response to a login that belongs to the connection. */
const refusedBy = (scheme: string) =>
  `HTTP/1.1 401 No\r\nWWW-Authenticate: ${scheme}\r\nContent-Length: 0\r\n\r\n`;

/** The proxy tells clients that it keeps the connection for them (RFC 4559 §6). */
const SUPPORT = "Proxy-Support: Session-Based-Authentication\r\nConnection: Proxy-Support\r\n";

const KEPT: ProxyCase[] = [
  {
    name: "a connection that the server keeps serves the next request",
    send: [ask("/1"), { until: "\r\n\r\n1" }, ask("/2", CLOSE)],
    replies: [ok("1"), ok("2")],
    up: [asked("/1"), asked("/2")],
    down: told("1") + told("2", CLOSE),
    connections: 1,
  },
  {
    name: "a connection that the server keeps for 0 seconds serves no other request",
    send: [ask("/1"), { until: "\r\n\r\n1" }, ask("/2", CLOSE)],
    replies: [ok("1").replace("\r\n", "\r\nKeep-Alive: timeout=0\r\n"), ok("2")],
    up: [asked("/1"), asked("/2")],
    down: told("1") + told("2", CLOSE),
    connections: 2,
  },
  ...["NTLM", "Negotiate"].map((scheme): ProxyCase => ({
    name: `a login by ${scheme} stays on one connection, that of a POST too`,
    send: [
      ask("/1", `Authorization: ${scheme} AAAA\r\n`),
      { until: "\r\n\r\n" },
      post("/2", "body", `Authorization: ${scheme} BBBB\r\n`),
      { until: "\r\n\r\n2" },
      post("/3", "body", CLOSE),
    ],
    replies: [refusedBy(`${scheme} CCCC`), ok("2"), ok("3")],
    up: [
      asked("/1", `Authorization: ${scheme} AAAA\r\n`),
      posted("/2", "body", `Authorization: ${scheme} BBBB\r\n`),
      posted("/3", "body"),
    ],
    down:
      `HTTP/1.1 401 No\r\nWWW-Authenticate: ${scheme} CCCC\r\nContent-Length: 0\r\n${SUPPORT}${VIA}\r\n` +
      told("2") + told("3", CLOSE),
    connections: 1,
  })),
];

/** All of them. */
export const WIRE_CASES: ProxyCase[] = [
  ...RETRIES,
  ...UNSAFE,
  ...VERSIONS,
  ...UTF8,
  ...CHUNKS,
  ...TUNNELS,
  ...RESETS,
  ...KEPT,
];
