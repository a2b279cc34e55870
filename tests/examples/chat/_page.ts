/** Chromium with the page of the chat in it. @module */

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection } from "../../../net/connection/connection.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { chrome, launchChrome } from "../../_support/browser.ts";
import type { Availability } from "../../_support/peers.ts";
import { type Runnable, startRunnable } from "../../_support/runnable.ts";

/** What a test of the page has at hand. */
export interface Scene {
  chat: Runnable;
  /** Where the page is. */
  web: string;
  /** Where terminals connect. */
  port: number;
  /** Opens the page in a fresh profile. */
  visit(options?: BrowserContextOptions): Promise<Page>;
  /** The page of somebody who has joined. */
  join(name: string, options?: BrowserContextOptions): Promise<Page>;
  /** A user at a terminal. */
  terminal(name: string): Promise<Connection>;
}

let browser: Promise<Browser> | undefined;

/** JavaScript for the page: whether the server has confirmed all own messages. */
export const ALL_SENT = 'document.querySelectorAll(".state").length === 0';

/** JavaScript for the page: the connection breaks, and the page does not come back by itself. */
export const CUT = "link.disconnect(); link.giveUp()";

/** Makes the WebSocket of the page known to the test as `socket`. */
const SOCKET = `{
  const Real = WebSocket;
  globalThis.WebSocket = class extends Real {
    constructor(...args) {
      super(...args);
      globalThis.socket = this;
    }
  };
}`;

/** Makes modules of the page known to expressions of the test. Needed again after a reload. */
export async function expose(page: Page): Promise<void> {
  await page.evaluate(`(async () => {
    const main = document.querySelector("script[type=module]").src;
    const use = (name) => import(new URL(name, main).href);
    const [dom, state, outbox, list, link] = await Promise.all(
      ["dom.js", "state.js", "outbox.js", "log.js", "connection.js"].map(use),
    );
    Object.assign(globalThis, { $: dom.$, log: dom.$("log"), state, outbox, list, link, use });
  })()`);
}

/**
 * Runs a test in a browser against its own chat. The console of the browser must have no errors.
 *
 * @param peer A further program that the test needs.
 */
export function scene(
  title: string,
  run: (scene: Scene) => Promise<void>,
  flags: readonly string[] = [],
  peer: Availability = chrome,
): void {
  const { ignore, suffix } = chrome.ignore ? chrome : peer;
  Deno.test({
    name: `the page ${title}${suffix}`,
    ignore,
    // The browser outlives a test on purpose, with its pipes and timers: starting one takes longer
    // than most tests. It ends behind the last of them.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const rate = flags.includes("--rate") ? [] : ["--rate", "0"];
      const args = ["--port", "0", "--web-port", "0", ...rate, ...flags];
      await using chat = await startRunnable("chat", args, { listeners: 2 });
      const [tcp, http] = chat.urls as [URL, URL];
      const complaints: string[] = [];
      const pages: Page[] = [];
      browser ??= launchChrome();
      const visit = async (options: BrowserContextOptions = {}) => {
        const context = await (await browser!).newContext({ locale: "en-US", ...options });
        await context.addInitScript(SOCKET);
        const page = await context.newPage();
        page.on("pageerror", (error) => complaints.push(`${error}`));
        page.on("console", (message) => {
          // A server that is down is part of a test; everything else is not.
          const text = message.text();
          if (message.type() === "error" && !text.includes("ERR_CONNECTION")) complaints.push(text);
        });
        pages.push(page);
        await page.goto(http.origin);
        await expose(page);
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
export async function heard(conn: Connection, text: string): Promise<string> {
  while (true) {
    const line = await conn.readLine({ timeout: 30_000 });
    assert(line !== null, `the chat ended before "${text}"`);
    if (line.includes(text)) return line;
  }
}

/** Writes a message in the page. */
export async function say(page: Page, text: string): Promise<void> {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

/** Waits until an expression holds in the page. Its own policy forbids what Playwright has for that. */
export async function becomes(page: Page, expression: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!await page.evaluate(expression)) {
    assert(performance.now() < end, `not within ten seconds: ${expression}`);
    await delay(20);
  }
}

/** Waits for a line of the list that holds the text, and gives what the list shows of it. */
export async function shown(page: Page, text: string): Promise<string> {
  const line = page.locator("#log > p", { hasText: text }).last();
  await line.waitFor({ state: "attached", timeout: 10_000 });
  return (await line.textContent()) ?? "";
}

/** Ends the browser behind all tests of the file, in whatever order they run. */
export function endBrowser(): void {
  Deno.test.afterAll(async () => {
    await (await browser)?.close();
  });
}
