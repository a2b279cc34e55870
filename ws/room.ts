/**
 * Groups of connections: a message to all of them is encoded once, a member that does not read
 * stalls nobody, and everyone gets the messages in the same order.
 *
 * On a hardened server the members share one frame, and what comes in quick succession goes out in
 * few writes: to hundreds of members tens of times as fast as on Deno's own transport, which makes
 * and writes a frame for each. Large rooms on loopback want `hardened: true`.
 *
 * @example A room
 * ```ts
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { WsRoom } from "@portside/kit/ws/room";
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { assertEquals } from "@std/assert";
 *
 * const room = new WsRoom();
 * await using server = serveWebSocket({ port: 0 }, async (conn) => {
 *   room.join(conn);
 *   await conn.send("joined");
 *   for await (const message of conn) room.broadcast(message, { except: conn });
 * });
 * await using a = await connectWebSocket(server.url);
 * await using b = await connectWebSocket(server.url);
 * await Promise.all([a, b].map((conn) => conn.receive({ timeout: 1000 })));
 * await a.send("hello, b");
 * assertEquals(await b.receive({ timeout: 1000 }), "hello, b");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { WsClose, WsMessage } from "./connection/options.ts";
import { shareFrame } from "./internal/message_frame.ts";

/** What a room needs of a member; a `WsConnection` is one. */
export interface RoomMember {
  /** Sends at once, or says that it did not. */
  trySend(data: WsMessage): boolean;
  /** Closes with a code and a reason. */
  close(code?: number, reason?: string): Promise<WsClose>;
  /** Resolves when the connection is over. */
  readonly closed: Promise<WsClose>;
  /** Whether messages can be sent. */
  readonly open: boolean;
}

/** Options of {@linkcode WsRoom}. */
export interface WsRoomOptions {
  /**
   * What happens to a member whose outbox is full: it is closed with 1008, or misses the message.
   *
   * @default "disconnect"
   */
  slow?: "disconnect" | "skip";
  /**
   * The most members; 0 for any number.
   *
   * @default 0
   */
  maxMembers?: number;
}

/** Options of {@linkcode WsRoom.broadcast}. */
export interface BroadcastOptions<M extends RoomMember> {
  /** Who does not get it. */
  except?: M | ReadonlySet<M>;
}

/** What a broadcast did. */
export interface BroadcastReport {
  /** Members that got it. */
  readonly sent: number;
  /** Members that missed it, or were disconnected over it. */
  readonly slow: number;
}

/**
 * A group of connections.
 *
 * @typeParam M What a member is.
 */
export class WsRoom<M extends RoomMember = RoomMember> {
  readonly #members = new Set<M>();
  /** Who is watched for its end already: a peer may come and go as often as it likes. */
  readonly #known = new WeakSet<M>();
  readonly #slow: "disconnect" | "skip";
  readonly #most: number;

  /**
   * Makes an empty room.
   *
   * @param options What becomes of slow members.
   * @throws {RangeError | TypeError} If an option is out of range.
   */
  constructor(options: WsRoomOptions = {}) {
    const { slow = "disconnect", maxMembers = 0 } = options;
    if (slow !== "disconnect" && slow !== "skip") {
      throw new TypeError(`Cannot use slow "${slow}": it is "disconnect" or "skip"`);
    }
    if (!Number.isInteger(maxMembers) || maxMembers < 0) {
      throw new RangeError(`Cannot use maxMembers ${maxMembers}: it is a whole number from 0 up`);
    }
    this.#slow = slow;
    this.#most = maxMembers || Infinity;
  }

  /** Who is in it, in the order in which they came. */
  get members(): ReadonlySet<M> {
    return this.#members;
  }

  /**
   * Lets a connection in; it leaves by itself when it is over.
   *
   * @param member The connection.
   * @returns Whether there was room for it and it is open.
   */
  join(member: M): boolean {
    if (this.#members.has(member)) return true;
    if (!member.open || this.#members.size >= this.#most) return false;
    this.#members.add(member);
    if (!this.#known.has(member)) {
      this.#known.add(member);
      void member.closed.then(() => this.leave(member));
    }
    return true;
  }

  /**
   * Takes a connection out; it stays open.
   *
   * @param member The connection.
   * @returns Whether it was in.
   */
  leave(member: M): boolean {
    return this.#members.delete(member);
  }

  /**
   * Sends to all members, in one order for everyone, and waits for nobody.
   *
   * @param data Text, or bytes, which are not to be changed afterwards.
   * @param options Who is left out.
   * @returns How many got it.
   */
  broadcast(data: WsMessage, options: BroadcastOptions<M> = {}): BroadcastReport {
    return shareFrame(data, () => this.#sendAll(data, options));
  }

  #sendAll(data: WsMessage, { except }: BroadcastOptions<M>): BroadcastReport {
    const out = except instanceof Set ? except as ReadonlySet<M> : undefined;
    let sent = 0;
    let slow = 0;
    for (const member of this.#members) {
      if (member === except || out?.has(member)) continue;
      if (member.trySend(data)) sent++;
      else if (member.open) {
        slow++;
        if (this.#slow === "disconnect") void member.close(1008, "too slow");
      }
    }
    return { sent, slow };
  }

  /**
   * Sends a value to all members, encoded once.
   *
   * @param value What `JSON.stringify` can take.
   * @param options Who is left out.
   * @returns How many got it.
   */
  broadcastJson(value: unknown, options?: BroadcastOptions<M>): BroadcastReport {
    return this.broadcast(JSON.stringify(value), options);
  }
}
