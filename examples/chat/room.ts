/**
 * The open rooms: those that some user is in. A room that is not open is only in the archive.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { RoomRef } from "./archive/archive.ts";
import type { RoomSummary } from "./lobby_options.ts";
import { checkRoom, nameKey, withoutHash } from "./names.ts";
import type { ChatRefusal } from "./member.ts";

/** The name of the room in which all users start. */
export const LOBBY = "lobby";

/** Returns the key of a room in the archive. */
export function roomKey(name: string): string {
  return `#${nameKey(withoutHash(name))}`;
}

/** A room with users of type `U`. */
export class Room<U> {
  /** The name to display, without `#`. */
  readonly name: string;
  /** The key in the archive. */
  readonly key: string;
  /** The address that opened the room; undefined if it does not count. */
  readonly opener: string | undefined;
  /** The users who may speak here. They include those who are about to enter. */
  readonly speakers: Set<U> = new Set();
  /** The users who hear the room, in order of arrival. They include those who are about to leave. */
  readonly members: Set<U> = new Set();

  /** Makes an empty room. */
  constructor({ key, name }: RoomRef, opener: string | undefined) {
    this.key = key;
    this.name = name;
    this.opener = opener;
  }
}

/** The limits of {@linkcode Rooms}; 0 removes a limit. */
export interface RoomLimits {
  /** The maximum number of open rooms. */
  readonly maxRooms: number;
  /** The maximum number of open rooms that one address has opened. */
  readonly maxRoomsPerAddress: number;
}

/** The open rooms by key. */
export class Rooms<U> {
  readonly #limits: RoomLimits;
  readonly #rooms = new Map<string, Room<U>>();
  /** The number of open rooms by the address that opened them. */
  readonly #opened = new Map<string, number>();
  readonly #watchers = new Set<() => void>();

  /** @param limits The maximum numbers of rooms. */
  constructor(limits: RoomLimits) {
    this.#limits = limits;
    this.lobby = this.restore({ key: roomKey(LOBBY), name: LOBBY });
  }

  /** The room that is always open. */
  readonly lobby: Room<U>;

  /** The number of open rooms. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Returns the open rooms, the oldest first. */
  [Symbol.iterator](): MapIterator<Room<U>> {
    return this.#rooms.values();
  }

  /** Returns the open room with a key. */
  withKey(key: string): Room<U> | undefined {
    return this.#rooms.get(key);
  }

  /** Returns the names of the open rooms with their numbers of users. */
  summary(): RoomSummary[] {
    return Array.from(this.#rooms.values(), ({ name, members }) => ({ name, count: members.size }));
  }

  /**
   * Returns a room, and opens it if necessary.
   *
   * @param given The name as the user entered it.
   * @param opener The address of the user.
   * @returns The room, or the reason for the refusal.
   */
  open(given: string, opener: string): Room<U> | ChatRefusal {
    const good = checkRoom(given);
    if (good === undefined) return { code: "room-invalid", params: {} };
    const key = `#${good.key}`;
    const room = this.#rooms.get(key);
    if (room !== undefined) return room;
    const { maxRooms, maxRoomsPerAddress } = this.#limits;
    if (maxRooms > 0 && this.#rooms.size >= maxRooms) return { code: "rooms-full", params: {} };
    const opened = this.#opened.get(opener) ?? 0;
    if (maxRoomsPerAddress > 0 && opened >= maxRoomsPerAddress) {
      return { code: "address-rooms", params: {} };
    }
    this.#opened.set(opener, opened + 1);
    return this.#add(new Room({ key, name: good.name }, opener));
  }

  /** Returns a room that a user was in before, and opens it if necessary. No limit applies. */
  restore(ref: RoomRef): Room<U> {
    return this.#rooms.get(ref.key) ?? this.#add(new Room(ref, undefined));
  }

  /** Adds a user to those who hear a room. */
  enter(room: Room<U>, user: U): void {
    room.members.add(user);
    this.#changed();
  }

  /** Removes a user from those who hear a room. Returns false if the user did not. */
  exit(room: Room<U>, user: U): boolean {
    if (!room.members.delete(user)) return false;
    this.#changed();
    return true;
  }

  /** Calls a function after each change of the rooms. Returns the function that ends it. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Closes a room if nobody is in it and nobody is about to enter. */
  release(room: Room<U>): void {
    const { key, opener, members, speakers } = room;
    if (members.size > 0 || speakers.size > 0 || room === this.lobby) return;
    if (this.#rooms.get(key) !== room) return;
    this.#rooms.delete(key);
    if (opener === undefined) return;
    const opened = this.#opened.get(opener)! - 1;
    if (opened > 0) this.#opened.set(opener, opened);
    else this.#opened.delete(opener);
  }

  /** Removes all users, and closes all rooms but the lobby. */
  clear(): void {
    for (const room of this) {
      room.members.clear();
      room.speakers.clear();
      this.release(room);
    }
    this.#changed();
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #add(room: Room<U>): Room<U> {
    this.#rooms.set(room.key, room);
    return room;
  }
}
