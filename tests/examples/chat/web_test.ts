import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { Lobby } from "../../../examples/chat/room.ts";
import { type ChatWebOptions, serveChatWeb } from "../../../examples/chat/web.ts";
import { connectTcp } from "../../../net/tcp_client.ts";
import { needsPython, pythonWith } from "../../_support/peers.ts";

function lobby(options: { maxUsers?: number } = {}): Lobby {
  let n = 0;
  return new Lobby({ now: () => Date.now(), secret: () => `secret-${++n}`, ...options });
}

function serve(chat: Lobby, options: Partial<ChatWebOptions> = {}) {
  return serveChatWeb(chat, {
    hostname: "127.0.0.1",
    port: 0,
    lang: "en",
    allowHosts: [],
    allowOrigins: [],
    sendQueue: 256 * 1024,
    maxMessage: 16 * 1024,
    rate: 0,
    burst: 20,
    nameTimeout: 10_000,
    maxConnections: 100,
    maxConnectionsPerAddress: 100,
    ...options,
  });
}

/** Sends bytes, gives everything that comes back until the server ends. */
async function raw(url: string, request: string): Promise<string> {
  await using conn = await connectTcp({ port: Number(new URL(url).port), lingerTimeout: 0 });
  await conn.write(request);
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of conn) text += decoder.decode(chunk, { stream: true });
  return text;
}

type Message = Record<string, unknown> & { type: string; text?: string };

/** A browser without its page. */
class Browser implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #inbox: Message[] = [];
  #wake: () => void = () => {};

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers });
    this.socket.onmessage = ({ data }) => {
      this.#inbox.push(JSON.parse(data));
      this.#wake();
    };
    this.socket.onerror = () => {};
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    this.closed = promise;
    this.socket.onclose = ({ code, reason }) => {
      resolve({ code, reason });
      this.#wake();
    };
  }

  async open(): Promise<this> {
    if (this.socket.readyState === WebSocket.CONNECTING) {
      await new Promise((resolve) => {
        this.socket.addEventListener("open", resolve);
        this.socket.addEventListener("error", resolve);
      });
    }
    return this;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The next message of that type; others before it are passed over. */
  async next(type: string): Promise<Message> {
    const end = performance.now() + 5000;
    while (true) {
      const at = this.#inbox.findIndex((message) => message.type === type);
      if (at !== -1) return this.#inbox.splice(0, at + 1).at(-1)!;
      assert(performance.now() < end, `no ${type} within five seconds`);
      assert(this.socket.readyState !== WebSocket.CLOSED, `closed before ${type}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, 1000);
      await promise;
      clearTimeout(timer);
    }
  }

  async join(name: string, more: object = {}): Promise<Message> {
    await this.open();
    this.send({ type: "join", name, ...more });
    return await this.next("welcome");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState < WebSocket.CLOSING) this.socket.close();
    await this.closed;
  }
}

Deno.test("the page comes with a policy whose hashes are those of its script and style", async () => {
  await using web = serve(lobby());
  const response = await fetch(web.url);
  const html = await response.text();
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  const policy = response.headers.get("content-security-policy")!;
  for (const element of ["script", "style"]) {
    const text = html.match(new RegExp(`<${element}>([\\s\\S]*?)</${element}>`))![1]!;
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
    assertStringIncludes(policy, `${element}-src 'sha256-${hash}'`);
  }
  assertStringIncludes(policy, "default-src 'none'");
  assertStringIncludes(policy, "frame-ancestors 'none'");
  assert(!policy.includes("unsafe"), policy);
  // Nothing in it that the policy would not let run.
  assert(!/\son\w+=|style="|innerHTML|src="http/.test(html));
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

Deno.test("other paths are 404, other methods 405 with what is allowed", async () => {
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

Deno.test("a Host that may be a stranger's name is refused", async () => {
  await using web = serve(lobby(), { allowHosts: ["chat.example"] });
  const status = async (host: string) => {
    const answer = await raw(
      web.url,
      `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    return Number(answer.split(" ")[1]);
  };
  for (const host of ["127.0.0.1", "127.0.0.1:80", "localhost:9", "[::1]:80", "CHAT.example:1"]) {
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
  assertEquals(chat.stats.joined, 3);
});

Deno.test("two browsers talk, each event once and in one order", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  const welcome = await ann.join("Ann", { lang: "en" });
  assertEquals([welcome.name, welcome.room, welcome.members], ["Ann", "lobby", ["Ann"]]);
  await bob.join("Bob", { lang: "zh" });
  assertEquals((await ann.next("notice")).text, "Ann joined");
  const joined = await ann.next("notice");
  assertEquals([joined.code, joined.text], ["joined", "Bob joined"]);
  ann.send({ type: "say", text: "hi <b>there</b>", id: 7 });
  const own = await ann.next("message");
  assertEquals([own.own, own.id, own.text], [true, 7, "hi <b>there</b>"]);
  const heard = await bob.next("message");
  assertEquals([heard.own, heard.from, heard.text], [false, "Ann", "hi <b>there</b>"]);
  assertEquals(heard.seq, own.seq);
  ann.send({ type: "rooms" });
  const rooms = await ann.next("rooms");
  assertEquals(rooms.rooms, [{ name: "lobby", count: 2 }]);
});

Deno.test("a name that is taken, nonsense and binary are answered, and the connection lives", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.open();
  bob.send({ type: "join", name: "ＡＮＮ" });
  assertEquals((await bob.next("error")).code, "name-taken");
  for (const nonsense of ["{", "null", "[]", '"x"', '{"type":"join"}', '{"type":"say","text":1}']) {
    bob.send(nonsense);
    assertMatch((await bob.next("error")).text!, /no message/);
  }
  bob.send({ type: "say", text: "too early" });
  assertMatch((await bob.next("error")).text!, /[Jj]oin/);
  bob.socket.send(new Uint8Array([1, 2, 3]));
  assertMatch((await bob.next("error")).text!, /text frames/);
  assertEquals((await bob.join("Bob")).name, "Bob");
  bob.send({ type: "join", name: "Carol" });
  assertMatch((await bob.next("error")).text!, /already/);
});

