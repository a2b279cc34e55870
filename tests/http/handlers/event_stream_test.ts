import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { encodeEvent, eventStream } from "../../../http/handlers/event_stream.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { call } from "./_call.ts";

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

Deno.test("eventStream() reads the last id as UTF-8, or unchanged", async () => {
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

Deno.test("eventStream() answers other methods with problem details", async () => {
  const refused = await call(eventStream(async function* () {}), { method: "POST" });
  assertEquals([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
  assertEquals(await refused.json(), { title: "Method Not Allowed", status: 405 });
});

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";
  Deno.test(`eventStream() aborts its source when its client leaves, on ${where}`, async () => {
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

Deno.test("eventStream() breaks the connection when its source fails, after the events before", async () => {
  const handler = eventStream(async function* () {
    yield { data: "one", retry: 0 };
    await Promise.reject(new Error("the source is gone"));
  });
  await using server = serveHttp({}, handler);
  const reader = (await fetch(server.url)).body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, "retry: 0\ndata: one\n\n");
  await assertRejects(() => reader.read());
});

Deno.test("encodeEvent() lets no text forge another field", () => {
  assertEquals(encodeEvent({ data: "a\r\nid: 1\rb" }), "data: a\ndata: id: 1\ndata: b\n\n");
  assertThrows(() => encodeEvent({ id: "1\ndata: x" }), TypeError);
  assertThrows(() => encodeEvent({ event: "a\r" }), TypeError);
  assertThrows(() => encodeEvent({ id: "\0" }), TypeError);
  assertEquals(encodeEvent({ retry: 3000 }), "retry: 3000\n\n");
  for (const retry of [1.5, -1, NaN]) assertThrows(() => encodeEvent({ retry }), RangeError);
});
