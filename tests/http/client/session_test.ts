import { delay } from "@std/async/delay";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  createClient,
  type HttpHookRequest,
  type HttpProgress,
} from "../../../http/client/client.ts";
import { createCookieJar } from "../../../http/client/cookie_jar.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import { echo, serve } from "../../_support/http_servers.ts";

interface Echo {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  body: string;
}

Deno.test("hooks see each try, may change its headers, and what they throw ends it", async () => {
  let calls = 0;
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/old") return Response.redirect(new URL("/new", request.url));
    return new Response(request.headers.get("x-sign"), { status: ++calls < 2 ? 503 : 200 });
  });
  const log: string[] = [];
  await using client = createClient({
    retry: { backoffFactor: 0 },
    hooks: {
      beforeRequest: (request) => {
        request.headers.set("x-sign", `${request.attempt}`);
        log.push(`request ${new URL(request.url).pathname}`);
      },
      afterResponse: ({ status }, { attempt }) => void log.push(`response ${attempt} ${status}`),
      beforeRetry: async ({ status }) => {
        await null;
        log.push(`retry ${status}`);
      },
    },
  });
  assertEquals(await client.get(`${server.url}old`).text(), "3");
  assertEquals(log, [
    "request /old",
    "response 1 302",
    "request /new",
    "response 2 503",
    "retry 503",
    "request /new",
    "response 3 200",
  ]);
  const reason = new Error("no");
  const failing = () => {
    throw reason;
  };
  for (const name of ["beforeRequest", "afterResponse"] as const) {
    const bad = client.extend({ hooks: { [name]: failing } });
    assertEquals(await assertRejects(() => bad.get(server.url)), reason);
  }
  calls = 0;
  const bad = client.extend({ hooks: { beforeRetry: failing } });
  assertEquals(await assertRejects(() => bad.get(server.url)), reason);
  assertEquals(client.stats().active, 0);
});

Deno.test("a rate limit holds for each host, in the order of the calls, and ends with a signal", async () => {
  const starts: number[] = [];
  await using server = serve(() => {
    starts.push(performance.now());
    return new Response("x");
  });
  await using client = createClient({ rateLimit: { requests: 2, per: 100 } });
  const begun = performance.now();
  await Promise.all(Array.from({ length: 6 }, () => client.get(server.url)));
  // No sooner than that; how much later depends on the machine. Timers may be a little early.
  for (const [i, start] of starts.entries()) {
    assert(start - begun > Math.floor(i / 2) * 100 - 5, `${starts.map((one) => one - begun)}`);
  }
  const stop = new AbortController();
  const waiting = Array.from({ length: 4 }, () => client.get(server.url, { signal: stop.signal }));
  stop.abort(new Error("enough"));
  for (const one of waiting) await one.catch((error) => assertEquals(error.message, "enough"));
  assertEquals(client.stats().active, 0);
});

Deno.test("both ways tell how far they are", async () => {
  await using server = serve(async (request) => {
    const size = (await request.bytes()).length;
    return new Response(new Uint8Array(size));
  });
  await using client = createClient();
  const [up, down]: [HttpProgress[], HttpProgress[]] = [[], []];
  const body = await client.post(server.url, {
    body: new Blob([new Uint8Array(300_000)]),
    onUpload: (one) => void up.push(one),
    onDownload: (one) => void down.push(one),
  }).bytes();
  assertEquals(body.length, 300_000);
  for (const told of [up, down]) {
    assertEquals(told.at(-1), { transferred: 300_000, total: 300_000 });
    assert(told.every(({ transferred }, i) => transferred > (told[i - 1]?.transferred ?? 0)));
  }
});

Deno.test("a stream goes up piece by piece, and what it throws is the caller's", async () => {
  await using server = echo();
  await using client = createClient({ retry: false });
  const pieces = async function* () {
    for (const piece of ["a", "b", "c"]) {
      await null;
      yield new TextEncoder().encode(piece);
    }
  };
  const sent = await client.post(server.url, { body: ReadableStream.from(pieces()) }).json<Echo>();
  assertEquals([sent.body, sent.headers["transfer-encoding"]], ["abc", "chunked"]);
  const reason = new Error("the disk is gone");
  const broken = ReadableStream.from((async function* () {
    await null;
    yield new TextEncoder().encode("a");
    throw reason;
  })());
  const error = await assertRejects(() => client.post(server.url, { body: broken }));
  assertEquals(error, reason);
  assertEquals(client.stats().active, 0);
});

Deno.test("a token may come from a function, for each try anew", async () => {
  let count = 0;
  await using server = serve((request) =>
    new Response(request.headers.get("authorization"), { status: count < 2 ? 503 : 200 })
  );
  await using client = createClient({
    auth: { bearer: () => Promise.resolve(`t${++count}`) },
    retry: { backoffFactor: 0 },
  });
  assertEquals(await client.get(server.url).text(), "Bearer t2");
  await using bad = createClient({ auth: { bearer: () => "a\r\nb" } });
  await assertRejects(() => bad.get(server.url), TypeError);
  await assertRejects(
    () => client.get(`http://u:p@127.0.0.1:1/`, { retry: false }),
    HttpRequestError,
  );
});

