import axe from "axe-core/axe.min.js" with { type: "text" };
import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { ALL_SENT, becomes, endBrowser, say, scene, shown } from "../_page.ts";

/** Fails if the page breaks a rule of WCAG 2.2 AA that axe-core can check. */
async function check(page: Page, where: string): Promise<void> {
  await page.evaluate(`globalThis.axe || (() => {${axe}})()`);
  const found = await page.evaluate<string[]>(`axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }).then(({ violations }) => violations.map(({ id, nodes }) =>
    id + ": " + nodes.map(({ html, failureSummary }) => html + " " + failureSummary).slice(0, 3).join(" | ")))`);
  assertEquals(found, [], where);
}

/** Fills a room with everything that a message can have. */
async function furnish(page: Page, other: Page): Promise<void> {
  await say(page, "**Good morning** `code` https://a.example/x @Bob\n```\nblock\n```");
  await say(other, "hello @Ann");
  await say(other, "/msg Ann psst");
  await shown(page, "psst");
  await page.keyboard.press("Control+ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("+");
  await page.keyboard.press("Enter");
  await page.locator(".reaction").waitFor();
  await say(page, "\u200e");
  await page.locator(".msg.lost").waitFor();
}

for (const colorScheme of ["light", "dark"] as const) {
  scene(`has no barriers that axe knows, on a screen, ${colorScheme}`, async (s) => {
    const page = await s.visit({ colorScheme });
    await check(page, "the form");
    await page.context().close();
    const [ann, bob] = [await s.join("Ann", { colorScheme }), await s.join("Bob")];
    await furnish(ann, bob);
    await check(ann, "the chat");
    await ann.locator("#people button").first().click();
    await check(ann, "the menu of a person");
    await ann.keyboard.press("Escape");
    await ann.keyboard.press("Control+k");
    await ann.keyboard.type("hello");
    await ann.keyboard.press("Enter");
    await ann.locator("#hits button").first().waitFor();
    await check(ann, "the search");
    await ann.keyboard.press("Escape");
    await ann.keyboard.press("Control+/");
    await check(ann, "the help");
  });
}

scene("has no barriers on a phone, and nothing scrolls sideways", async (s) => {
  const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, locale: "zh-CN" };
  const [ann, bob] = [await s.join("Ann", phone), await s.join("Bob")];
  await furnish(ann, bob);
  await say(bob, `${"x".repeat(300)} \`${"y".repeat(300)}\``);
  await shown(ann, "xxx");
  await check(ann, "the chat");
  await ann.click("#people-toggle");
  await check(ann, "the drawer");
  for (const width of [320, 360, 768]) {
    await ann.setViewportSize({ width, height: 640 });
    const [inner, outer] = await ann.evaluate<[number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    assert(inner <= outer, `${inner} > ${outer} at ${width}`);
  }
});

scene("has targets of at least 24 pixels, and moves nothing if the reader wants so", async (s) => {
  const [ann, bob] = [await s.join("Ann", { reducedMotion: "reduce" }), await s.join("Bob")];
  await furnish(ann, bob);
  const small = await ann.evaluate<string[]>(
    `[...document.querySelectorAll("button, input, textarea")]
    .filter((one) => one.offsetParent)
    .filter((one) => Math.min(one.offsetWidth, one.offsetHeight) < 24)
    .map((one) => one.outerHTML)`,
  );
  assertEquals(small, []);
  const moving = await ann.evaluate<number>(`[...document.querySelectorAll("*")]
    .filter((one) => getComputedStyle(one).transitionDuration !== "0s").length`);
  assertEquals(moving, 0);
});

scene("works with the keyboard alone: messages, people, rooms and help", async (s) => {
  const [ann, bob] = [await s.join("Ann"), await s.join("Bob")];
  await say(bob, "one");
  await say(bob, "two");
  await shown(ann, "two");
  await becomes(ann, "document.querySelectorAll('#people li').length === 2");
  await ann.keyboard.press("Control+ArrowUp");
  await becomes(ann, "document.activeElement.textContent.includes('two')");
  await ann.keyboard.press("ArrowUp");
  await becomes(ann, "document.activeElement.textContent.includes('one')");
  await ann.keyboard.press("Enter");
  assertEquals(await ann.evaluate("document.activeElement.ariaLabel"), "React");
  await ann.keyboard.press("Escape");
  await ann.keyboard.press("Escape");
  assertEquals(await ann.evaluate("document.activeElement.id"), "text");
  await ann.locator("#people button").focus();
  await ann.keyboard.press("Enter");
  assertEquals(await ann.evaluate("document.activeElement.textContent"), "Message Bob privately");
  await ann.keyboard.press("Enter");
  await becomes(ann, "$('room').textContent === 'Bob' && document.activeElement.id === 'text'");
  await ann.keyboard.type("hello");
  await ann.keyboard.press("Enter");
  await becomes(ann, ALL_SENT);
  await ann.keyboard.press("Control+/");
  assert(await ann.isVisible("#sheet"));
  await ann.keyboard.press("Escape");
  assert(!await ann.isVisible("#sheet"));
});

scene("asks for notifications and sound only when the user does", async (s) => {
  const page = await s.join("Ann");
  assertEquals(await page.textContent("#notifications"), "Notifications: off");
  assertEquals(await page.textContent("#sound"), "Sound: off");
  await page.context().grantPermissions(["notifications"]);
  await page.click("#notifications");
  await becomes(page, "$('notifications').textContent === 'Notifications: on'");
  await page.click("#sound");
  assertEquals(await page.textContent("#sound"), "Sound: on");
  await page.click("#theme");
  assertEquals(await page.locator("html").getAttribute("data-theme"), "light");
  await page.click("#side .lang");
  assertEquals(await page.textContent("#sound"), "声音：开");
});

endBrowser();
