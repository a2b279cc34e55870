import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  hasBody,
  makeRequest,
  prepareLazyRequests,
  type RequestSource,
  takeWholeBody,
  useLazyRequests,
  withSignalOf,
} from "../../../http/internal/lazy_request.ts";
import { peekHeader } from "../../../http/internal/served_request.ts";

const encoder = new TextEncoder();

interface Spec {
  method?: string;
  url?: string;
  fields?: [string, string][];
  body?: string | Uint8Array<ArrayBuffer>;
  /** Whether the body has not arrived whole. */
  late?: boolean;
  signal?: AbortSignal;
}

const never = new AbortController().signal;

/** Whether to make a real request for comparison. */
let real = false;

function make(spec: Spec = {}): Request {
  const { method = "POST", url = "http://127.0.0.1:8080/b?c=%2f", fields = [], body } = spec;
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const source: RequestSource = {
    method,
    url,
    fields: fields.map(([name, value]) => [name, value]),
    body: bytes && {
      get stream() {
        let at = 0;
        return new ReadableStream({
          type: "bytes",
          pull(controller) {
            if (at < bytes.length) controller.enqueue(bytes.slice(at, at += 4));
            else {
              controller.close();
              controller.byobRequest?.respond(0);
            }
          },
        }, { highWaterMark: 0 });
      },
      takeWhole: () => spec.late ? undefined : bytes.slice(),
      fail() {},
    },
    client: { signal: spec.signal ?? never },
  };
  if (!real) return makeRequest(source);
  const { signal } = source.client;
  return new Request(url, { method, headers: fields, body: source.body?.stream ?? null, signal });
}

