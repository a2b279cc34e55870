import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { HttpDecodeError } from "../../../http/client/errors.ts";
import { events, type EventsOptions, lines, ndjson } from "../../../http/client/streams.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { serve } from "../../_support/http_servers.ts";
import { checkEveryOption } from "../../_support/options.ts";

/** A response whose body comes in pieces of this size, and that tells whether it was cancelled. */
function pieces(data: string | Uint8Array, size: number, type = "text/plain") {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const state = { cancelled: false };
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += size));
    },
    cancel: () => void (state.cancelled = true),
  });
  return Object.assign(state, {
    response: new Response(body, { headers: { "content-type": type } }),
  });
}

Deno.test("lines() yields the same lines, however the body is cut", async () => {
  const rows: [string, string[]][] = [
    ["", []],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["\n", [""]],
    ["a\r\nb\n\nc", ["a", "b", "", "c"]],
    ["a\rb\r\n", ["a\rb"]],
    ["ä€𝄞\nö", ["ä€𝄞", "ö"]],
    ["\ufeffa\n\ufeffb", ["a", "\ufeffb"]],
    ["\u2028\u0085\n", ["\u2028\u0085"]],
  ];
  for (const [text, expected] of rows) {
    for (const size of [1, 2, 3, 5, 100]) {
      assertEquals(await Array.fromAsync(lines(pieces(text, size).response)), expected);
    }
  }
  assertEquals(await Array.fromAsync(lines(new Response(null))), []);
});

Deno.test("lines() decodes the charset of the mark or of the label", async () => {
  const rows: [number[], string, string[]][] = [
    [[0xe9, 10, 0xe8], "text/plain; charset=latin1", ["é", "è"]],
    [[0xfe, 0xff, 0, 97, 0, 10, 0, 98], "text/plain", ["a", "b"]],
    [[0xef, 0xbb, 0xbf, 0xc3, 0xa9], "text/plain; charset=latin1", ["é"]],
    [[0xef, 0xbb], "text/plain; charset=latin1", ["ï»"]],
  ];
  for (const [bytes, type, expected] of rows) {
    for (const size of [1, 2, 100]) {
      const { response } = pieces(Uint8Array.from(bytes), size, type);
      assertEquals(await Array.fromAsync(lines(response)), expected);
    }
  }
});

Deno.test("events() parses the events of any response, with an incomplete one left out", async () => {
  const text = "\ufeffid: 1\ndata: ä\n\nevent: x\r\ndata: b\r\ndata: c\r\n\r\ndata: half\n";
  for (const size of [1, 2, 7, 100]) {
    // Events are UTF-8, whatever the label says.
    const { response } = pieces(text, size, "text/event-stream; charset=latin1");
    assertEquals(await Array.fromAsync(events(response)), [
      { event: "message", data: "ä", lastEventId: "1" },
      { event: "x", data: "b\nc", lastEventId: "1" },
    ]);
  }
});

Deno.test("ndjson() parses a value from each line, and tells the place of a fault", async () => {
  const text = '{"a":1}\r\n\n  \n[2]\n\x1e"x"\nnull';
  assertEquals(await Array.fromAsync(ndjson(pieces(text, 3).response)), [{ a: 1 }, [2], "x", null]);
  const seen: unknown[] = [];
  const { response, ...state } = pieces('1\n\n{"a";2}\n3', 4);
  const error = await assertRejects(async () => {
    for await (const value of ndjson(response)) seen.push(value);
  }, HttpDecodeError);
  assertEquals([seen, error.line, error.column], [[1], 3, 5]);
  assert(
    error.message.startsWith("Cannot read JSON of a response: line 3, column 5"),
    error.message,
  );
  assert(!state.cancelled || response.bodyUsed);
});

Deno.test("leaving a loop cancels the body, and a piece has a largest size", async () => {
  const readers = [
    (response: Response) => lines(response, { maxLine: 10 }),
    (response: Response) => ndjson(response, { maxLine: 10 }),
    (response: Response) => events(response, { maxEvent: 10 }),
  ];
  for (const read of readers) {
    const one = pieces("1\n\ndata: 1\n\n2\n\ndata: 2\n\n".repeat(99), 30);
    for await (const _ of read(one.response)) break;
    assert(one.cancelled);
    const long = pieces("1".repeat(1000), 3);
    const error = await assertRejects(() => Array.fromAsync(read(long.response)), NetError, "10");
    assertEquals([error.kind, error.phase, long.cancelled], ["limit", "read", true]);
    const used = new Response("1");
    await used.text();
    await assertRejects(() => Array.fromAsync(read(used)), TypeError);
  }
  const exact = lines(pieces("1234567890\n1234567890", 7).response, { maxLine: 10 });
  assertEquals((await Array.fromAsync(exact)).length, 2);
});

Deno.test("events() yields an event as soon as it is complete", async () => {
  const more = Promise.withResolvers<void>();
  await using server = serve(() =>
    new Response(ReadableStream.from((async function* () {
      yield new TextEncoder().encode("data: 1\n\n");
      await more.promise;
      yield new TextEncoder().encode("data: 2\n\n");
    })()))
  );
  await using client = createClient();
  const seen: string[] = [];
  for await (const { data } of events(await client.post(server.url, { json: {} }))) {
    seen.push(data);
    more.resolve();
  }
  assertEquals(seen, ["1", "2"]);
});

Deno.test("the readers check their options at once", async () => {
  const response = new Response("x");
  await checkEveryOption<EventsOptions>(
    "events",
    { maxEvent: "count" },
    (options) => void events(response, options),
  );
  assertThrows(() => lines(response, { maxLine: 0 }), RangeError);
  assertThrows(() => ndjson(response, { maxLines: 1 } as never), TypeError, "maxLine");
});
