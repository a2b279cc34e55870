/** Opening handshakes: requests to a server and responses to a client (RFC 6455 §4). @module */

/** A request that a server accepts or refuses. Lines are sent as they are, in this order. */
export interface RequestCase {
  /** Unique name. */
  readonly id: string;
  /** The section of the RFC that decides. */
  readonly rfc: string;
  /** The request line. @default `GET / HTTP/1.1` */
  readonly line?: string;
  /** Fields in place of those of a valid request, by their name; null leaves one out. @default none */
  readonly fields?: Readonly<Record<string, string | null>>;
  /** More lines at the end. @default none */
  readonly more?: readonly string[];
  /** The status; 101 opens the WebSocket. */
  readonly status: number;
  /** A field that the response must have. */
  readonly answer?: readonly [name: string, value: string];
  /** The status on Deno's transport, if it differs. */
  readonly deno?: number;
}

/** The key of the example in RFC 6455 §1.3, and its answer. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==", ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** The fields of a valid request. */
export const REQUEST_FIELDS = {
  "Host": "127.0.0.1",
  "Upgrade": "websocket",
  "Connection": "Upgrade",
  "Sec-WebSocket-Key": KEY,
  "Sec-WebSocket-Version": "13",
} as const;

const requests: RequestCase[] = [];

/** Adds requests with one changed field. */
function field(
  rfc: string,
  name: string,
  status: number,
  values: readonly (string | null)[],
  rest: Partial<RequestCase> = {},
): void {
  for (const value of values) {
    const id = `${name}: ${value ?? "missing"}`;
    requests.push({ id, rfc, fields: { [name]: value }, status, ...rest });
  }
}

requests.push(
  {
    id: "a valid request",
    rfc: "6455 §4.2.2",
    status: 101,
    answer: ["sec-websocket-accept", ACCEPT],
  },
  {
    id: "another key",
    rfc: "6455 §4.2.2",
    fields: { "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEC==" },
    status: 101,
    answer: ["sec-websocket-accept", "OfS0wDaT5NoxF2gqm7Zj2YtetzM="],
  },
  { id: "a path and a query", rfc: "6455 §3", line: "GET /a/b?c=d HTTP/1.1", status: 101 },
  { id: "an absolute URI", rfc: "6455 §4.1", line: "GET http://127.0.0.1/x HTTP/1.1", status: 101 },
  { id: "names in lower case", rfc: "9110 §5.1", status: 101, ...lowered() },
  {
    id: "cookies and authorization",
    rfc: "6455 §4.1",
    status: 101,
    more: ["Cookie: a=b", "Authorization: x y"],
  },
  { id: "an unknown field", rfc: "6455 §4.1", status: 101, more: ["X-Unknown: yes"] },
  {
    id: "an unknown extension",
    rfc: "6455 §9.1",
    status: 101,
    more: ["Sec-WebSocket-Extensions: x-none; a=b"],
  },
  {
    id: "an unknown subprotocol",
    rfc: "6455 §4.2.2",
    status: 101,
    more: ["Sec-WebSocket-Protocol: none, nothing"],
  },
);
for (const method of ["POST", "PUT", "HEAD", "OPTIONS", "DELETE"]) {
  requests.push({
    id: `method ${method}`,
    rfc: "6455 §4.2.1",
    line: `${method} / HTTP/1.1`,
    status: 400,
  });
}
field("6455 §4.2.1", "Upgrade", 101, ["WebSocket", "WEBSOCKET", "websocket, h2c", "h2c,websocket"]);
field("6455 §4.2.1", "Upgrade", 426, [null, "", "h2c", "websockets", "web socket"], {
  answer: ["upgrade", "websocket"],
});
field("6455 §4.2.1", "Connection", 101, ["upgrade", "keep-alive, Upgrade", "Upgrade,keep-alive"]);
field("6455 §4.2.1", "Connection", 400, [null, "", "keep-alive", "Upgraded"]);
field("6455 §4.4", "Sec-WebSocket-Version", 426, [
  null,
  "",
  "0",
  "8",
  "12",
  "14",
  "013",
  "13, 8",
  "x",
], {
  answer: ["sec-websocket-version", "13"],
});
field("6455 §4.2.1", "Sec-WebSocket-Key", 400, [
  null,
  "",
  "short",
  "dGhlIHNhbXBsZSBub25jZQ=",
  "dGhlIHNhbXBsZSBub25jZQ",
  "dGhlIHNhbXBsZSBub25jZQ====",
  "dGhlIHNhbXBsZSBub25jZSE=",
  "dGhlIHNhbXBsZSBub25j",
  "dGhl IHNhbXBsZSBub25jZQ=",
  "not-base64-at-all-00!!==",
]);
field("9112 §3.2", "Host", 400, [null, "a b", "a,b"]);
requests.push(
  { id: "two keys", rfc: "6455 §11.3.1", status: 400, more: [`Sec-WebSocket-Key: ${KEY}`] },
  { id: "two versions", rfc: "6455 §11.3.5", status: 426, more: ["Sec-WebSocket-Version: 13"] },
  { id: "two hosts", rfc: "9112 §3.2", status: 400, more: ["Host: 127.0.0.1"] },
  { id: "HTTP/1.0", deno: 101, rfc: "6455 §4.2.1", line: "GET / HTTP/1.0", status: 426 },
  { id: "a body", rfc: "6455 §4.1", status: 400, more: ["Content-Length: 5"] },
  { id: "a chunked body", rfc: "6455 §4.1", status: 400, more: ["Transfer-Encoding: chunked"] },
  { id: "the same origin", rfc: "6455 §10.2", status: 101, more: ["Origin: http://127.0.0.1"] },
  { id: "another origin", rfc: "6455 §10.2", status: 403, more: ["Origin: http://evil.test"] },
  { id: "a null origin", rfc: "6455 §10.2", status: 403, more: ["Origin: null"] },
  { id: "an origin that is no URL", rfc: "6455 §10.2", status: 403, more: ["Origin: what?"] },
);

