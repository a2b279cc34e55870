/**
 * The rules of the chat: admission, rooms, order of events, commands, leaving. This module does no I/O
 * and uses no clock and no randomness. Faces provide the connections, and the options provide the
 * clock and the secrets.
 *
 * A face (terminal, WebSocket, test) calls {@linkcode Lobby.join} and sends lines with the returned
 * {@linkcode Member}. The chat sends events to the face with {@linkcode Face.deliver}.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type {
  ChatEvent,
  ChatWelcome,
  NoticeCode,
  Params,
  RefusalCode,
  ReplyCode,
  RoomEvent,
} from "./events.ts";
import { checkName, checkRoom, type GoodName, nameKey } from "./names.ts";
import { Room } from "./room.ts";
import {
  type Acts,
  type ChatRefusal,
  type Face,
  type JoinRequest,
  type LeaveReason,
  type Member,
  Seat,
} from "./member.ts";
import {
  LOBBY_RULES,
  type LobbyOptions,
  type LobbyStats,
  type RoomSummary,
} from "./lobby_options.ts";
import { byteLength, enumerate, isBlank, neutralise } from "./safe_text.ts";

export type * from "./events.ts";
export type * from "./lobby_options.ts";
export type {
  ChatRefusal,
  Face,
  JoinRequest,
  LeaveReason,
  LineOptions,
  Member,
  Replay,
  Since,
} from "./member.ts";

/** The name of the room in which all users start. */
export const LOBBY = "lobby";

/** The chat: all users and all rooms. */
export class Lobby {
  /** The id of this run. */
  readonly epoch: string;

