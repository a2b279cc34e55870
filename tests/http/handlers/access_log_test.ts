import { assertEquals, assertMatch } from "@std/assert";
import { type AccessEntry, accessLog, requestContext } from "../../../http/handlers/access_log.ts";
import { cors } from "../../../http/handlers/cors.ts";
import { ProblemError } from "../../../http/problem.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { exchange } from "../../_support/raw_http.ts";
import { call, ok } from "./_call.ts";

Deno.test("accessLog() logs id, trace, path and status, but no query", async () => {
  const entries: AccessEntry[] = [];
  const log = (entry: AccessEntry) => entries.push(entry);
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  let context: ReturnType<typeof requestContext>;
  const handler = accessLog((request) => {
    context = requestContext(request);
    return Response.redirect("http://h/"); // Its headers are immutable.
  }, { log });
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, tracestate: "a=b" };
  const response = await call(handler, { headers });
  const [entry] = entries;
  assertEquals([entry!.trace, entry!.path, entry!.status], [trace, "/p", 302]);
  assertEquals(response.headers.get("x-request-id"), entry!.id);
  assertEquals(context!.id, entry!.id);
  assertMatch(context!.headers.traceparent!, new RegExp(`^00-${trace}-(?!00f067)[0-9a-f]{16}-01$`));
  assertEquals(context!.headers.tracestate, "a=b");
});

Deno.test("accessLog() ignores ids and traces that are malformed or not trusted", async () => {
  const entries: AccessEntry[] = [];
  const log = (entry: AccessEntry) => entries.push(entry);
  const headers = {
    "x-request-id": "mine",
    traceparent: `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
  };
  await call(accessLog(ok, { log }), { headers });
  await call(accessLog(ok, { log, trustRequestId: true }), { headers });
  await call(accessLog(ok, { log, trustRequestId: true }), { headers: { "x-request-id": "a b" } });
  assertEquals(entries.map(({ id }) => id === "mine"), [false, true, false]);
  assertEquals(new Set(entries.map(({ trace }) => trace)).size, 3);
  for (const { trace } of entries) assertMatch(trace, /^(?!0{32})[0-9a-f]{32}$/);
});

Deno.test("accessLog() and cors() leave a value that is not a Response to the server", async () => {
  for (const hardened of [false, true]) {
    for (const value of [{ a: 1 }, "text", null, undefined]) {
      const statuses: number[] = [];
      const errors: string[] = [];
      const handler = accessLog(
        cors(() => value as unknown as Response, { origins: "*" }),
        { log: ({ status }) => statuses.push(status) },
      );
      {
        await using server = serveHttp({
          hardened,
          onEvent: (event) => {
            if (event.type === "error") errors.push((event.error as Error).message);
          },
        }, handler);
        const response = await fetch(server.url);
        assertEquals([response.status, (await response.json()).status], [500, 500]);
      }
      assertEquals([statuses, errors], [[500], ["The handler returned no Response"]]);
    }
  }
});

Deno.test("accessLog() logs the status of an error that a handler throws", async () => {
  const statuses: number[] = [];
  const log = ({ status }: AccessEntry) => statuses.push(status);
  for (const error of [new ProblemError(404), new Error("x")]) {
    await using server = serveHttp({}, accessLog(() => Promise.reject(error), { log }));
    await (await fetch(server.url)).body?.cancel();
    await server.shutdown();
  }
  assertEquals(statuses, [404, 500]);
});

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";

  Deno.test(`accessLog() and cors() also mark the responses to failures, on ${where}`, async () => {
    const ids: string[] = [];
    const failing = (request: Request) => {
      if (request.url.endsWith("/late")) return new Promise<Response>(() => {});
      throw request.url.endsWith("/known") ? new ProblemError(409) : new Error("secret");
    };
    const handler = accessLog(cors(failing, { origins: ["https://a.example"] }), {
      log: ({ id }) => ids.push(id),
    });
    await using server = serveHttp({ hardened, handlerTimeout: 100 }, handler);
    const told: (string | null)[] = [];
    for (const [path, status] of [["/known", 409], ["/bug", 500], ["/late", 503]] as const) {
      const response = await fetch(server.url + path, { headers: { origin: "https://a.example" } });
      await response.body?.cancel();
      assertEquals(response.status, status);
      assertEquals(response.headers.get("access-control-allow-origin"), "https://a.example");
      told.push(response.headers.get("x-request-id"));
    }
    await server.shutdown();
    assertEquals(told, ids);
  });

  Deno.test(`accessLog() logs a truncated request body as a fault of the client, on ${where}`, async () => {
    const statuses: number[] = [];
    const handler = accessLog(async (request) => new Response(await request.text()), {
      log: ({ status }) => statuses.push(status),
    });
    await using server = serveHttp({ hardened }, handler);
    const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
    await exchange(server.addr.port, head, { halfClose: true });
    await server.shutdown();
    assertEquals(statuses, [400]);
    assertEquals(server.stats().failed, 0);
  });

  Deno.test(`accessLog() logs a handler whose time limit expires, on ${where}`, async () => {
    const statuses: number[] = [];
    const told = Promise.withResolvers<void>();
    const log = ({ status }: AccessEntry) => {
      statuses.push(status);
      told.resolve();
    };
    const never = Promise.withResolvers<Response>();
    const handler = accessLog(() => never.promise, { log });
    await using server = serveHttp({ hardened, handlerTimeout: 50 }, handler);
    const response = await fetch(server.url);
    assertEquals(response.status, 503);
    await response.body?.cancel();
    await told.promise;
    await server.shutdown();
    never.resolve(new Response("too late"));
    await never.promise;
    assertEquals(statuses, [503]);
  });

  Deno.test(`accessLog() logs a stream that a shutdown cuts, on ${where}`, async () => {
    const statuses: number[] = [];
    const cancelled = Promise.withResolvers<void>();
    const stream = () =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(3)),
        cancel: () => cancelled.resolve(),
      });
    const log = ({ status }: AccessEntry) => statuses.push(status);
    await using server = serveHttp({ hardened }, accessLog(() => new Response(stream()), { log }));
    const reader = (await fetch(server.url)).body!.getReader();
    await reader.read();
    assertEquals((await server.shutdown({ deadline: 50 })).forced, 1);
    await cancelled.promise;
    await reader.read().catch(() => {});
    assertEquals(statuses, [200]);
  });
}