Deno.test("what is asked for again and again is what was asked for first", async () => {
  await using server = echo();
  await using client = createClient({
    baseUrl: server.url,
    headers: { "x-a": "1", "accept-encoding": "br" },
    params: { key: "k" },
  });
  for (let i = 0; i < 5; i++) {
    const got = await client.get("a", { params: { i } }).json<Echo>();
    assertEquals([got.url, got.headers["x-a"]], [`/a?key=k&i=${i}`, "1"]);
    const plain = await client.get("a").json<Echo>();
    assertEquals([plain.url, plain.headers["x-a"], plain.method], ["/a?key=k", "1", "GET"]);
    assertEquals(plain.headers["accept-encoding"], "br");
    assertEquals((await client.put("a", { json: i }).json<Echo>()).body, `${i}`);
    const other = await client.extend({ headers: { "x-a": `${i}` } }).get("a").json<Echo>();
    assertEquals(other.headers["x-a"], `${i}`);
    const named = server.url.replace("//", `//u${i}:p@`);
    const { headers } = await client.get(named).json<Echo>();
    assertEquals(headers.authorization, `Basic ${btoa(`u${i}:p`)}`);
    const away = server.url.replace("127.0.0.1", "localhost");
    const reply = client.get(away, { headers: { "x-b": `${i}` } }).json<Echo>();
    assertEquals((await reply).headers["x-b"], `${i}`);
  }
  // More URLs than are remembered.
  for (let i = 0; i < 600; i++) {
    assertEquals((await client.get(`n/${i % 300}`).json<Echo>()).url, `/n/${i % 300}?key=k`);
  }
});

Deno.test("limits go by the real time where a program has stopped Date", async () => {
  await using server = Deno.serve({ port: 0, onListen() {} }, async () => {
    await delay(50);
    return new Response("here");
  });
  await using client = createClient({ timeouts: { headers: 300 } });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const { now } = Date;
  const stopped = now();
  Date.now = () => stopped;
  try {
    assertEquals(await client.get(url).text(), "here");
    await delay(400);
    assertEquals(await client.get(url).text(), "here");
  } finally {
    Date.now = now;
  }
});

Deno.test("a hook may change URL, method and body, and the changes hold for further tries", async () => {
  const heard: string[] = [];
  await using server = serve(async (request) => {
    const { pathname } = new URL(request.url);
    const type = request.headers.get("content-type");
    heard.push(`${request.method} ${pathname} ${type} ${await request.text()}`);
    return new Response("x", { status: heard.length === 1 ? 503 : 200 });
  });
  const client = (change: (request: HttpHookRequest) => void) =>
    createClient({ retry: { backoffFactor: 0 }, hooks: { beforeRequest: change } });
  const rows: [(request: HttpHookRequest) => void, string][] = [
    [(request) => request.url = new URL("/b", request.url).href, "PUT /b application/json 1"],
    [(request) => request.method = "delete", "DELETE /a application/json 1"],
    [(request) => request.body = "text", "PUT /a text/plain;charset=UTF-8 text"],
    [(request) => request.body = new Blob(["b"], { type: "x/y" }), "PUT /a x/y b"],
    [(request) => request.body = null, "PUT /a null "],
    [(request) => {
      request.body = "raw";
      request.headers.set("content-type", "my/type");
    }, "PUT /a my/type raw"],
  ];
  for (const [change, line] of rows) {
    heard.length = 0;
    await using one = client(change);
    await one.put(`${server.url}a`, { json: 1 });
    assertEquals(heard, [line, line]);
  }
  await using bad = client((request) => request.url = "ftp://a/");
  await assertRejects(() => bad.get(server.url), TypeError, "url must begin with http");
  assertEquals(bad.stats().active, 0);
});

Deno.test("secrets of a client stay behind when a hook leads elsewhere", async () => {
  const heard: (string | null)[][] = [];
  await using other = serve((request) => {
    const { headers } = request;
    heard.push([headers.get("authorization"), headers.get("cookie"), headers.get("x-a")]);
    return new Response("x", { status: heard.length === 1 ? 503 : 200 });
  });
  await using server = serve(() => new Response("never"));
  const jar = createCookieJar();
  jar.set(server.url, "own=1");
  const client = createClient({
    headers: { authorization: "Bearer secret", "x-a": "1", cookie: "own=2" },
    cookies: jar,
    maxPerHost: 1,
    retry: { backoffFactor: 0 },
    hooks: {
      beforeRequest: (request) => void (request.url = other.url.replace("127.0.0.1", "localhost")),
    },
  });
  await client.get(server.url);
  await client.extend({ auth: { bearer: "T" }, headers: { authorization: null } }).get(server.url);
  assertEquals(heard, [[null, null, "1"], [null, null, "1"], [null, null, "1"]]);
  assertEquals(client.stats().active, 0);
  await client[Symbol.asyncDispose]();
});

Deno.test("a hook may ask for another try, within a limit", async () => {
  let calls = 0;
  await using server = serve(async (request) => {
    calls++;
    return new Response(`${request.headers.get("x-token")} ${await request.text()}`);
  });
  let token = "old";
  await using client = createClient({
    hooks: {
      beforeRequest: ({ headers }) => headers.set("x-token", token),
      afterResponse: (_, { headers }) => {
        if (headers.get("x-token") === "new") return;
        token = "new";
        return "repeat";
      },
    },
  });
  const response = await client.post(server.url, { body: "b" });
  assertEquals([await response.text(), response.history.length, calls], ["new b", 1, 2]);
  const endless = client.extend({ hooks: { afterResponse: () => "repeat" } });
  calls = 0;
  assertEquals([(await endless.get(server.url)).status, calls], [200, 11]);
  const body = new Blob(["once"]).stream();
  await assertRejects(
    () => endless.post(server.url, { body }),
    HttpRequestError,
    "it must be repeated, and a stream cannot be sent again",
  );
  assertEquals(client.stats().active, 0);
});
