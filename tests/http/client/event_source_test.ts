import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import {
  eventSource,
  type EventSourceOptions,
  type EventSourceReconnect,
  type ServerSentEvent,
} from "../../../http/client/event_source.ts";
import { HttpRequestError, HttpStatusError } from "../../../http/client/errors.ts";
import { eventStream } from "../../../http/handlers/event_stream.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { deadPort, RawServer, serve } from "../../_support/http_servers.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n";
const QUICK = { reconnectDelay: 1 };

/** A server whose connections bring these texts in turn, and then 204. */
function telling(...texts: string[]) {
  return new RawServer((index) =>
    index < texts.length
      ? `${HEAD}\r\n${texts[index]}`
      : "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
  );
}

async function all(
  url: string | URL,
  options: EventSourceOptions = {},
): Promise<ServerSentEvent[]> {
  return await Array.fromAsync(eventSource(url, { ...QUICK, ...options }));
}

Deno.test("events are read as the standard says", async () => {
  const rows: Array<[string, [string, string, string][]]> = [
    ["data: a\ndata: b\n\n", [["message", "a\nb", ""]]],
    ["\ufeffdata:a\r\n\r\ndata\r\rdata:  c\n\n", [["message", "a", ""], ["message", "", ""], [
      "message",
      " c",
      "",
    ]]],
    [": hi\n\nevent: x\nid: 5\ndata: 1\n\nevent: y\n\ndata: 2\n\n", [["x", "1", "5"], [
      "message",
      "2",
      "5",
    ]]],
    ["id: 5\ndata: a\n\nid\ndata: b\n\nid: 7\0\ndata: c\n\n", [["message", "a", "5"], [
      "message",
      "b",
      "",
    ], ["message", "c", ""]]],
    ["nonsense: x\nretry: soon\nDATA: x\ndata: ä\n\n", [["message", "ä", ""]]],
    // What the end has cut off is no event.
    ["data: whole\n\ndata: half\n", [["message", "whole", ""]]],
    ["data: whole\n\nid: 9\ndata: half", [["message", "whole", ""]]],
  ];
  for (const [text, events] of rows) {
    await using server = telling(text);
    const got = await all(server.url);
    assertEquals(got.map(({ event, data, lastEventId }) => [event, data, lastEventId]), events);
    assert(!/last-event-id: 9/i.test(server.heard[1]!));
  }
});

Deno.test("events are the same wherever the network cuts them", async () => {
  const text = "id: 1\r\ndata: ä\r\n\r\ndata: b\rdata: c\r\revent: e\ndata: d\n\n";
  const bytes = new TextEncoder().encode(text);
  let size = 1;
  let sent = false;
  await using server = serve(() => {
    if (sent) return new Response(null, { status: 204 });
    sent = true;
    const chunks = (async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
      await null;
    })();
    return new Response(ReadableStream.from(chunks), {
      headers: { "content-type": "text/event-stream; charset=utf-8" },
    });
  });
  const expected = [["message", "ä"], ["message", "b\nc"], ["e", "d"]];
  for (size = 1; size < 9; size++) {
    sent = false;
    assertEquals((await all(server.url)).map(({ event, data }) => [event, data]), expected);
  }
});

Deno.test("a new connection names the last event, and waits as the server says", async () => {
  await using server = telling(
    "retry: 3\nid: a-ä\ndata: 1\n\nid: cut\ndata: 2",
    "data: 3\n\n",
    "id:\ndata: 4\n\n",
  );
  const told: EventSourceReconnect[] = [];
  const got = await all(server.url, {
    lastEventId: "zero",
    reconnectDelay: 1_000_000,
    minReconnectDelay: 1,
    onReconnect: (one) => void told.push(one),
  });
  assertEquals(got.map(({ data }) => data), ["1", "3", "4"]);
  const ids = server.heard.map((head) => /^last-event-id: (.*)\r$/im.exec(head)?.[1]);
  assertEquals(ids, ["zero", "a-ä", "a-ä", undefined]);
  assertEquals(told.map(({ delay }) => delay), [3, 3, 3]);
  assert(server.heard.every((head) => /^accept: text\/event-stream\r$/im.test(head)));
});

Deno.test("a server that asks for no wait gets one, longer while nothing comes", async () => {
  await using server = telling("retry: 0\ndata: 1\n\n", "", "", "data: 2\n\n");
  const waits: number[] = [];
  const onReconnect = ({ delay }: EventSourceReconnect) => void waits.push(delay);
  await all(server.url, { minReconnectDelay: 2, onReconnect });
  assertEquals(waits, [2, 2, 4, 2]);
  await using quick = telling("retry: 0\ndata: 1\n\n");
  waits.length = 0;
  await all(quick.url, { onReconnect });
  assertEquals(waits, [500]);
  assertThrows(() => eventSource("http://a/", { minReconnectDelay: -1 }), RangeError);
});

Deno.test("a broken connection, a busy server and nobody there are tried again, not for ever", async () => {
  const answers = [
    `${HEAD}Content-Length: 100000\r\n\r\ndata: 1\n\n`,
    "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "",
    `${HEAD}\r\ndata: 2\n\n`,
  ];
  await using server = new RawServer((index) => answers[index] ?? answers[1]!);
  const told: EventSourceReconnect[] = [];
  const got: string[] = [];
  const error = await assertRejects(async () => {
    const options = {
      ...QUICK,
      maxFailures: 3,
      onReconnect: (one: EventSourceReconnect) => void told.push(one),
    };
    for await (const { data } of eventSource(server.url, options)) got.push(data);
  }, HttpStatusError);
  assertEquals([got, error.status, server.heard.length], [["1", "2"], 503, 7]);
  assertEquals(told.map(({ delay }) => delay), [1, 1, 2, 1, 1, 2]);
  const refused = () => all(`http://127.0.0.1:${deadPort()}/`, { maxFailures: 2 });
  assertEquals((await assertRejects(refused, HttpRequestError)).kind, "refused");
  await using empty = telling("", "", "");
  await assertRejects(
    () => all(empty.url, { maxFailures: 2 }),
    HttpRequestError,
    "no event in 2 connections",
  );
});

