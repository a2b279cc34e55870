/**
 * The sessions: users who are in the chat, also those whose connection is lost and who may come back.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { touch, unwatch, UNWATCHED, watch, type Watched } from "../../net/internal/timer.ts";
import type { SessionState, UserRecord } from "./archive/archive.ts";
import type { Face, LeaveReason, Member } from "./member.ts";
import type { Room } from "./room.ts";

/** Returns the form of a token in which the archive keeps it. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** A connection that acts for a user. */
export interface Seated extends Member {
  /** The connection itself. */
  readonly face: Face;
}

/** A user in the chat. */
export class Session {
  /** The id of the user; 0 until the archive has given one. */
  user = 0;
  /** The current name. */
  name: string;
  /** The key that equal names share. */
  key: string;
  /** The hash of the token; undefined for a terminal, which cannot come back. */
  readonly hash: string | undefined;
  /** The token; empty for a terminal, and for a user who has not come back since the start. */
  token: string;
  /** The rooms in which the user may speak, by key. */
  readonly rooms: Map<string, Room<Session>> = new Map();
  /** The room of lines that name no room. */
  current: Room<Session>;
  /** A room that the user asked for and did not get. Lines that name no room are refused. */
  astray: string | undefined;
  /** The connection that acts for the user. It may still wait for its welcome. */
  seat: Seated | undefined;
  /** The connection that hears events. */
  face: Face | undefined;
  /** The reason for which the last connection ended. */
  lostBy: LeaveReason = "lost";
  /** The address of the last connection, for the log. */
  address = "a connection before the restart";
  /** The network of the last connection, for the limits of an address; undefined after a restart. */
  network: string | undefined;
  /** The state of the connection if another process acts for the user. */
  elsewhere: "online" | "away" | undefined;
  /** The time at which the grace period ends, on the clock of `performance.now()`. */
  due = Infinity;

  /** Makes a session in a room. */
  constructor(
    { name, key, hash, token }: {
      name: string;
      key: string;
      hash: string | undefined;
      token: string;
    },
    room: Room<Session>,
  ) {
    this.name = name;
    this.key = key;
    this.hash = hash;
    this.token = token;
    this.current = room;
    this.claim(room);
  }

  /** Whether the user has no connection, here or elsewhere. */
  get isAway(): boolean {
    return this.elsewhere === undefined ? this.face === undefined : this.elsewhere === "away";
  }

  /** Permits the user to speak in a room. */
  claim(room: Room<Session>): void {
    this.rooms.set(room.key, room);
    room.speakers.add(this);
  }

  /** Ends the permission to speak in a room. */
  disclaim(room: Room<Session>): void {
    this.rooms.delete(room.key);
    room.speakers.delete(this);
  }

  /** Returns the record for the archive. */
  record(seenAt: number, session: SessionState): UserRecord {
    const others = [...this.rooms.values()].filter((room) => room !== this.current);
    return {
      ...this.user > 0 && { id: this.user },
      ...this.hash !== undefined && { tokenHash: this.hash },
      name: this.name,
      rooms: [this.current, ...others].map(({ key, name }) => ({ key, name })),
      seenAt,
      session,
    };
  }
}

/** All sessions by name, token and id. */
export class Sessions implements Watched {
  /** The end of the first grace period. The timer reads it. */
  due: number = Infinity;
  /** The end of a grace period does not keep the process alive. */
  readonly waiting = false;
  /** The place in the shared timer, which only the timer sets. */
  place: number = UNWATCHED;
  readonly #names = new Map<string, Session>();
  readonly #hashes = new Map<string, Session>();
  readonly #users = new Map<number, Session>();
  /** The sessions without a connection, the one that was lost first at the head. */
  readonly #away = new Set<Session>();
  readonly #onExpired: (session: Session) => void;

  /** @param onExpired Called when a grace period ends. */
  constructor(onExpired: (session: Session) => void) {
    this.#onExpired = onExpired;
  }

  /** The number of sessions. */
  get size(): number {
    return this.#names.size;
  }

  /** The number of sessions without a connection. */
  get away(): number {
    return this.#away.size;
  }

  /** Returns all sessions, the oldest first. */
  [Symbol.iterator](): Iterator<Session> {
    return this.#names.values();
  }

  /** Returns the session with a name, by the key of the name. */
  named(key: string): Session | undefined {
    return this.#names.get(key);
  }

  /** Returns the session with a token, by the hash of the token. */
  withToken(hash: string): Session | undefined {
    return this.#hashes.get(hash);
  }

  /** Returns the session of a user, by the id. */
  ofUser(user: number): Session | undefined {
    return this.#users.get(user);
  }

  /** Takes the name and the token of a session, so that nobody else gets them. */
  reserve(session: Session): void {
    this.#names.set(session.key, session);
    if (session.hash !== undefined) this.#hashes.set(session.hash, session);
  }

  /** Makes a reserved session known by its id. */
  admit(session: Session): void {
    this.#users.set(session.user, session);
  }

  /** Gives a session another name. */
  rename(session: Session, { name, key }: { name: string; key: string }): void {
    if (this.#names.get(session.key) === session) this.#names.delete(session.key);
    session.name = name;
    session.key = key;
    this.#names.set(key, session);
  }

  /** Removes a session. Its name is free. */
  remove(session: Session): void {
    this.endWait(session);
    if (this.#names.get(session.key) === session) this.#names.delete(session.key);
    const { hash, user } = session;
    if (hash !== undefined && this.#hashes.get(hash) === session) this.#hashes.delete(hash);
    if (this.#users.get(user) === session) this.#users.delete(user);
  }

  /** Returns the sessions of an address that are in their grace period, the first one at the head. */
  waitingAt(network: string): Session[] {
    return [...this.#away].filter((session) => session.network === network);
  }

  /** Returns the sessions of the address with the most sessions in their grace period, the first at the head. */
  crowd(): Session[] {
    let crowd: Session[] = [];
    for (const group of Map.groupBy(this.#away, ({ network }) => network).values()) {
      if (group.length > crowd.length) crowd = group;
    }
    return crowd;
  }

  /** Starts the grace period of a session. */
  wait(session: Session, grace: number): void {
    session.due = performance.now() + grace;
    this.#away.add(session);
    if (this.#away.size > 1) return;
    this.due = session.due;
    watch(this);
  }

  /** Ends the grace period of a session that came back. */
  endWait(session: Session): void {
    session.due = Infinity;
    if (this.#away.delete(session) && this.#away.size === 0) unwatch(this);
  }

  /** Removes the sessions whose grace period is over. The shared timer calls it. */
  sweep(now: number): void {
    for (const session of this.#away) {
      if (session.due > now) break;
      this.#onExpired(session);
    }
    const [next] = this.#away;
    this.due = next?.due ?? Infinity;
    if (next !== undefined) touch(this);
  }

  /** Forgets all sessions. */
  clear(): void {
    for (const known of [this.#names, this.#hashes, this.#users, this.#away]) known.clear();
    unwatch(this);
  }
}
