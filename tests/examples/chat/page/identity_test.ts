import { assertEquals } from "@std/assert";
import { CUT, heard, scene } from "../_page.ts";

scene("keeps the private conversations of a user whose name was taken meanwhile", async (chat) => {
  const page = await chat.join("Bob");
  const before = await page.evaluate("state.me.user");
  await using eve = await chat.terminal("Eve");
  await page.evaluate(CUT);
  await heard(eve, "Bob left");
  await using other = await chat.terminal("Bob");
  await page.evaluate("link.connect()");
  await page.waitForSelector("#join:not([hidden])");
  await page.fill("#name", "Bob_again");
  await page.press("#name", "Enter");
  await page.waitForSelector("#chat:not([hidden])");
  assertEquals(await page.evaluate("[state.me.name, state.me.user]"), ["Bob_again", before]);
  for (const terminal of [eve, other]) terminal.abort();
}, ["--grace", "0"]);
