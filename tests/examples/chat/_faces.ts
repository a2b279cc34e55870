/** Faces without a connection, for tests of the rules. @module */

import { assert } from "@std/assert";
import { delay } from "@std/async/delay";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import {
  type ChatEvent,
  type Face,
  type JoinRequest,
  type LeaveReason,
  type LineOptions,
  Lobby,
  type LobbyOptions,
  type Member,
  type Replay,
  type RoomEvent,
} from "../../../examples/chat/lobby.ts";
import { terminalText } from "../../../examples/chat/terminal_text.ts";

/** A chat whose clock ticks once per question and whose secrets are numbered. Sessions end at once. */
export function testLobby(options: Partial<LobbyOptions> = {}): Lobby {
  let [time, secrets] = [0, 0];
  return new Lobby({
    archive: openArchive(":memory:"),
    now: () => ++time,
    secret: () => `secret-${++secrets}`,
    grace: 0,
    ...options,
  });
}

const EVERYTHING: Replay = { messages: Infinity, bytes: Infinity };

/** A face that keeps what it is given. */
export class RecordingFace implements Face {
  readonly address = "test";
  readonly network = "test";
  readonly rooms: "one" | "many";
  readonly replay: Replay;
  /** Everything, in order. */
  readonly events: ChatEvent[] = [];
  /** Which of them were the user's own. */
  readonly own: ChatEvent[] = [];

  constructor(rooms: "one" | "many" = "one", replay = EVERYTHING) {
    this.rooms = rooms;
    this.replay = replay;
  }

  hear(events: readonly RoomEvent[]): void {
    this.events.push(...events);
  }

  deliver(event: ChatEvent, own: boolean): void {
    this.events.push(event);
    if (own) this.own.push(event);
  }

  /** What came since the last question, as a terminal would show it; own messages in brackets. */
  read(): string[] {
    const style = { lang: "en", replay: 5 } as const;
    return this.events.splice(0).flatMap((event) => {
      const lines = terminalText(event, style).trimEnd().split("\n");
      return this.own.includes(event) && event.type === "message" ? [`(${lines[0]})`] : lines;
    });
  }
}

/** A face that does with events what the test says; by default nothing. */
export function faceOf(deliver: (event: ChatEvent, own: boolean) => void = () => {}): Face {
  const hear = (events: readonly RoomEvent[]) => events.forEach((event) => deliver(event, false));
  return { address: "test", network: "test", rooms: "one", replay: EVERYTHING, hear, deliver };
}

/** A user with a face. */
export class User {
  readonly #lobby: Lobby;
  readonly member: Member;
  readonly face: RecordingFace;

  constructor(lobby: Lobby, member: Member, face: RecordingFace) {
    this.#lobby = lobby;
    this.member = member;
    this.face = face;
  }

  /** Says a line; everyone has heard it afterwards. */
  async say(line: string, options?: LineOptions | number): Promise<void> {
    await this.member.say(line, options);
    await this.#lobby.settled();
  }

  /** Ends the connection; everyone knows it afterwards. */
  async leave(reason: LeaveReason): Promise<void> {
    this.member.leave(reason);
    await this.#lobby.settled();
  }
}

/** Brings a user in who must be let in, and forgets what he is told at first. */
export async function enter(
  lobby: Lobby,
  request: string | JoinRequest,
  face = new RecordingFace(),
): Promise<User> {
  const member = await lobby.join(typeof request === "string" ? { name: request } : request, face);
  assert(!("code" in member), `refused: ${JSON.stringify(member)}`);
  face.events.length = 0;
  return new User(lobby, member, face);
}

/** Brings several users in. None has heard of the others. */
export async function enterAll(lobby: Lobby, ...names: string[]): Promise<User[]> {
  const users = [];
  for (const name of names) users.push(await enter(lobby, name));
  for (const { face } of users) face.events.length = 0;
  return users;
}

/** Waits for a state that has to come. */
export async function until(ready: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!ready()) {
    assert(performance.now() < end, "it did not come");
    await delay(5);
  }
}

/** The path of a store in a folder of its own. */
export async function storeFile(): Promise<AsyncDisposable & { path: string }> {
  const folder = await Deno.makeTempDir({ prefix: "chat_store_" });
  return {
    path: `${folder}/chat.db`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
