import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { ALL_SENT, becomes, CUT, endBrowser, expose, heard, say, scene, shown } from "../_page.ts";

/** Enters a room and waits until it is shown. */
async function enter(page: Page, room: string): Promise<void> {
  await say(page, `/join #${room}`);
  await becomes(page, `$("room").textContent === "#${room}" && state.current.entered`);
}

/** Returns the texts of the messages on the screen. */
const texts = (page: Page) => page.locator(".msg .text").allTextContents();

scene("is in several rooms at once, with counts and a mark of unread messages", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await say(page, "in the lobby");
  await enter(page, "tea");
  for (const text of ["one", "two @Ann", "three"]) await say(bob, text);
  const lobby = page.locator('#rooms button[data-room="lobby"]');
  await becomes(page, "state.findRoom('lobby').unread === 3");
  await lobby.locator(".badge.called", { hasText: "3" }).waitFor();
  await becomes(page, "document.title.startsWith('(3) #tea')");
  await say(page, "for the tea room");
  await becomes(page, ALL_SENT);
  await lobby.click();
  await shown(page, "three");
  assertEquals(await texts(page), ["in the lobby", "one", "two @Ann", "three"]);
  assertEquals(await page.locator(".mark + .msg .text").textContent(), "one");
  await becomes(page, "!document.title.startsWith('(')");
  assertEquals(await lobby.locator(".badge").count(), 0);
  await page.locator('#rooms button[data-room="tea"]').click();
  assertEquals(await texts(page), ["for the tea room"]);
});

scene("opens a conversation with a person, and keeps it apart from the rooms", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await bob.locator("#people button", { hasText: "Ann" }).click();
  await bob.locator("#person-menu button", { hasText: "Message Ann privately" }).click();
  await becomes(bob, "$('room').textContent === 'Ann'");
  await say(bob, "psst");
  await becomes(bob, ALL_SENT);
  // It is shown in the room on the screen, and waits as a conversation.
  await shown(page, "psst");
  const entry = page.locator('#directs button[data-person="Bob"]');
  await entry.locator(".badge", { hasText: "1" }).waitFor();
  await enter(page, "tea");
  assertEquals(await texts(page), []);
  await page.locator('#rooms button[data-room="lobby"]').click();
  assertEquals(await texts(page), ["psst"]);
  await entry.click();
  assertMatch(page.url(), /#\/with\/Bob$/);
  await say(page, "yes?\nsecond line");
  await shown(bob, "yes?");
  assertEquals(await texts(bob), ["psst", "yes?\nsecond line"]);
  await say(bob, "/join #lobby");
  await becomes(bob, "$('room').textContent === '#lobby'");
  assertEquals((await texts(bob)).includes("yes?\nsecond line"), false);
});

scene("has the private conversations after a reload, unread ones counted", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await say(bob, "/msg Ann first");
  await shown(page, "first");
  await say(page, "/msg Bob answer");
  await shown(bob, "answer");
  await becomes(page, "state.conversations.some(({ direct, unread }) => direct && unread === 1)");
  await page.reload();
  await expose(page);
  const entry = page.locator('#directs button[data-person="Bob"]');
  await entry.locator(".badge", { hasText: "1" }).waitFor();
  await entry.click();
  await shown(page, "answer");
  assertEquals(await texts(page), ["first", "answer"]);
});

