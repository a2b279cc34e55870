import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import { ALL_SENT, becomes, endBrowser, heard, say, scene, shown } from "../_page.ts";

const texts = (page: Page) => page.locator(".msg .text").allTextContents();

/** Says a line and waits for its confirmation. */
async function confirmed(page: Page, text: string): Promise<void> {
  await say(page, text);
  await shown(page, text.split("\n")[0]!);
  await becomes(page, ALL_SENT);
}

scene("edits the last message with the arrow key, and deletes it after a question", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await confirmed(page, "helo");
  await page.press("#text", "ArrowUp");
  assertEquals(await page.inputValue("#text"), "helo");
  await say(page, "hello");
  await becomes(bob, "/hello.*edited/.test($('log').textContent)");
  assertEquals(await texts(bob), ["hello"]);
  assertEquals(await page.inputValue("#text"), "");
  // Escape ends an edit and gives the draft back.
  await page.press("#text", "ArrowUp");
  await page.keyboard.press("Escape");
  assertEquals(await page.inputValue("#text"), "");
  await page.keyboard.press("Control+ArrowUp");
  await page.keyboard.press("Delete");
  await page.locator("#sure button[value=yes]").click();
  await becomes(bob, "/This message was deleted/.test($('log').textContent)");
  await becomes(page, "document.querySelectorAll('.msg.gone').length === 1");
});

scene("answers with a quote that leads to the message", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await confirmed(page, "the question");
  for (let i = 0; i < 40; i++) await say(page, `line ${i}`);
  await shown(bob, "line 39");
  await bob.evaluate("log.querySelector('.msg').focus()");
  await bob.keyboard.press("r");
  assertStringIncludes((await bob.textContent("#context"))!, "Reply to Ann: the question");
  await bob.keyboard.type("the answer");
  await bob.keyboard.press("Enter");
  await shown(page, "the answer");
  const quote = page.locator(".msg .quote", { hasText: "the question" });
  await quote.click();
  await page.locator(".msg.found", { hasText: "the question" }).waitFor();
  assertEquals(await texts(page).then((all) => all.at(-1)), "the answer");
});

scene("reacts with the keyboard and by a click", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await confirmed(page, "cake?");
  await shown(bob, "cake?");
  await bob.keyboard.press("Control+ArrowUp");
  await bob.keyboard.press("+");
  await bob.keyboard.press("Enter");
  const reaction = page.locator(".reaction", { hasText: "👍 1" });
  await reaction.click();
  await bob.locator('.reaction[aria-pressed="true"]', { hasText: "👍 2" }).waitFor();
  await bob.locator(".reaction").click();
  await page.locator(".reaction", { hasText: "👍 1" }).waitFor();
  await page.locator(".reaction").click();
  await becomes(page, "document.querySelectorAll('.reaction').length === 0");
});

scene("shows code and emphasis with harmless elements only", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await say(
    bob,
    "**bold** *it* ~~no~~ `<b>x</b>` __proto__\n```html\n<img src=x onerror=alert(1)>\n```",
  );
  await shown(page, "bold");
  assertEquals(await texts(page), ["bold it no <b>x</b> __proto__\n<img src=x onerror=alert(1)>"]);
  const tags = await page.$$eval("#log .text *", (all) => all.map(({ tagName }) => tagName));
  assertEquals([...new Set(tags)].sort(), ["CODE", "SPAN"]);
  assertEquals(await page.locator("code.block").textContent(), "<img src=x onerror=alert(1)>");
});

