import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startRunnable } from "../../_support/runnable.ts";
import { ALL_SENT, becomes, CUT, endBrowser, heard, say, scene, shown } from "./_page.ts";

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
  await becomes(page, 'document.querySelectorAll("#people li").length === 2');
  assertEquals(await page.locator("#people li").allTextContents(), ["Ann (you)", "Bob"]);
  await nc.close();
  await shown(page, "Bob left");
  await becomes(page, 'document.querySelectorAll("#people li").length === 1');
});

scene("invites users to write, and shows each join once", async ({ join, terminal }) => {
  const page = await join("Ann");
  await shown(page, "Nobody has said anything yet");
  await using nc = await terminal("Bob");
  await shown(page, "Ann and Bob joined");
  assertEquals(await page.locator(".note").count(), 1);
  assertEquals(await page.locator("#log > :last-child").getAttribute("id"), "empty");
  await nc.write("good morning\n");
  await shown(page, "good morning");
  assertEquals(await page.locator("#empty").count(), 0);
});

scene("has its lines in the order of all others, its own too", async ({ join, terminal }) => {
  const page = await join("Ann");
  await using nc = await terminal("Bob");
  await shown(page, "Bob joined");
  await page.evaluate(
    "send = socket.send.bind(socket); socket.send = (text) => globalThis.held = text",
  );
  await say(page, "second");
  await nc.write("first\n");
  await shown(page, "first");
  assertEquals(await page.locator(".msg .text").allTextContents(), ["second", "first"]);
  await page.evaluate("socket.send = send; send(held)");
  assertEquals(await heard(nc, "second"), "Ann: second");
  await becomes(page, ALL_SENT);
  assertEquals(await page.locator(".msg .text").allTextContents(), ["first", "second"]);
  assertEquals(await page.locator(".msg .who").allTextContents(), ["Bob", "Ann"]);
});

