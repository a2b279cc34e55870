import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { type AccessEntry, accessLog, requestContext } from "../../../http/handlers/access_log.ts";
import { basicAuth, bearerAuth, userOf } from "../../../http/handlers/auth.ts";
import { cors } from "../../../http/handlers/cors.ts";
import { encodeEvent, eventStream } from "../../../http/handlers/event_stream.ts";
import { ProblemError } from "../../../http/problem.ts";
import { rateLimit } from "../../../http/handlers/rate_limit.ts";
import { type HttpHandler, type HttpInfo, serveHttp } from "../../../http/server/server.ts";

import { exchange } from "../../_support/raw_http.ts";

const ok: HttpHandler = () => new Response("ok");

function infoOf(hostname = "127.0.0.1"): HttpInfo {
  const signal = new AbortController().signal;
  return {
    remoteAddr: { transport: "tcp", hostname, port: 1 },
    completed: Promise.resolve(),
    signal,
    closing: signal,
    sendEarlyHints: () => Promise.resolve(false),
    trailers: Promise.resolve(new Headers()),
    sendTrailers: () => false,
  };
}

const call = (handler: HttpHandler, init: RequestInit = {}, info = infoOf()) =>
  Promise.resolve(handler(new Request("http://h/p?q=1", init), info));

Deno.test("accessLog() tells id, trace, path and status, but no query", async () => {
  const entries: AccessEntry[] = [];
  const log = (entry: AccessEntry) => entries.push(entry);
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  let context: ReturnType<typeof requestContext>;
  const handler = accessLog((request) => {
    context = requestContext(request);
    return Response.redirect("http://h/"); // Its headers are immutable.
  }, { log });
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, tracestate: "a=b" };
  const response = await call(handler, { headers });
  const [entry] = entries;
  assertEquals([entry!.trace, entry!.path, entry!.status], [trace, "/p", 302]);
  assertEquals(response.headers.get("x-request-id"), entry!.id);
  assertEquals(context!.id, entry!.id);
  assertMatch(context!.headers.traceparent!, new RegExp(`^00-${trace}-(?!00f067)[0-9a-f]{16}-01$`));
  assertEquals(context!.headers.tracestate, "a=b");
});

