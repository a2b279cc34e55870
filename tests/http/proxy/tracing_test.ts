import { assertEquals, assertMatch } from "@std/assert";
import { type SentSpan, traced, valuesOf } from "../../_support/telemetry.ts";

const module = (path: string) => JSON.stringify(new URL(`../../../${path}`, import.meta.url));

const MODULES = `
  import { createClient } from ${module("http/client/client.ts")};
  import { serveHttp } from ${module("http/server/server.ts")};
  import { serveProxy } from ${module("http/proxy/proxy.ts")};
  import { reverseProxy } from ${module("http/proxy/reverse/reverse_proxy.ts")};
`;

/** Returns the scopes of a span and of all those above it. */
function pathOf(spans: ReadonlyMap<string, readonly SentSpan[]>, from: SentSpan): string[] {
  const all = [...spans].flatMap(([scope, some]) => some.map((span) => ({ scope, span })));
  const path: string[] = [];
  for (let id: string | undefined = from.spanId; id !== undefined;) {
    const found = all.find(({ span }) => span.spanId === id);
    if (found === undefined) break;
    path.push(`${found.scope.split("/").at(-1)} ${found.span.kind}`);
    id = found.span.parentSpanId;
  }
  return path;
}

Deno.test("with OTEL_DENO, a proxy writes spans of a server and of a client, and metrics", async () => {
  const { spans, metrics } = await traced(`${MODULES}
    const parents = [];
    await using origin = serveHttp({ hardened: true }, (request) => {
      parents.push(request.headers.get("traceparent"));
      if (parents.length !== new Set(parents).size) throw new Error("sent twice");
      return new Response("origin", { status: request.method === "POST" ? 503 : 200 });
    });
    await using proxy = serveProxy({ port: 0, allowPrivate: true });
    await using client = createClient({ proxy: proxy.url, retry: false, raiseForStatus: false });
    await client.get(origin.url.replace("//", "//u:secret@") + "/a?b=c").text();
    await client.post(origin.url, { body: "x" }).text();
    await client.get("http://127.0.0.1:1/").text();
  `);
  const proxied = spans.get("@portside/kit/http/proxy")!;
  const told = proxied.map(({ name, kind, status }) => [name, kind, status.code]);
  assertEquals(told, [
    ["GET", 3, 0],
    ["GET", 2, 0],
    ["POST", 3, 2],
    ["POST", 2, 2],
    ["GET", 2, 2],
  ]);
  for (const span of proxied) {
    assertMatch(`${valuesOf(span)["url.full"]}`, /^http:\/\/127\.0\.0\.1:\d+\//);
  }
  const served = spans.get("@portside/kit/http/server")!;
  assertEquals(pathOf(spans, served[0]!), ["server 2", "proxy 3", "proxy 2", "client 3"]);
  assertEquals([...metrics.get("@portside/kit/http/proxy")!].sort(), [
    "http.server.active_requests",
    "http.server.request.body.size",
    "http.server.request.duration",
    "http.server.response.body.size",
  ]);
});

Deno.test("with OTEL_DENO, a reverse proxy writes the span of each attempt", async () => {
  const { spans } = await traced(`${MODULES}
    await using origin = serveHttp({ hardened: true }, () => new Response("origin"));
    await using plain = reverseProxy(origin.url);
    await using changed = reverseProxy(origin.url, { rewrite: (to) => void (to.path = "/changed") });
    await using front = serveHttp({ hardened: true }, (request, info) =>
      new URL(request.url).pathname === "/1"
        ? plain(request, info)
        : changed(request, info));
    await using client = createClient();
    await client.get(front.url + "/1").text();
    await client.get(front.url + "/2").text();
  `);
  const sent = spans.get("@portside/kit/http/reverse-proxy")!;
  assertEquals(sent.map(({ name, kind, status }) => [name, kind, status.code]), [
    ["GET", 3, 0],
    ["GET", 3, 0],
  ]);
  const served = spans.get("@portside/kit/http/server")!;
  const [first, second] = served.filter((span) => pathOf(spans, span).length === 4);
  const path = ["server 2", "reverse-proxy 3", "server 2", "client 3"];
  assertEquals([pathOf(spans, first!), pathOf(spans, second!)], [path, path]);
  assertEquals(valuesOf(second!)["url.path"], "/changed");
});
