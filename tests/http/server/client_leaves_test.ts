/**
 * The handler notices that its client has left: every transport, with TLS and without, in every
 * state of a request, in every way to leave.
 */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { createClient } from "../../../http/client/client.ts";
import { type HttpInfo, serveHttp, type ServeHttpOptions } from "../../../http/server/server.ts";
import { takeOver } from "../../../http/server/take_over.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import { upgrade } from "../../../ws/server/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { type Leaving, Relay } from "../../_support/relay.ts";
import { until } from "../../_support/until.ts";

/** The observations of a handler. */
class Seen {
  entered = false;
  aborted = 0;
  cancelled = 0;
  completed = 0;
  chunks = 0;
  reason: unknown;
  bodyFailed = false;
  /** Whether the handler asks for the signal. */
  readonly listens: boolean;
  /** Resolves when the client has left. */
  readonly gone = Promise.withResolvers<void>();

  constructor(listens: boolean) {
    this.listens = listens;
  }

  watch(request: Request, info: HttpInfo): void {
    const settled = () => void this.completed++;
    info.completed.then(settled, settled);
    if (!this.listens) return;
    assert(request.signal === info.signal);
    request.signal.addEventListener("abort", () => {
      this.aborted++;
      this.reason = request.signal.reason;
      this.gone.resolve();
    });
  }

  /** An endless body that produces bytes on demand. */
  flood(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(0x61)),
      cancel: () => void this.cancelled++,
    });
  }

  /** A body with so many chunks at once, and then one at each interval; 0 for none. */
  body(first: number, interval: number, size = 10): ReadableStream<Uint8Array> {
    let timer: ReturnType<typeof setInterval> | undefined;
    return new ReadableStream({
      start: (controller) => {
        for (let i = 0; i < first; i++) controller.enqueue(new Uint8Array(size).fill(0x61));
        if (interval === 0) return;
        timer = setInterval(() => {
          this.chunks++;
          controller.enqueue(new Uint8Array(size).fill(0x61));
        }, interval);
      },
      cancel: () => {
        this.cancelled++;
        clearInterval(timer);
      },
    });
  }
}

interface State {
  request: string;
  /** The handler. */
  handle(request: Request, seen: Seen): Response | Promise<Response>;
  /** The part of the response that must arrive before the client leaves. */
  until?: (text: string) => boolean;
  /** Whether the body of the response has to end. */
  streams?: boolean;
  hardenedOnly?: true;
  options?: ServeHttpOptions;
}

const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
const PART = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nhi";
const CHUNKED = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
const UPGRADE = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

const waits = async (_request: Request, seen: Seen) => {
  await seen.gone.promise;
  return new Response("late");
};
const silent = (_request: Request, seen: Seen) => new Response(seen.body(0, 0));
const afterOne = (_request: Request, seen: Seen) => new Response(seen.body(1, 0));
const aaa = (text: string) => text.includes("aaa");
const head = (text: string) => text.includes("\r\n\r\n");
const readsFirst =
  (then: State["handle"]): State["handle"] => async (request: Request, seen: Seen) => {
    assertEquals(await request.text(), "hi");
    return await then(request, seen);
  };