  readonly #options: Required<LobbyOptions>;
  readonly #rooms = new Map<string, Room<Seat>>();
  readonly #names = new Map<string, Seat>();
  readonly #tokens = new Map<string, Seat>();
  readonly #left: Record<LeaveReason, number> = {
    quit: 0,
    ended: 0,
    lost: 0,
    slow: 0,
    flood: 0,
    shutdown: 0,
    error: 0,
  };
  #seq = 0;
  /** The id of the latest user. */
  #users = 0;
  #joined = 0;
  #refused = 0;
  #messages = 0;
  #deliveries = 0;
  #stopping = false;
  /** Actions that faces requested during the delivery of an event. They run after that event. */
  #later: Array<() => void> = [];
  #busy = false;

  /**
   * @param options The clock, the source of secrets, and the limits.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(options: LobbyOptions) {
    LOBBY_RULES.check("Lobby", options);
    const { now, secret, history = 500, maxUsers = 1000, maxRooms = 100, maxLine = 4096 } = options;
    const { onEvent = () => {} } = options;
    this.#options = { now, secret, history, maxUsers, maxRooms, maxLine, onEvent };
    this.epoch = secret();
    this.#openRoom({ name: LOBBY, key: nameKey(LOBBY) });
  }

  /** Returns the counters of this moment. */
  stats(): LobbyStats {
    return {
      users: this.#names.size,
      rooms: this.#rooms.size,
      joined: this.#joined,
      left: { ...this.#left },
      refused: this.#refused,
      messages: this.#messages,
      deliveries: this.#deliveries,
    };
  }

  /** The open rooms, the oldest first. */
  get rooms(): RoomSummary[] {
    return Array.from(this.#rooms.values(), ({ name, seats }) => ({ name, count: seats.size }));
  }

  /**
   * Admits a user. The first event of the face is the welcome.
   *
   * @param request The name, the room, and the state of an earlier connection.
   * @param face The connection of the user.
   * @returns The member, or the reason for the refusal.
   */
  join(request: JoinRequest, face: Face): Member | ChatRefusal {
    const old = request.token === undefined ? undefined : this.#tokens.get(request.token);
    if (old !== undefined && !this.#stopping) return this.#resume(old, request, face);
    const admitted = this.#admit(request);
    if ("code" in admitted) {
      this.#refused++;
      this.#options.onEvent({ type: "refused", code: admitted.code, address: face.address });
      return admitted;
    }
    const { name, key } = admitted.good;
    const identity = { name, key, user: ++this.#users, token: this.#options.secret() };
    const seat = new Seat(this.#acts, identity, admitted.room, face);
    this.#names.set(key, seat);
    this.#tokens.set(seat.token, seat);
    this.#joined++;
    this.#options.onEvent({ type: "joined", name, room: seat.room, address: face.address });
    this.#do(() => this.#enter(seat, request.since));
    return seat;
  }

  /** Sends all users a farewell and dismisses them. Further joins are refused. */
  shutdown(): void {
    this.#do(() => {
      if (this.#stopping) return;
      this.#stopping = true;
      for (const room of this.#rooms.values()) {
        if (room.seats.size === 0) continue;
        this.#notice(room, "stopping", {});
        for (const seat of room.seats) this.#notice(room, "left", { name: seat.name }, seat);
        room.seats.clear();
      }
      for (const seat of [...this.#names.values()]) this.#dismiss(seat, "shutdown");
    });
  }

  /** Returns the name and the room of a user who may join, or the reason for the refusal. */
  #admit(request: JoinRequest): { good: GoodName; room: Room<Seat> } | ChatRefusal {
    if (this.#stopping) return refuse("stopping");
    const { maxUsers } = this.#options;
    if (maxUsers > 0 && this.#names.size >= maxUsers) return refuse("full");
    const good = this.#freeName(request.name);
    if ("code" in good) return good;
    const room = this.#findRoom(request.room ?? LOBBY);
    return "code" in room ? room : { good, room };
  }

  /** Checks a name. `seat` is the user who changes the name, if the user is in the chat already. */
  #freeName(given: string, seat?: Seat): GoodName | ChatRefusal {
    const good = checkName(given);
    if ("problem" in good) {
      return refuse(good.problem, { suggestion: good.suggestion ?? "" });
    }
    const owner = this.#names.get(good.key);
    return owner === undefined || owner === seat
      ? good
      : refuse("name-taken", { name: owner.name });
  }

  /** Returns a room, and opens it if necessary. */
  #findRoom(given: string): Room<Seat> | ChatRefusal {
    const good = checkRoom(given);
    if (good === undefined) return refuse("room-invalid");
    const { maxRooms } = this.#options;
    const room = this.#rooms.get(good.key);
    if (room !== undefined) return room;
    if (maxRooms > 0 && this.#rooms.size >= maxRooms) return refuse("rooms-full");
    return this.#openRoom(good);
  }

  #openRoom({ name, key }: GoodName): Room<Seat> {
    const room = new Room<Seat>(name, key, this.#seq, this.#options.history);
    this.#rooms.set(key, room);
    return room;
  }

  /** Replaces the connection of a user. Other users get no notice, because nobody joined or left. */
  #resume(old: Seat, request: JoinRequest, face: Face): Member {
    const { name, key, token } = old;
    const seat = new Seat(this.#acts, old, old.home, face);
    this.#do(() => {
      old.present = false;
      old.home.seats.delete(old);
      this.#deliver(old, { type: "bye", code: "displaced" }, true);
      seat.home.seats.add(seat);
      this.#names.set(key, seat);
      this.#tokens.set(token, seat);
      this.#options.onEvent({ type: "resumed", name, room: seat.room, address: face.address });
      this.#welcome(seat, request.since, true);
    });
    return seat;
  }

  #enter(seat: Seat, since?: JoinRequest["since"]): void {
    if (!seat.present) return;
    seat.home.seats.add(seat);
    this.#welcome(seat, since, false);
    this.#notice(seat.home, "joined", { name: seat.name }, seat);
  }

  #welcome(seat: Seat, since: JoinRequest["since"], resumed: boolean): void {
    const known = since !== undefined && since.epoch === this.epoch;
    const { events, complete } = seat.home.after(known ? since.seq : 0);
    const welcome: ChatWelcome = {
      type: "welcome",
      name: seat.name,
      user: seat.user,
      room: seat.room,
      epoch: this.epoch,
      token: seat.token,
      members: [...seat.home.seats].map((other) => other.name),
      users: [...seat.home.seats].map((other) => other.user),
      events,
      complete: known && complete,
      more: false,
      seq: this.#seq,
      resumed,
      rooms: seat.rooms,
      peers: [],
      limits: { maxLine: this.#options.maxLine, maxLines: 1 },
    };
    this.#deliver(seat, welcome, true);
  }

  /** Removes a seat from its room, and the room if it is empty. */
  #exit(seat: Seat): void {
    const room = seat.home;
    if (!room.seats.delete(seat)) return;
    this.#notice(room, "left", { name: seat.name }, seat);
    if (room.seats.size === 0 && room.name !== LOBBY) this.#rooms.delete(room.key);
  }

  #leave(seat: Seat, reason: LeaveReason): void {
    if (!seat.present) return;
    seat.present = false;
    this.#names.delete(seat.key);
    this.#tokens.delete(seat.token);
    this.#left[reason]++;
    const { name, room, face: { address } } = seat;
    this.#options.onEvent({ type: "left", name, room, address, reason });
    this.#exit(seat);
  }

  /** Tells the face of a user to close, and removes the user. */
  #dismiss(seat: Seat, code: "quit" | "shutdown"): void {
    this.#deliver(seat, { type: "bye", code }, true);
    this.#leave(seat, code);
  }

  #say(seat: Seat, line: string, id?: number): void {
    if (!seat.present) return;
    const { maxLine } = this.#options;
    if (maxLine > 0 && byteLength(line) > maxLine) {
      return this.#reply(seat, "too-long", { max: `${maxLine}` }, id);
    }
    const text = neutralise(line);
    if (isBlank(text)) {
      // A line with an id gets an answer. An empty line in a terminal is ignored.
      if (id !== undefined) this.#reply(seat, "blank", {}, id);
      return;
    }
    if (!text.startsWith("/")) return this.#message(seat, text, false, id);
    // A second slash makes the line a text, so that users can write "/help is useful".
    if (text.startsWith("//")) return this.#message(seat, text.slice(1), false, id);
    const [, command = "", rest = ""] = /^\/(\S*)\s*(.*)$/s.exec(text)!;
    this.#command(seat, command.toLowerCase(), rest.trimEnd(), id);
  }

  #command(seat: Seat, command: string, rest: string, id?: number): void {
    switch (command) {
      case "help":
        return this.#reply(seat, "help", {}, id);
      case "who":
        return this.#who(seat, id);
      case "rooms":
        return this.#listRooms(seat, id);
      case "me":
        if (isBlank(rest)) return this.#reply(seat, "usage-me", {}, id);
        return this.#message(seat, rest, true, id);
      case "msg":
        return this.#private(seat, rest, id);
      case "nick":
        return this.#rename(seat, rest, id);
      case "join":
        return this.#move(seat, rest, id);
      case "quit":
        return this.#dismiss(seat, "quit");
      default:
        return this.#reply(seat, "unknown-command", { command: `/${command}` }, id);
    }
  }

  #message(seat: Seat, text: string, action: boolean, id?: number): void {
    this.#messages++;
    const [seq, at, room] = [++this.#seq, this.#options.now(), seat.room];
    const { user, name: from } = seat;
    const base = { type: "message", seq, at, room, from, user, text, action } as const;
    const event = id === undefined ? base : { ...base, id };
    seat.home.remember(event);
    this.#broadcast(seat.home, event, seat);
  }

  #private(seat: Seat, rest: string, id?: number): void {
    const [, name = "", text = ""] = /^(\S*)\s*(.*)$/s.exec(rest)!;
    if (isBlank(text)) return this.#reply(seat, "usage-msg", {}, id);
    const to = this.#names.get(nameKey(name));
    if (to === undefined) return this.#reply(seat, "no-such-user", { name }, id);
    this.#messages++;
    const [seq, at, { user, name: from }] = [++this.#seq, this.#options.now(), seat];
    const event = {
      type: "private",
      seq,
      at,
      from,
      user,
      to: to.name,
      peer: `${to.user}`,
      text,
      action: false,
    } as const;
    this.#deliver(seat, id === undefined ? event : { ...event, id }, true);
    if (to !== seat) this.#deliver(to, { ...event, peer: `${user}` }, false);
  }

  #who(seat: Seat, id?: number): void {
    const names = [...seat.home.seats].map((other) => other.name);
    const params = { room: seat.room, count: `${names.length}`, names: enumerate(names) };
    this.#reply(seat, "who", params, id);
  }

  #listRooms(seat: Seat, id?: number): void {
    const rooms = this.rooms.map(({ name, count }) => `#${name} (${count})`);
    this.#reply(seat, "rooms", { rooms: enumerate(rooms) }, id);
  }

  #rename(seat: Seat, given: string, id?: number): void {
    if (given === "") return this.#reply(seat, "usage-nick", {}, id);
    const good = this.#freeName(given, seat);
    if ("code" in good) return this.#reply(seat, good.code, good.params, id);
    const from = seat.name;
    if (good.name === from) return this.#reply(seat, "same-name", { name: from }, id);
    this.#names.delete(seat.key);
    this.#names.set(good.key, seat);
    seat.name = good.name;
    seat.key = good.key;
    this.#options.onEvent({ type: "renamed", from, to: good.name });
    this.#notice(seat.home, "renamed", { from, to: good.name }, seat);
  }

  #move(seat: Seat, given: string, id?: number): void {
    if (given === "") return this.#reply(seat, "usage-join", {}, id);
    const from = seat.home;
    const to = this.#findRoom(given);
    if ("code" in to) return this.#reply(seat, to.code, to.params, id);
    if (to === from) return this.#reply(seat, "same-room", { room: to.name }, id);
    this.#options.onEvent({ type: "moved", name: seat.name, from: from.name, to: to.name });
    this.#exit(seat);
    seat.home = to;
    this.#enter(seat);
  }

  #reply(seat: Seat, code: ReplyCode, params: Params, id?: number): void {
    const reply = { type: "reply", code, params } as const;
    this.#deliver(seat, id === undefined ? reply : { ...reply, id }, true);
  }

  #notice(room: Room<Seat>, code: NoticeCode, params: Params, author?: Seat): void {
    const at = this.#options.now();
    const notice = { type: "notice", at, room: room.name, code, params } as const;
    this.#broadcast(room, author ? { ...notice, user: author.user } : notice, author);
  }

  /** Delivers an event to the room. Reactions of faces run after all faces have the event. */
  #broadcast(room: Room<Seat>, event: RoomEvent, author?: Seat): void {
    for (const seat of room.seats) this.#deliver(seat, event, seat === author);
  }

  #deliver(seat: Seat, event: ChatEvent, own: boolean): void {
    this.#deliveries++;
    try {
      seat.face.deliver(event, own);
    } catch {
      // A failing face affects only its own user.
      this.#later.push(() => this.#leave(seat, "error"));
    }
  }

  /** Runs an action. Actions of faces in the meantime run afterwards, so all users see one order. */
  #do(action: () => void): void {
    if (this.#busy) {
      this.#later.push(action);
      return;
    }
    this.#busy = true;
    try {
      action();
      for (let next; (next = this.#later.shift()) !== undefined;) next();
    } finally {
      this.#busy = false;
    }
  }

  readonly #acts: Acts = {
    say: (seat, line, id) => this.#do(() => this.#say(seat, line, id)),
    refuse: (seat, request, id) =>
      this.#do(() => this.#reply(seat, "unknown-command", { command: `/${request}` }, id)),
    leave: (seat, reason) => this.#do(() => this.#leave(seat, reason)),
  };
}

function refuse(code: RefusalCode, params: Params = {}): ChatRefusal {
  return { code, params };
}
