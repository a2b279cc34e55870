import {
  assert,
  assertEquals,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { once } from "node:events";
import { createServer as createNodeTls } from "node:tls";
import {
  type NetError,
  type NetErrorKind,
  type NetPhase,
  toNetError,
} from "../../../net/errors/errors.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { deadPort, LOOPBACK, thrown } from "../../_support/errors.ts";

const encoder = new TextEncoder();

/** A server that answers whatever it is asked with the same bytes, and closes. */
class RawServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly #serving: Promise<void>;

  constructor(answer: string | Uint8Array) {
    this.#serving = this.#serve(typeof answer === "string" ? encoder.encode(answer) : answer);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(answer: Uint8Array): Promise<void> {
    for await (const conn of this.#listener) {
      try {
        // The request is read first: closing with unread bytes would be a reset.
        await conn.read(new Uint8Array(64 * 1024));
        for (let at = 0; at < answer.length;) at += await conn.write(answer.subarray(at));
      } catch { /* The client has seen enough. */ }
      conn.close();
    }
  }
}

/** What `fetch`, with no connection kept, fails with at a server with this answer. */
async function fetchError(answer: string | Uint8Array, init?: RequestInit): Promise<unknown> {
  await using server = new RawServer(answer);
  return await failing(`http://127.0.0.1:${server.port}/`, init);
}

async function failing(
  url: string,
  init?: RequestInit,
  options: Deno.CreateHttpClientOptions = {},
): Promise<unknown> {
  using client = Deno.createHttpClient({ ...options, poolMaxIdlePerHost: 0 });
  return await thrown(fetch(url, { ...init, client }).then((response) => response.bytes()));
}

function summary(error: NetError): [NetErrorKind, NetPhase, boolean] {
  return [error.kind, error.phase, error.retryable];
}

Deno.test("fetch: refused", async () => {
  const port = deadPort();
  const cause = await failing(`http://127.0.0.1:${port}/`);
  assert(cause instanceof TypeError, `${cause}`);
  const error = toNetError(cause, { hostname: LOOPBACK, port });
  assertEquals(summary(error), ["refused", "connect", true]);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}: connection refused`);
  assertStrictEquals(error.cause, cause);
});

Deno.test("fetch: what the URL says is not taken for the reason", async () => {
  const port = deadPort();
  for (
    const path of [
      "UnknownIssuer",
      "dns-error:/x)",
      "?invalid-peer-certificate:-Expired",
      "client-error-(Connect):-",
    ]
  ) {
    const cause = await failing(`http://127.0.0.1:${port}/${path}`);
    assertEquals(toNetError(cause).kind, "refused", path);
  }
});

Deno.test("fetch: unknown host", async () => {
  const error = toNetError(await failing("http://nope.invalid/"));
  assertEquals([error.kind, error.phase], ["dns", "resolve"]);
  assertMatch(error.message, /^Cannot resolve: unknown host name/);
});

Deno.test("fetch: an untrusted, wrong, expired and not yet valid certificate", async () => {
  const { ca, untrusted, wrongName, expired, notYetValid } = await testCertificates();
  const rows = [
    [untrusted, "untrusted", "its certificate is not signed by a trusted authority ("],
    [wrongName, "wrong-name", "its certificate is for another name: it is valid for wrong.test, "],
    [expired, "expired", "its certificate has expired ("],
    [notYetValid, "not-yet-valid", "its certificate is not valid yet ("],
  ] as const;
  for (const [{ cert, key }, tls, sentence] of rows) {
    using listener = Deno.listenTls({ hostname: LOOPBACK, port: 0, cert, key });
    const accepted = listener.accept();
    const url = `https://127.0.0.1:${listener.addr.port}/`;
    const failure = failing(url, {}, { caCerts: [ca] });
    using peer = await accepted;
    await thrown(peer.handshake());
    const error = toNetError(await failure);
    assertEquals([...summary(error), error.tls], ["tls", "handshake", false, tls]);
    const start = `TLS handshake failed: ${sentence}`;
    assertEquals(error.message.slice(0, start.length), start);
  }
});

Deno.test("fetch: https to a server that speaks plain text", async () => {
  await using server = new RawServer("HTTP/1.1 400 Bad Request\r\n\r\n");
  const error = toNetError(await failing(`https://127.0.0.1:${server.port}/`));
  assertEquals([...summary(error), error.tls], ["tls", "handshake", false, "not-tls"]);
});