Deno.test("accessLog() takes no id and no trace that is malformed or not trusted", async () => {
  const entries: AccessEntry[] = [];
  const log = (entry: AccessEntry) => entries.push(entry);
  const headers = {
    "x-request-id": "mine",
    traceparent: `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
  };
  await call(accessLog(ok, { log }), { headers });
  await call(accessLog(ok, { log, trustRequestId: true }), { headers });
  await call(accessLog(ok, { log, trustRequestId: true }), { headers: { "x-request-id": "a b" } });
  assertEquals(entries.map(({ id }) => id === "mine"), [false, true, false]);
  assertEquals(new Set(entries.map(({ trace }) => trace)).size, 3);
  for (const { trace } of entries) assertMatch(trace, /^(?!0{32})[0-9a-f]{32}$/);
});

Deno.test("accessLog() and cors() leave what is no response to the server", async () => {
  for (const hardened of [false, true]) {
    for (const value of [{ a: 1 }, "text", null, undefined]) {
      const statuses: number[] = [];
      const errors: string[] = [];
      const handler = accessLog(
        cors(() => value as unknown as Response, { origins: "*" }),
        { log: ({ status }) => statuses.push(status) },
      );
      {
        await using server = serveHttp({
          hardened,
          onEvent: (event) => {
            if (event.type === "error") errors.push((event.error as Error).message);
          },
        }, handler);
        const response = await fetch(server.url);
        assertEquals([response.status, (await response.json()).status], [500, 500]);
      }
      assertEquals([statuses, errors], [[500], ["The handler returned no Response"]]);
    }
  }
});

Deno.test("accessLog() logs what a handler throws with its status", async () => {
  const statuses: number[] = [];
  const log = ({ status }: AccessEntry) => statuses.push(status);
  for (const error of [new ProblemError(404), new Error("x")]) {
    await using server = serveHttp({}, accessLog(() => Promise.reject(error), { log }));
    await (await fetch(server.url)).body?.cancel();
    await server.shutdown();
  }
  assertEquals(statuses, [404, 500]);
});

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";

  Deno.test(`accessLog() and cors() mark the answers to failures, too, on ${where}`, async () => {
    const ids: string[] = [];
    const failing = (request: Request) => {
      if (request.url.endsWith("/late")) return new Promise<Response>(() => {});
      throw request.url.endsWith("/known") ? new ProblemError(409) : new Error("secret");
    };
    const handler = accessLog(cors(failing, { origins: ["https://a.example"] }), {
      log: ({ id }) => ids.push(id),
    });
    await using server = serveHttp({ hardened, handlerTimeout: 100 }, handler);
    const told: (string | null)[] = [];
    for (const [path, status] of [["/known", 409], ["/bug", 500], ["/late", 503]] as const) {
      const response = await fetch(server.url + path, { headers: { origin: "https://a.example" } });
      await response.body?.cancel();
      assertEquals(response.status, status);
      assertEquals(response.headers.get("access-control-allow-origin"), "https://a.example");
      told.push(response.headers.get("x-request-id"));
    }
    await server.shutdown();
    assertEquals(told, ids);
  });

  Deno.test(`accessLog() logs a body that was cut short as no fault of ours, on ${where}`, async () => {
    const statuses: number[] = [];
    const handler = accessLog(async (request) => new Response(await request.text()), {
      log: ({ status }) => statuses.push(status),
    });
    await using server = serveHttp({ hardened }, handler);
    const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
    await exchange(server.addr.port, head, { halfClose: true });
    await server.shutdown();
    assertEquals(statuses, [400]);
    assertEquals(server.stats().failed, 0);
  });

  Deno.test(`accessLog() logs what a handler leaves to its time limit, on ${where}`, async () => {
    const statuses: number[] = [];
    const told = Promise.withResolvers<void>();
    const log = ({ status }: AccessEntry) => {
      statuses.push(status);
      told.resolve();
    };
    const never = Promise.withResolvers<Response>();
    const handler = accessLog(() => never.promise, { log });
    await using server = serveHttp({ hardened, handlerTimeout: 50 }, handler);
    const response = await fetch(server.url);
    assertEquals(response.status, 503);
    await response.body?.cancel();
    await told.promise;
    await server.shutdown();
    never.resolve(new Response("too late"));
    await never.promise;
    assertEquals(statuses, [503]);
  });

  Deno.test(`accessLog() logs a stream that a shutdown cuts, on ${where}`, async () => {
    const statuses: number[] = [];
    const cancelled = Promise.withResolvers<void>();
    const stream = () =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(3)),
        cancel: () => cancelled.resolve(),
      });
    const log = ({ status }: AccessEntry) => statuses.push(status);
    await using server = serveHttp({ hardened }, accessLog(() => new Response(stream()), { log }));
    const reader = (await fetch(server.url)).body!.getReader();
    await reader.read();
    assertEquals((await server.shutdown({ deadline: 50 })).forced, 1);
    await cancelled.promise;
    await reader.read().catch(() => {});
    assertEquals(statuses, [200]);
  });
}

Deno.test("cors() lets the named origins read, and no other", async () => {
  const handler = cors(ok, {
    origins: ["https://a.example"],
    credentials: true,
    exposeHeaders: ["x-a"],
  });
  const seen = async (origin: string) => {
    const { headers } = await call(handler, { headers: { origin } });
    return ["allow-origin", "allow-credentials", "expose-headers"].map((name) =>
      headers.get(`access-control-${name}`)
    ).concat(headers.get("vary"));
  };
  assertEquals(await seen("https://a.example"), ["https://a.example", "true", "x-a", "origin"]);
  assertEquals(await seen("https://a.example.evil"), [null, null, null, "origin"]);
  assertEquals(await seen("null"), [null, null, null, "origin"]);
});

Deno.test("cors() lets every origin read, and caches give the response to all", async () => {
  const handler = cors(ok, { origins: "*" });
  for (const headers of [{}, { origin: "https://a.example" }, { origin: "null" }]) {
    const response = await call(handler, { headers: headers as HeadersInit });
    assertEquals(response.headers.get("access-control-allow-origin"), "*");
    assertEquals(response.headers.get("vary"), null);
  }
});

Deno.test("cors() asks a function, which only true satisfies", async () => {
  for (
    const [answer, allowed] of [[true, true], [false, false], [undefined, false], [
      1,
      false,
    ]] as const
  ) {
    for (const value of [answer, Promise.resolve(answer)]) {
      const handler = cors(ok, { origins: () => value as boolean });
      const { headers } = await call(handler, { headers: { origin: "https://a.example" } });
      const expected = allowed ? "https://a.example" : null;
      assertEquals(headers.get("access-control-allow-origin"), expected);
      assertEquals(headers.get("vary"), "origin");
    }
  }
});

Deno.test("cors() refuses options that cannot be used", () => {
  for (const maxAge of [-1, NaN, 1.5, Infinity]) {
    assertThrows(() => cors(ok, { origins: "*", maxAge }), RangeError);
  }
  for (
    const options of [
      { methods: ["PUT\r\nX: y"] },
      { headers: ["a b"] },
      { exposeHeaders: [""] },
      { origins: ["https://*.app.test"] },
      { origins: ["null"] },
    ]
  ) assertThrows(() => cors(ok, { origins: "*", ...options }), TypeError);
});

Deno.test("cors() answers preflights, and leaves other OPTIONS to the handler", async () => {
  const handler = cors(ok, { origins: "*", methods: ["PUT"], headers: ["x-a"] });
  const headers = { origin: "https://a.example", "access-control-request-method": "PUT" };
  const response = await call(handler, { method: "OPTIONS", headers });
  assertEquals(response.status, 204);
  assertEquals(response.headers.get("access-control-allow-headers"), "x-a");
  assertEquals(await (await call(handler, { method: "OPTIONS" })).text(), "ok");
  assertThrows(() => cors(ok, { origins: "*", credentials: true }), TypeError);
  assertThrows(() => cors(ok, { origins: ["https://a.example/"] }), TypeError);
});

Deno.test("basicAuth() lets in who knows the password", async () => {
  const handler = basicAuth((request) => new Response(userOf(request)), {
    users: { ada: "pä:ss", constructor: "x" },
    realm: 'a "b"',
  });
  const ask = async (authorization?: string) => {
    const response = await call(handler, authorization ? { headers: { authorization } } : {});
    return response.status === 401 ? response.headers.get("www-authenticate") : response.text();
  };
  const basic = (text: string) => `basic ${new TextEncoder().encode(text).toBase64()}`;
  const challenge = 'Basic realm="a \\"b\\"", charset="UTF-8"';
  assertEquals(await ask(basic("ada:pä:ss")), "ada");
  for (
    const wrong of [
      undefined,
      basic("ada:pa"),
      basic("toString:x"),
      basic(":"),
      basic("ada"),
      basic("ada:pä:ss\0"),
      basic("\ufeffada:pä:ss"),
      "Basic ****",
      "Basic /w==",
      "Bearer x",
    ]
  ) assertEquals(await ask(wrong), challenge, wrong);
  assertThrows(() => basicAuth(ok, {}), TypeError);
  assertThrows(() => basicAuth(ok, { users: {}, realm: "a\r\nb" }), TypeError);
});

Deno.test("bearerAuth() lets in who has a token", async () => {
  const handler = bearerAuth((request) => new Response(userOf(request)), {
    verify: (token) => Promise.resolve(token === "t" ? "ada" : null),
  });
  const ask = (authorization: string) => call(handler, { headers: { authorization } });
  assertEquals(await (await ask("Bearer t")).text(), "ada");
  const refused = await ask("Bearer u");
  assertEquals(
    refused.headers.get("www-authenticate"),
    'Bearer realm="restricted", error="invalid_token"',
  );
  const fixed = bearerAuth(ok, { tokens: ["a", "b"] });
  assertEquals((await call(fixed, { headers: { authorization: "Bearer b" } })).status, 200);
  assertEquals((await call(fixed, { headers: { authorization: "Bearer c" } })).status, 401);
  assertEquals((await call(fixed)).status, 401);
});

Deno.test("basicAuth() and bearerAuth() refuse every result of verify but the documented one", async () => {
  // A lookup that is typed loosely: an absent row, a flag instead of a name.
  for (const result of [undefined, null, false, true, 0, 1, "", {}, NaN] as unknown as string[]) {
    const bearer = bearerAuth(ok, { verify: () => result });
    assertEquals((await call(bearer, { headers: { authorization: "Bearer t" } })).status, 401);
    if (result as unknown === true) continue;
    const basic = basicAuth(ok, { verify: () => result as unknown as boolean });
    const authorization = `Basic ${btoa("a:b")}`;
    assertEquals((await call(basic, { headers: { authorization } })).status, 401);
  }
});

Deno.test("rateLimit() does not forget a client that keeps asking", async () => {
  const handler = rateLimit(ok, { limit: 1, window: 3_600_000, maxKeys: 3 });
  const seen: string[] = [];
  for (const who of ["a", "a", "b", "a", "c", "a", "d", "a", "e", "a"]) {
    seen.push(`${who}${(await call(handler, {}, infoOf(who))).status}`);
  }
  assertEquals(seen.filter((one) => one === "a200").length, 1, seen.join(" "));
});

Deno.test("rateLimit() never renews the budget of a window without an end", async () => {
  for (const limit of [1, 3]) {
    const handler = rateLimit(ok, { limit, window: Infinity });
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await call(handler)).status);
    assertEquals(statuses, [200, 200, 200, 200, 200].map((good, i) => i < limit ? good : 429));
  }
});

Deno.test("rateLimit() tells what is left", async () => {
  const handler = rateLimit(ok, { limit: 2, window: 60_000 });
  const seen = [];
  for (let i = 0; i < 3; i++) {
    const { status, headers } = await call(handler);
    seen.push([
      status,
      ...["limit", "remaining", "policy"].map((one) => headers.get(`ratelimit-${one}`)),
    ]);
    assertMatch(headers.get("ratelimit-reset")!, /^(30|60)$/);
  }
  assertEquals(seen, [
    [200, "2", "1", "2;w=60"],
    [200, "2", "0", "2;w=60"],
    [429, "2", "0", "2;w=60"],
  ]);
  const silent = await call(rateLimit(ok, { headers: false }));
  assertEquals(silent.headers.get("ratelimit-limit"), null);
});

Deno.test("rateLimit() asks a store, and refuses if that fails", async () => {
  const asked: unknown[] = [];
  const decision = { allowed: true, remaining: 4, reset: 1500, retryAfter: 0 };
  const store = {
    take: (...args: unknown[]) => {
      asked.push(args);
      return asked.length < 3
        ? Promise.resolve(
          asked.length === 1 ? decision : { ...decision, allowed: false, retryAfter: 9001 },
        )
        : Promise.reject(new Error("down"));
    },
  };
  const handler = rateLimit(ok, { limit: 5, window: 1000, store, key: () => "k" });
  const first = await call(handler);
  assertEquals([first.status, first.headers.get("ratelimit-reset")], [200, "2"]);
  assertEquals((await call(handler)).headers.get("retry-after"), "10");
  const error = await assertRejects(() => call(handler), ProblemError);
  assertEquals(error.status, 503);
  assertEquals(asked[0], ["k", { limit: 5, window: 1000 }]);
  const broken = {
    take: () =>
      (() => {
        throw new Error("down");
      })(),
  };
  const thrown = await assertRejects(() => call(rateLimit(ok, { store: broken })), ProblemError);
  assertEquals(thrown.status, 503);
});

Deno.test("rateLimit() counts each client for itself, a network of IPv6 as one", async () => {
  const handler = rateLimit(ok, { limit: 1, window: 3_600_000 });
  const status = async (hostname: string) => (await call(handler, {}, infoOf(hostname))).status;
  assertEquals(await status("10.0.0.1"), 200);
  assertEquals(await status("::ffff:10.0.0.1"), 429);
  assertEquals(await status("10.0.0.2"), 200);
  assertEquals(await status("2001:db8::1"), 200);
  assertEquals(await status("2001:db8:0:0:ffff::2"), 429);
  assertEquals(await status("2001:db8:0:1::1"), 200);
});

Deno.test("rateLimit() tells when to come again, and remembers no more than maxKeys", async () => {
  const handler = rateLimit(ok, { limit: 1, window: 60_000, maxKeys: 2 });
  const ask = (hostname: string) => call(handler, {}, infoOf(hostname));
  await ask("a");
  assertEquals((await ask("a")).headers.get("retry-after"), "60");
  await ask("b");
  await ask("c");
  assertEquals((await ask("a")).status, 200); // It was forgotten.
  assertEquals((await ask("c")).status, 429);
});

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";
  Deno.test(`eventStream() ends at the shutdown, and aborts its source, on ${where}`, async () => {
    const aborted = Promise.withResolvers<void>();
    const handler = eventStream(async function* (_request, { signal }) {
      yield { data: "one" };
      signal.addEventListener("abort", () => aborted.resolve());
      await aborted.promise;
    });
    await using server = serveHttp({ hardened }, handler);
    const response = await fetch(server.url);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader.read()).value, "data: one\n\n");
    const report = server.shutdown({ deadline: 3_600_000 });
    assertEquals((await reader.read()).done, true);
    await aborted.promise;
    assertEquals(await report, { drained: 1, forced: 0, refused: 0 });
  });
}

Deno.test("eventStream() reads the last id as UTF-8, or as it is", async () => {
  for (
    const [sent, expected] of [
      ["caf\u00c3\u00a9-\u00e6\u0097\u00a5", "café-日"],
      ["7", "7"],
      ["caf\u00e9", "caf\u00e9"],
      ["", ""],
    ]
  ) {
    let got: string | undefined;
    const handler = eventStream(async function* (_request, { lastEventId }) {
      got = lastEventId;
      yield { data: await Promise.resolve("x") };
    });
    await (await call(handler, { headers: { "last-event-id": sent! } })).text();
    assertEquals(got, expected);
  }
});

Deno.test("eventStream() refuses other methods with problem details", async () => {
  const refused = await call(eventStream(async function* () {}), { method: "POST" });
  assertEquals([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
  assertEquals(await refused.json(), { title: "Method Not Allowed", status: 405 });
});

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";
  Deno.test(`eventStream() aborts its source when its client goes, on ${where}`, async () => {
    const aborted = Promise.withResolvers<void>();
    const handler = eventStream(async function* (_request, { signal }) {
      signal.addEventListener("abort", () => aborted.resolve());
      yield { data: "one" };
      await aborted.promise;
    }, { keepAlive: 0 });
    await using server = serveHttp({ hardened }, handler);
    const reader = (await fetch(server.url)).body!.getReader();
    await reader.read();
    await reader.cancel();
    await aborted.promise;
  });
}

Deno.test("eventStream() sends comments while its source is silent", async () => {
  const enough = Promise.withResolvers<void>();
  const handler = eventStream(async function* () {
    await enough.promise;
    yield { data: "one" };
  }, { keepAlive: 5 });
  await using server = serveHttp({}, handler);
  const response = await fetch(server.url);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value?.startsWith(":\n\n"), true);
  enough.resolve();
  let text = "";
  for (let read; !(read = await reader.read()).done;) text += read.value;
  assertMatch(text, /data: one\n\n$/);
});

Deno.test("encodeEvent() lets no text forge another field", () => {
  assertEquals(encodeEvent({ data: "a\r\nid: 1\rb" }), "data: a\ndata: id: 1\ndata: b\n\n");
  assertThrows(() => encodeEvent({ id: "1\ndata: x" }), TypeError);
  assertThrows(() => encodeEvent({ event: "a\r" }), TypeError);
  assertThrows(() => encodeEvent({ id: "\0" }), TypeError);
  assertThrows(() => encodeEvent({ retry: 1.5 }), TypeError);
});
