import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import { shownText } from "../../../http/internal/inspection.ts";
import { serve } from "../../_support/ws_peers.ts";

Deno.test("shownText() hides credentials and the query", () => {
  assertEquals(shownText("ws://a.test/b"), "ws://a.test/b");
  assertEquals(
    shownText("wss://user:secret@a.test:8443/b?token=secret#c"),
    "wss://a.test:8443/b?…",
  );
  assertEquals(shownText("no URL"), "");
});

Deno.test("console.log() of a connection shows no secrets", async () => {
  for (const hardened of [true, false]) {
    const { promise, resolve } = Promise.withResolvers<WsConnection>();
    await using server = serve({ hardened }, async (conn) => {
      resolve(conn);
      await conn.closed;
    });
    const headers = { authorization: "Bearer sesame", cookie: "session=sesame" };
    await using client = await connectWebSocket(`${server.url}/chat?token=sesame`, { headers });
    const conn = await promise;
    assertEquals(conn.headers.get("authorization"), "Bearer sesame");
    for (const shown of [Deno.inspect(conn), Deno.inspect({ list: [conn] }, { depth: 9 })]) {
      assert(!shown.includes("sesame"), shown);
      assertStringIncludes(shown, `id: ${conn.id}`);
      assertStringIncludes(shown, `peer: "${conn.peer}"`);
    }
    const shown = Deno.inspect(client);
    assert(shown.startsWith("WsConnection {") && !shown.includes("sesame"), shown);
  }
});
