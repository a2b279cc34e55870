import { assertEquals } from "@std/assert";
import { becomes, endBrowser, expose, heard, say, scene, shown } from "../_page.ts";

/** Lines that a terminal says, in one write. */
const lines = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}\n`).join("");

scene("loads older messages from the server when the reader goes up", async (s) => {
  await using nc = await s.terminal("Bob");
  await nc.write(lines(400));
  const page = await s.join("Ann");
  await shown(page, "line 399");
  assertEquals(await page.evaluate("state.current.more"), true);
  await becomes(
    page,
    "log.scrollTop = 0, state.current.items.some((one) => one.text === 'line 0')",
  );
  await becomes(page, "state.current.more === false");
  const order = await page.evaluate<string[]>(
    "state.current.items.filter((one) => one.kind === 'message').map((one) => one.text)",
  );
  assertEquals(order, Array.from({ length: 400 }, (_, i) => `line ${i}`));
}, ["--history", "50"]);

scene("finds an old message, jumps to it, and comes back to the newest one", async (s) => {
  await using nc = await s.terminal("Bob");
  await nc.write(`the wifi password is swordfish\n${lines(450)}`);
  const page = await s.join("Ann");
  await shown(page, "line 449");
  await page.keyboard.press("Control+f");
  await page.keyboard.type("swordfish");
  await page.keyboard.press("Enter");
  await page.locator("#hits button", { hasText: "in #lobby" }).waitFor();
  assertEquals(await page.locator("#hits mark").allTextContents(), ["swordfish"]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator(".msg.found", { hasText: "swordfish" }).waitFor();
  assertEquals(await page.isVisible("#finder"), false);
  await nc.write("said meanwhile\n");
  await becomes(page, "/1 new/.test($('jump').textContent)");
  await page.click("#jump");
  await shown(page, "said meanwhile");
  await becomes(page, "list.following && log.scrollHeight - log.scrollTop - log.clientHeight < 50");
}, ["--history", "50"]);

scene("finds what a room says in Chinese, and says if nothing is found", async (s) => {
  const page = await s.join("小林");
  await say(page, "明天下午三点开会");
  await shown(page, "开会");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("下午三点");
  await page.keyboard.press("Enter");
  await page.locator("#hits mark", { hasText: "下午三点" }).waitFor();
  await page.fill("#query", "nowhere");
  await page.keyboard.press("Enter");
  await becomes(page, "/Nothing was found/.test($('found').textContent)");
  await page.keyboard.press("Escape");
  assertEquals(await page.isVisible("#finder"), false);
});

scene("says a command without a connection in the text box, and keeps the text", async (s) => {
  const page = await s.join("Ann");
  await using nc = await s.terminal("Bob");
  await page.evaluate("link.disconnect(); link.giveUp()");
  await say(page, "/nick Anna");
  await becomes(page, "/Not connected/.test($('complaint').textContent)");
  assertEquals(await page.inputValue("#text"), "/nick Anna");
  await page.reload();
  await expose(page);
  await becomes(page, "state.me.joined && $('status').className === ''");
  assertEquals(await page.inputValue("#text"), "/nick Anna");
  await page.press("#text", "Enter");
  await heard(nc, "Ann is now Anna");
});

endBrowser();
