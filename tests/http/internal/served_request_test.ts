import { assertEquals } from "@std/assert";
import { hasBody, useLazyRequests } from "../../../http/internal/lazy_request.ts";
import { servedBody, takeServedBody } from "../../../http/internal/served_request.ts";

Deno.test("hasBody() and servedBody() find the body of a request of Deno.serve without a stream", async () => {
  for (const use of [true, false]) {
    useLazyRequests(use);
    try {
      await using server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen() {} },
        async (request) => {
          const has = hasBody(request);
          const body = servedBody(request);
          const tooLong = body && takeServedBody(body, 2);
          const whole = body && takeServedBody(body, 3);
          const again = body && takeServedBody(body, 3);
          const rest = body && whole === undefined
            ? (await Array.fromAsync(body.stream)).map((chunk) => chunk.length)
            : request.bodyUsed;
          return Response.json([has, tooLong ?? null, whole?.length ?? null, again ?? null, rest]);
        },
      );
      const url = `http://127.0.0.1:${server.addr.port}/`;
      const ask = async (init: RequestInit) => await (await fetch(url, init)).json();
      assertEquals(await ask({}), [false, null, null, null, false]);
      assertEquals(
        await ask({ method: "POST", body: "abc" }),
        use ? [true, null, 3, null, true] : [true, null, null, null, [3]],
      );
      assertEquals(await ask({ method: "POST", body: "abcd" }), [true, null, null, null, [4]]);
    } finally {
      useLazyRequests(true);
    }
  }
});
