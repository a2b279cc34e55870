/** A middleware may pass on a copy of the request, for example with other header fields. */

import { configure, type LogRecord, reset } from "@logtape/logtape";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { serveHttp } from "../../../http/server/server.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import { upgrade } from "../../../ws/server/upgrade.ts";
import { createUpgrader } from "../../../ws/server/upgrader.ts";
import { echo } from "../../_support/ws_peers.ts";

const COPIES: Record<string, (request: Request) => Request> = {
  "new Request(request)": (request) => new Request(request),
  "clone()": (request) => request.clone(),
  "other header fields": ({ url, headers }) =>
    new Request(url, { headers: { ...Object.fromEntries(headers), "x-user": "ann" } }),
};

for (const hardened of [true, false]) {
  const server = hardened ? "a hardened server" : "Deno.serve";
  for (const [name, copy] of Object.entries(COPIES)) {
    Deno.test(`on ${server}, a copy by ${name} can be upgraded`, async () => {
      const sockets = createUpgrader({}, echo);
      await using http = serveHttp({ hardened }, (request, info) => {
        return sockets.upgrade(copy(request), info);
      });
      await using conn = await connectWebSocket(http.url.replace("http", "ws"));
      await conn.send("hello");
      assertEquals(await conn.receive({ timeout: 30_000 }), "hello");
      await conn.close();
      await sockets.shutdown();
    });
  }
}

Deno.test("a copy without the info of its handler is logged with what to do", async () => {
  const { promise, resolve } = Promise.withResolvers<LogRecord>();
  const ended = Promise.withResolvers<unknown>();
  await configure({
    sinks: { seen: resolve },
    loggers: [
      { category: "portside", sinks: ["seen"], lowestLevel: "warning" },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  try {
    await using http = serveHttp({}, async (request, { remoteAddr }) => {
      const options = { handshakeTimeout: 20, closeTimeout: 20 };
      const { response, connection } = await upgrade(new Request(request), { remoteAddr }, options);
      ended.resolve(connection?.closed);
      return response;
    });
    await connectWebSocket(http.url.replace("http", "ws")).catch(() => {});
    assertStringIncludes((await promise).message.join(""), "do not upgrade a copy of the request");
    await ended.promise;
  } finally {
    await reset();
  }
});
