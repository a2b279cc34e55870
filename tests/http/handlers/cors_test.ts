import { assertEquals, assertThrows } from "@std/assert";
import { cors } from "../../../http/handlers/cors.ts";
import { call, ok } from "./_call.ts";

Deno.test("cors() allows the named origins, and no other", async () => {
  const handler = cors(ok, {
    origins: ["https://a.example"],
    credentials: true,
    exposeHeaders: ["x-a"],
  });
  const seen = async (origin: string) => {
    const { headers } = await call(handler, { headers: { origin } });
    return ["allow-origin", "allow-credentials", "expose-headers"].map((name) =>
      headers.get(`access-control-${name}`)
    ).concat(headers.get("vary"));
  };
  assertEquals(await seen("https://a.example"), ["https://a.example", "true", "x-a", "origin"]);
  assertEquals(await seen("https://a.example.evil"), [null, null, null, "origin"]);
  assertEquals(await seen("null"), [null, null, null, "origin"]);
});

Deno.test("cors() allows every origin, and caches may share the response", async () => {
  const handler = cors(ok, { origins: "*" });
  for (const headers of [{}, { origin: "https://a.example" }, { origin: "null" }]) {
    const response = await call(handler, { headers: headers as HeadersInit });
    assertEquals(response.headers.get("access-control-allow-origin"), "*");
    assertEquals(response.headers.get("vary"), null);
  }
});

Deno.test("cors() calls a function, of which only true allows", async () => {
  for (
    const [answer, allowed] of [[true, true], [false, false], [undefined, false], [
      1,
      false,
    ]] as const
  ) {
    for (const value of [answer, Promise.resolve(answer)]) {
      const handler = cors(ok, { origins: () => value as boolean });
      const { headers } = await call(handler, { headers: { origin: "https://a.example" } });
      const expected = allowed ? "https://a.example" : null;
      assertEquals(headers.get("access-control-allow-origin"), expected);
      assertEquals(headers.get("vary"), "origin");
    }
  }
});

Deno.test("cors() rejects malformed options", () => {
  for (const maxAge of [-1, NaN, 1.5, Infinity]) {
    assertThrows(() => cors(ok, { origins: "*", maxAge }), RangeError);
  }
  for (
    const options of [
      { methods: ["PUT\r\nX: y"] },
      { headers: ["a b"] },
      { exposeHeaders: [""] },
      { origins: ["https://*.app.test"] },
      { origins: ["null"] },
    ]
  ) assertThrows(() => cors(ok, { origins: "*", ...options }), TypeError);
});

Deno.test("cors() answers preflights, and leaves other OPTIONS to the handler", async () => {
  const handler = cors(ok, { origins: "*", methods: ["PUT"], headers: ["x-a"] });
  const headers = { origin: "https://a.example", "access-control-request-method": "PUT" };
  const response = await call(handler, { method: "OPTIONS", headers });
  assertEquals(response.status, 204);
  assertEquals(response.headers.get("access-control-allow-headers"), "x-a");
  assertEquals(await (await call(handler, { method: "OPTIONS" })).text(), "ok");
  assertThrows(() => cors(ok, { origins: "*", credentials: true }), TypeError);
  assertThrows(() => cors(ok, { origins: ["https://a.example/"] }), TypeError);
});
