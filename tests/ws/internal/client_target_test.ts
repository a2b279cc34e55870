import { assertEquals, assertThrows } from "@std/assert";
import { readTarget } from "../../../ws/internal/client_target.ts";

Deno.test("readTarget() reads the four schemes, and drops fragment and login", () => {
  const rows: [url: string, href: string, shown: string, host: string, port: number][] = [
    ["ws://a.test", "ws://a.test/", "ws://a.test/", "a.test", 80],
    ["wss://a.test/b?c", "wss://a.test/b?c", "wss://a.test/b?…", "a.test", 443],
    ["http://a.test:8080/#x", "ws://a.test:8080/", "ws://a.test:8080/", "a.test", 8080],
    ["HTTPS://[::1]/", "wss://[::1]/", "wss://[::1]/", "::1", 443],
    ["ws://u:p@a.test:80/", "ws://a.test/", "ws://a.test/", "a.test", 80],
  ];
  for (const [url, href, shown, hostname, port] of rows) {
    const target = readTarget(url);
    assertEquals([target.url.href, target.shown], [href, shown]);
    assertEquals([target.hostname, target.port, target.secure], [
      hostname,
      port,
      href.startsWith("wss"),
    ]);
  }
  assertEquals(readTarget("ws://a%C3%BC:p%40@b/").authorization, "Basic YcO8OnBA");
  assertEquals(readTarget("ws://a:%E0%A4%A@b/").authorization, `Basic ${btoa("a:%E0%A4%A")}`);
  assertEquals(readTarget("ws://b/").authorization, undefined);
});

Deno.test("readTarget() leaves the URL of the caller as it is", () => {
  const url = new URL("http://u:p@a.test/#x");
  readTarget(url);
  assertEquals(url.href, "http://u:p@a.test/#x");
});

Deno.test("readTarget() refuses everything else, and shows no secret", () => {
  for (
    const url of [
      "x?s3cret",
      "ftp://a/s3cret",
      "//u:s3cret@b",
      "ws://u:s3cret@b c",
      "ws://a%3As3cret:@b",
    ]
  ) {
    const error = assertThrows(() => readTarget(url), TypeError);
    assertEquals(error.message.includes("s3cret"), false, error.message);
  }
});
