/** What errors and objects show: no secret, and no control character of a peer. @module */

import { assert, assertEquals } from "@std/assert";
import { createClient } from "../http/client/client.ts";
import { readForm } from "../http/handlers/form.ts";
import { readJson } from "../http/handlers/json.ts";
import { serveProxy } from "../http/proxy/proxy.ts";
import { serveHttp } from "../http/server/server.ts";
import { connectFtp } from "../net/ftp/client.ts";
import { connectImap } from "../net/imap/client.ts";
import { createPool } from "../net/pool/pool.ts";
import { connectPop3 } from "../net/pop3/client.ts";
import { connectSmtp } from "../net/smtp/client.ts";
import { SmtpPool } from "../net/smtp/pool.ts";
import { serveTcp } from "../net/tcp/server.ts";
import { serveTls } from "../net/tls/server.ts";
import { main } from "../examples/tcp_client.ts";
import { recordingIo } from "../tools/cli.ts";
import { connectWebSocket } from "../ws/client/client.ts";
import { serveWebSocket } from "../ws/server/server.ts";
import { testCertificates } from "./_support/certificates.ts";
import { lineServer } from "./_support/line_server.ts";
import { deadPort } from "./_support/http_servers.ts";

const SECRET = "tr0ub4dor-and-3";
/** Text of a peer: it clears a terminal, sets its title, rings, hides itself and turns around. */
const HOSTILE = "a\x1b[2Jb\x1b]0;title\x07c\x9b2Jd\u202ee\u2066f\x00g\x7fh\ri";
/** Control characters but for the line breaks and tabs of traces, and what turns text around. */
// deno-lint-ignore no-control-regex
const RAW = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** Returns all that a program prints of a value without effort. */
function shown(value: unknown): string[] {
  const texts: string[] = [];
  for (let one = value, depth = 0; one !== undefined && depth < 5; depth++) {
    texts.push(
      String(one),
      Deno.inspect(one, { depth: 8, showHidden: true, strAbbreviateSize: 1e5 }),
    );
    try {
      texts.push(JSON.stringify(one) ?? "");
    } catch {
      // A cycle cannot be printed in this way.
    }
    if (!(one instanceof Error)) break;
    texts.push(one.message, `${one.stack}`);
    one = one.cause;
  }
  return texts;
}

function assertHarmless(what: string, value: unknown): void {
  for (const text of shown(value)) {
    const secrets = [SECRET, btoa(`ann:${SECRET}`), btoa(`\0ann\0${SECRET}`), encodeURI(SECRET)];
    for (const secret of secrets) {
      assert(!text.includes(secret), `${what} shows its secret: ${JSON.stringify(text)}`);
    }
    const raw = RAW.exec(text);
    assert(raw === null, `${what} shows ${JSON.stringify(raw?.[0])}: ${JSON.stringify(text)}`);
  }
}

/** Returns what a promise rejects with. */
async function failure(work: () => unknown): Promise<Error> {
  try {
    await work();
  } catch (error) {
    assert(error instanceof Error);
    return error;
  }
  throw new Error("It did not fail");
}

/** Serves one response of literal bytes to each connection. */
function rawServer(response: string) {
  return serveTcp({ port: 0 }, async (conn) => {
    for (let line; (line = await conn.readLine()) !== null && line !== "";);
    await conn.write(Uint8Array.from(response, (char) => char.charCodeAt(0)));
  });
}

const LATIN = HOSTILE.replaceAll(/[\u0100-\uffff\0\r]/g, "");
const BODY = JSON.stringify({ detail: HOSTILE, title: HOSTILE }).replaceAll("\\u001b", "\x1b");

