import { assertEquals, assertMatch } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { LOCK } from "../../_support/flags.ts";
import { deadPort, serve } from "../../_support/http_servers.ts";

interface SentSpan {
  readonly name: string;
  readonly kind: number;
  readonly spanId: string;
  readonly status: { readonly code: number; readonly message: string };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

Deno.test("with OTEL_DENO, each try is a span, and the server gets its number", async () => {
  const spans: SentSpan[] = [];
  await using receiver = serve(async (request) => {
    const body = await request.json();
    for (const { scopeSpans } of body.resourceSpans ?? []) {
      for (const scope of scopeSpans) {
        if (scope.scope.name === "@portside/kit/http/client") spans.push(...scope.spans);
      }
    }
    return Response.json({});
  });
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
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", LOCK, "--allow-net", "--ext=ts", "-"],
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(script));
  await input.close();
  const { code, stderr } = await child.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  const texts = spans.map(({ attributes }) =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
  );
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