Deno.test("a message that is too large ends its own connection with 1009", async () => {
  await using web = serve(lobby(), { maxMessage: 1000 });
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.join("Bob");
  bob.send({ type: "say", text: "x".repeat(2000) });
  assertEquals((await bob.closed).code, 1009);
  const notices = [await ann.next("notice"), await ann.next("notice"), await ann.next("notice")];
  assertEquals(notices.map(({ text }) => text), ["Ann joined", "Bob joined", "Bob left"]);
});

Deno.test("who does not say a name in time is let go", async () => {
  await using web = serve(lobby(), { nameTimeout: 100 });
  await using silent = new Browser(web.url);
  await silent.open();
  await silent.next("error");
  assertEquals((await silent.closed).code, 1008);
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
  await delay(20);
  await using carol = new Browser(web.url);
  assertEquals((await carol.join("Carol")).name, "Carol");
});

Deno.test("a flood is slowed down in order, and a longer one ended", async () => {
  const chat = lobby();
  await using web = serve(chat, { rate: 100, burst: 5 });
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.join("Bob");
  const started = performance.now();
  for (let i = 0; i < 25; i++) bob.send({ type: "say", text: `line ${i}` });
  for (let i = 0; i < 25; i++) assertEquals((await ann.next("message")).text, `line ${i}`);
  assert(performance.now() - started >= 150, "not slowed down");
  for (let i = 0; i < 500; i++) bob.send({ type: "say", text: "flood" });
  await bob.closed;
  assertEquals(chat.stats.left.flood, 1);
});

