import { assert, assertEquals, assertThrows } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { type CookieJar, createCookieJar } from "../../../http/client/cookie_jar.ts";
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

Deno.test("a jar does not grow without end, whatever servers set", () => {
  const jar = createCookieJar();
  for (let i = 0; i < 5; i++) {
    const many = Array.from({ length: 100 }, (_, at) => `c${i * 100 + at}=1; Path=/p${at % 3}`);
    jar.store("http://a.test/", many);
  }
  const { cookies } = jar.toJSON();
  assertEquals(cookies.length, 50);
  assert(cookies.some(({ name }) => name === "c499") && !cookies.some(({ name }) => name === "c0"));
  for (let i = 0; i < 1100; i++) jar.store(`http://h${i}.test/`, ["a=1"]);
  assertEquals(jar.toJSON().cookies.length, 1000);
  assertEquals([jar.cookies("http://h0.test/"), jar.cookies("http://h1099.test/")], [
    "",
    "a=1",
  ]);
  // One that is set again is no new one.
  const same = createCookieJar();
  same.store("http://a.test/", Array.from({ length: 120 }, (_, at) => `k${at % 2}=${at}`));
  assertEquals(same.cookies("http://a.test/"), "k0=118; k1=119");
});

/** A jar in which a URL has set these cookies. */
function jarOf(url: string, ...setCookies: string[]): CookieJar {
  const jar = createCookieJar();
  jar.store(url, setCookies);
  return jar;
}

Deno.test("a jar takes what RFC 6265bis takes, and nothing else", () => {
  const rows: [url: string, setCookie: string, cookies: string][] = [
    ["http://a.test/", "a=1", "a=1"],
    ["http://a.test/", "  a \t=  b c ; Path=/", "a=b c"],
    ["http://a.test/", 'a="x"', 'a="x"'],
    ["http://a.test/", "a=b=c", "a=b=c"],
    ["http://a.test/", "nameless", "nameless"],
    ["http://a.test/", "=nameless", "nameless"],
    ["http://a.test/", "a=", "a="],
    ["http://a.test/", "=", ""],
    ["http://a.test/", "", ""],
    ["http://a.test/", "a=1\x01", ""],
    ["http://a.test/", "a=1; Path=/\x7f", ""],
    ["http://a.test/", "a=1\tb", "a=1\tb"],
    ["http://a.test/", `a=${"x".repeat(4095)}`, `a=${"x".repeat(4095)}`],
    ["http://a.test/", `a=${"x".repeat(4096)}`, ""],
    ["http://a.test/", `a=1; Path=/${"x".repeat(1024)}`, "a=1"],
    ["http://a.test/", "a=1; Max-Age=0", ""],
    ["http://a.test/", "a=1; Max-Age=-5", ""],
    ["http://a.test/", "a=1; Max-Age=x", "a=1"],
    ["http://a.test/", "a=1; Max-Age=9999999999999999999999", "a=1"],
    ["http://a.test/", "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=1"],
    ["http://a.test/", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""],
    ["http://a.test/", "a=1; expires=Thursday, 01-Jan-70 00:00:00 GMT", ""],
    ["http://a.test/", "a=1; Expires=soon", "a=1"],
    ["http://a.test/", "a=1; Path=/; Path=/x", ""],
    ["http://a.test/", "a=1; Path=x", "a=1"],
    // Domains.
    ["http://a.b.test/", "a=1; Domain=b.test", "a=1"],
    ["http://a.b.test/", "a=1; Domain=.B.TEST", "a=1"],
    ["http://a.b.test/", "a=1; Domain=", "a=1"],
    ["http://a.b.test/", "a=1; Domain=c.test", ""],
    ["http://a.b.test/", "a=1; Domain=x.a.b.test", ""],
    ["http://ab.test/", "a=1; Domain=b.test", ""],
    ["http://a.b.test/", "a=1; Domain=test", ""],
    ["http://a.co.uk/", "a=1; Domain=co.uk", ""],
    ["http://a.co.uk./", "a=1; Domain=co.uk.", ""],
    ["http://a.b.test./", "a=1; Domain=b.test.", "a=1"],
    ["http://co.uk/", "a=1; Domain=co.uk", "a=1"],
    ["http://github.io/", "a=1; Domain=github.io", "a=1"],
    ["http://a.github.io/", "a=1; Domain=github.io", ""],
    ["http://localhost/", "a=1; Domain=localhost", "a=1"],
    ["http://127.0.0.1/", "a=1; Domain=127.0.0.1", "a=1"],
    ["http://127.0.0.1/", "a=1; Domain=0.0.1", ""],
    ["http://[::1]/", "a=1; Domain=[::1]", "a=1"],
    // Secure, and the prefixes in any case.
    ["http://a.test/", "a=1; Secure", ""],
    ["https://a.test/", "a=1; Secure", "a=1"],
    ["wss://a.test/", "a=1; Secure", "a=1"],
    ["https://a.test/", "__Secure-a=1", ""],
    ["https://a.test/", "__Secure-a=1; Secure", "__Secure-a=1"],
    ["https://a.test/", "__SECURE-a=1", ""],
    ["http://a.test/", "__secure-a=1; Secure", ""],
    ["https://a.test/", "__Host-a=1; Secure; Path=/", "__Host-a=1"],
    ["https://a.test/", "__Host-a=1; Secure", ""],
    ["https://a.test/", "__hOsT-a=1; Secure; Path=/x", ""],
    ["https://a.b.test/", "__Host-a=1; Secure; Path=/; Domain=b.test", ""],
    ["https://a.test/", "__host-a=1; Path=/", ""],
    ["https://a.test/", "=__Host-a=1; Secure; Path=/", ""],
    ["https://a.test/", "__Secure-a; Secure", ""],
  ];
  for (const [url, setCookie, cookies] of rows) {
    assertEquals(jarOf(url, setCookie).cookies(url), cookies, `${url} ${setCookie}`);
  }
});

