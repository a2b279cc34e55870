import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startRunnable } from "../../../_support/runnable.ts";
import {
  ALL_SENT,
  becomes,
  CUT,
  endBrowser,
  expose,
  heard,
  say,
  type Scene,
  scene,
  shown,
} from "../_page.ts";

/** Stops the chat of a scene. Returns the arguments with which another one listens at the same place. */
async function stop({ chat, port, web }: Scene): Promise<string[]> {
  chat.signal("SIGTERM");
  assertEquals(await chat.exitCode(), 0);
  return ["--port", `${port}`, "--web-port", new URL(web).port, "--rate", "0"];
}

const ownTexts = ".msg.own .text";

scene("keeps unsent lines and drafts of each room over a reload without a server", async (s) => {
  const page = await s.join("Ann");
  await say(page, "/join #tea");
  await becomes(page, "$('room').textContent === '#tea' && navigator.serviceWorker.controller");
  const args = await stop(s);
  await page.locator("#status.away").waitFor();
  await say(page, "written in the tunnel");
  await page.fill("#text", "a draft for tea\nwith two lines");
  await page.click('#rooms button[data-room="lobby"]');
  await page.fill("#text", "a draft for the lobby");
  // The service worker gives the page, and the page its lines.
  await page.reload();
  await expose(page);
  assertEquals(await page.inputValue("#text"), "a draft for the lobby");
  await page.click('#rooms button[data-room="tea"]');
  assertEquals(await page.inputValue("#text"), "a draft for tea\nwith two lines");
  assertEquals(await page.locator(ownTexts).allTextContents(), ["written in the tunnel"]);
  assertEquals(await page.textContent(".msg .state"), "not sent yet");
  await using _again = await startRunnable("chat", args, { listeners: 2 });
  await page.locator("#status:not(.away)").waitFor({ timeout: 20_000 });
  await becomes(page, ALL_SENT);
  assertEquals(await page.locator(ownTexts).allTextContents(), ["written in the tunnel"]);
  assertEquals(await page.inputValue("#text"), "a draft for tea\nwith two lines");
});

scene("sends a line once although it comes back in another tab", async (s) => {
  const page = await s.join("Ann");
  await using nc = await s.terminal("Bob");
  // The line reaches the server, but its confirmation does not reach the page. The news that the other
  // tab has joined does: without it, the page would come back after a moment and displace the other tab.
  await page.evaluate(`{
    const take = socket.onmessage;
    socket.onmessage = (event) => JSON.parse(event.data).type === "bye" && take(event);
  }`);
  await say(page, "only once");
  await heard(nc, "only once");
  const other = await page.context().newPage();
  await other.goto(s.web);
  await expose(other);
  await becomes(other, `state.me.joined && ${ALL_SENT} && outbox.pending.size === 0`);
  await becomes(page, "/another place/.test($('fault').textContent)");
  await say(other, "from the other tab");
  assertStringIncludes(await heard(nc, "other tab"), "from the other tab");
  await becomes(other, ALL_SENT);
  const all = await other.locator(".msg .text").allTextContents();
  assertEquals(all, ["only once", "from the other tab"]);
});

scene("gives way to another tab, which loses no line", async (s) => {
  const page = await s.join("Ann");
  await using nc = await s.terminal("Bob");
  const other = await page.context().newPage();
  await other.goto(s.web);
  await expose(other);
  await becomes(page, "/another place/.test($('fault').textContent)");
  assert(await page.isVisible("#join"));
  // Both tabs have a line that is not sent, and come back one after the other.
  await page.click("#enter");
  await becomes(page, "!$('chat').hidden && outbox.pending.size === 0");
  await becomes(other, "!$('join').hidden");
  await other.click("#enter");
  await becomes(other, "!$('chat').hidden");
  await becomes(page, "!$('join').hidden");
  await other.evaluate(CUT);
  await say(other, "of the second tab");
  await page.click("#enter");
  await heard(nc, "of the second tab");
  await becomes(page, `!$('chat').hidden && ${ALL_SENT}`);
  await other.evaluate("link.connect()");
  await becomes(other, `${ALL_SENT} && outbox.pending.size === 0`);
  await say(other, "the end");
  assertStringIncludes(await heard(nc, ""), "the end");
});

scene(
  "comes back after a restart with a store without the form, with nothing missing",
  async (s) => {
    const folder = await Deno.makeTempDir();
    try {
      const store = ["--store", `${folder}/chat.db`];
      const files = [`--allow-read=${folder}`, `--allow-write=${folder}`];
      const options = { listeners: 2, permissions: ["--allow-net=127.0.0.1", ...files] };
      const args = await stop(s);
      const first = await startRunnable("chat", [...args, ...store], options);
      const page = await s.join("Ann");
      await say(page, "before");
      await becomes(page, ALL_SENT);
      first.signal("SIGTERM");
      await first.exitCode();
      await page.locator("#status.away").waitFor();
      await say(page, "meanwhile");
      await using _second = await startRunnable("chat", [...args, ...store], options);
      await page.locator("#status:not(.away)").waitFor({ timeout: 20_000 });
      await becomes(page, ALL_SENT);
      assertEquals(await page.locator(".note", { hasText: "restarted" }).count(), 0);
      await page.reload();
      await expose(page);
      await shown(page, "meanwhile");
      assertEquals(await page.locator(ownTexts).allTextContents(), ["before", "meanwhile"]);
      assert(await page.isHidden("#join"));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

scene("asks for the name after a restart that has forgotten everybody", async (s) => {
  const page = await s.join("Ann");
  const args = await stop(s);
  await page.locator("#status.away").waitFor();
  await page.evaluate("link.giveUp()");
  await say(page, "kept");
  await using _again = await startRunnable("chat", args, { listeners: 2 });
  await page.reload();
  await expose(page);
  assertEquals(await page.inputValue("#name"), "Ann");
  await page.click("#enter");
  await shown(page, "kept");
  await becomes(page, ALL_SENT);
});

scene("can be installed, and never mixes files of two versions", async (s) => {
  const page = await s.visit();
  const manifest = await page.evaluate<{ icons: { src: string }[]; start_url: string }>(
    `(async () => {
      const { href } = document.querySelector("link[rel=manifest]");
      const manifest = await (await fetch(href)).json();
      for (const icon of manifest.icons) icon.src = new URL(icon.src, href).href;
      return { ...manifest, start_url: new URL(manifest.start_url, href).href };
    })()`,
  );
  assertEquals(manifest.start_url, `${s.web}/`);
  for (const { src } of manifest.icons) {
    const icon = await fetch(src);
    assertEquals(icon.status, 200, src);
    await icon.body?.cancel();
  }
  await becomes(page, "navigator.serviceWorker.ready.then(() => true)");
  const cached = await page.evaluate<string[]>(
    `caches.keys().then(([name]) => caches.open(name)).then((cache) => cache.keys())
      .then((all) => all.map(({ url }) => url))`,
  );
  const versions = new Set(cached.map((url) => /page\/(\w+)\//.exec(url)?.[1] ?? ""));
  assertEquals(versions.size, 2, [...versions].join()); // The page itself has no version in its path.
});

endBrowser();