Deno.test("what is no event stream, or will not pass, ends the loop at once", async () => {
  const rows = [
    ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", HttpStatusError],
    ["HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", HttpRequestError],
    [
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream-not\r\nContent-Length: 0\r\n\r\n",
      HttpRequestError,
    ],
  ] as const;
  for (const [answer, type] of rows) {
    await using server = new RawServer(answer);
    await assertRejects<Error>(() => all(server.url), type);
    assertEquals(server.heard.length, 1);
  }
  assertThrows(() => eventSource("http://a/", { lastEventId: "a\nb" }), TypeError);
  assertThrows(() => eventSource("http://a/", { reconnectDelay: -1 }), RangeError);
});

Deno.test("an event without end is refused, in lines and as one line", async () => {
  for (const line of ["data: xxxxxxxxxxxxxxxxx\n", "x", ":", "event: aaaaaaaaaaaaaaa\n"]) {
    await using server = serve(() =>
      new Response(
        ReadableStream.from((function* () {
          const chunk = new TextEncoder().encode(line.repeat(100));
          for (;;) yield chunk;
        })()),
        { headers: { "content-type": "text/event-stream" } },
      )
    );
    const error = await assertRejects(
      () => all(server.url, { maxEvent: 10_000 }),
      HttpRequestError,
    );
    assertEquals(error.kind, "limit");
  }
  // Comments that keep a stream alive are no event.
  await using server = telling(`${": alive\n".repeat(5000)}data: 1\n\n`);
  assertEquals((await all(server.url, { maxEvent: 1000 })).length, 1);
});

Deno.test("a stream that falls silent counts as dead; leaving the loop gives the place back", async () => {
  await using server = serveHttp(
    { port: 0 },
    eventStream(async function* (_, { lastEventId, signal }) {
      yield { id: `${Number(lastEventId) + 1}`, data: "x" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }, { keepAlive: 0 }),
  );
  await using client = createClient({ maxPerHost: 1 });
  const ids: string[] = [];
  for await (
    const { lastEventId } of eventSource(server.url, { ...QUICK, client, timeouts: { body: 60 } })
  ) {
    if (ids.push(lastEventId) === 3) break;
  }
  assertEquals([ids, client.stats().active], [["1", "2", "3"], 0]);
  const stop = new AbortController();
  const reason = new Error("enough");
  const caught = await assertRejects(async () => {
    for await (const _ of eventSource(server.url, { client, signal: stop.signal })) {
      stop.abort(reason);
    }
  });
  assertEquals([caught, client.stats().active], [reason, 0]);
});

Deno.test("eventSource() sends any method and body, and such a request only once", async () => {
  const heard: string[] = [];
  await using server = serve(async (request) => {
    const { method, headers } = request;
    heard.push(`${method} ${headers.get("content-type")} ${await request.text()}`);
    return new Response("data: a\n\n", { headers: { "content-type": "text/event-stream" } });
  });
  const rows: [EventSourceOptions, string][] = [
    [{ json: { stream: true } }, 'POST application/json {"stream":true}'],
    [{ method: "QUERY", form: { a: 1 } }, "QUERY application/x-www-form-urlencoded a=1"],
    [{ method: "post", body: ReadableStream.from([new Uint8Array([65])]) }, "POST null A"],
    [{ method: "PUT", headers: { "content-type": "x/y" }, body: "b" }, "PUT x/y b"],
    [{ reconnect: false }, "GET null "],
  ];
  for (const [options, line] of rows) {
    const got = await all(server.url, options);
    assertEquals([got.map(({ data }) => data), heard.splice(0)], [["a"], [line]]);
  }
  assertThrows(
    () => eventSource(server.url, { reconnect: true, method: "PUT", body: new Blob([]).stream() }),
    TypeError,
    "reconnect needs a body that can be sent again",
  );
  assertThrows(() => eventSource(server.url, { method: "a b" }), TypeError, "method must be");
});

Deno.test("eventSource() throws what ends a stream that it does not repeat", async () => {
  await using server = new RawServer(
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n`,
  );
  const seen: string[] = [];
  const error = await assertRejects(async () => {
    for await (const { data } of eventSource(server.url, { json: {} })) seen.push(data);
  }, HttpRequestError);
  assertEquals([seen, error.kind, error.method, server.heard.length], [
    ["a"],
    "truncated",
    "POST",
    1,
  ]);
  await using busy = serve(() => new Response("later", { status: 503 }));
  const status = await assertRejects(() => all(busy.url, { json: {} }), HttpStatusError);
  assertEquals(status.body, "later");
});

Deno.test("eventSource() repeats a POST if asked to, with the ID of the last event", async () => {
  const heard: string[] = [];
  await using server = serve(async (request) => {
    heard.push(`${request.headers.get("last-event-id")} ${await request.text()}`);
    if (heard.length > 2) return new Response(null, { status: 204 });
    return new Response(`id: ${heard.length}\ndata: a\n\n`, {
      headers: { "content-type": "text/event-stream" },
    });
  });
  const got = await all(server.url, { body: "q", reconnect: true });
  assertEquals([got.length, heard], [2, ["null q", "1 q", "2 q"]]);
});
