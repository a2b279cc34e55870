import { assertEquals, assertThrows } from "@std/assert";
import { readProxy } from "../../../http/internal/proxy_server.ts";

Deno.test("readProxy() reads scheme, host, port and login", () => {
  const rows: [url: string, shown: string, host: string, port: number][] = [
    ["http://proxy.test:3128", "http://proxy.test:3128", "proxy.test", 3128],
    ["http://proxy.test", "http://proxy.test:80", "proxy.test", 80],
    ["https://proxy.test/", "https://proxy.test:443", "proxy.test", 443],
    ["socks5://127.0.0.1", "socks5://127.0.0.1:1080", "127.0.0.1", 1080],
    ["socks5h://[::1]:9050", "socks5h://[::1]:9050", "::1", 9050],
    ["HTTP://[::1]:81", "http://[::1]:81", "::1", 81],
  ];
  for (const [url, shown, hostname, port] of rows) {
    const proxy = readProxy("proxy", { url });
    assertEquals([proxy.shown, proxy.hostname, proxy.port], [shown, hostname, port]);
    assertEquals([proxy.login, proxy.authorization], [undefined, undefined]);
  }
});

Deno.test("readProxy() puts a login where its protocol wants it", () => {
  const http = readProxy("proxy", { url: "http://ada:s%40cret@a.test:1" });
  assertEquals([http.shown, http.authorization], [
    "http://a.test:1",
    `Basic ${btoa("ada:s@cret")}`,
  ]);
  assertEquals(
    readProxy("proxy", { url: "http://ada@a.test" }).authorization,
    `Basic ${btoa("ada:")}`,
  );
  const socks = readProxy("proxy", { url: "socks5h://ada:s%40cret@a.test:1" });
  assertEquals([socks.login, socks.authorization], [
    { username: "ada", password: "s@cret" },
    undefined,
  ]);
  const given = readProxy("proxy", { url: "http://x:y@a.test", username: "bob", password: "p" });
  assertEquals(given.authorization, `Basic ${btoa("bob:p")}`);
});

Deno.test("readProxy() rejects what cannot be used, and does not show it", () => {
  const bad = [
    "nonsense-s3cret",
    "ftp://s3cret@a.test",
    "socks4://s3cret:b@a.test",
    "http://s3cret:p@",
    "http://%E0%A4%A@a.test/s3cret",
    "http://a%3As3cret:b@a.test",
    "socks5://s3cret@a.test",
    `socks5://s3cret:${"x".repeat(256)}@a.test`,
  ];
  for (const url of bad) {
    const error = assertThrows(() => readProxy("proxy.url", { url }), TypeError, "proxy.url must");
    assertEquals(error.message.includes("s3cret"), false, url);
  }
});