/** Returns the value of a promise, or the class of its error. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

const get = (spec: Spec = {}) => make({ method: "GET", ...spec });
const JSON_FIELDS: [string, string][] = [["Content-Type", "application/json"]];
const FORM: [string, string][] = [["content-type", "application/x-www-form-urlencoded"]];
const PARTS: [string, string][] = [["Content-Type", "multipart/form-data; boundary=x"]];
const part = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n';
const UPGRADE: [string, string][] = [
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ["Sec-WebSocket-Version", "13"],
];

/** Operations on a request. The result must be the same for a real and a lazy one. */
const BEHAVIOURS: Record<string, () => unknown> = {
  "method and URL are there": () => [make().method, make().url],
  "headers are joined, sorted and in lower case": () => [
    ...get({ fields: [["X-B", "1"], ["x-a", ""], ["x-B", "2"], ["Cookie", "a=1"]] }).headers,
  ],
  "a header is found in any case": () => {
    const { headers } = get({ fields: [["X-B", "1"], ["x-b", "\xe9"]] });
    return [headers.get("x-B"), headers.has("X-b"), headers.get("x-a"), headers.get("host")];
  },
  "headers are the same object": () => {
    const request = get();
    return request.headers === request.headers;
  },
  "headers can be changed": () => {
    const request = get({ fields: [["a", "1"], ["b", "2"], ["A", "3"]] });
    request.headers.delete("a");
    request.headers.append("c", "4");
    request.headers.set("B", "5");
    return [...request.headers];
  },
  "changed headers show in copies": () => {
    const request = get({ fields: [["a", "1"]] });
    request.headers.set("a", "2");
    const copies = [request.clone(), new Request(request)];
    request.headers.set("b", "3");
    copies.push(request.clone(), new Request(request));
    return copies.map((copy) => [...copy.headers]);
  },
  "a header that cannot be is refused": () => outcome(() => get().headers.set("a b", "c")),
  "it is an instance of Request": () => {
    const request = get();
    return [
      request instanceof Request,
      request.constructor === Request,
      Object.prototype.toString.call(request),
      String(request),
    ];
  },
  "its members are those of Request": () => {
    const names = [];
    for (const name in get()) names.push(name);
    return [names.sort(), Object.keys(get()), JSON.stringify(get())];
  },
  "it is shown like a Request": () =>
    Deno.inspect(make({ url: "http://a/", fields: [["a", "b"]] })),
  "it cannot be cloned structurally": () => outcome(() => structuredClone(get())),
  "the other properties have their defaults": () => {
    const { cache, credentials, integrity, keepalive, mode, redirect, referrer, referrerPolicy } =
      get();
    return { cache, credentials, integrity, keepalive, mode, redirect, referrer, referrerPolicy };
  },
  "there is no body with GET": async () => {
    const request = get();
    return [request.body, request.bodyUsed, await request.text(), request.bodyUsed];
  },
  "there is no body without one": async () => {
    const request = make();
    return [request.body, await request.text(), await request.text(), request.bodyUsed];
  },
  "a proxy around it works": async () => {
    const request = new Proxy(make({ body: "abc", fields: [["a", "b"]] }), {});
    const { method, url, headers } = request;
    return [method, url, [...headers], request.bodyUsed, await request.text(), request.bodyUsed];
  },
  "it can be a prototype": async () => {
    const request: Request = Object.create(make({ body: "abc" }));
    return [request.method, request.url, await request.text(), request.bodyUsed];
  },
  "methods of the prototype work on it": async () => {
    const request = make({ body: '{"a":1}', fields: [["a", "b"]] });
    const { prototype } = Request;
    const getter = (name: "method" | "headers" | "bodyUsed") =>
      Object.getOwnPropertyDescriptor(prototype, name)!.get!.call(request);
    return [
      getter("method"),
      [...getter("headers")],
      getter("bodyUsed"),
      await prototype.json.call(request),
      getter("bodyUsed"),
      request.bodyUsed,
    ];
  },
  "Deno.upgradeWebSocket() does what it does with a request that it has not served": () =>
    outcome(() => Deno.upgradeWebSocket(get({ fields: UPGRADE })).response.status),
  "Deno.upgradeWebSocket() refuses what asks for nothing": () =>
    outcome(() => Deno.upgradeWebSocket(get())),
  "the signal is that of the source": () => {
    const gone = new AbortController();
    const request = get({ signal: gone.signal });
    const copies = [new Request(request), request.clone()];
    const before = [request, ...copies].map(({ signal }) => signal.aborted);
    gone.abort(new Error("gone"));
    const after = [request, new Request(request)].map(({ signal }) => signal.aborted);
    return [before, after, request.signal === request.signal];
  },
  "a copy may have a signal of its own": () => {
    const own = new AbortController();
    const copy = new Request(get(), { signal: own.signal });
    own.abort();
    return copy.signal.aborted;
  },
  "fetch() sends it": async () => {
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (got) =>
        got.text().then((body) =>
          Response.json([got.method, new URL(got.url).pathname, got.headers.get("x-a"), body])
        ),
    );
    const url = `http://127.0.0.1:${server.addr.port}/p`;
    const ask = async (spec: Spec) => await (await fetch(make({ url, ...spec }))).json();
    return [
      await ask({ method: "GET", fields: [["X-A", "1"]] }),
      await ask({ body: "abcdefg" }),
      await ask({ body: "abcdefg", late: true, method: "PUT" }),
    ];
  },
  "fetch() with an aborted signal rejects": () =>
    outcome(() => fetch(get({ signal: AbortSignal.abort() }))),
};

