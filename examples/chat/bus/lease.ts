/**
 * The lease of a node: its right to act for its users. A node that cannot renew it stops in time, by its own
 * clock: the lease counts from the moment before the renewal was sent.
 *
 * **Permissions**: those of the connection.
 *
 * @module
 */

import type { BusKeys } from "./keys.ts";
import { type Redis, RedisRefusal } from "./redis.ts";
import { RELEASE, RENEW } from "./scripts.ts";

/** The part of the lease after which a node without a renewal stops. */
const SAFE = 0.8;

/** The renewals in the time of a lease. */
const RENEWALS = 5;

/** The functions that a lease calls. */
export interface LeaseHooks {
  /** Returns the position that the bus must have, before each renewal. */
  expected(): number;
  /** Receives the last position of the bus and its mark after each renewal, and the position that it must have. */
  onRenewed(position: number, mark: string, expected: number): void;
  /** Receives the reason if the lease is lost or nearly over, once. */
  onLost(reason: string): void;
}

/** The lease of one node. */
export class NodeLease {
  /** The id of the node, which no other node ever has. */
  readonly node: string = crypto.randomUUID().slice(0, 18).replaceAll("-", "");
  /** The number of nodes with a lease. */
  nodes = 0;
  readonly #redis: Redis;
  readonly #keys: BusKeys;
  readonly #epoch: string;
  readonly #duration: number;
  readonly #hooks: LeaseHooks;
  #end: ReturnType<typeof setTimeout> | undefined;
  #next: ReturnType<typeof setTimeout> | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #isOver = false;

  /** Takes the parts of a node. `duration` is that of the lease in milliseconds. */
  constructor(
    { redis, keys, epoch, duration }: {
      redis: Redis;
      keys: BusKeys;
      epoch: string;
      duration: number;
    },
    hooks: LeaseHooks,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#epoch = epoch;
    this.#duration = duration;
    this.#hooks = hooks;
  }

  /** Whether the lease was stopped or lost. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Begins the lease, and takes over the sessions of nodes that have ended. */
  async begin(): Promise<void> {
    await this.#ask(true);
    this.#plan();
  }

  /** Ends the lease, so that another node takes over the sessions soon. */
  async release(): Promise<void> {
    if (this.#isOver) return;
    this.stop();
    await this.#renewing;
    try {
      await this.#redis.run(RELEASE, this.#keys.fixed, [this.#epoch, this.node]);
    } catch { /* The lease ends by itself. */ }
  }

  /** Renews no more. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#end);
    clearTimeout(this.#next);
  }

  #plan(): void {
    if (this.#isOver) return;
    this.#next = setTimeout(() => {
      this.#renewing = this.#renew().finally(() => this.#plan());
    }, this.#duration / RENEWALS);
  }

  async #renew(): Promise<void> {
    try {
      await this.#ask(false);
    } catch (error) {
      if (error instanceof RedisRefusal && ["EPOCH", "FENCED"].includes(error.code)) {
        this.#lose(error.message);
      }
      // Otherwise the next renewal may succeed before the lease is over.
    }
  }

  async #ask(isNew: boolean): Promise<void> {
    const [sent, expected] = [performance.now(), this.#hooks.expected()];
    const args = [this.#epoch, this.node, `${this.#duration}`, isNew ? "1" : "0"];
    const reply = await this.#redis.run(RENEW, this.#keys.fixed, args) as [number, number, string];
    if (this.#isOver) return;
    this.nodes = reply[1];
    clearTimeout(this.#end);
    const left = sent + this.#duration * SAFE - performance.now();
    if (left <= 0) return this.#lose("the lease was renewed too late");
    this.#end = setTimeout(() => this.#lose("the bus does not answer"), left);
    this.#hooks.onRenewed(reply[0], reply[2], expected);
  }

  #lose(reason: string): void {
    if (this.#isOver) return;
    this.stop();
    this.#hooks.onLost(reason);
  }
}