function lowered(): { fields: Record<string, string | null>; more: string[] } {
  const names = Object.entries(REQUEST_FIELDS);
  return {
    fields: Object.fromEntries(names.map(([name]) => [name, null])),
    more: names.map(([name, value]) => `${name.toLowerCase()}:${value}`),
  };
}

/** The requests. */
export const REQUESTS: readonly RequestCase[] = requests;

/** A response that a client accepts or refuses. */
export interface ResponseCase {
  /** Unique name. */
  readonly id: string;
  /** The section of the RFC that decides. */
  readonly rfc: string;
  /** The status line. @default `HTTP/1.1 101 Switching Protocols` */
  readonly line?: string;
  /** Fields in place of those of a valid response; null leaves one out. */
  readonly fields?: Readonly<Record<string, string | null>>;
  /** More lines at the end. @default none */
  readonly more?: readonly string[];
  /** What follows the head. @default none */
  readonly rest?: string;
  /** The kind of the error; undefined if the WebSocket opens. */
  readonly error?: "protocol";
  /** The code of the error, if one is required. */
  readonly code?: string;
}

const responses: ResponseCase[] = [];
const RESPONSE_RFC = "6455 §4.1";

function refuses(id: string, rest: Omit<ResponseCase, "id" | "rfc" | "error">): void {
  responses.push({ id, rfc: RESPONSE_RFC, error: "protocol", ...rest });
}
function opens(id: string, rest: Omit<ResponseCase, "id" | "rfc">): void {
  responses.push({ id, rfc: RESPONSE_RFC, ...rest });
}

opens("a valid response", {});
opens("upgrade in capitals", { fields: { Upgrade: "WebSocket" } });
opens("connection in a list", { fields: { Connection: "keep-alive, Upgrade" } });
opens("connection in lower case", { fields: { Connection: "upgrade" } });
opens("another reason phrase", { line: "HTTP/1.1 101 Web Socket Protocol Handshake" });
opens("no reason phrase", { line: "HTTP/1.1 101 " });
opens("unknown fields", { more: ["Server: x", "Set-Cookie: a=b", "Date: now"] });
opens("an empty list of extensions", { more: ["Sec-WebSocket-Extensions: "] });
opens("an informational response before", {
  line: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101 Switching Protocols",
});

for (const value of [null, "", "h2c", "websockets"]) {
  refuses(`upgrade ${value ?? "missing"}`, { fields: { Upgrade: value } });
}
for (const value of [null, "", "keep-alive", "close"]) {
  refuses(`connection ${value ?? "missing"}`, { fields: { Connection: value } });
}
for (const value of [null, "", ACCEPT, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="]) {
  refuses(`accept ${value ?? "missing"}`, { fields: { "Sec-WebSocket-Accept": value } });
}
refuses("an extension that was not offered", {
  more: ["Sec-WebSocket-Extensions: permessage-deflate"],
});
refuses("an unknown extension", { more: ["Sec-WebSocket-Extensions: x-none"] });
refuses("a subprotocol that was not offered", { more: ["Sec-WebSocket-Protocol: none"] });
for (const status of [200, 201, 204, 301, 302, 400, 401, 403, 404, 407, 426, 429, 500, 503]) {
  refuses(`status ${status}`, {
    line: `HTTP/1.1 ${status} x`,
    more: ["Content-Length: 2"],
    rest: "no",
    code: `${status}`,
  });
}
refuses("a 200 with the fields of an upgrade", { line: "HTTP/1.1 200 OK", code: "200" });
refuses("HTTP/1.0", { line: "HTTP/1.0 101 Switching Protocols" });
refuses("HTTP/2", { line: "HTTP/2 101 Switching Protocols" });
refuses("no HTTP at all", { line: "SSH-2.0-OpenSSH_9.6" });
refuses("a field without a colon", { more: ["broken"] });

/** The responses. */
export const RESPONSES: readonly ResponseCase[] = responses;
