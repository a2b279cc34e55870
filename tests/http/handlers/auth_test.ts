import { assertEquals, assertThrows } from "@std/assert";
import { basicAuth, bearerAuth, userOf } from "../../../http/handlers/auth.ts";
import { call, ok } from "./_call.ts";

Deno.test("basicAuth() accepts the right password", async () => {
  const handler = basicAuth((request) => new Response(userOf(request)), {
    users: { ada: "pä:ss", constructor: "x" },
    realm: 'a "b"',
  });
  const ask = async (authorization?: string) => {
    const response = await call(handler, authorization ? { headers: { authorization } } : {});
    return response.status === 401 ? response.headers.get("www-authenticate") : response.text();
  };
  const basic = (text: string) => `basic ${new TextEncoder().encode(text).toBase64()}`;
  const challenge = 'Basic realm="a \\"b\\"", charset="UTF-8"';
  assertEquals(await ask(basic("ada:pä:ss")), "ada");
  for (
    const wrong of [
      undefined,
      basic("ada:pa"),
      basic("toString:x"),
      basic(":"),
      basic("ada"),
      basic("ada:pä:ss\0"),
      basic("\ufeffada:pä:ss"),
      "Basic ****",
      "Basic /w==",
      "Bearer x",
    ]
  ) assertEquals(await ask(wrong), challenge, wrong);
  assertThrows(() => basicAuth(ok, {}), TypeError);
  assertThrows(() => basicAuth(ok, { users: {}, realm: "a\r\nb" }), TypeError);
});

Deno.test("bearerAuth() accepts a valid token", async () => {
  const handler = bearerAuth((request) => new Response(userOf(request)), {
    verify: (token) => Promise.resolve(token === "t" ? "ada" : null),
  });
  const ask = (authorization: string) => call(handler, { headers: { authorization } });
  assertEquals(await (await ask("Bearer t")).text(), "ada");
  const refused = await ask("Bearer u");
  assertEquals(
    refused.headers.get("www-authenticate"),
    'Bearer realm="restricted", error="invalid_token"',
  );
  const fixed = bearerAuth(ok, { tokens: ["a", "b"] });
  assertEquals((await call(fixed, { headers: { authorization: "Bearer b" } })).status, 200);
  assertEquals((await call(fixed, { headers: { authorization: "Bearer c" } })).status, 401);
  assertEquals((await call(fixed)).status, 401);
});

Deno.test("basicAuth() and bearerAuth() refuse every result of verify but the documented one", async () => {
  // A lookup that is typed loosely: an absent row, a flag instead of a name.
  for (const result of [undefined, null, false, true, 0, 1, "", {}, NaN] as unknown as string[]) {
    const bearer = bearerAuth(ok, { verify: () => result });
    assertEquals((await call(bearer, { headers: { authorization: "Bearer t" } })).status, 401);
    if (result as unknown === true) continue;
    const basic = basicAuth(ok, { verify: () => result as unknown as boolean });
    const authorization = `Basic ${btoa("a:b")}`;
    assertEquals((await call(basic, { headers: { authorization } })).status, 401);
  }
});
