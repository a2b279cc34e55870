import { assertEquals, assertMatch } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { deadPort, serve } from "../../_support/http_servers.ts";
import { traced, valuesOf } from "../../_support/telemetry.ts";

Deno.test("with OTEL_DENO, each try is a span, and the server gets its number", async () => {
  const parents: (string | null)[] = [];
  await using server = serve((request) => {
    parents.push(request.headers.get("traceparent"));
    return new Response("x", { status: parents.length < 2 ? 503 : 200 });
  });
  const script = `
    import { createClient } from ${
    JSON.stringify(new URL("../../../http/client/client.ts", import.meta.url))
  };
    await using client = createClient({ retry: { total: 1, backoffFactor: 0 } });
    await client.get(${JSON.stringify(server.url.replace("//", "//u:secret@"))} + "a?b=c").text();
    await client.post("http://127.0.0.1:${deadPort()}/", { retry: false }).catch(() => {});
  `;
  const spans = (await traced(script)).spans.get("@portside/kit/http/client")!;
  const texts = spans.map(valuesOf);
  assertEquals(spans.map(({ name, kind, status }) => [name, kind, status.code]), [
    ["GET", 3, 2],
    ["GET", 3, 0],
    ["POST", 3, 2],
  ]);
  assertEquals(texts.map((one) => one["http.response.status_code"]), ["503", "200", undefined]);
  assertEquals(texts[0]!["url.full"], `${server.url}a?b=c`);
  assertEquals([texts[1]!["http.request.resend_count"], texts[2]!["error.type"]], [1, "NetError"]);
  for (const [i, parent] of parents.entries()) {
    assertMatch(parent!, new RegExp(`^00-[0-9a-f]{32}-${spans[i]!.spanId}-01$`));
  }
});

Deno.test("without OTEL_DENO, requests have no trace", async () => {
  await using server = serve((request) => new Response(request.headers.get("traceparent")));
  await using client = createClient();
  assertEquals(await client.get(server.url).text(), "");
});