scene("completes names with the keyboard, and marks who is called", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await shown(bob, "Bob joined");
  await becomes(bob, "document.querySelectorAll('#people li').length === 2");
  await bob.click("#text");
  await bob.keyboard.type("hello @a");
  await bob.locator('#suggestions li[aria-selected="true"]', { hasText: "Ann" }).waitFor();
  await bob.keyboard.press("Tab");
  assertEquals(await bob.inputValue("#text"), "hello @Ann ");
  await bob.keyboard.type("are you there?");
  await bob.keyboard.press("Enter");
  await shown(page, "are you there?");
  await page.locator(".msg.called .mention.me", { hasText: "@Ann" }).waitFor();
  assertEquals(await bob.locator(".msg.called").count(), 0);
  await page.locator(".msg .who", { hasText: "Bob" }).click();
  await page.locator("#person-menu button", { hasText: "Mention Bob" }).click();
  assertEquals(await page.inputValue("#text"), "@Bob ");
});

scene("keeps a text that is too long, and a line that is refused", async (s) => {
  const page = await s.join("Ann");
  await page.fill("#text", "x".repeat(5000));
  await page.press("#text", "Enter");
  await becomes(page, "/5000 of at most 4096 bytes/.test($('complaint').textContent)");
  assertEquals((await page.inputValue("#text")).length, 5000);
  await say(page, "\u200e");
  await page.locator(".msg.lost .state", { hasText: "not sent" }).waitFor();
  await page.locator(".choices button", { hasText: "Send again" }).click();
  await page.locator(".msg.lost").waitFor();
  await page.locator(".choices button", { hasText: "Edit" }).click();
  assertEquals(await page.inputValue("#text"), "\u200e");
  assertEquals(await page.locator(".msg").count(), 0);
});

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

scene("sends pictures and files, by the button, by paste and by drop", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await page.setInputFiles("#file", {
    name: "a.png",
    mimeType: "image/png",
    buffer: Buffer.from(PNG, "base64"),
  });
  await page.locator("#attached li", { hasText: "70 B" }).waitFor();
  await say(page, "look");
  const image = bob.locator(".msg", { hasText: "look" }).locator("img[alt='a.png']");
  await image.waitFor();
  await becomes(bob, "document.querySelector('.msg img').naturalWidth === 1");
  for (const type of ["paste", "drop"]) {
    await page.evaluate(`{
      const data = new DataTransfer();
      data.items.add(new File(["notes of the day"], "${type}.txt", { type: "text/plain" }));
      const init = { bubbles: true, cancelable: true };
      $("text").dispatchEvent(
        "${type}" === "paste"
          ? new ClipboardEvent("paste", { ...init, clipboardData: data })
          : new DragEvent("drop", { ...init, dataTransfer: data }),
      );
    }`);
    await page.locator("#attached li", { hasText: "16 B" }).waitFor();
    await page.press("#text", "Enter");
    const link = bob.locator("a.file", { hasText: `${type}.txt` });
    await link.waitFor();
    const href = await link.evaluate((a) => (a as unknown as { href: string }).href);
    const response = await fetch(href);
    assertEquals(await response.text(), "notes of the day");
  }
});

scene("keeps the files of a draft in their room", async (s) => {
  const page = await s.join("Ann");
  const file = { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("notes") };
  await page.setInputFiles("#file", [file]);
  await page.locator("#attached li", { hasText: "5 B" }).waitFor();
  await say(page, "/join #tea");
  await becomes(page, "$('room').textContent === '#tea'");
  assertEquals(await page.locator("#attached li").count(), 0);
  await page.click('#rooms button[data-room="lobby"]');
  await page.locator("#attached li", { hasText: "5 B" }).waitFor();
  await page.press("#text", "Enter");
  await page.locator(".msg a.file", { hasText: "a.txt" }).waitFor();
  assertEquals(await page.locator("#attached li").count(), 0);
});

scene("says what a terminal says, with lines, edits and reactions", async (s) => {
  const page = await s.join("Ann");
  await using nc = await s.terminal("Bob");
  await nc.write("first\n");
  await shown(page, "first");
  await confirmed(page, "one\ntwo");
  await heard(nc, "one");
  await heard(nc, "two");
  await page.press("#text", "ArrowUp");
  await say(page, "three");
  assertStringIncludes(await heard(nc, "three"), "three");
  assert((await texts(page)).includes("three"));
});

endBrowser();
