/**
 * Groups of connections. A message to a group is encoded once, a slow member does not delay the
 * others, and all members receive messages in the same order.
 *
 * On a hardened server, all members share one frame, and messages in quick succession are combined
 * into few writes. With hundreds of members, this is tens of times as fast as Deno's own transport,
 * which encodes and writes one frame per member. For large rooms on loopback, set `hardened: true`.
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

import { anObject, limit, oneOf, OptionRules } from "../net/internal/options.ts";
import type { WsClose, WsMessage } from "./connection/options.ts";
import { shareFrame } from "./internal/message_frame.ts";
import { CloseCode } from "./internal/close_codes.ts";

/** The members that a room needs of a connection, such as a `WsConnection`. */
export interface RoomMember {
  /** Sends without waiting; returns false if that is impossible. */
  trySend(data: WsMessage): boolean;
  /** Closes with a code and a reason. */
  close(code?: number, reason?: string): Promise<WsClose>;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<WsClose>;
  /** Whether the connection accepts messages to send. */
  readonly open: boolean;
}

/** Options of {@linkcode WsRoom}. */
export interface WsRoomOptions {
  /**
   * Action for a member whose send buffer is full: close it with 1008, or skip the message.
   *
   * @default "disconnect"
   */
  slow?: "disconnect" | "skip";
  /**
   * Most members; 0 lifts the limit.
   *
   * @default 0
   */
  maxMembers?: number;
}

/** Options of {@linkcode WsRoom.broadcast}. */
export interface BroadcastOptions<M extends RoomMember> {
  /** One member, or a set of members, that does not receive the message. */
  except?: M | ReadonlySet<M>;
}

/** The result of a broadcast. */
export interface BroadcastReport {
  /** Number of members that the message was sent to. */
  readonly sent: number;
  /** Number of members that were skipped or disconnected because their send buffer was full. */
  readonly slow: number;
}

const ROOM = new OptionRules<WsRoomOptions>({
  slow: oneOf("disconnect", "skip"),
  maxMembers: limit,
});
const BROADCAST = new OptionRules<BroadcastOptions<RoomMember>>({ except: anObject });

/**
 * A group of connections.
 *
 * @typeParam M Type of a member.
 */
export class WsRoom<M extends RoomMember = RoomMember> {
  readonly #members = new Set<M>();
  /** Members whose end is observed. A member that leaves and joins again needs no second observer. */
  readonly #known = new WeakSet<M>();
  readonly #slow: "disconnect" | "skip";
  readonly #most: number;

  /**
   * Creates an empty room.
   *
   * @param options The limit of members, and the action for slow ones.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(options: WsRoomOptions = {}) {
    options = ROOM.check("WsRoom", options);
    this.#slow = options.slow ?? "disconnect";
    this.#most = options.maxMembers || Infinity;
  }

  /** The members, in the order in which they joined. */
  get members(): ReadonlySet<M> {
    return this.#members;
  }

  /**
   * Adds a connection. It leaves the room when it ends.
   *
   * @param member The connection to add.
   * @returns False if the room is full or the connection is not open.
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
   * Removes a connection, which stays open.
   *
   * @param member The connection to remove.
   * @returns True if the connection was a member.
   */
  leave(member: M): boolean {
    return this.#members.delete(member);
  }

  /**
   * Sends a message to all members without waiting. All members receive messages in the same order.
   *
   * @param data Text, or bytes, which the caller must not change afterwards.
   * @param options Members that do not receive the message. Default: none.
   * @returns The number of members that received it, and of slow ones.
   * @throws {TypeError} If the message is neither text nor bytes, or an option is invalid.
   */
  broadcast(data: WsMessage, options?: BroadcastOptions<M>): BroadcastReport {
    BROADCAST.checkBriefly("broadcast", options);
    return shareFrame(data, () => this.#sendAll(data, options?.except));
  }

  #sendAll(data: WsMessage, except: BroadcastOptions<M>["except"]): BroadcastReport {
    const out = except instanceof Set ? except as ReadonlySet<M> : undefined;
    let sent = 0;
    let slow = 0;
    for (const member of this.#members) {
      if (member === except || out?.has(member)) continue;
      if (member.trySend(data)) sent++;
      else if (member.open) {
        slow++;
        if (this.#slow === "disconnect") void member.close(CloseCode.policyViolation, "too slow");
      }
    }
    return { sent, slow };
  }

  /**
   * Sends a value to all members as JSON text, encoded once.
   *
   * @param value A value that `JSON.stringify` accepts.
   * @param options Members that do not receive the message. Default: none.
   * @returns The number of members that received it, and of slow ones.
   * @throws {TypeError} If the value has no JSON text, or an option is invalid.
   */
  broadcastJson(value: unknown, options?: BroadcastOptions<M>): BroadcastReport {
    return this.broadcast(JSON.stringify(value), options);
  }
}