const STATES: Record<string, State> = {
  "while the handler waits": { request: GET, handle: waits },
  "while the handler waits, with the next request sent": { request: GET + GET, handle: waits },
  "while the handler waits, with half of the next request sent": {
    request: GET + GET.slice(0, 9),
    handle: waits,
  },
  "before the handler reads the body": { request: POST, handle: waits },
  "before the handler reads a body that has not come whole": { request: PART, handle: waits },
  "before the handler reads a body in chunks": { request: CHUNKED, handle: waits },
  "while the handler reads the body": {
    request: PART,
    handle: async (request, seen) => {
      await request.text().catch(() => seen.bodyFailed = true);
      return waits(request, seen);
    },
  },
  "after the handler has read some of the body": {
    request: PART,
    handle: async (request, seen) => {
      await request.body!.getReader().read();
      return waits(request, seen);
    },
  },
  "after the handler has read the body": { request: POST, handle: readsFirst(waits) },
  "while the response gives nothing": { request: GET, handle: silent, until: head, streams: true },
  "while the response gives nothing more": {
    request: GET,
    handle: afterOne,
    until: aaa,
    streams: true,
  },
  "while the response is silent, with the next request sent": {
    request: GET + GET,
    handle: afterOne,
    until: aaa,
    streams: true,
  },
  "while the response to a POST is silent": {
    request: POST,
    handle: readsFirst(afterOne),
    until: aaa,
    streams: true,
  },
  "while the response is silent and nobody has read the body": {
    request: POST,
    handle: afterOne,
    until: aaa,
    streams: true,
  },
  "while the response is silent and the body has not come whole": {
    request: PART,
    handle: afterOne,
    until: aaa,
    streams: true,
  },
  "while the response is silent and the body is being read": {
    request: PART,
    handle: (request, seen) => {
      request.text().catch(() => seen.bodyFailed = true);
      return afterOne(request, seen);
    },
    until: aaa,
    streams: true,
  },
  "while the response is silent and some of the body was read": {
    request: POST,
    handle: async (request, seen) => {
      await request.body!.getReader().read();
      return afterOne(request, seen);
    },
    until: aaa,
    streams: true,
  },
  "while the response drips": {
    request: GET,
    handle: (_request, seen) => new Response(seen.body(1, 20)),
    until: aaa,
    streams: true,
  },
  "while the handler decides about an upgrade": { request: UPGRADE, handle: waits },
  "while the connection could be taken over": {
    request: UPGRADE,
    hardenedOnly: true,
    handle: async (request, seen) => {
      const taking = takeOver(request, "echo")!;
      taking.taken.catch(() => {});
      await seen.gone.promise;
      return new Response("no");
    },
  },
};

const FLOOD: State = { request: GET, handle: (_, seen) => new Response(seen.flood()), until: aaa };

const ANSWERS: Record<string, (request: Request) => Response | Promise<Response>> = {
  "a text": () => new Response("a text"),
  "no body": () => new Response(null, { status: 204 }),
  "a stream": async (request) => {
    await request.text();
    return new Response(ReadableStream.from(["one", "two"]).pipeThrough(new TextEncoderStream()));
  },
  "a stream that announces its length": () => {
    const chunks = async function* () {
      yield "one";
      await delay(10);
      yield "two";
      for (let turn = 0; turn < 50; turn++) await null;
    };
    const body = ReadableStream.from(chunks()).pipeThrough(new TextEncoderStream());
    return new Response(body, { headers: { "content-length": "6" } });
  },
  "a stream that takes its time": () => {
    const chunks = async function* () {
      for (const chunk of ["one", "two", "three"]) {
        await delay(10);
        yield chunk;
      }
    };
    return new Response(ReadableStream.from(chunks()).pipeThrough(new TextEncoderStream()));
  },
};

interface Case {
  readonly server: ReturnType<typeof serveHttp>;
  readonly relay: Relay;
  readonly client: Connection;
  readonly seen: Seen;
  /** The received text. */
  text(): string;
}

/** The TLS implementation of the server. */
type Tls = "" | "Deno" | "Node";

function tlsOptions(secure: Tls, { cert, key }: { cert: string; key: string }): ServeHttpOptions {
  if (secure === "") return {};
  return secure === "Node" ? { cert, key, engine: "node" } : { cert, key };
}

