/** The hardened server on a version of Deno whose requests and responses are not as expected. */

import { assertEquals } from "@std/assert";
import { accessLog } from "../../../http/handlers/access_log.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { useLazyRequests } from "../../../http/internal/lazy_request.ts";
import { useStaticBodies } from "../../../http/internal/static_response.ts";
import { exchange, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";
import { serverSuite } from "./_suite.ts";

useLazyRequests(false);
useStaticBodies(false);
serverSuite("the hardened transport without shortcuts", { hardened: true });

Deno.test("a method that Request rejects is refused, and the access log has it", async () => {
  const methods: string[] = [];
  const handler = accessLog(() => new Response(), {
    log: ({ method }) => void methods.push(method),
  });
  await using server = serveHttp({ hardened: true }, handler);
  const refused = ["CONNECT h:1", "TRACE /", "TRACK /", "get /"];
  for (const line of refused) {
    const text = await exchange(
      server.addr.port,
      `${line} HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n`,
    );
    assertEquals(statuses(text), [501], line);
  }
  await until(() => methods.length === refused.length);
  assertEquals(methods, ["CONNECT", "TRACE", "TRACK", "get"]);
});