Deno.test("errors of the HTTP client show no secret and no control character", async () => {
  const credentials = {
    auth: { username: "ann", password: SECRET },
    headers: { "x-api-key": SECRET, cookie: `session=${SECRET}` },
    params: { token: SECRET },
    retry: false,
  } as const;
  await using client = createClient(credentials);
  assertHarmless("the client", client);
  const responses = {
    "a refusal": `HTTP/1.1 500 ${LATIN}\r\nX-A: ${LATIN}\r\nContent-Length: 9\r\n\r\n${
      LATIN.slice(0, 9)
    }`,
    "a problem": `HTTP/1.1 400 Bad\r\nContent-Type: application/problem+json\r\n\r\n${
      unescape(encodeURIComponent(BODY))
    }`,
    "invalid JSON": `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"a": ${LATIN}`,
    "a type": `HTTP/1.1 200 OK\r\nContent-Type: ${LATIN}\r\nContent-Length: 0\r\n\r\n`,
    "an encoding": `HTTP/1.1 200 OK\r\nContent-Encoding: ${LATIN}\r\nContent-Length: 1\r\n\r\nx`,
    "a location":
      `HTTP/1.1 302 Found\r\nLocation: http://u:${SECRET}@127.0.0.1:1/?${SECRET}\r\nContent-Length: 0\r\n\r\n`,
    "no HTTP": `${LATIN}\r\n\r\n`,
    "a malformed field": `HTTP/1.1 200 OK\r\n${LATIN}\r\n\r\n`,
    "a malformed length": `HTTP/1.1 200 OK\r\nContent-Length: ${LATIN}\r\n\r\n`,
    "a malformed chunk": `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${LATIN}\r\n`,
    "half a body": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
  };
  for (const [what, response] of Object.entries(responses)) {
    await using server = rawServer(response);
    const url = `http://u:${SECRET}@127.0.0.1:${server.addr.port}/a?key=${SECRET}#${SECRET}`;
    assertHarmless(what, await failure(() => client.get(url).json()));
  }
  const dead = `http://127.0.0.1:${deadPort()}/?key=${SECRET}`;
  assertHarmless("a dead server", await failure(() => client.get(dead)));
  assertHarmless("a malformed URL", await failure(() => client.get(`http://u:${SECRET}@[/`)));
  await using silent = serveTcp({ port: 0 }, async (conn) => {
    while (await conn.readLine() !== null);
  });
  const late = { timeouts: { total: 50 } };
  const url = `http://127.0.0.1:${silent.addr.port}/?key=${SECRET}`;
  assertHarmless("a late server", await failure(() => client.get(url, late)));
  await using good = serveHttp({ port: 0 }, () => Response.json({}));
  const response = await client.get(good.url);
  await response.json();
  assertHarmless("a response", response);
});

Deno.test("errors of tunnels show no secret and no control character", async () => {
  const page = `HTTP/1.1 403 ${LATIN}\r\nContent-Length: ${LATIN.length}\r\n\r\n${LATIN}`;
  await using proxy = rawServer(page);
  const url = `http://ann:${SECRET}@127.0.0.1:${proxy.addr.port}`;
  await using client = createClient({ proxy: url, retry: false });
  assertHarmless("a client with a proxy", client);
  assertHarmless("a tunnel", await failure(() => client.get("https://example.com/")));
  const socket = () => connectWebSocket("ws://example.com/", { proxy: url });
  assertHarmless("a tunnel of a WebSocket", await failure(socket));
});

Deno.test("errors and connections of WebSockets show no secret and no control character", async () => {
  const headers = { authorization: `Bearer ${SECRET}`, cookie: `session=${SECRET}` };
  for (
    const response of [
      `HTTP/1.1 403 ${LATIN}\r\nX-A: ${LATIN}\r\nContent-Length: 5\r\n\r\n\x1b[2Jx`,
      `HTTP/1.1 101 ${LATIN}\r\nUpgrade: ${LATIN}\r\n\r\n`,
      `${LATIN}\r\n\r\n`,
    ]
  ) {
    await using server = rawServer(response);
    const url = `ws://127.0.0.1:${server.addr.port}/?token=${SECRET}`;
    assertHarmless("a handshake", await failure(() => connectWebSocket(url, { headers })));
  }
  const errors: unknown[] = [];
  const served: unknown[] = [];
  const protocols = ["a"];
  await using server = serveWebSocket({ port: 0, protocols }, async (conn) => {
    served.push(conn);
    const onInvalid = async (error: unknown) => {
      errors.push(error);
      await conn.close(4000, HOSTILE.slice(0, 20));
    };
    for await (const _ of conn.json({ onInvalid }));
  });
  const url = `${server.url}?token=${SECRET}`;
  await using conn = await connectWebSocket(url, { headers, protocols });
  assertHarmless("a connection of a client", conn);
  await conn.send(`{"a": ${HOSTILE}`);
  const ended = await failure(async () => {
    for (;;) if (await conn.receive() === null) throw new Error("an end");
  });
  assertHarmless("an end", ended);
  assertEquals([served.length, errors.length], [1, 1]);
  assertHarmless("a connection of a server", served[0]);
  assertHarmless("an invalid message", errors[0]);
});