Deno.test("http: never replaces or hides a Secure cookie", () => {
  const set = (second: string, url = "http://a.test/") => {
    const jar = jarOf("https://a.test/", "id=1; Secure; Path=/p");
    jar.store(url, [second]);
    return [jar.cookies("https://a.test/p"), jar.cookies("http://a.test/p")];
  };
  assertEquals(set("id=2; Path=/p"), ["id=1", ""]);
  assertEquals(set("id=2; Path=/p/q"), ["id=1", ""]);
  assertEquals(set("id=; Max-Age=0; Path=/p"), ["id=1", ""]);
  assertEquals(set("id=2; Path=/"), ["id=1; id=2", "id=2"]);
  assertEquals(set("other=2; Path=/p"), ["id=1; other=2", "other=2"]);
  assertEquals(set("id=2; Path=/p", "https://a.test/"), ["id=2", "id=2"]);
  const jar = jarOf("https://a.b.test/", "id=1; Secure");
  jar.store("http://c.b.test/", ["id=2; Domain=b.test"]);
  assertEquals([...jar].length, 1);
  const below = jarOf("https://b.test/", "id=1; Secure; Domain=b.test");
  below.store("http://a.b.test/", ["id=2"]);
  assertEquals(below.cookies("https://a.b.test/"), "id=1");
});

Deno.test("cookies go to the hosts and paths that they are for, the longest path first", () => {
  const jar = jarOf(
    "http://a.b.test/x/y",
    "host=1",
    "wide=2; Domain=b.test",
    "deep=3; Path=/x/y/z",
  );
  const rows: [string, string][] = [
    ["http://a.b.test/x", "host=1; wide=2"],
    ["http://a.b.test/x/y/z/1", "deep=3; host=1; wide=2"],
    ["http://a.b.test/xy", ""],
    ["http://a.b.test/", ""],
    ["http://b.test/x", "wide=2"],
    ["http://c.b.test/x/", "wide=2"],
    ["http://z.a.b.test/x", "wide=2"],
    ["http://ab.test/x", ""],
    ["http://a.b.test:81/x", "host=1; wide=2"],
  ];
  for (const [url, cookies] of rows) assertEquals(jar.cookies(url), cookies, url);
  // A cookie that is set again keeps its place.
  const order = jarOf("http://a.test/", "a=1");
  const later = { ...order.toJSON().cookies[0]!, name: "b", created: Date.now() + 5 };
  const both = createCookieJar({ cookies: [later, ...order.toJSON().cookies] });
  both.set("http://a.test/", "a=2");
  assertEquals(both.cookies("http://a.test/"), "a=2; b=1");
});

