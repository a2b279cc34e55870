import { delay } from "@std/async/delay";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createClient, type HttpProgress } from "../../../http/client/client.ts";
import { createCookieJar } from "../../../http/client/cookie_jar.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { echo, serve } from "../../_support/http_servers.ts";

interface Echo {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  body: string;
}

Deno.test("cookies are kept for their host and path, over redirects too", async () => {
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/login") {
      const headers = new Headers({ location: "/home" });
      headers.append("set-cookie", "id=7; Path=/; HttpOnly");
      headers.append("set-cookie", "deep=1; Path=/deep");
      headers.append("set-cookie", "evil=1; Domain=example.com");
      headers.append("set-cookie", "gone=1; Max-Age=0");
      headers.append("set-cookie", `huge=${"x".repeat(9000)}`);
      return new Response(null, { status: 302, headers });
    }
    return new Response(request.headers.get("cookie"));
  });
  const jar = createCookieJar();
  await using client = createClient({ cookies: jar });
  assertEquals(await client.get(`${server.url}login`).text(), "id=7");
  assertEquals(await client.get(`${server.url}deep/x`).text(), "deep=1; id=7");
  assertEquals(await client.get(server.url, { headers: { cookie: "own=1" } }).text(), "own=1");
  assertEquals(await client.get(server.url.replace("127.0.0.1", "localhost")).text(), "");
  await using copy = createClient({ cookies: createCookieJar(JSON.parse(JSON.stringify(jar))) });
  assertEquals(await copy.get(server.url).text(), "id=7");
  await using plain = createClient();
  await plain.get(`${server.url}login`);
  assertEquals(await plain.get(server.url).text(), "");
  await using fresh = createClient({ cookies: true });
  await fresh.get(`${server.url}login`);
  assertEquals(await fresh.extend({}).get(server.url).text(), "id=7");
});

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

Deno.test("files of a form go up as they are, by name, with safe names", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/ä "x".txt`;
  await Deno.writeTextFile(path, "of the disk");
  await using server = serve(async (request) => {
    const form = await request.formData();
    const rows = await Promise.all(
      Array.from(
        form,
        async ([name, value]) =>
          value instanceof File
            ? [name, value.name, value.type, await value.text()]
            : [name, value],
      ),
    );
    return Response.json(rows);
  });
  await using client = createClient();
  const rows = await client.post(server.url, {
    multipart: {
      a: ["1", 2],
      "b\r\nX: y": true,
      disk: { path },
      memory: new File(["of memory"], "m.bin", { type: "image/png" }),
      stream: { stream: new Blob(["of a stream"]).stream(), filename: "s" },
    },
  }).json();
  assertEquals(rows, [
    ["a", "1"],
    ["a", "2"],
    ["b%0D%0AX: y", "true"],
    ["disk", "ä %22x%22.txt", "application/octet-stream", "of the disk"],
    ["memory", "m.bin", "image/png", "of memory"],
    ["stream", "s", "application/octet-stream", "of a stream"],
  ]);
  const missing = client.post(server.url, { multipart: { disk: { path: `${folder.path}/none` } } });
  await assertRejects(() => missing, Deno.errors.NotFound);
  await assertRejects(
    () => client.post(server.url, { multipart: { a: { path, type: "a\r\nb: c" } } }),
    TypeError,
  );
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
    assertEquals(plain.headers["accept-encoding"], "identity, br");
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

Deno.test("a jar does not grow without end, whatever servers set", async () => {
  const jar = createCookieJar();
  for (let i = 0; i < 5; i++) {
    const many = Array.from({ length: 100 }, (_, at) => `c${i * 100 + at}=1; Path=/p${at % 3}`);
    await jar.store("http://a.test/", many);
  }
  const { cookies } = jar.toJSON() as { cookies: { key: string }[] };
  assertEquals(cookies.length, 50);
  assert(cookies.some(({ key }) => key === "c499") && !cookies.some(({ key }) => key === "c0"));
  for (let i = 0; i < 1100; i++) await jar.store(`http://h${i}.test/`, ["a=1"]);
  assertEquals((jar.toJSON() as { cookies: unknown[] }).cookies.length, 1000);
  assertEquals([await jar.cookies("http://h0.test/"), await jar.cookies("http://h1099.test/")], [
    "",
    "a=1",
  ]);
  // One that is set again is no new one.
  const same = createCookieJar();
  await same.store("http://a.test/", Array.from({ length: 120 }, (_, at) => `k${at % 2}=${at}`));
  assertEquals(await same.cookies("http://a.test/"), "k0=118; k1=119");
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