Deno.test("fetch: https to a server that closes instead of shaking hands", async () => {
  await using server = new RawServer("");
  const error = toNetError(await failing(`https://127.0.0.1:${server.port}/`));
  assertEquals(summary(error), ["truncated", "handshake", true]);
  assertEquals(error.message, "TLS handshake failed: the peer ended in the middle");
});

Deno.test("fetch: a server that wants a client certificate", async () => {
  const { ca, good } = await testCertificates();
  const server = createNodeTls({ cert: good.cert, key: good.key, ca: [ca], requestCert: true });
  server.on("tlsClientError", () => {});
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const cause = await failing(`https://127.0.0.1:${address.port}/`, {}, { caCerts: [ca] });
  const error = toNetError(cause);
  assertEquals([...summary(error), error.tls], ["tls", "handshake", false, "client-certificate"]);
  server.close();
  await once(server, "close");
});

const OK = "HTTP/1.1 200 OK\r\n";
const GZIP = encoder.encode(`${OK}Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\n`);

const ANSWERS: Array<
  [what: string, answer: string | Uint8Array, kind: NetErrorKind, message: string]
> = [
  ["not HTTP", "220 ftp.example ready\r\n", "protocol", "invalid HTTP version parsed"],
  ["closed before a head", "", "truncated", "the peer ended in the middle"],
  ["closed in the head", `${OK}Content-Le`, "truncated", "the peer ended in the middle"],
  [
    "a body cut short",
    `${OK}Content-Length: 10\r\n\r\nabc`,
    "truncated",
    "the peer ended in the middle",
  ],
  [
    "a chunk cut short",
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nabc`,
    "truncated",
    "the peer ended in the middle",
  ],
  [
    // Deno says the same as for a body cut short.
    "a bad chunk",
    `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc`,
    "truncated",
    "the peer ended in the middle",
  ],
  [
    "a gzip that is none",
    `${OK}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde`,
    "protocol",
    "unexpected end of file",
  ],
  [
    "a gzip cut short",
    new Uint8Array([...GZIP, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c]),
    "protocol",
    "unexpected end of file",
  ],
  ["a bad length", `${OK}Content-Length: x\r\n\r\n`, "protocol", "invalid content-length parsed"],
  [
    "a transfer coding in HTTP/1.0",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "protocol",
    "unexpected transfer-encoding parsed",
  ],
  ["a bad header", `${OK}no colon\r\n\r\n`, "protocol", "invalid HTTP header parsed"],
  ["a bad status", "HTTP/1.1 20000 OK\r\n\r\n", "protocol", "invalid HTTP status-code parsed"],
  [
    "a head that is too large",
    `${OK}X: ${"a".repeat(600_000)}\r\n\r\n`,
    "protocol",
    "message head is too large",
  ],
  [
    "a redirect loop",
    "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "limit",
    "Maximum number of redirects (20) reached",
  ],
];

for (const [what, answer, kind, message] of ANSWERS) {
  Deno.test(`fetch: ${what}`, async () => {
    const cause = await fetchError(answer);
    assert(cause instanceof TypeError, `${cause}`);
    const error = toNetError(cause);
    assertEquals(summary(error), [kind, "response", kind === "truncated"]);
    assertEquals(error.message, `Response failed: ${message}`);
  });
}

Deno.test("fetch: a redirect where the caller wants none", async () => {
  const answer = "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
  const error = toNetError(await fetchError(answer, { redirect: "error" }));
  assertEquals(summary(error), ["protocol", "response", false]);
});

Deno.test("fetch: a port that browsers block", async () => {
  for (const port of [22, 6000, 6667, 10080]) {
    const error = toNetError(await failing(`http://127.0.0.1:${port}/`));
    assertEquals(summary(error), ["unsupported", "request", false]);
    assertEquals(error.message, `Request failed: Requests to port ${port} are blocked`);
  }
});

Deno.test("fetch: an URL that is none, a scheme that is unknown", async () => {
  for (const url of ["http://[", "gopher://127.0.0.1/"]) {
    assertEquals(toNetError(await failing(url), { phase: "request" }).kind, "usage", url);
  }
});

Deno.test("fetch: a signal's reason", async () => {
  const port = deadPort();
  const signal = AbortSignal.abort("not today");
  const error = toNetError(await failing(`http://127.0.0.1:${port}/`, { signal }), { signal });
  assertEquals(error.kind, "aborted");
});

Deno.test("fetch: a proxy that wants a password", async () => {
  await using proxy = new RawServer(
    "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
  );
  const cause = await failing(`https://127.0.0.1:${deadPort()}/`, {}, {
    proxy: { url: `http://127.0.0.1:${proxy.port}` },
  });
  const error = toNetError(cause);
  assertEquals(summary(error), ["protocol", "response", false]);
  assertMatch(error.message, /proxy authentication required/);
});

