import { assert, assertEquals } from "@std/assert";
import { needs } from "../../../_support/peers.ts";
import type { Runnable } from "../../../_support/runnable.ts";
import { enter, InTerminal, line, start } from "../../_terminals.ts";

const telnet = needs("telnet", "script");
const putty = needs("plink", "script");

/** Types a name, a corrected line in Chinese, and a private message. Bob hears it. */
async function talk(chat: Runnable, client: InTerminal): Promise<void> {
  await using bob = await enter(chat, "Bob");
  await client.see("Type your name");
  await client.type("Ann\r");
  await client.see("You are Ann in #lobby with Bob");
  assertEquals(await line(bob), "Ann joined");
  await client.type("helo\x7flo 你好\r");
  assertEquals(await line(bob), "Ann: hello 你好");
  await bob.write("好的 Ann\n");
  await client.see("Bob: 好的 Ann");
  await client.type("/msg Bob psst\r");
  assertEquals(await line(bob), "[private] Ann -> Bob: psst");
  await client.see("[private] Ann -> Bob: psst");
  // Nothing of the negotiation is on the screen.
  assert(!client.screen.includes("\ufffd"), client.screen);
}

Deno.test({
  name: `a user of telnet is understood${telnet.suffix}`,
  ignore: telnet.ignore,
  async fn() {
    await using chat = await start();
    await using client = new InTerminal(`telnet 127.0.0.1 ${chat.port}`);
    await talk(chat, client);
    await client.type("/quit\r");
    await client.see("Good-bye");
    await client.ended();
  },
});

Deno.test({
  name: `Ctrl+C in telnet drops the line, hides nothing and betrays nothing${telnet.suffix}`,
  ignore: telnet.ignore,
  async fn() {
    await using chat = await start();
    await using bob = await enter(chat, "Bob");
    await using client = new InTerminal(`telnet 127.0.0.1 ${chat.port}`);
    await client.see("Type your name");
    await client.type("Ann\r");
    await client.see("You are Ann");
    assertEquals(await line(bob), "Ann joined");
    await client.type("dropped\x03");
    await client.see("^C");
    await client.type("/msg Bob secret\r");
    assertEquals(await line(bob), "[private] Ann -> Bob: secret");
    await bob.write("still there?\n");
    await client.see("Bob: still there?");
  },
});

Deno.test({
  name: `telnet in character mode is understood${telnet.suffix}`,
  ignore: telnet.ignore,
  async fn() {
    await using chat = await start();
    await using client = new InTerminal(`telnet 127.0.0.1 ${chat.port}`);
    await client.see("Type your name");
    // The escape character leads to the prompt of telnet.
    await client.type("\x1d");
    await client.see("telnet>");
    await client.type("mode character\r");
    // Without a local echo, the keys go to the chat one by one; Enter is CR NUL.
    await client.type("Ann\r");
    await client.see("You are Ann");
  },
});

Deno.test({
  name: `users of PuTTY are understood, with Telnet and without${putty.suffix}`,
  ignore: putty.ignore,
  async fn() {
    await using chat = await start();
    for (const protocol of ["telnet", "raw"]) {
      await using client = new InTerminal(`plink -${protocol} -P ${chat.port} 127.0.0.1`);
      await talk(chat, client);
      await client.type("/quit\r");
      await client.see("Good-bye");
    }
  },
});
