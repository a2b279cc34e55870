import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import { Browser, connections, frame, lobby, openRaw, raw, serve } from "./_browser.ts";
import { faceOf } from "./_faces.ts";

Deno.test("the page has a policy that allows its own files only", async () => {
  await using web = serve(lobby());
  const response = await fetch(web.url);
  const html = await response.text();
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  const policy = response.headers.get("content-security-policy")!;
  for (
    const directive of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]
  ) {
    assert(policy.split("; ").includes(directive), policy);
  }
  assert(!policy.includes("unsafe"), policy);
  // Nothing in it that the policy would not let run.
  assert(!/<script>|<style|\son\w+=|style="|src="http/.test(html));
});

Deno.test("the files of the page have the version in their paths and never change", async () => {
  await using web = serve(lobby());
  const html = await (await fetch(web.url)).text();
  assert(!html.includes("__"), "a placeholder is left");
  const paths = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
  assert(paths.length >= 6);
  for (const path of paths) {
    assertMatch(path, /^page\/[0-9a-f]{16}\/[\w.-]+$/);
    const response = await fetch(`${web.url}/${path}`);
    assertEquals(response.status, 200, path);
    assertStringIncludes(response.headers.get("cache-control")!, "immutable");
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
    await response.body?.cancel();
  }
  const old = await fetch(`${web.url}/${paths[0]!.replace(/[0-9a-f]{16}/, "0".repeat(16))}`);
  assertEquals(old.status, 404);
  await old.body?.cancel();
});

Deno.test("the service worker stores exactly the files of the version", async () => {
  await using web = serve(lobby());
  const html = await (await fetch(web.url)).text();
  const version = /page\/([0-9a-f]{16})\//.exec(html)![1];
  const response = await fetch(`${web.url}/sw.js`);
  assertEquals(response.headers.get("cache-control"), "no-cache");
  const worker = await response.text();
  assertStringIncludes(worker, `VERSION = "${version}"`);
  const names = /FILES = "([^"]+)"/.exec(worker)![1]!.split(" ");
  for (const name of names) {
    const file = await fetch(`${web.url}/page/${version}/${name}`);
    assertEquals(file.status, 200, name);
    assert((await file.arrayBuffer()).byteLength > 0);
  }
});