Deno.test("a jar gets, sets and clears cookies", () => {
  const jar = createCookieJar();
  assertEquals(
    jar.set("http://a.b.test/", "id=7; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"),
    true,
  );
  assertEquals(jar.set("http://a.b.test/", "id=8; Domain=evil.test"), false);
  const { created: _, expires, ...cookie } = jar.get("http://a.b.test/", "id")!;
  assertEquals(cookie, {
    name: "id",
    value: "7",
    domain: "a.b.test",
    hostOnly: true,
    path: "/",
    secure: false,
    httpOnly: true,
    sameSite: "lax",
  });
  assert(expires! > Date.now() + 50_000 && expires! <= Date.now() + 60_000);
  assertEquals(jar.get("http://b.test/", "id"), undefined);
  jar.store("http://b.test/", ["id=1; Domain=b.test", "x=2"]);
  jar.store("http://c.test/", ["id=3"]);
  assertEquals([...jar].length, 4);
  assertEquals(jar.clear({ domain: "b.test", name: "id" }), 2);
  assertEquals(jar.clear({ domain: "B.test" }), 1);
  assertEquals([...jar].map(({ domain }) => domain), ["c.test"]);
  assertEquals([jar.clear(), [...jar]], [1, []]);
  assertThrows(() => jar.clear({ host: "a" } as never), TypeError, "clear has no option");
});

Deno.test("a life is at most 400 days", () => {
  const most = Date.now() + 400 * 24 * 3600 * 1000 + 1000;
  const jar = jarOf(
    "http://a.test/",
    "a=1; Max-Age=99999999999",
    "b=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT",
  );
  for (const { expires } of jar) assert(expires! <= most);
  assertEquals([...jar].length, 2);
});

Deno.test("a jar is saved as JSON and as cookies.txt, and loads what curl writes", () => {
  const jar = jarOf(
    "https://a.b.test/p/q",
    "id=7; Secure; HttpOnly; Max-Age=60",
    "s=1; Domain=b.test",
  );
  for (
    const loaded of [
      createCookieJar(JSON.parse(JSON.stringify(jar))),
      createCookieJar(jar.toText()),
    ]
  ) {
    assertEquals(loaded.cookies("https://a.b.test/p/"), "id=7; s=1");
    assertEquals(loaded.cookies("http://b.test/p/"), "s=1");
    assertEquals(loaded.get("https://a.b.test/p/", "id")?.httpOnly, true);
  }
  const [, first, second] = jar.toText().split("\n");
  assert(/^#HttpOnly_a\.b\.test\tFALSE\t\/p\tTRUE\t\d{10}\tid\t7$/.test(first!), first);
  assertEquals(second, ".b.test\tTRUE\t/p\tFALSE\t0\ts\t1");
  const curl = [
    "# Netscape HTTP Cookie File",
    "# https://curl.se/docs/http-cookies.html",
    "",
    "#HttpOnly_.example.com\tTRUE\t/\tFALSE\t4102444800\tid\ta b",
    "example.com\tFALSE\t/\tTRUE\t0\tsecret\t",
    "example.com\tFALSE\t/\tFALSE\t1\told\tx",
    "nonsense",
    "example.com\tFALSE\tno-path\tFALSE\t0\tx\tx",
    "example.com\tFALSE\t/\tFALSE\tsoon\tx\tx",
  ].join("\r\n");
  const loaded = createCookieJar(curl);
  assertEquals(loaded.cookies("https://example.com/"), "id=a b; secret=");
  assertEquals(loaded.cookies("http://www.example.com/"), "id=a b");
  const line = { name: "a", value: "b", domain: "a.test", path: "/\na.test\tTRUE" };
  assertEquals(
    [...createCookieJar({ cookies: [line, { ...line, path: "/", domain: "a\n" }] })],
    [],
  );
  for (const broken of [null, 7, [], { cookies: 7 }, { cookies: [null, {}, { name: "a" }] }, ""]) {
    assertEquals([...createCookieJar(broken)], []);
  }
});
