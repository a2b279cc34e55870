import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { ALL_SENT, becomes, endBrowser, say, scene } from "../_page.ts";

/** Searches, and returns what the page says about the results. */
async function find(page: Page, query: string): Promise<string> {
  await page.keyboard.press("Control+f");
  await page.fill("#query", query);
  await page.press("#query", "Enter");
  await becomes(page, "!['', 'Searching …'].includes($('found').textContent)");
  const found = await page.locator("#found").textContent();
  await page.keyboard.press("Escape");
  return found ?? "";
}

scene("finds messages, and says what is wrong with a search", async (s) => {
  const page = await s.join("Ann");
  await say(page, "the green kettle");
  await becomes(page, ALL_SENT);
  assertEquals(await find(page, "kettle from:ann"), "1 result");
  assertEquals(await find(page, "kettle from:bob"), "Nothing was found.");
  assertStringIncludes(await find(page, "kettle before:yesterday"), "before:2026-12-31");
  assertEquals(await page.locator("#hits li").count(), 0);
});

endBrowser();