/** Operations on a request with a body, which is there or arrives in pieces. */
const BODIES: Record<string, (late: boolean) => unknown> = {
  text: (late) => make({ body: "grüße \ud83d\ude00", late }).text(),
  "text with a byte order mark": (late) => make({ body: "\ufeffabc", late }).text(),
  "text that is not UTF-8": (late) => make({ body: new Uint8Array([97, 0xff, 98]), late }).text(),
  "text that is empty": async (late) => {
    const request = make({ body: "", late });
    return [request.bodyUsed, await request.text(), request.bodyUsed];
  },
  json: (late) => make({ body: '{"a":[1,"ü"]}', fields: JSON_FIELDS, late }).json(),
  "json with a byte order mark": (late) => outcome(() => make({ body: "\ufeff[1]", late }).json()),
  "json that is malformed": (late) => outcome(() => make({ body: "{", late }).json()),
  "json that is empty": (late) => outcome(() => make({ body: "", late }).json()),
  bytes: (late) => make({ body: "abcdefghi", late }).bytes(),
  arrayBuffer: async (late) =>
    new Uint8Array(await make({ body: "abcdefghi", late }).arrayBuffer()),
  blob: async (late) => {
    const blob = await make({ body: "abcdef", fields: [["content-type", "a/b"]], late }).blob();
    return [blob.type, await blob.text()];
  },
  "a form": async (late) => [...await make({ body: "a=b&c=d", fields: FORM, late }).formData()],
  "a form in parts": async (late) => [
    ...await make({ body: part, fields: PARTS, late }).formData(),
  ],
  "the stream": async (late) => {
    const request = make({ body: "abcdefghi", late });
    const same = request.body === request.body;
    const chunks = await Array.fromAsync(request.body!);
    return [same, new TextDecoder().decode(await new Blob(chunks).bytes()), request.bodyUsed];
  },
  "the stream into lent memory": async (late) => {
    const reader = make({ body: "abcdefghi", late }).body!.getReader({ mode: "byob" });
    const { value, done } = await reader.read(new Uint8Array(4));
    return [value, done];
  },
  "text twice": (late) => {
    const request = make({ body: "abc", late });
    return outcome(async () => [await request.text(), await request.text()]);
  },
  "text and the stream": async (late) => {
    const request = make({ body: "abc", late });
    await request.text();
    const { body } = request;
    return [request.bodyUsed, body?.locked, await outcome(() => Array.fromAsync(body!))];
  },
  "text while the stream is locked": (late) => {
    const request = make({ body: "abc", late });
    request.body!.getReader();
    return outcome(() => request.text());
  },
  "text at the same time": (late) => {
    const request = make({ body: "abc", late });
    return Promise.all([outcome(() => request.text()), outcome(() => request.json())]);
  },
  "bodyUsed is known at once": (late) => {
    const request = make({ body: "abc", late });
    const text = request.text();
    const used = request.bodyUsed;
    return text.then((text) => [text, used]);
  },
  "a clone": async (late) => {
    const request = make({ body: "abcdef", late, fields: [["a", "b"]] });
    const copy = request.clone();
    return [await copy.text(), await request.text(), copy.method, copy.url, [...copy.headers]];
  },
  "a clone of what is read": async (late) => {
    const request = make({ body: "abc", late });
    await request.text();
    return [await outcome(() => request.clone()), await outcome(() => new Request(request))];
  },
  "a copy": async (late) => {
    const request = make({ body: "abcdef", late, fields: [["a", "b"]] });
    const copy = new Request(request);
    const used = request.bodyUsed;
    return [used, await copy.text(), await outcome(() => request.text()), [...copy.headers]];
  },
  "a copy with another body": async (late) => {
    const request = make({ body: "abcdef", late });
    const copy = new Request(request, { body: "x", method: "PUT", headers: { c: "d" } });
    return [copy.method, await copy.text(), [...copy.headers], await request.text()];
  },
  "a copy of what is read, with another body": async (late) => {
    const request = make({ body: "abc", late });
    await request.text();
    return await outcome(() => new Request(request, { body: "x" }).text());
  },
};

Deno.test("lazy requests are in use on this version of Deno", () => {
  assert(prepareLazyRequests());
  assertEquals(Object.getPrototypeOf(make()) === Request.prototype, false);
});

/** The result of a behaviour with a real request, and with a lazy one. */
async function both(run: () => unknown): Promise<[real: unknown, lazy: unknown]> {
  prepareLazyRequests();
  real = true;
  const expected = await run();
  real = false;
  return [expected, await run()];
}

for (const [name, run] of Object.entries(BEHAVIOURS)) {
  Deno.test(`a lazy request is like a real one: ${name}`, async () => {
    const [expected, got] = await both(run);
    assertEquals(got, expected);
  });
}

for (const [name, run] of Object.entries(BODIES)) {
  Deno.test(`the body of a lazy request is like that of a real one: ${name}`, async () => {
    for (const late of [false, true]) {
      const [expected, got] = await both(() => run(late));
      assertEquals(got, expected);
    }
  });
}

Deno.test("a lazy request has the URL as it was sent, and its copies the standard form", () => {
  prepareLazyRequests();
  const request = make({ url: "http://127.0.0.1:80/a/../b%2f|" });
  assertEquals(request.url, "http://127.0.0.1:80/a/../b%2f|");
  assertEquals(new Request(request).url, "http://127.0.0.1/b%2f|");
});