Deno.test("fetch: what a proxy refuses", async () => {
  const login = [[5, 2], [1, 0]];
  const fails = (code: number) => [...login, [5, code, 0, 1, 0, 0, 0, 0, 0, 0]];
  const rows: [string, (string | number[])[], NetErrorKind, string][] = [
    ["http", ["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"], "protocol", "tunnel"],
    ["http", ["\0 garbage\r\n\r\n"], "protocol", "unsuccessful tunnel"],
    ["http", [`${OK}${"X: y\r\n".repeat(5000)}`], "protocol", "headers too long"],
    ["socks5", [""], "truncated", "the peer ended"],
    ["socks5", [[4, 0]], "protocol", "Invalid response version"],
    ["socks5", [[5, 255]], "protocol", "No acceptable auth methods"],
    ["socks5", [[5, 1]], "protocol", "Unknown auth method"],
    ["socks5", [[5, 2], [1, 1]], "protocol", "Password auth failure"],
    ["socks5", fails(1), "protocol", "General SOCKS server failure"],
    ["socks5", fails(2), "protocol", "not allowed by ruleset"],
    ["socks5", fails(3), "unreachable", "network unreachable"],
    ["socks5", fails(4), "unreachable", "network unreachable"],
    ["socks5", fails(5), "refused", "connection refused"],
    ["socks5", fails(6), "unreachable", "network unreachable"],
    ["socks5", fails(7), "protocol", "Command not supported"],
    ["socks5", fails(8), "protocol", "Address type not supported"],
    ["socks5", [...login, [5, 0, 0, 9]], "protocol", "Unknown address type"],
    ["socks5", [...login, [5, 0, 0]], "truncated", "the peer ended"],
  ];
  for (const [scheme, answers, kind, words] of rows) {
    using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
    const serving = (async () => {
      using conn = await listener.accept();
      for (const answer of answers) {
        await conn.read(new Uint8Array(1000));
        await conn.write(
          typeof answer === "string" ? encoder.encode(answer) : Uint8Array.from(answer),
        );
      }
    })();
    const { port } = listener.addr;
    const basicAuth = { username: "ada", password: "secret" };
    const error = toNetError(
      await failing(`https://127.0.0.1:${deadPort()}/`, {}, {
        proxy: { url: `${scheme}://127.0.0.1:${port}`, basicAuth },
      }),
    );
    assertEquals([error.kind, error.phase], [kind, "connect"], `${answers}`);
    assertStringIncludes(error.message, words);
    await serving;
  }
});

/** The event with which a WebSocket says that it could not be opened. */
async function webSocketError(url: string): Promise<ErrorEvent> {
  const socket = new WebSocket(url);
  const { promise, resolve } = Promise.withResolvers<ErrorEvent>();
  const closed = once(socket, "close");
  socket.addEventListener("error", (event) => {
    event.preventDefault();
    assert(event instanceof ErrorEvent);
    resolve(event);
  });
  const [event] = await Promise.all([promise, closed]);
  return event;
}

const UPGRADES: Array<
  [what: string, answer: string | null, summary: ReturnType<typeof summary>, message: string]
> = [
  ["refused", null, ["refused", "connect", true], "Cannot connect: connection refused"],
  [
    "a server that has no WebSocket there",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ["protocol", "response", false],
    "Response failed: Invalid status code: 404",
  ],
  [
    "a web server that does not upgrade",
    `${OK}Content-Length: 0\r\n\r\n`,
    ["protocol", "response", false],
    "Response failed: Invalid status code: 200",
  ],
  [
    "not HTTP at all",
    "220 ftp.example ready\r\n",
    ["protocol", "response", false],
    "Response failed: invalid HTTP version parsed",
  ],
  [
    "closed before an answer",
    "",
    ["truncated", "response", true],
    "Response failed: the peer ended in the middle",
  ],
];

for (const [what, answer, expected, message] of UPGRADES) {
  Deno.test(`WebSocket: ${what}`, async () => {
    const server = answer === null ? undefined : new RawServer(answer);
    const event = await webSocketError(`ws://127.0.0.1:${server?.port ?? deadPort()}/`);
    await server?.[Symbol.asyncDispose]();
    assert(event.error instanceof DOMException, `${event.error}`);
    assertEquals(event.error.name, "NetworkError");
    // The event itself is what a handler has in its hand; both are classified alike.
    for (const cause of [event.error, event]) {
      const error = toNetError(cause);
      assertEquals(summary(error), expected);
      assertEquals(error.message, message);
    }
  });
}