/** Runs a request up to the moment in which its client leaves. */
async function begin(
  state: State,
  hardened: boolean,
  secure: Tls,
  run: (one: Case) => Promise<void>,
  listens = true,
): Promise<void> {
  const { ca, good } = await testCertificates();
  const seen = new Seen(listens);
  const tls = tlsOptions(secure, good);
  const options = { hardened, ...tls, ...state.options };
  const server = serveHttp(options, (request, info) => {
    // Of pipelined requests, the first is the one that matters.
    if (seen.entered) return new Response("next");
    seen.watch(request, info);
    seen.entered = true;
    return state.handle(request, seen);
  });
  await using _server = server;
  await using relay = await Relay.start(server.addr.port);
  const limits = { lingerTimeout: 0 };
  await using client = secure !== ""
    ? await connectTls({ port: relay.port, hostname: "localhost", caCerts: [ca], ...limits })
    : await connectTcp({ port: relay.port, ...limits });
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of client) text += decoder.decode(chunk, { stream: true });
    } catch { /* The relay has reset it. */ }
  })();
  await client.write(state.request);
  await until(() => seen.entered && (state.until?.(text) ?? true));
  await run({ server, relay, client, seen, text: () => text });
  await client.close();
  await reading;
  await server.shutdown({ deadline: 0 });
}

async function leave({ client, relay }: Case, how: Leaving): Promise<void> {
  if (how === "closes") await client.close();
  else if (how === "half-closes") await client.closeWrite();
  else relay.leave(how);
}

/** Runs every way to leave, for handlers with and without a signal, all at once. */
async function all(
  ways: readonly Leaving[],
  run: (how: Leaving, listens: boolean) => Promise<void>,
): Promise<void> {
  const runs = ways.flatMap((how) => [true, false].map((listens) => ({ how, listens })));
  await Promise.all(runs.map(async ({ how, listens }) => {
    try {
      await run(how, listens);
    } catch (cause) {
      throw new Error(`The client ${how}, ${listens ? "with" : "without"} a signal`, { cause });
    }
  }));
}

async function check({ seen, server }: Case, streams: boolean): Promise<void> {
  if (streams) await until(() => seen.cancelled > 0);
  await until(() => seen.completed > 0 && server.stats().active === 0);
  assertEquals(
    [seen.aborted, seen.cancelled, seen.completed],
    [seen.listens ? 1 : 0, streams ? 1 : 0, 1],
  );
  if (seen.listens) assert(seen.reason instanceof NetError);
  // The actions of a client are never a fault of the handler.
  assertEquals(server.stats().failed, 0);
}

for (const hardened of [false, true]) {
  const engines: Tls[] = hardened ? ["", "Deno", "Node"] : ["", "Deno"];
  for (const secure of engines) {
    const where = `${hardened ? "the hardened transport" : "Deno.serve"}` +
      (secure && ` (TLS of ${secure})`);
    const ways: Leaving[] = ["closes", "resets", "half-closes"];
    if (secure !== "") ways.push("is cut off");
    for (const [what, state] of Object.entries(STATES)) {
      if (state.hardenedOnly && !hardened) continue;
      const { streams = false } = state;
      const drips = what === "while the response drips";
      const run = async (how: Leaving, listens: boolean) => {
        const stays = how === "half-closes" && hardened;
        if (!listens && (!streams || (stays && drips))) return;
        await begin(state, hardened, secure, async (one) => {
          const { seen } = one;
          await leave(one, how);
          if (listens) await until(() => seen.aborted > 0);
          if (stays && state.handle === waits && state.request !== PART) {
            // The client may still read, and gets the response of the handler.
            await until(() => one.text().includes("late"));
          }
          if (stays && drips) {
            const { chunks } = seen;
            await until(() => seen.chunks > chunks + 3);
            assertEquals(seen.cancelled, 0);
            await one.client.close();
          }
          await check(one, streams);
        }, listens);
      };
      Deno.test(`a client of ${where} that leaves ${what} is noticed once`, async () => {
        await all(ways, run);
      });
    }
    const ends: Leaving[] = hardened ? [...ways, "falls silent"] : ["closes", "resets"];
    Deno.test(`a client of ${where} that leaves without reading is noticed once`, async () => {
      const options = hardened ? { writeTimeout: 300 } : {};
      await all(ends, async (how, listens) => {
        await begin({ ...FLOOD, options }, hardened, secure, async (one) => {
          one.relay.stopReading();
          await leave(one, how === "closes" ? "is cut off" : how);
          await check(one, true);
        }, listens);
      });
    });
    for (const [what, answer] of Object.entries(ANSWERS)) {
      Deno.test(`a signal of ${where} is not aborted by success, with ${what}`, async () => {
        const { ca, good } = await testCertificates();
        const tls = tlsOptions(secure, good);
        const signals: AbortSignal[] = [];
        let completed = 0;
        await using server = serveHttp({ hardened, ...tls }, async (request, info) => {
          signals.push(request.signal, info.signal);
          // Deno takes a stream that HEAD does not send for a failure.
          const settled = () => void completed++;
          info.completed.then(settled, settled);
          return await answer(request);
        });
        await using client = createClient({ caCerts: [ca], baseUrl: server.url });
        const whole = await (await answer(new Request("http://h/"))).text();
        for (const body of [undefined, null, "some", "x".repeat(200_000)]) {
          const options = typeof body === "string" ? { body } : {};
          const method = body === undefined ? "GET" : body === null ? "HEAD" : "POST";
          const response = await client.request(method, "/", options);
          assertEquals(await response.text(), method === "HEAD" ? "" : whole);
        }
        await until(() => completed === 4 && server.stats().active === 0);
        await client.close();
        await server.shutdown();
        assertEquals(signals.map((signal) => signal.aborted), Array(8).fill(false));
      });
    }
  }
}

