/** Faces without a connection, for tests of the rules. @module */

import { assert } from "@std/assert";
import {
  type ChatEvent,
  type Face,
  type JoinRequest,
  Lobby,
  type LobbyOptions,
  type Member,
} from "../../../examples/chat/lobby.ts";
import { terminalText } from "../../../examples/chat/terminal_text.ts";

/** A chat whose clock ticks once per question and whose secrets are numbered. */
export function testLobby(options: Partial<LobbyOptions> = {}): Lobby {
  let [time, secrets] = [0, 0];
  return new Lobby({ now: () => ++time, secret: () => `secret-${++secrets}`, ...options });
}

/** A face that keeps what it is given. */
export class RecordingFace implements Face {
  readonly address = "test";
  readonly network = "test";
  readonly rooms: "one" | "many" = "one";
  readonly replay = { messages: Infinity, bytes: Infinity };
  /** Everything, in order. */
  readonly events: ChatEvent[] = [];
  /** Which of them were the user's own. */
  readonly own: ChatEvent[] = [];

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
  const replay = { messages: Infinity, bytes: Infinity };
  return { address: "test", network: "test", rooms: "one", replay, deliver };
}

/** A user with a face. */
export interface User {
  member: Member;
  face: RecordingFace;
}

/** Brings a user in who must be let in, and forgets what he is told at first. */
export function enter(lobby: Lobby, request: string | JoinRequest): User {
  const face = new RecordingFace();
  const member = lobby.join(typeof request === "string" ? { name: request } : request, face);
  assert(!("code" in member), `refused: ${JSON.stringify(member)}`);
  face.events.length = 0;
  return { member, face };
}