scene(
  "sends no faster than it is taken, each line once and in order",
  async ({ join, terminal }) => {
    const page = await join("Ann");
    await using nc = await terminal("Bob");
    await nc.write("/join #tea\n");
    await heard(nc, "You are Bob");
    await say(page, "/join #tea");
    await becomes(page, "$('room').textContent === '#tea'");
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i}`);
    await page.evaluate(`use("lines.js").then(({ say }) => {
      for (const line of ${JSON.stringify(lines)}) say(state.current, line);
    })`);
    await say(page, "\u200e");
    assertEquals(await nc.readLine({ timeout: 30_000 }), "Ann joined");
    for (const line of lines) assertEquals(await nc.readLine({ timeout: 30_000 }), `Ann: ${line}`);
    await shown(page, "it has no visible characters");
    await becomes(
      page,
      "document.querySelectorAll('.state').length === 1 && outbox.inFlight() === 0",
    );
  },
  ["--rate", "100", "--burst", "50"],
);

scene("says on a phone that it is away, and has rooms in sight beside a crowd", async (s) => {
  const page = await s.join("Ann", { viewport: { width: 320, height: 600 }, hasTouch: true });
  await say(page, "hello");
  assertEquals(await page.evaluate("$('text').offsetHeight"), 44);
  const crowd = await Promise.all(Array.from({ length: 60 }, (_, i) => s.terminal(`user-${i}`)));
  await becomes(page, "state.current.members.length === 61");
  await page.click("#people-toggle");
  await becomes(
    page,
    `["#people li", "#rooms button", "#roomname", "#theme"].every((one) => {
      const box = document.querySelector(one)?.getBoundingClientRect();
      return box && box.height > 20 && box.bottom <= innerHeight;
    })`,
  );
  await page.click("#log", { position: { x: 310, y: 300 } });
  assertEquals(await page.isVisible("#people"), false);
  const height = () => page.evaluate<number>("document.querySelector('header').offsetHeight");
  const before = await height();
  await Promise.all(crowd.map((nc) => nc.close()));
  s.chat.signal("SIGTERM");
  await page.locator("#status.away").waitFor();
  const cut = await page.evaluate(`[...document.querySelectorAll("header h1, #status-text")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0).length`);
  assertEquals([cut, await height()], [0, before]);
  assertEquals(await page.textContent("#spoken"), "Not connected");
  assert(await page.isVisible("#retry"));
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

scene("makes links of web addresses, and of nothing else", async ({ join, terminal }) => {
  const page = await join("Ann");
  await using nc = await terminal("Bob");
  await nc.write(
    "see (https://a.example/x?y=1&z=<b>), http://b.example. javascript:alert(1) https:// http://[\n",
  );
  await nc.write("看https://c.example/茶。data:text/html,x\n");
  await nc.write(`${"http://d.example ".repeat(200)}many\n`);
  await shown(page, "many");
  await shown(page, "c.example");
  const links = await page.evaluate<string[][]>(
    `[...document.querySelectorAll("#log a")].map((a) => [a.textContent, a.href, a.rel])`,
  );
  const rel = "noopener noreferrer";
  assertEquals(links, [
    ["https://a.example/x?y=1&z=", "https://a.example/x?y=1&z=", rel],
    ["http://b.example", "http://b.example/", rel],
    ["https://c.example/茶", "https://c.example/%E8%8C%B6", rel],
  ]);
  await shown(
    page,
    "see (https://a.example/x?y=1&z=<b>), http://b.example. javascript:alert(1) https:// http://[",
  );
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
  await becomes(page, atEnd);
  await page.evaluate("oldest = log.querySelector('.msg').textContent");
  await becomes(page, "log.scrollTop = 0, log.querySelector('.msg').textContent !== oldest");
  await nc.write("while reading\n");
  await becomes(page, "/1 new/.test($('jump').textContent)");
  await page.click("#jump");
  await shown(page, "while reading");
  await becomes(page, atEnd);
  await say(page, "still quick");
  await heard(nc, "still quick");
});

scene("reconnects after a restart, and sends the waiting lines", async (scene) => {
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
  assertEquals(texts, ["before", "written while it was down", "after"]);
  await shown(page, "The server was restarted");
});

scene("takes no line for its own that a former bearer of its name has said", async (scene) => {
  const nc = await scene.terminal("Bob");
  await nc.write("old words\n");
  const ann = await scene.join("Ann");
  await shown(ann, "old words");
  await nc.close();
  await shown(ann, "Bob left");
  const page = await scene.join("Bob");
  await shown(page, "old words");
  await say(page, "new words");
  await say(page, "/me waves");
  await shown(page, "waves");
  await becomes(page, ALL_SENT);
  const own = () => page.locator(".msg.own .text").allTextContents();
  assertEquals(await own(), ["new words", "Bob waves"]);
  await say(page, "/join #tea");
  await becomes(page, "$('room').textContent === '#tea'");
  await say(page, "/join #lobby");
  await shown(page, "old words");
  assertEquals(await own(), ["new words", "Bob waves"]);
});

scene("numbers its lines so that nobody can answer in the server's place", async ({ join }) => {
  const [page, eve] = [await join("Ann"), await join("Eve")];
  await eve.evaluate(`ids = []; socket.addEventListener("message", ({ data }) => {
    const { type, id } = JSON.parse(data);
    if (type === "message") ids.push(id);
  })`);
  await say(page, "one");
  await say(page, "two");
  await becomes(eve, "ids.length === 2");
  const [one, two] = await eve.evaluate<[number, number]>("ids");
  assert(Number.isSafeInteger(one) && Math.abs(two - one) > 1000, `${two} follows ${one}`);
});

scene("receives the events that it missed while disconnected", async ({ join, terminal }) => {
  const page = await join("Ann");
  await using nc = await terminal("Bob");
  await shown(page, "Bob joined");
  await page.evaluate(CUT);
  await page.locator("#status.away").waitFor();
  await nc.write("said meanwhile\n");
  await page.evaluate("link.connect()");
  await shown(page, "said meanwhile");
  const texts = await page.locator(".msg .text").allTextContents();
  assertEquals(texts.filter((text) => text === "said meanwhile").length, 1);
});

scene("puts a message of one's own into the list once, to be read out once", async ({ join }) => {
  const page = await join("Ann");
  await page.evaluate(`added = []; new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const { textContent } of addedNodes) added.push(textContent);
  }).observe(log, { childList: true })`);
  for (const text of ["one", "two", "/me nods"]) await say(page, text);
  await becomes(page, `${ALL_SENT} && outbox.inFlight() + outbox.pending.size === 0`);
  const added = await page.evaluate<string[]>("added");
  assertEquals(added.filter((text) => /one|two|nods/.test(text)).length, 3, added.join("\n"));
});

scene("knows which lines were in flight when the connection broke", async ({ join, terminal }) => {
  const page = await join("Ann");
  await using nc = await terminal("Bob");
  await shown(page, "Bob joined");
  await page.evaluate("socket.onmessage = () => {}");
  await say(page, "/me waves");
  assertEquals(await heard(nc, "waves"), "Ann: *waves*");
  await page.evaluate("socket.send = () => {}");
  await say(page, "/msg Bob psst");
  await page.evaluate("socket.close()");
  await say(page, "/me sits down");
  assertEquals(await heard(nc, "psst"), "[private] Ann -> Bob: psst");
  assertEquals(await heard(nc, "sits"), "Ann: *sits down*");
  await shown(page, "to Bob");
  await becomes(page, ALL_SENT);
  const own = await page.locator(".msg.own .text").allTextContents();
  assertEquals(own, ["Ann waves", "psst", "Ann sits down"]);
  assertEquals(await page.locator(".msg").count(), 3);
  assertEquals(await page.evaluate("outbox.pending.size + outbox.inFlight()"), 0);
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
    assertEquals(await page.evaluate("document.activeElement.dataset.room"), "lobby");
    assert(await page.isVisible("#theme") && await page.isVisible("aside .lang"));
    await page.keyboard.press("Escape");
    assertEquals(await page.isVisible("#people"), false);
    assertEquals(await page.evaluate("document.activeElement.id"), "people-toggle");
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
  // What a screen reader is offered: the places to go to, and each state once.
  const places = await page.locator("body").ariaSnapshot();
  for (const place of ["banner", "main", 'form "Message"', 'complementary "Rooms and people"']) {
    assertStringIncludes(places, `- ${place}`);
  }
  assertEquals(places.match(/Connected/g)?.length, 1);
  await becomes(page, "log.getAttribute('role') === 'log' && log.ariaLive === 'polite'");
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

scene(
  "keeps the scroll position of a reader, and shows the end while the user writes",
  async (s) => {
    const page = await s.join("Ann");
    await using nc = await s.terminal("Bot");
    await nc.write(Array.from({ length: 3000 }, (_, i) => `line ${i}\n`).join(""));
    await shown(page, "line 2999");
    for (const top of [0, 100, 190]) {
      const [before, after] = await page.evaluate<[number, number]>(`(async () => {
      const still = () => new Promise((resolve) => setTimeout(resolve, 120));
      log.scrollTop = 3000;
      await still();
      log.scrollTop = ${top};
      const edge = log.getBoundingClientRect().top;
      const line = [...log.children].find((one) => one.getBoundingClientRect().bottom > edge + 5);
      const before = line.getBoundingClientRect().top;
      await still();
      return [before, line.getBoundingClientRect().top];
    })()`);
      assert(Math.abs(after - before) < 40, `from ${before} to ${after}`);
    }
    // Whose lines these are can be seen wherever one looks.
    assert(await page.locator("#log .who").count() > 20);
    await page.click("#jump");
    const atEnd = "list.following && log.scrollHeight - log.scrollTop - log.clientHeight < 2";
    for (const size of [{ width: 667, height: 320 }, { width: 320, height: 568 }]) {
      await page.setViewportSize(size);
      await becomes(page, atEnd);
      for (const text of ["a\nb\nc\nd\ne\nf", "a\nb\nc\nd\ne\nf\ng", "a"]) {
        await page.fill("#text", text);
        // Two frames, so that all events of the change have come.
        await page.evaluate("new Promise((done) => setTimeout(() => setTimeout(done, 50), 50))");
        await becomes(page, atEnd);
      }
    }
  },
);

const wayBack = "gives a way back when the name is taken meanwhile, and after /quit";
scene(wayBack, async (s) => {
  const page = await s.join("Ann");
  await say(page, "/join #tea");
  await becomes(page, "$('room').textContent === '#tea'");
  await page.evaluate(CUT);
  await page.locator("#status.away").waitFor();
  await say(page, "kept");
  await using _other = await s.terminal("Ann");
  await page.evaluate("link.connect()");
  await becomes(page, "/already here/.test($('fault').textContent)");
  assertEquals(await page.evaluate("document.activeElement.id"), "name");
  await page.keyboard.type("Anna");
  await page.keyboard.press("Enter");
  await becomes(page, "$('room').textContent === '#tea' && !$('chat').hidden");
  await shown(page, "kept");
  await becomes(page, ALL_SENT);
  await say(page, "/quit");
  await page.locator("#fault", { hasText: "Good-bye" }).waitFor();
  await page.press("#name", "Enter");
  await page.waitForSelector("#chat:not([hidden])");
}, ["--grace", "0"]);

scene("notices a line that was cut without a word", async ({ join, terminal }) => {
  const page = await join("Ann");
  await page.evaluate("socket.send = socket.onmessage = () => {}");
  await using nc = await terminal("Bob");
  // The page asks for a sign of life, and does not wait for ever.
  await page.evaluate("link.checkLife(Date.now() + 21_000); link.checkLife(Date.now() + 60_000)");
  await page.locator("#status.away").waitFor();
  await page.locator("#status:not(.away)").waitFor();
  await nc.write("there again\n");
  await shown(page, "there again");
});

scene("uses the language of the server if the browser prefers neither", async ({ visit }) => {
  const page = await visit({ locale: "fr-FR" });
  assertEquals(await page.textContent("#enter"), "加入");
  await page.click("#join .lang");
  assertEquals(await page.textContent("#enter"), "Join");
  await page.goto(`${page.url()}?lang=constructor`);
  assertEquals(await page.textContent("#enter"), "Join");
}, ["--lang", "zh"]);

scene("sends a paste as one message with its lines, and words composed", async (s) => {
  const page = await s.join("Ann");
  await using nc = await s.terminal("Bob");
  await say(page, "if x:\n    /deep\n\n//two");
  for (const line of ["if x:", "    /deep", "//two"]) {
    assertStringIncludes(await heard(nc, line.trim()), line);
  }
  await becomes(page, ALL_SENT);
  assertEquals(await page.locator(".msg .text").allTextContents(), ["if x:\n    /deep\n\n//two"]);
  await page.fill("#text", Array.from({ length: 201 }, (_, i) => `${i}`).join("\n"));
  await page.press("#text", "Enter");
  await becomes(page, "/at most 200 lines/.test($('complaint').textContent)");
  assertMatch(await page.inputValue("#text"), /^0\n1\n/);
  // A real input method: its Enter takes the word, the next one sends it.
  await page.fill("#text", "");
  const session = await page.context().newCDPSession(page);
  await session.send("Input.imeSetComposition", {
    text: "你好",
    selectionStart: 2,
    selectionEnd: 2,
  });
  await session.send("Input.dispatchKeyEvent", {
    type: "rawKeyDown",
    key: "Enter",
    code: "Enter",
    windowsVirtualKeyCode: 229,
  });
  assertEquals(await page.inputValue("#text"), "你好");
  await session.send("Input.insertText", { text: "你好" });
  await page.press("#text", "Enter");
  assertEquals(await heard(nc, "你好"), "Ann: 你好");
});

scene("has enough contrast in both themes, whatever the name", async ({ join }) => {
  const page = await join("Ann");
  await say(page, "hello");
  const worst = await page.evaluate<Record<string, number>>(`(() => {
    const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
      .getContext("2d", { willReadFrequently: true });
    const luminance = (colour) => {
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
      const [r, g, b] = [...pixel.getImageData(0, 0, 1, 1).data].map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
      const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    const who = document.querySelector(".msg .who");
    const worst = {};
    for (const theme of ["light", "dark"]) {
      document.documentElement.dataset.theme = theme;
      const colours = getComputedStyle(document.documentElement);
      const of = (name) => colours.getPropertyValue(name).trim();
      const pairs = [["--accent-ink", "--accent"], ["--bad", "--bg"], ["--warn", "--panel"]];
      for (const ground of ["--bg", "--own", "--panel"]) pairs.push(["--ink", ground], ["--soft", ground]);
      const all = pairs.map(([ink, ground]) => contrast(of(ink), of(ground)));
      // What can be written in has an edge that can be seen: 3 to 1 (WCAG 2.2 §1.4.11).
      for (const ground of ["--bg", "--panel"]) all.push(contrast(of("--edge"), of(ground)) * 4.5 / 3);
      for (let hue = 0; hue < 360; hue += 5) {
        who.closest(".msg").style.setProperty("--hue", hue);
        for (const ground of ["--bg", "--own"]) all.push(contrast(getComputedStyle(who).color, of(ground)));
      }
      worst[theme] = Math.min(...all);
    }
    return worst;
  })()`);
  for (const [theme, contrast] of Object.entries(worst)) {
    assert(contrast >= 4.5, `${theme}: ${contrast} (WCAG AA wants 4.5)`);
  }
});

endBrowser();
