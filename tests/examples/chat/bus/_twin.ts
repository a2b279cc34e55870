/**
 * The same actions in two chats: one of several nodes, and one of a single process, the model. Both tell what
 * each user has seen, in words that do not depend on ids, numbers and clocks.
 *
 * @module
 */

import type { ChatEvent, JoinRequest, Lobby, Member } from "../../../../examples/chat/lobby.ts";
import { RecordingFace } from "../_faces.ts";

/** The rooms in which users speak. */
export const ROOMS = ["lobby", "tea", "ops"] as const;

/** The names that users take. Two users can want the same one. */
export const NAMES = ["Ann", "Bob", "Cem", "Dora", "Eve"] as const;

/** Something that a user does. Numbers choose among what exists. */
export type Action =
  | { readonly do: "join"; readonly who: number; readonly node: number; readonly room: number }
  | { readonly do: "return"; readonly who: number; readonly node: number; readonly since: boolean }
  | { readonly do: "lose" | "quit" | "repeat"; readonly who: number }
  | { readonly do: "say" | "enter" | "leave"; readonly who: number; readonly room: number }
  | { readonly do: "tell"; readonly who: number; readonly to: number }
  | { readonly do: "edit" | "remove"; readonly who: number; readonly target: number }
  | {
    readonly do: "react";
    readonly who: number;
    readonly target: number;
    readonly on: boolean;
  }
  | { readonly do: "rename"; readonly who: number; readonly name: number };

/** A user of one chat. */
interface Actor {
  readonly faces: RecordingFace[];
  member: Member | undefined;
  lobby: Lobby | undefined;
  token: string | undefined;
  readonly refusals: string[];
  /** The id and the text of the last line. */
  last: readonly [number, string];
}

/** One of the two chats. */
export class Twin {
  readonly #nodes: readonly Lobby[];
  readonly #actors: readonly Actor[];
  /** The labels of users and of numbers. */
  readonly #users = new Map<number, string>();
  readonly #labels = new Map<number, string>();
  /** The numbers of messages by label. */
  readonly #numbers = new Map<string, number>();
  #lines = 0;

  /** @param nodes The lobbies of the chat. */
  constructor(nodes: readonly Lobby[], users: number) {
    this.#nodes = nodes;
    this.#actors = Array.from({ length: users }, () => ({
      faces: [],
      member: undefined,
      lobby: undefined,
      token: undefined,
      refusals: [],
      last: [0, ""],
    }));
  }

  /** The labels of all messages, the oldest first. */
  get messages(): string[] {
    for (const event of this.#events()) this.#label(event);
    return [...this.#numbers].sort(([, a], [, b]) => a - b).map(([label]) => label);
  }

  /** Carries out an action. Without effect if the user cannot do it now. */
  async act(action: Action, messages: readonly string[]): Promise<void> {
    const actor = this.#actors[action.who % this.#actors.length]!;
    const { member } = actor;
    const id = ++this.#lines;
    if (action.do === "join") {
      if (actor.token !== undefined) return;
      const [name, room] = [NAMES[action.who % NAMES.length]!, at(ROOMS, action.room)];
      return await this.#join(actor, action.node, { name, room });
    }
    if (action.do === "return") {
      const { token, faces } = actor;
      if (token === undefined) return;
      const { name, rooms } = member!;
      const seq = Math.max(...faces.at(-1)!.events.map(numberOf));
      const since = action.since && { epoch: this.#nodes[0]!.epoch, seq, rooms };
      return await this.#join(actor, action.node, { name, token, ...since && { since } });
    }
    if (member === undefined) return;
    await this.#perform(actor, member, action, { id, messages });
    await actor.lobby!.settled();
  }

  async #join(actor: Actor, node: number, request: JoinRequest): Promise<void> {
    const face = new RecordingFace("many");
    const lobby = at(this.#nodes, node);
    const result = await lobby.join(request, face);
    if ("code" in result) return void actor.refusals.push(result.code);
    const who = this.#actors.indexOf(actor);
    this.#users.set(result.user, `user ${who}`);
    const welcome = face.events.find((event) => event.type === "welcome")!;
    Object.assign(actor, { member: result, lobby, token: welcome.token });
    actor.faces.push(face);
    await lobby.settled();
  }

  async #perform(
    actor: Actor,
    member: Member,
    action: Exclude<Action, { readonly do: "join" | "return" }>,
    { id, messages }: { readonly id: number; readonly messages: readonly string[] },
  ): Promise<void> {
    const target = "target" in action && messages.length > 0
      ? this.#numbers.get(at(messages, action.target))!
      : 0;
    const say = async (text: string, room?: string) => {
      await member.say(text, { id, ...room !== undefined && { room } });
    };
    switch (action.do) {
      case "lose":
        return member.leave("lost");
      case "quit":
        return await say("/quit");
      case "say":
        actor.last = [id, `line ${id}`];
        return await say(`line ${id}`, at(ROOMS, action.room));
      case "repeat":
        if (actor.last[0] > 0) await member.say(actor.last[1], actor.last[0]);
        return;
      case "tell":
        return await say(`/msg ${at(NAMES, action.to)} psst ${id}`);
      case "enter":
        return await say(`/join ${at(ROOMS, action.room)}`);
      case "leave":
        return member.leaveRoom(at(ROOMS, action.room), id);
      case "edit":
        return await member.edit(target, `text ${id}`, id);
      case "remove":
        return await member.remove(target, id);
      case "react":
        return await member.react(target, "👍", action.on, id);
      case "rename":
        return await say(`/nick ${at(NAMES, action.name)}`);
    }
  }

  /** Returns what each user has seen, as JSON. */
  seen(): string {
    // A user can see a change whose message another one has seen.
    for (const event of this.#events()) this.#label(event);
    const users = this.#actors.map(({ faces, member, refusals }) => ({
      connections: faces.map(({ events }) => events),
      refusals,
      ...member?.present && { name: member.name, rooms: member.rooms },
    }));
    return JSON.stringify(users, (key, value) => this.#plain(key, value), 1);
  }

  /** Returns the rooms with the numbers of their users, as each node knows them. */
  rooms(): string[] {
    return this.#nodes.map((lobby) => {
      const rooms = lobby.rooms.map(({ name, count }) => `${name} ${count}`).sort();
      return `${rooms}, ${lobby.stats().users} users`;
    });
  }

  *#events(): Generator<ChatEvent> {
    for (const { faces } of this.#actors) {
      for (const { events } of faces) {
        for (const event of events) {
          yield event;
          if (event.type === "welcome") yield* event.events;
        }
      }
    }
  }

  #label(event: ChatEvent): void {
    if (event.type !== "message" && event.type !== "private") return;
    const label = `${this.#users.get(event.user)} line ${event.id}`;
    this.#labels.set(event.seq, label);
    this.#numbers.set(label, event.seq);
  }

  /** Replaces ids and numbers by labels, and removes times. */
  #plain(key: string, value: unknown): unknown {
    switch (key) {
      case "user":
      case "peer":
        return this.#users.get(Number(value));
      case "target":
        return this.#labels.get(Number(value));
      case "users":
        return (value as number[]).map((user) => this.#users.get(user)).sort();
      case "members":
      case "rooms":
        return (value as string[]).toSorted();
      case "seq":
      case "at":
      case "edited":
      case "token":
      case "epoch":
        return undefined;
      default:
        return value;
    }
  }
}

function numberOf(event: ChatEvent): number {
  return "seq" in event ? event.seq : 0;
}

function at<T>(list: readonly T[], index: number): T {
  return list[index % list.length]!;
}
