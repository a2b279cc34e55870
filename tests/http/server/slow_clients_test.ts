/** Slow clients of a hardened server, in every shape, and when each of them is ended. */

import { assert, assertEquals } from "@std/assert";
import { serveHttp, type ServeHttpOptions } from "../../../http/server/server.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { rest, statuses } from "../../_support/raw_http.ts";

const LIMIT = 400;
const HEAD = "GET / HTTP/1.1\r\nHost: h\r\n";
const POST = "POST / HTTP/1.1\r\nHost: h\r\n";

interface Shape {
  /** The bytes that are sent at once. */
  begin: string;
  /** The bytes that are sent repeatedly. */
  drip?: string;
  /** The limit that has to end it; all others are far away. */
  limit: keyof ServeHttpOptions;
  /** The answers. */
  expected: number[];
}

const SHAPES: Record<string, Shape> = {
  "that is silent": { begin: "", limit: "headTimeout", expected: [] },
  "that sends empty lines": { begin: "\r\n", limit: "headTimeout", expected: [] },
  "with half a head": { begin: `${HEAD}X-A: b\r\n`, limit: "headTimeout", expected: [408] },
  "with half a line": { begin: "GET / HT", limit: "headTimeout", expected: [408] },
  "whose head drips": { begin: HEAD, drip: "X: y\r\n", limit: "headTimeout", expected: [408] },
  "whose second head drips": {
    begin: `${HEAD}\r\n${HEAD}`,
    drip: "a",
    limit: "headTimeout",
    expected: [200, 408],
  },
  "that is idle": { begin: `${HEAD}\r\n`, limit: "idleTimeout", expected: [200] },
  "whose body stalls": {
    begin: `${POST}Content-Length: 9\r\n\r\nabc`,
    limit: "bodyTimeout",
    expected: [408],
  },
  "whose body drips": {
    begin: `${POST}Content-Length: 9000\r\n\r\nabc`,
    drip: "d",
    limit: "bodyTimeout",
    expected: [408],
  },
  "whose chunks drip": {
    begin: `${POST}Transfer-Encoding: chunked\r\n\r\n`,
    drip: "1\r\na\r\n",
    limit: "bodyTimeout",
    expected: [408],
  },
  "whose chunk extension drips": {
    begin: `${POST}Transfer-Encoding: chunked\r\n\r\n1;`,
    drip: "x",
    limit: "bodyTimeout",
    expected: [408],
  },
  "whose trailers drip": {
    begin: `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n`,
    drip: "X: y\r\n",
    limit: "bodyTimeout",
    expected: [408],
  },
  "that never sends the body it asked for": {
    begin: `${POST}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n`,
    limit: "bodyTimeout",
    expected: [100, 408],
  },
};

const FAR: ServeHttpOptions = {
  hardened: true,
  headTimeout: 3_600_000,
  idleTimeout: 3_600_000,
  bodyTimeout: 3_600_000,
  writeTimeout: 3_600_000,
  minBodyRate: 1_000_000,
};

for (const [what, { begin, drip, limit, expected }] of Object.entries(SHAPES)) {
  Deno.test(`serveHttp() hardened ends a client ${what} at its ${limit}`, async () => {
    await using server = serveHttp({ ...FAR, [limit]: LIMIT }, async (request) => {
      return new Response(await request.text());
    });
    // The limit may begin before this side knows that it is connected.
    const started = performance.now();
    await using conn = await connectTcp({ port: server.addr.port, readTimeout: 10_000 });
    await conn.write(begin);
    const dripping = drip === undefined ? undefined : setInterval(() => conn.trySend(drip), 25);
    try {
      const text = await rest(conn);
      const took = performance.now() - started;
      assert(took >= LIMIT - 1 && took < LIMIT + 5000, `after ${took} ms`);
      // Bytes for a closed end reset the connection, sometimes before the client has read.
      const told = statuses(text);
      if (drip === undefined || text.endsWith("}")) assertEquals(told, expected, text);
    } finally {
      clearInterval(dripping);
    }
    assertEquals(server.stats().active, 0);
  });
}

Deno.test("serveHttp() hardened ends a client that does not read its response", async () => {
  const completed = Promise.withResolvers<void>();
  let cancelled = false;
  await using server = serveHttp({ ...FAR, writeTimeout: LIMIT }, (_request, info) => {
    info.completed.then(completed.resolve);
    return new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
        cancel: () => void (cancelled = true),
      }, { highWaterMark: 0 }),
    );
  });
  await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
  await conn.write(`${HEAD}\r\n`);
  await completed.promise;
  assert(cancelled);
  assertEquals(server.stats().active, 0);
});
