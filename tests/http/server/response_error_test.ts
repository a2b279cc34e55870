/** `onEvent` of `serveHttp` gets an event for a response that cannot be sent, on both transports. */

import { assertEquals } from "@std/assert";
import type { HttpHandler, HttpServerEvent } from "../../../http/server/options.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { exchange, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";

const GET = "GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** A body that fails behind some bytes. */
function failing(error: Error = new Error("broken")): ReadableStream<Uint8Array> {
  return ReadableStream.from((function* () {
    yield new Uint8Array(1000);
    throw error;
  })());
}

/** An error of another connection than that of the client. */
const upstream = () => new NetError("the upstream is broken", { kind: "reset", phase: "read" });

function used(): Response {
  const response = new Response("a");
  void response.text();
  return response;
}

const CASES: readonly [name: string, handler: HttpHandler, error: RegExp][] = [
  ["whose body fails", () => new Response(failing()), /broken/],
  ["whose body fails with a NetError", () => new Response(failing(upstream())), /upstream/],
  ["whose body is used up", used, /used|consumed/],
  [
    "whose body fails, of a watched request",
    ({ signal }) => new Response(signal.aborted ? null : failing()),
    /broken/,
  ],
];

for (const hardened of [true, false]) {
  const on = hardened ? "hardened" : "Deno.serve";

  for (const [name, handler, expected] of CASES) {
    Deno.test(`onEvent gets an event for a response ${name}, ${on}`, async () => {
      const events: HttpServerEvent[] = [];
      const onEvent = (event: HttpServerEvent) => void events.push(event);
      await using server = serveHttp({ hardened, onEvent }, handler);
      const [status] = statuses(await exchange(server.addr.port, GET));
      await until(() => events.length === 1);
      const event = events[0]!;
      if (event.type !== "response-error") throw new Error(`It is of type ${event.type}`);
      assertEquals([event.expected, expected.test(String(event.error))], [false, true]);
      assertEquals(event.request?.url, hardened ? "http://localhost/a" : undefined);
      assertEquals(server.stats().failed, 1);
      if (name.includes("used")) assertEquals(status, 500);
    });
  }

  Deno.test(`onEvent gets no event for a client that leaves its response, ${on}`, async () => {
    const events: HttpServerEvent[] = [];
    const onEvent = (event: HttpServerEvent) => void events.push(event);
    const endless = () =>
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65536)) });
    await using server = serveHttp({ hardened, onEvent }, () => new Response(endless()));
    const conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    await conn.write(GET);
    await conn.readExact(100_000);
    conn.abort();
    await until(() => server.stats().active === 0);
    assertEquals(events, []);
  });
}