for (const what of ["while the handler waits", "while the response is silent"]) {
  Deno.test(`a client of HTTP/2 that resets its stream ${what} is noticed once`, async () => {
    const { ca, good } = await testCertificates();
    const seen = new Seen(true);
    await using server = serveHttp({ cert: good.cert, key: good.key }, (request, info) => {
      seen.watch(request, info);
      seen.entered = true;
      return what === "while the handler waits" ? waits(request, seen) : afterOne(request, seen);
    });
    using client = Deno.createHttpClient({ caCerts: [ca], http1: false, http2: true });
    const leaving = new AbortController();
    const url = `https://localhost:${server.addr.port}/`;
    const answer = fetch(url, { client, signal: leaving.signal }).then((response) => {
      assert(what !== "while the handler waits");
      return response.body!.getReader().read();
    });
    await until(() => seen.entered);
    if (what === "while the handler waits") answer.catch(() => {});
    else await answer;
    leaving.abort();
    await until(() => seen.aborted > 0);
    await answer.catch(() => {});
    const streams = what === "while the response is silent";
    if (streams) await until(() => seen.cancelled > 0);
    await until(() => seen.completed > 0 && server.stats().active === 0);
    assertEquals([seen.aborted, seen.cancelled, seen.completed], [1, streams ? 1 : 0, 1]);
  });
}

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";
  Deno.test(`a signal of ${where} whose first use is too late is never aborted`, async () => {
    const requests: Request[] = [];
    await using server = serveHttp({ hardened }, async (request) => {
      requests.push(request);
      if (request.headers.get("upgrade") !== "websocket") return new Response("text");
      const { response, connection } = await upgrade(request, info(server));
      connection?.opened.then(() => connection.close(), () => {});
      return response;
    });
    await (await fetch(server.url)).text();
    await (await fetch(server.url, { method: "POST", body: "x" })).text();
    await using socket = await connectWebSocket(server.url.replace("http", "ws"));
    await socket.closed;
    assertEquals(requests.map(({ signal }) => signal.aborted), [false, false, false]);
    await delay(10);
    assertEquals(requests.map(({ signal }) => signal.aborted), [false, false, false]);
  });
}

function info({ addr }: { addr: Deno.NetAddr }): Pick<HttpInfo, "remoteAddr"> {
  return { remoteAddr: addr };
}