Deno.test("requests without lazy parts behave alike", async () => {
  useLazyRequests(false);
  try {
    const spec = { url: "http://a/b/../c", fields: JSON_FIELDS, body: "[1]" };
    const gone = new AbortController();
    const request = make({ ...spec, signal: gone.signal });
    assert(request instanceof Request);
    assertEquals([request.method, request.url], ["POST", spec.url]);
    assertEquals([...request.headers], [["content-type", "application/json"]]);
    assertEquals(await request.json(), [1]);
    assert(request.signal === gone.signal);
  } finally {
    useLazyRequests(true);
  }
});

Deno.test("a lazy request that is read in a simple way never opens a stream", async () => {
  prepareLazyRequests();
  const body = {
    get stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
      throw new Error("A stream was opened");
    },
    takeWhole: () => encoder.encode("[1]"),
    fail() {},
  };
  const ask = () =>
    makeRequest({ method: "PUT", url: "http://a/", fields: [], body, client: { signal: never } });
  assertEquals(await ask().text(), "[1]");
  assertEquals(await ask().json(), [1]);
  assertEquals(await ask().bytes(), encoder.encode("[1]"));
  assertEquals(new Uint8Array(await ask().arrayBuffer()), encoder.encode("[1]"));
  const request = ask();
  assertEquals([request.bodyUsed, request.headers.get("a"), request.signal.aborted], [
    false,
    null,
    false,
  ]);
  assertThrows(() => ask().body, Error, "A stream was opened");
});

Deno.test("takeWholeBody() takes a body once, and only of a request as the handler got it", async () => {
  prepareLazyRequests();
  const request = make({ body: "abc" });
  assertEquals(takeWholeBody(request), encoder.encode("abc"));
  assertEquals([takeWholeBody(request), request.bodyUsed], [undefined, true]);
  await assertRejects(() => request.text(), TypeError);
  assertEquals(takeWholeBody(make({ body: "abc", late: true })), undefined);
  assertEquals(takeWholeBody(make()), undefined);
  const opened = make({ body: "abc" });
  void opened.body;
  assertEquals([takeWholeBody(opened), await opened.text()], [undefined, "abc"]);
  assertEquals(takeWholeBody(new Request("http://a/", { method: "POST", body: "abc" })), undefined);
});

Deno.test("withSignalOf() gives a request of Deno.serve another signal, and nothing else", async () => {
  for (const use of [true, false]) {
    useLazyRequests(use);
    try {
      const gone = new AbortController();
      await using server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen() {} },
        async (served) => {
          const host = peekHeader(served, "host");
          const request = withSignalOf(gone, served);
          const copy = new Request(request.url, request);
          return Response.json({
            host,
            none: peekHeader(served, "x-none"),
            same: [request.method, request.url, request.headers === served.headers],
            is: [request instanceof Request, request.constructor === Request, `${request}`],
            signal: request.signal === gone.signal,
            copied: [copy.method, copy.headers.get("x-a"), copy.signal.aborted],
            body: await request.json(),
            used: [request.bodyUsed, served.bodyUsed],
          });
        },
      );
      const url = `http://127.0.0.1:${server.addr.port}/a?b`;
      gone.abort();
      const got = await fetch(url, { method: "PUT", body: "[1]", headers: { "x-a": "c" } });
      assertEquals(await got.json(), {
        host: `127.0.0.1:${server.addr.port}`,
        none: null,
        same: ["PUT", url, true],
        is: [true, true, "[object Request]"],
        signal: true,
        copied: ["PUT", "c", true],
        body: [1],
        used: [true, true],
      });
    } finally {
      useLazyRequests(true);
    }
  }
});

Deno.test("Deno.upgradeWebSocket() takes a request with another signal", async () => {
  prepareLazyRequests();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (served) => {
      const request = withSignalOf(new AbortController(), served);
      const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "p" });
      socket.onmessage = ({ data }) => socket.send(`${data}, ${request.url.slice(-2)}`);
      return response;
    },
  );
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/x`, "p");
  await new Promise((resolve) => socket.onopen = resolve);
  socket.send("hello");
  const { data } = await new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
  assertEquals([data, socket.protocol], ["hello, /x", "p"]);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("hasBody() tells whether a lazy request has a body", () => {
  prepareLazyRequests();
  assertEquals([hasBody(make()), hasBody(make({ body: "" })), hasBody(get())], [
    false,
    true,
    false,
  ]);
});
