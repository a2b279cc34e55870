import { assert, assertEquals } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { createCookieJar } from "../../../http/client/cookie_jar.ts";
import { serve } from "../../_support/http_servers.ts";

Deno.test("cookies are kept for their host and path, over redirects too", async () => {
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/login") {
      const headers = new Headers({ location: "/home" });
      headers.append("set-cookie", "id=7; Path=/; HttpOnly");
      headers.append("set-cookie", "deep=1; Path=/deep");
      headers.append("set-cookie", "evil=1; Domain=example.com");
      headers.append("set-cookie", "gone=1; Max-Age=0");
      headers.append("set-cookie", `huge=${"x".repeat(9000)}`);
      return new Response(null, { status: 302, headers });
    }
    return new Response(request.headers.get("cookie"));
  });
  const jar = createCookieJar();
  await using client = createClient({ cookies: jar });
  assertEquals(await client.get(`${server.url}login`).text(), "id=7");
  assertEquals(await client.get(`${server.url}deep/x`).text(), "deep=1; id=7");
  assertEquals(await client.get(server.url, { headers: { cookie: "own=1" } }).text(), "own=1");
  assertEquals(await client.get(server.url.replace("127.0.0.1", "localhost")).text(), "");
  await using copy = createClient({ cookies: createCookieJar(JSON.parse(JSON.stringify(jar))) });
  assertEquals(await copy.get(server.url).text(), "id=7");
  await using plain = createClient();
  await plain.get(`${server.url}login`);
  assertEquals(await plain.get(server.url).text(), "");
  await using fresh = createClient({ cookies: true });
  await fresh.get(`${server.url}login`);
  assertEquals(await fresh.extend({}).get(server.url).text(), "id=7");
});

Deno.test("a jar does not grow without end, whatever servers set", async () => {
  const jar = createCookieJar();
  for (let i = 0; i < 5; i++) {
    const many = Array.from({ length: 100 }, (_, at) => `c${i * 100 + at}=1; Path=/p${at % 3}`);
    await jar.store("http://a.test/", many);
  }
  const { cookies } = jar.toJSON() as { cookies: { key: string }[] };
  assertEquals(cookies.length, 50);
  assert(cookies.some(({ key }) => key === "c499") && !cookies.some(({ key }) => key === "c0"));
  for (let i = 0; i < 1100; i++) await jar.store(`http://h${i}.test/`, ["a=1"]);
  assertEquals((jar.toJSON() as { cookies: unknown[] }).cookies.length, 1000);
  assertEquals([await jar.cookies("http://h0.test/"), await jar.cookies("http://h1099.test/")], [
    "",
    "a=1",
  ]);
  // One that is set again is no new one.
  const same = createCookieJar();
  await same.store("http://a.test/", Array.from({ length: 120 }, (_, at) => `k${at % 2}=${at}`));
  assertEquals(await same.cookies("http://a.test/"), "k0=118; k1=119");
});
