import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection } from "../../../net/connection.ts";
import { connectTcp } from "../../../net/tcp_client.ts";
import { findProgram } from "../../_support/peers.ts";
import { type Runnable, startRunnable } from "../../_support/runnable.ts";

const chrome = findProgram("chromium", "chromium-browser", "google-chrome");
const suffix = chrome === undefined ? " (chromium is not installed)" : "";

/** What Chromium does by itself it does not do here: nothing but loopback is asked for. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

interface Scene {
  chat: Runnable;
  web: string;
  port: number;
  /** Opens the page in a fresh profile. */
  visit(options?: BrowserContextOptions): Promise<Page>;
  /** The page of somebody who has joined. */
  join(name: string, options?: BrowserContextOptions): Promise<Page>;
  /** A user at a terminal. */
  terminal(name: string): Promise<Connection>;
}

let browser: Promise<Browser> | undefined;

/** Every message of ours has come back from the server. In the page, as all texts given to it. */
const ALL_SENT = 'document.querySelectorAll(".state").length === 0';

function scene(title: string, run: (scene: Scene) => Promise<void>): void {
  Deno.test({
    name: `the page ${title}${suffix}`,
    ignore: chrome === undefined,
    // The browser outlives a test on purpose, with its pipes and timers: starting one takes longer
    // than most tests. It ends with the last test below.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const args = ["--port", "0", "--web-port", "0", "--rate", "0"];
      await using chat = await startRunnable("chat", args, { listeners: 2 });
      const [tcp, http] = chat.urls as [URL, URL];
      const complaints: string[] = [];
      const pages: Page[] = [];
      browser ??= chromium.launch({ executablePath: chrome!, args: FLAGS });
      const visit = async (options: BrowserContextOptions = {}) => {
        const context = await (await browser!).newContext({ locale: "en-US", ...options });
        const page = await context.newPage();
        page.on("pageerror", (error) => complaints.push(`${error}`));
        page.on("console", (message) => {
          // A server that is down is part of a test; everything else is not.
          const text = message.text();
          if (message.type() === "error" && !text.includes("ERR_CONNECTION")) complaints.push(text);
        });
        pages.push(page);
        await page.goto(http.origin);
        return page;
      };
      try {
        await run({
          chat,
          web: http.origin,
          port: Number(tcp.port),
          visit,
          async join(name, options) {
            const page = await visit(options);
            await page.fill("#name", name);
            await page.press("#name", "Enter");
            await page.waitForSelector("#chat:not([hidden])");
            return page;
          },
          async terminal(name) {
            const conn = await connectTcp({ port: Number(tcp.port), lingerTimeout: 0 });
            await conn.write(`${name}\n`);
            await heard(conn, `You are ${name}`);
            return conn;
          },
        });
        assertEquals(complaints, [], "the browser complained");
      } finally {
        for (const page of pages) await page.context().close();
      }
    },
  });
}

/** Reads lines until one holds the text. */
async function heard(conn: Connection, text: string): Promise<string> {
  while (true) {
    const line = await conn.readLine({ timeout: 5000 });
    assert(line !== null, `the chat ended before "${text}"`);
    if (line.includes(text)) return line;
  }
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

/** Waits until an expression holds in the page. Its own policy forbids what Playwright has for that. */
async function becomes(page: Page, expression: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!await page.evaluate(expression)) {
    assert(performance.now() < end, `not within ten seconds: ${expression}`);
    await delay(20);
  }
}

/** Waits for a line of the list that holds the text, and gives what the list shows of it. */
async function shown(page: Page, text: string): Promise<string> {
  const line = page.locator("#log > p", { hasText: text }).last();
  await line.waitFor({ state: "attached", timeout: 10_000 });
  return (await line.textContent()) ?? "";
}

scene("talks with a terminal, both ways", async ({ join, terminal }) => {
  const page = await join("Ann");
  await using nc = await terminal("Bob");
  await shown(page, "Bob joined");
  await nc.write("hello from nc\n");
  await shown(page, "hello from nc");
  await say(page, "hello from the page 🎉");
  assertEquals(await heard(nc, "the page"), "Ann: hello from the page 🎉");
  const own = page.locator(".msg.own", { hasText: "hello from the page" });
  await own.waitFor();
  await becomes(page, ALL_SENT);
  assertEquals(await page.locator("#people li").allTextContents(), ["Ann (you)", "Bob"]);
  await nc.close();
  await shown(page, "Bob left");
  await becomes(page, 'document.querySelectorAll("#people li").length === 1');
});

scene("shows markup and escapes as text", async ({ join, terminal }) => {
  const page = await join("Ann");
  await using nc = await terminal("Eve");
  await nc.write("<script>document.title='owned'</script><img src=x onerror=alert(1)>\n");
  await nc.write("\x1b]0;owned\x07\x1b[31mred\u202egnp.exe\n");
  assertStringIncludes(await shown(page, "<script>"), "<img src=x onerror=alert(1)>");
  const line = await shown(page, "red");
  // deno-lint-ignore no-control-regex -- these must be gone
  assert(!/[\x00-\x1f\u202e]/.test(line), JSON.stringify(line));
  assertEquals(await page.locator("#log script, #log img").count(), 0);
  assertMatch(await page.title(), /Portside$/);
});

