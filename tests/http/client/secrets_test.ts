import { assertEquals } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { serve } from "../../_support/http_servers.ts";

Deno.test("parameters and secret headers of a client stay at the origin of its base URL", async () => {
  const heard: unknown[] = [];
  const hear = (request: Request) => {
    const { search } = new URL(request.url);
    const secret = ["authorization", "cookie", "x-api-key", "x-token", "x-a", "idempotency-key"];
    heard.push([search, ...secret.filter((name) => request.headers.has(name))]);
    return new Response("ok");
  };
  await using other = serve(hear);
  await using own = serve((request) =>
    request.url.includes("/away") ? Response.redirect(`${other.url}moved`) : hear(request)
  );
  await using client = createClient({
    baseUrl: own.url,
    params: { key: "SECRET" },
    auth: { bearer: "T" },
    headers: {
      "x-api-key": "K",
      "x-token": "T",
      "x-a": "1",
      cookie: "a=1",
      "idempotency-key": "i",
    },
  });
  for (const url of ["in", "in", other.url, other.url, "away"]) await client.get(url);
  await client.get(other.url, { params: { mine: 1 }, headers: { "x-api-key": "mine" } });
  const all = ["?key=SECRET", "authorization", "cookie", "x-api-key", "x-token", "x-a"];
  assertEquals(heard, [
    [...all, "idempotency-key"],
    [...all, "idempotency-key"],
    ["", "x-a", "idempotency-key"],
    ["", "x-a", "idempotency-key"],
    ["", "x-a", "idempotency-key"],
    ["?mine=1", "x-api-key", "x-a", "idempotency-key"],
  ]);
});