scene("has the room in its address; back, forward and a reload work", async ({ join, web }) => {
  const page = await join("Ann");
  await enter(page, "tea");
  await enter(page, "cake");
  assertMatch(page.url(), /#\/room\/cake$/);
  await page.goBack();
  await becomes(page, "$('room').textContent === '#tea'");
  await page.goForward();
  await becomes(page, "$('room').textContent === '#cake'");
  await page.goBack();
  await page.reload();
  await expose(page);
  await becomes(
    page,
    "$('room').textContent === '#tea' && !$('chat').hidden && state.current.entered",
  );
  await becomes(page, "document.querySelectorAll('#rooms .closer').length === 3");
  await page.goto(`${web}/?room=milk`);
  await expose(page);
  await becomes(page, "$('room').textContent === '#milk' && state.current.entered");
  assertMatch(page.url(), /\/#\/room\/milk$/);
});

scene("leaves a room, but not the last one", async (s) => {
  const page = await s.join("Ann");
  await using nc = await s.terminal("Bob");
  await enter(page, "tea");
  await page.locator("#rooms li", { hasText: "lobby" }).hover();
  await page.locator('#rooms .closer[aria-label="Leave #lobby"]').click();
  await heard(nc, "Ann left");
  await becomes(page, "document.querySelectorAll('#rooms .closer').length === 0");
  assertEquals(await page.textContent("#room"), "#tea");
});

scene("shows another room after a command has left the one on the screen", async (s) => {
  const page = await s.join("Ann");
  await enter(page, "tea");
  await say(page, "/leave");
  await becomes(page, "$('room').textContent === '#lobby'");
  assertEquals(await page.evaluate("state.findRoom('tea')"), undefined);
  await enter(page, "tea");
  await say(page, "/leave #lobby");
  await becomes(page, "state.findRoom('lobby') === undefined");
  assertEquals(await page.textContent("#room"), "#tea");
});

scene("has nothing of a user who has quit for the next one", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await enter(page, "tea");
  await say(page, "/msg Bob secret");
  await shown(bob, "secret");
  await say(page, "/msg Nobody lost");
  await page.locator(".msg button", { hasText: "Discard" }).waitFor();
  await page.fill("#text", "a draft");
  await page.locator('#rooms button[data-room="lobby"]').click();
  await say(page, "/quit");
  await page.locator("#fault", { hasText: "Good-bye" }).waitFor();
  assertMatch(page.url(), /\/$/);
  await page.fill("#name", "Cem");
  await page.press("#name", "Enter");
  await page.locator("#chat:not([hidden])").waitFor();
  await page.locator("#people button", { hasText: "Bob" }).waitFor();
  assertEquals(await page.locator("#directs button").count(), 0);
  assertEquals(await texts(page), []);
  const kept = await page.evaluate("JSON.stringify({ ...localStorage })");
  for (const trace of ["Ann", "draft", "tea", "lost"]) {
    assertEquals(String(kept).includes(trace), false, `${trace}: ${kept}`);
  }
});

scene("never says a line in another room than the one on the screen", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await enter(bob, "team");
  await page.locator('#rooms button[data-room="team"]').waitFor();
  await page.evaluate("socket.send = () => {}");
  await page.click('#rooms button[data-room="team"]');
  await say(page, "only for the team");
  await page.evaluate("socket.close()");
  await shown(bob, "only for the team");
  await bob.click('#rooms button[data-room="lobby"]');
  assertEquals(await texts(bob), []);
});

scene(
  "reports a command that was lost, and goes back from a room that cannot be entered",
  async (s) => {
    const page = await s.join("Ann");
    await page.evaluate("socket.send = () => {}");
    await say(page, "/nick Anna");
    await page.evaluate("socket.close()");
    assertStringIncludes(await shown(page, "/nick Anna"), "broke before this was answered");
    await page.locator("#status:not(.away)").waitFor();
    await say(page, "/join #a b");
    await shown(page, "A room name has");
    assertEquals(await page.textContent("#room"), "#lobby");
  },
);

scene("folds joins and leaves, and shows names from right to left in their place", async (s) => {
  const page = await s.join("Ann");
  const crowd = [];
  for (const name of ["Bob", "Cy", "Dora", "Eve"]) crowd.push(await s.terminal(name));
  await shown(page, "Ann, Bob and 3 others joined");
  for (const nc of crowd) await nc.close();
  await shown(page, "Bob, Cy and 2 others joined and left");
  assertEquals(await page.locator(".note").count(), 1);
  await using nc = await s.terminal("نور");
  await nc.write("/nick Nora\n");
  await shown(page, "is now Nora");
  assertEquals(await page.locator(".note", { hasText: "is now" }).locator("bdi").count(), 2);
});

scene("steps through its rooms with the keyboard", async (s) => {
  const [page, bob] = [await s.join("Ann"), await s.join("Bob")];
  await enter(page, "tea");
  await enter(page, "cake");
  await say(bob, "news");
  await becomes(page, "state.findRoom('lobby').unread === 1");
  await page.keyboard.press("Alt+ArrowUp");
  await becomes(page, "$('room').textContent === '#tea'");
  await page.keyboard.press("Alt+Shift+ArrowDown");
  await becomes(page, "$('room').textContent === '#lobby'");
  assertEquals(await page.evaluate("document.activeElement.id"), "text");
  await page.evaluate(CUT);
});

endBrowser();