Deno.test("errors of handlers show no control character of a client", async () => {
  const json = (body: string) => {
    const headers = { "content-type": "application/json" };
    return new Request("http://localhost/", { method: "POST", body, headers });
  };
  for (const body of [HOSTILE, `{"a": "${HOSTILE}"`, `{"${HOSTILE}" 1}`, `[1, ${HOSTILE}]`]) {
    assertHarmless("readJson()", await failure(() => readJson(json(body))));
  }
  const boundary = "b";
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
  for (
    const body of [
      `--b\r\n${HOSTILE}\r\n\r\nx\r\n--b--`,
      `--b\r\nContent-Disposition: form-data; name="${HOSTILE}"; filename="${HOSTILE}"\r\n\r\nx`,
      HOSTILE,
    ]
  ) {
    const request = new Request("http://localhost/", { method: "POST", body, headers });
    assertHarmless("readForm()", await failure(() => readForm(request)));
  }
});

const REFUSING = {
  smtp: [`220 ${LATIN}\r\n`, `550 5.7.1 ${LATIN}\r\n`, connectSmtp],
  pop3: [`+OK ${LATIN}\r\n`, `-ERR [AUTH] ${LATIN}\r\n`, connectPop3],
  imap: [`* OK ${LATIN}\r\n`, `* BYE ${LATIN}\r\n`, connectImap],
  ftp: [`220 ${LATIN}\r\n`, `530 ${LATIN}\r\n`, connectFtp],
} as const;

for (const [name, [greeting, answer, connect]] of Object.entries(REFUSING)) {
  Deno.test(`errors of ${name} show no secret and no control character`, async () => {
    const options = {
      username: "ann",
      password: SECRET,
      tls: "none",
      allowPlaintextLogin: true,
      timeout: 5000,
    } as const;
    const answers: (string | undefined)[] = [answer, `${LATIN}\r\n`, undefined];
    for (const said of answers) {
      await using server = lineServer(greeting, () => said);
      const { port } = server;
      assertHarmless(`${name}: ${said}`, await failure(() => connect({ ...options, port })));
    }
    await using server = lineServer(`${LATIN}\r\n`, () => undefined);
    const { port } = server;
    assertHarmless(`${name}: a greeting`, await failure(() => connect({ ...options, port })));
  });
}

Deno.test("servers, pools and clients with secrets show none", async () => {
  const { good } = await testCertificates();
  const line = good.key.split("\n")[2]!;
  await using tls = serveTls({ port: 0, cert: good.cert, key: good.key }, () => {});
  await using http = serveHttp({ port: 0, cert: good.cert, key: good.key }, () => new Response());
  await using proxy = serveProxy({
    port: 0,
    users: { ann: SECRET },
    upstream: `http://ann:${SECRET}@127.0.0.1:1`,
  });
  await using pool = createPool({});
  await using mail = new SmtpPool({ username: "ann", password: SECRET, port: 1 });
  await using client = createClient({ cert: good.cert, key: good.key });
  for (const [what, value] of Object.entries({ tls, http, proxy, pool, mail, client })) {
    assertHarmless(what, value);
    assert(!Deno.inspect(value, { depth: 8 }).includes(line), `${what} shows its key`);
  }
});

Deno.test("errors of programs show no control character of an argument", async () => {
  for (const args of [[`--${HOSTILE}`], [`--port=${HOSTILE}`], [HOSTILE]]) {
    const io = recordingIo();
    assertEquals(await main(args, io), 2);
    assertHarmless(`the program with ${JSON.stringify(args)}`, io.err);
  }
});
