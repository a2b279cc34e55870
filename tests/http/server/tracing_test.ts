import { assertEquals } from "@std/assert";
import { traced, valuesOf } from "../../_support/telemetry.ts";

const module = (path: string) => JSON.stringify(new URL(`../../../${path}`, import.meta.url));

Deno.test("with OTEL_DENO, a hardened server writes the spans and metrics of Deno.serve", async () => {
  const { spans, metrics } = await traced(`
    import { createClient } from ${module("http/client/client.ts")};
    import { serveHttp } from ${module("http/server/server.ts")};
    import { problem } from ${module("http/problem.ts")};
    await using inner = serveHttp({ hardened: true }, () => new Response("inner"));
    await using client = createClient();
    await using server = serveHttp({ hardened: true }, async (request) => {
      if (request.method === "POST") return problem(503);
      return new Response(await client.get(inner.url).text());
    });
    await client.get(server.url + "/a?b=c").text();
    await client.post(server.url, { body: "x", retry: false, raiseForStatus: false }).text();
  `);
  const served = spans.get("@portside/kit/http/server")!;
  const sent = spans.get("@portside/kit/http/client")!;
  const [innerSpan, outerSpan, failed] = served;
  assertEquals(served.map(({ name, kind, status }) => [name, kind, status.code]), [
    ["GET", 2, 0],
    ["GET", 2, 0],
    ["POST", 2, 2],
  ]);
  const { "http.request.method": method, "url.path": path, ...rest } = valuesOf(outerSpan!);
  assertEquals([method, path, rest["url.query"], rest["http.response.status_code"]], [
    "GET",
    "/a",
    "b=c",
    "200",
  ]);
  assertEquals(valuesOf(failed!)["error.type"], "503");
  // One trace: the client, the server, its request to the inner server, and that one.
  const byId = new Map([...served, ...sent].map((span) => [span.spanId, span]));
  const path4 = [innerSpan!];
  while (byId.has(path4.at(-1)!.parentSpanId)) path4.push(byId.get(path4.at(-1)!.parentSpanId)!);
  assertEquals(path4.map(({ kind }) => kind), [2, 3, 2, 3]);
  assertEquals([...metrics.get("@portside/kit/http/server")!].sort(), [
    "http.server.active_requests",
    "http.server.request.body.size",
    "http.server.request.duration",
    "http.server.response.body.size",
  ]);
});