scene("stays quick and small with ten thousand lines", async ({ join, terminal }) => {
  const page = await join("Ann");
  await using nc = await terminal("Bot");
  const started = performance.now();
  for (let i = 0; i < 10_000; i += 100) {
    await nc.write(Array.from({ length: 100 }, (_, k) => `line ${i + k}\n`).join(""));
  }
  await shown(page, "line 9999");
  assert(performance.now() - started < 30_000, "far too slow");
  const nodes = await page.locator("#log > p").count();
  assert(nodes <= 1000, `${nodes} nodes`);
  // The newest is in sight, and older ones come when the reader goes up for them.
  const atEnd = "log.scrollHeight - log.scrollTop - log.clientHeight < 50";
  assert(await page.evaluate(atEnd), "not at the end");
  const oldest = await page.locator("#log .msg").first().textContent();
  for (let i = 0; i < 3; i++) {
    await page.evaluate("log.scrollTop = 0");
    await page.waitForTimeout(60);
  }
  assert(await page.locator("#log .msg").first().textContent() !== oldest, "nothing older came");
  await nc.write("while reading\n");
  await becomes(page, "/1 new/.test($('jump').textContent)");
  await page.click("#jump");
  await shown(page, "while reading");
  assert(await page.evaluate(atEnd), "the button did not go to the end");
  await say(page, "still quick");
  await heard(nc, "still quick");
});

scene("comes back by itself after a restart, and sends what was kept", async (scene) => {
  const page = await scene.join("Ann");
  await say(page, "before");
  await becomes(page, ALL_SENT);
  const ports = ["--port", `${scene.port}`, "--web-port", new URL(scene.web).port];
  scene.chat.signal("SIGTERM");
  assertEquals(await scene.chat.exitCode(), 0);
  await page.locator("#status.away").waitFor();
  await say(page, "written while it was down");
  await using _again = await startRunnable("chat", ports, { listeners: 2 });
  await page.locator("#status:not(.away)").waitFor({ timeout: 20_000 });
  await using nc = await scene.terminal("Bob");
  await say(page, "after");
  assertEquals(await heard(nc, "after"), "Ann: after");
  await becomes(page, ALL_SENT);
  const texts = await page.locator(".msg .text").allTextContents();
  assertEquals(texts.filter((text) => text === "written while it was down").length, 1);
});

scene("gets what was missed while the line was cut", async ({ join, terminal }) => {
  const page = await join("Ann");
  await using nc = await terminal("Bob");
  await shown(page, "Bob joined");
  await page.evaluate("socket.close()");
  await heard(nc, "Ann left");
  await nc.write("said meanwhile\n");
  await shown(page, "said meanwhile");
  const texts = await page.locator(".msg .text").allTextContents();
  assertEquals(texts.filter((text) => text === "said meanwhile").length, 1);
});

scene(
  "speaks Chinese to a Chinese browser, on a phone, in the dark",
  async ({ join, terminal }) => {
    const phone = { locale: "zh-CN", viewport: { width: 320, height: 600 }, hasTouch: true };
    const page = await join("小林", { ...phone, colorScheme: "dark" });
    assertEquals(await page.locator("html").getAttribute("lang"), "zh-CN");
    assertEquals(await page.locator("#send").textContent(), "发送");
    await using _nc = await terminal("Bob");
    await shown(page, "Bob 加入了");
    await say(page, "x".repeat(400));
    const sizes = await page.evaluate<Record<string, unknown>>(`({
    scrollWidth: document.documentElement.scrollWidth,
    clientWidth: document.documentElement.clientWidth,
    dark: getComputedStyle(document.body).backgroundColor,
  })`);
    assertEquals(sizes.scrollWidth, sizes.clientWidth, "it scrolls sideways");
    assertEquals(sizes.dark, "rgb(16, 21, 20)");
    await page.click("#people-toggle");
    await page.locator("#people li", { hasText: "Bob" }).waitFor({ state: "visible" });
  },
);

scene("works with the keyboard alone, commands and rooms included", async ({ visit, terminal }) => {
  const page = await visit();
  await page.keyboard.type("Server");
  await page.keyboard.press("Enter");
  await becomes(page, "$('fault').textContent !== ''");
  await page.keyboard.type("Ann");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#chat:not([hidden])");
  await page.keyboard.type("/who");
  await page.keyboard.press("Enter");
  assertStringIncludes(await shown(page, "#lobby (1)"), "Ann");
  await page.keyboard.type("/join #tea");
  await page.keyboard.press("Enter");
  await becomes(page, "$('room').textContent === '#tea'");
  await page.locator("#rooms button[aria-current]", { hasText: "#tea" }).waitFor();
  await page.keyboard.type("//slash");
  await page.keyboard.press("Enter");
  await shown(page, "/slash");
  await using nc = await terminal("Bob");
  await nc.write("/join #tea\n");
  await shown(page, "Bob joined");
  // Every control can be reached, and each has a name for a screen reader.
  const nameless = await page.evaluate(`
    [...document.querySelectorAll("button, input, textarea")].filter((control) =>
      !control.textContent.trim() && !control.labels?.length && !control.ariaLabel
    ).map((control) => control.id)
  `);
  assertEquals(nameless, []);
  assertEquals(await page.locator('[role="log"]').getAttribute("aria-live"), "polite");
});

scene("counts unread messages in its title, and does not send a half-composed word", async (s) => {
  const page = await s.join("Ann");
  await using nc = await s.terminal("Bob");
  await page.evaluate('Object.defineProperty(document, "hidden", { get: () => true })');
  await nc.write("one\ntwo\n");
  await becomes(page, "document.title.startsWith('(2)')");
  await page.fill("#text", "你hao");
  await page.evaluate(`$("text").dispatchEvent(
    new KeyboardEvent("keydown", { key: "Enter", isComposing: true, cancelable: true }),
  )`);
  assertEquals(await page.inputValue("#text"), "你hao");
});

Deno.test({
  name: `the browser of these tests ends${suffix}`,
  ignore: chrome === undefined,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    assert(browser !== undefined);
    await (await browser).close();
  },
});
