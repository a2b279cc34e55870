import { assertEquals } from "@std/assert";
import type { ChatEvent } from "../../../examples/chat/events.ts";
import type { Lobby } from "../../../examples/chat/lobby.ts";
import type { Face, Member } from "../../../examples/chat/member.ts";
import { TerminalCommands } from "../../../examples/chat/terminal_commands.ts";
import { terminalText } from "../../../examples/chat/terminal_text.ts";
import { testLobby } from "./_faces.ts";

const STYLE = { lang: "en", replay: 3 } as const;

/** A user at a terminal, without the connection. */
class Typist {
  readonly #commands = new TerminalCommands(STYLE);
  readonly #member: Member;
  #screen = "";

  private constructor(member: Member) {
    this.#member = member;
  }

  static async enter(lobby: Lobby, name: string): Promise<Typist> {
    const early: Parameters<Face["deliver"]>[] = [];
    let receive: Face["deliver"] = (...event) => void early.push(event);
    const replay = { messages: STYLE.replay, bytes: 10_000 };
    const member = await lobby.join({ name }, {
      address: "test",
      network: "test",
      rooms: "one",
      replay,
      hear: (events) => events.forEach((event) => receive(event, false)),
      deliver: (event, own) => receive(event, own),
    });
    if ("code" in member) throw new Error(member.code);
    const typist = new Typist(member);
    receive = (event, own) => typist.#deliver(event, own);
    for (const event of early) receive(...event);
    return typist;
  }

  #deliver(event: ChatEvent, own: boolean): void {
    if (!own && event.type === "message") this.#commands.hear([event]);
    else this.#commands.note(event, own);
    this.#screen += terminalText(event, STYLE);
  }

  /** Types lines without a pause. */
  async type(...typed: string[]): Promise<void> {
    for (const line of typed) {
      const command = this.#commands.run(this.#member, line);
      if (command === undefined) void this.#member.say(line);
      else {
        const code = await command;
        if (code !== null) this.#screen += `(${code})\n`;
      }
    }
    await this.#member.settled();
  }

  /** Returns the lines since the last call. */
  read(): string[] {
    const lines = this.#screen.split("\n").slice(0, -1);
    this.#screen = "";
    return lines;
  }
}

async function setUp(): Promise<{ lobby: Lobby; ann: Typist; bob: Typist }> {
  const lobby = testLobby();
  const ann = await Typist.enter(lobby, "Ann");
  const bob = await Typist.enter(lobby, "Bob");
  for (const typist of [ann, bob]) typist.read();
  return { lobby, ann, bob };
}

Deno.test("/edit replaces the line before it, also if both arrive at once", async () => {
  const { ann, bob } = await setUp();
  await ann.type("one", "tow", "/edit two");
  assertEquals(bob.read(), ["Ann: one", "Ann: tow", "Ann: two (edited)"]);
  await ann.type("/EDIT  three");
  assertEquals(bob.read(), ["Ann: three (edited)"]);
});

Deno.test("/delete deletes the own messages, the last one first", async () => {
  const { ann, bob } = await setUp();
  await ann.type("one", "two");
  await bob.type("mine");
  await ann.type("/delete", "/delete");
  ann.read();
  await ann.type("/delete");
  assertEquals(ann.read(), ["(nothing-said)"]);
  bob.read();
  await bob.type("/history");
  assertEquals(bob.read(), ["* There are no older messages."]);
});

Deno.test("/edit and /delete change a private message if it is the last one", async () => {
  const { ann, bob } = await setUp();
  await ann.type("in public", "/msg Bob psst", "/edit psst!", "/delete");
  assertEquals(bob.read(), [
    "Ann: in public",
    "[private] Ann -> Bob: psst",
    "[private] Ann: psst! (edited)",
    "[private] Ann deleted a message",
  ]);
});

Deno.test("/react reacts to the last message of somebody else, and takes it back", async () => {
  const { ann, bob } = await setUp();
  await ann.type("/react 👍");
  assertEquals(ann.read(), ["(nothing-heard)"]);
  await bob.type("tea?");
  await ann.type("my own", "/react 👍", "/react 👍", "/react x", "/react");
  assertEquals(bob.read(), [
    "Bob: tea?",
    "Ann: my own",
    "Ann reacted with 👍",
    "Ann took 👍 back",
  ]);
  assertEquals(ann.read().slice(-2), ["* A reaction is one emoji.", "(usage-react)"]);
});

Deno.test("/history goes back page by page", async () => {
  const { lobby, ann } = await setUp();
  await ann.type(...Array.from({ length: 30 }, (_, i) => `line ${i}`));
  const cem = await Typist.enter(lobby, "Cem");
  assertEquals(cem.read().slice(0, 4), [
    "* Earlier in #lobby:",
    "Ann: line 27",
    "Ann: line 28",
    "Ann: line 29",
  ]);
  await cem.type("/history");
  const page = cem.read();
  assertEquals([page[0], page[1], page.at(-2), page.at(-1)], [
    "* Earlier in #lobby:",
    "Ann: line 7",
    "Ann: line 26",
    "* /history shows older messages.",
  ]);
  await cem.type("/history");
  assertEquals(cem.read().slice(-2), ["Ann: line 6", "* There are no older messages."]);
});

Deno.test("after /join, the commands mean the messages of the new room", async () => {
  const { ann, bob } = await setUp();
  await bob.type("hello");
  await ann.type("in the lobby", "/join #tea");
  ann.read();
  await ann.type("/edit x", "/react 👍");
  assertEquals(ann.read(), ["(nothing-said)", "(nothing-heard)"]);
  await ann.type("/join #lobby", "/edit still here");
  assertEquals(bob.read().at(-1), "Ann: still here (edited)");
});

Deno.test("other lines and unknown commands are for the chat", async () => {
  const { ann, bob } = await setUp();
  await ann.type("/editor wanted", "//edit is a command", "/edit");
  assertEquals(bob.read(), ["Ann: /edit is a command"]);
  assertEquals(ann.read(), [
    "* There is no command /editor. /help lists the commands.",
    "Ann: /edit is a command",
    "(usage-edit)",
  ]);
});