Deno.test("a browser that does not read is let go and stalls nobody", async () => {
  const chat = lobby();
  await using web = serve(chat);
  // A raw peer that opens a WebSocket, joins, and never reads again.
  const { host, port } = new URL(web.url);
  await using slow = await connectTcp({ port: Number(port), lingerTimeout: 0 });
  await slow.write(
    `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  while (await slow.readLine({ timeout: 5000 }));
  const text = new TextEncoder().encode('{"type":"join","name":"Slow"}');
  await slow.write(new Uint8Array([0x81, 0x80 | text.length, 0, 0, 0, 0, ...text]));
  await using ann = new Browser(web.url);
  await using bob = new Browser(web.url);
  await ann.join("Ann");
  await bob.join("Bob");
  const line = "x".repeat(4000);
  let sent = 0;
  while (chat.stats.left.slow === 0) {
    assert(sent < 20_000, "never let go");
    for (let i = 0; i < 10; i++, sent++) ann.send({ type: "say", text: line });
    for (let i = 0; i < 10; i++) await bob.next("message");
  }
  ann.send({ type: "say", text: "over" });
  let message = await bob.next("message");
  while (message.text !== "over") message = await bob.next("message");
});

Deno.test("who comes back gets what was missed, and nobody hears of it", async () => {
  await using web = serve(lobby());
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  await using bob = new Browser(web.url);
  const welcome = await bob.join("Bob");
  await ann.next("notice");
  await ann.next("notice");
  ann.send({ type: "say", text: "one" });
  const one = await bob.next("message");
  await using again = new Browser(web.url);
  const since = { epoch: welcome.epoch, seq: (one.seq as number) - 1 };
  const back = await again.join("Bob", { since, token: welcome.token });
  assertEquals([back.resumed, back.complete], [true, true]);
  assertEquals((back.events as Message[]).map((event) => event.text), ["one"]);
  assertEquals((await bob.next("bye")).code, "displaced");
  await bob.closed;
  again.send({ type: "say", text: "two" });
  const next = await ann.next("message");
  assertEquals(next.text, "one");
  assertEquals((await ann.next("message")).text, "two");
});

Deno.test("a shutdown tells everyone and does not wait for those who do not answer", async () => {
  const chat = lobby();
  const web = serve(chat);
  await using ann = new Browser(web.url);
  await ann.join("Ann");
  const { host, port } = new URL(web.url);
  await using mute = await connectTcp({ port: Number(port), lingerTimeout: 0 });
  await mute.write(
    `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  while (await mute.readLine({ timeout: 5000 }));
  chat.shutdown();
  assertEquals((await ann.next("bye")).code, "shutdown");
  const started = performance.now();
  await web.shutdown({ deadline: 300 });
  assert(performance.now() - started < 3000);
  assertEquals((await ann.closed).code, 1001);
});

const python = needsPython("websockets");

Deno.test({
  name: `Python's websockets joins and talks${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using web = serve(lobby());
    await using ann = new Browser(web.url);
    await ann.join("Ann");
    const script = `
import asyncio, json, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        await ws.send(json.dumps({"type": "join", "name": "Python"}))
        print(json.loads(await ws.recv())["type"], flush=True)
        await ws.send(json.dumps({"type": "say", "text": "grüße 🐍"}))
        while True:
            event = json.loads(await ws.recv())
            if event["type"] == "message" and not event["own"]:
                print(event["from"], event["text"], flush=True)
                return
asyncio.run(main())
`;
    const child = new Deno.Command(pythonWith("websockets")!, {
      args: ["-c", script, `${web.url.replace("http", "ws")}/ws`],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    assertEquals((await ann.next("message")).text, "grüße 🐍");
    ann.send({ type: "say", text: "hello Python" });
    const { stdout, success } = await child.output();
    assert(success);
    assertEquals(new TextDecoder().decode(stdout), "welcome\nAnn hello Python\n");
    assertEquals((await ann.next("notice")).text, "Python left");
  },
});