Deno.test("the page is not sent twice, and HEAD has no body", async () => {
  await using web = serve(lobby(), { lang: "zh" });
  const first = await fetch(web.url);
  assertStringIncludes(await first.text(), '<html lang="zh-CN">');
  const again = await fetch(web.url, { headers: { "if-none-match": first.headers.get("etag")! } });
  assertEquals([again.status, await again.text()], [304, ""]);
  const head = await fetch(web.url, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});

Deno.test("other paths are 404, other methods are 405 with Allow", async () => {
  await using web = serve(lobby());
  const missing = await fetch(`${web.url}/etc/passwd`);
  assertEquals(missing.status, 404);
  await missing.body?.cancel();
  for (const [path, allow] of [["/", "GET, HEAD"], ["/ws", "GET"], ["/metrics", "GET, HEAD"]]) {
    const response = await fetch(web.url + path, { method: "POST", body: "x" });
    assertEquals([response.status, response.headers.get("allow")], [405, allow]);
    await response.body?.cancel();
  }
  const plain = await fetch(`${web.url}/ws`);
  assertEquals(plain.status, 426);
  await plain.body?.cancel();
});

Deno.test("healthz and metrics tell how it is", async () => {
  const chat = lobby();
  await using web = serve(chat, {
    metrics: () => [{
      name: "extra",
      help: "a\\b\nc",
      type: "gauge",
      value: { label: "l", values: { 'x"y': 1 } },
    }],
  });
  const health = await fetch(`${web.url}/healthz`);
  assertEquals([health.status, await health.text()], [200, "ok\n"]);
  const readiness = await fetch(`${web.url}/readyz`);
  assertEquals([readiness.status, await readiness.text()], [200, "ready\n"]);
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  ann.send({ type: "say", text: "hi" });
  await ann.next("message");
  const response = await fetch(`${web.url}/metrics`);
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  for (
    const line of [
      "# TYPE chat_users gauge",
      "chat_users 1",
      "chat_messages_total 1",
      "chat_web_connections 1",
      'chat_left_total{reason="quit"} 0',
      "# HELP extra a\\\\b\\nc",
      'extra{l="x\\"y"} 1',
    ]
  ) {
    assert(text.split("\n").includes(line), `${line} is missing in\n${text}`);
  }
});

Deno.test("healthz tells that messages cannot be stored", async () => {
  const archive = openArchive(":memory:");
  await using web = serve(lobby({ archive }));
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  await archive[Symbol.asyncDispose]();
  ann.send({ type: "say", text: "hi", id: 7 });
  const error = await ann.next("error");
  assertEquals([error.code, error.id], ["not-stored", 7]);
  const health = await fetch(`${web.url}/healthz`);
  assertEquals(health.status, 503);
  assertEquals(await health.text(), "messages are not stored: closed\n");
});

Deno.test("a Host that may be a stranger's name is refused", async () => {
  await using web = serve(lobby(), { allowHosts: ["chat.example", "chat_backend"] });
  const status = async (host: string) => {
    const answer = await raw(
      web.url,
      `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    return Number(answer.split(" ")[1]);
  };
  for (
    const host of [
      "127.0.0.1",
      "127.0.0.1:80",
      "localhost:9",
      "[::1]:80",
      "CHAT.example:1",
      // nginx sends the name of its upstream block, unless it is configured otherwise.
      "chat_backend",
    ]
  ) {
    assertEquals(await status(host), 200, host);
  }
  for (
    const host of [
      "evil.example",
      "chat.example.evil",
      "",
      "a b",
      "localhost/?x=1",
      "127.0.0.1@evil",
    ]
  ) {
    assert([400, 421].includes(await status(host)), host);
  }
});

Deno.test("strangers are told why: 421 for a Host, 403 for an Origin, 503 when it is full", async () => {
  await using web = serve(lobby(), { maxConnections: 1 });
  const { host } = new URL(web.url);
  const upgrade =
    "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const status = async (host: string, more = "") => {
    const answer = await raw(
      web.url,
      `GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}${upgrade}\r\n`,
    );
    assertStringIncludes(answer, "x-content-type-options: nosniff");
    return Number(answer.split(" ")[1]);
  };
  assertEquals(await status("evil.example"), 421);
  assertEquals(await status(host, "Origin: https://evil.example\r\n"), 403);
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  assertEquals(await status(host), 503);
  const metrics = await (await fetch(`${web.url}/metrics`)).text();
  for (const reason of ["host", "origin", "full"]) {
    assertStringIncludes(metrics, `chat_web_turned_away_total{reason="${reason}"} 1\n`);
  }
});

Deno.test("the policy names the host that was checked, not the one of an absolute request", async () => {
  await using web = serve(lobby());
  const { host } = new URL(web.url);
  const answer = await raw(
    web.url,
    `HEAD http://evil.example/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  );
  assertStringIncludes(answer, `connect-src 'self' ws://${host} `);
  assert(!answer.includes("evil"), answer);
  // The grammar of policies has names and IPv4 alone.
  const ipv6 = "HEAD / HTTP/1.1\r\nHost: [::1]:9080\r\nConnection: close\r\n\r\n";
  assertStringIncludes(await raw(web.url, ipv6), "connect-src 'self'; ");
});

Deno.test("a WebSocket of another site is refused, our own and programs are not", async () => {
  const chat = lobby();
  await using web = serve(chat, { allowOrigins: ["https://friend.example"] });
  const { host } = new URL(web.url);
  for (const origin of [`http://${host}`, "https://friend.example", undefined]) {
    await using browser = new Browser(web.url, origin === undefined ? {} : { origin });
    assertEquals((await browser.join("Ann")).name, "Ann");
  }
  for (
    const origin of ["https://evil.example", "null", `http://${host}.evil`, "http://127.0.0.1"]
  ) {
    await using browser = new Browser(web.url, { origin });
    await browser.open();
    assertEquals((await browser.closed).code === 1000, false, origin);
  }
  assertEquals(chat.stats().joined, 3);
  // A proxy that drops the port from Host is a common mistake.
  const answer = await raw(
    web.url,
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost:8443\r\nConnection: close\r\n\r\n",
  );
  assertStringIncludes(answer, '"https://localhost:8443", the Host is "localhost"; --allow-origin');
});

Deno.test("connections are limited in all and per address", async () => {
  await using web = serve(lobby(), { maxConnectionsPerAddress: 1 });
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  await using bob = new Browser(web.url);
  await bob.open();
  assert((await bob.closed).code !== 1000);
  ann.socket.close();
  await ann.closed;
  const end = performance.now() + 30_000;
  while (await connections(web.url) > 0) assert(performance.now() < end, "the place stays taken");
  await using carol = new Browser(web.url);
  assertEquals((await carol.join("Carol")).name, "Carol");
});

Deno.test("behind a trusted proxy, the limits apply to the addresses that it names", async () => {
  const trusting = { maxConnectionsPerAddress: 1, trustProxy: ["127.0.0.1"] };
  await using web = serve(lobby(), trusting);
  const from = (address: string) => new Browser(web.url, { "x-forwarded-for": address });
  await using ann = from("192.0.2.1");
  await ann.join("Ann");
  await using bob = from("192.0.2.1");
  assert((await bob.closed).code !== 1000);
  await using carol = from("192.0.2.2");
  assertEquals((await carol.join("Carol")).name, "Carol");
});

Deno.test("a shutdown notifies all users and does not wait for browsers that do not answer", async () => {
  const chat = lobby();
  const web = serve(chat);
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  await using _mute = await openRaw(web.url);
  await chat.shutdown();
  assertEquals((await ann.next("bye")).code, "shutdown");
  const started = performance.now();
  await web.shutdown({ deadline: 300 });
  assert(performance.now() - started < 3000);
  assertEquals((await ann.closed).code, 1001);
});

Deno.test("a shutdown waits for the last words of the chat until its deadline", async () => {
  const chat = lobby();
  const web = serve(chat);
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  chat.settled = () => new Promise(() => {});
  await web.shutdown({ deadline: 50 });
  await ann.closed;
});

Deno.test("a shutdown sends the queue of a browser, and the bye", async () => {
  const chat = lobby();
  const web = serve(chat, { sendQueue: 16 * 1024 * 1024 });
  await using late = await openRaw(web.url);
  await late.write(frame({ type: "join", name: "Late" }));
  while (chat.stats().users === 0) await delay(5);
  const bot = await chat.join({ name: "Bot" }, faceOf());
  assert(!("code" in bot));
  // More than the buffers of both ends take.
  for (let i = 0; i < 3000; i++) bot.say("x".repeat(4000));
  await delay(50);
  await chat.shutdown();
  const down = web.shutdown({ deadline: 10_000 });
  let tail = "";
  for (let bytes; (bytes = await late.readChunk({ timeout: 30_000 })) !== null;) {
    tail = (tail + new TextDecoder().decode(bytes)).slice(-300);
    const bye = tail.indexOf('"bye"');
    if (bye === -1) continue;
    // The close frame is answered (RFC 6455 §5.5.1).
    await late.write(new Uint8Array([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9])).catch(() => {});
    break;
  }
  assertStringIncludes(tail, '"bye"');
  await down;
});

Deno.test("the web side is hardened: one reading of each request, and a bounded head", async () => {
  await using web = serve(lobby());
  const { host } = new URL(web.url);
  assertMatch(await raw(web.url, `GET / HTTP/1.1\nHost: ${host}\n\n`), /^HTTP\/1\.1 400 /);
  const both = "Content-Length: 4\r\nTransfer-Encoding: chunked";
  const smuggled =
    `GET / HTTP/1.1\r\nHost: ${host}\r\n${both}\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n`;
  const answer = await raw(web.url, smuggled);
  assertMatch(answer, /^HTTP\/1\.1 400 /);
  assertEquals(answer.includes("chat_users"), false);
  const big = `GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${"x".repeat(40_000)}\r\n\r\n`;
  assertMatch(await raw(web.url, big), /^HTTP\/1\.1 431 /);
});
