/** What the tests of the bus share: nodes of one chat in this process, each with its own connections. @module */

import type { Follower } from "../../../../examples/chat/archive/shared_archive.ts";
import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { BusArchive, type BusEvent } from "../../../../examples/chat/bus/bus_archive.ts";
import { parseBusTarget } from "../../../../examples/chat/bus/target.ts";
import { type JoinRequest, Lobby, type LobbyOptions } from "../../../../examples/chat/lobby.ts";
import { enter, RecordingFace, type User } from "../_faces.ts";

/** A follower that is nobody. */
export const NOBODY: Follower = {
  feed: (work) => work(),
  hear: () => Promise.resolve(),
  meet: () => {},
  suspend: () => {},
  resume: () => {},
};

/** The options of a node. */
export interface NodeOptions extends Partial<Omit<LobbyOptions, "archive">> {
  /** The URL of Redis, perhaps of a proxy in front of it. */
  readonly url: string;
  /** The name of the chat. */
  readonly name: string;
  /** The duration of the lease in milliseconds. @default 20000 */
  readonly lease?: number;
  /** The store of the node. @default in memory */
  readonly store?: string;
  /** The replicas of Redis that must have a line. @default 0 */
  readonly wait?: number;
}

/** One node: a lobby and its archive. */
export class Node implements AsyncDisposable {
  readonly archive: BusArchive;
  readonly lobby: Lobby;
  /** What happened to the bus. */
  readonly events: BusEvent[];

  private constructor(archive: BusArchive, lobby: Lobby, events: BusEvent[]) {
    this.archive = archive;
    this.lobby = lobby;
    this.events = events;
  }

  /** Starts a node. */
  static async start(
    { url, name, lease = 20_000, store, wait = 0, ...options }: NodeOptions,
  ): Promise<Node> {
    const events: BusEvent[] = [];
    const archive = await BusArchive.open({
      redis: { target: parseBusTarget(url)!, timeout: lease / 5 },
      name,
      lease,
      wait,
      maxUsers: options.maxUsers ?? 1000,
      copy: () => openArchive(store ?? ":memory:"),
      isPermanent: store !== undefined,
      onEvent: (event) => void events.push(event),
    });
    const lobby = new Lobby({
      archive,
      now: Date.now,
      secret: () => crypto.randomUUID(),
      ...options,
    });
    await lobby.restore();
    return new Node(archive, lobby, events);
  }

  /** Brings a user with a page in. */
  page(request: string | JoinRequest): Promise<User> {
    return enter(this.lobby, request, new RecordingFace("many"));
  }

  /** Brings a user with a terminal in. */
  terminal(name: string): Promise<User> {
    return enter(this.lobby, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lobby.shutdown();
    await this.archive[Symbol.asyncDispose]();
  }
}
