import { NetError } from "../../net/errors/errors.ts";
import { Alarm } from "../../net/internal/timer.ts";
import type { WsMessage } from "./options.ts";
import type { WsLimits } from "../internal/option_rules.ts";

/**
 * Idle limit and heartbeat of one connection, with one alarm.
 *
 * A received message does not restart the alarm. The alarm compares clocks when it rings.
 */
export class Heartbeat {
  /** Round-trip time of the last heartbeat, in milliseconds. */
  latency: number | undefined;

  readonly #peer: string;
  readonly #idleTimeout: number;
  readonly #heartbeat: WsLimits["heartbeat"];
  readonly #say: (message: string) => void;
  readonly #onDead: (reason: string, error: NetError) => void;
  readonly #alarm: Alarm = new Alarm(() => this.#look());
  #lastReceived = 0;
  #beatAt: number | undefined;

  constructor(
    peer: string,
    { idleTimeout, heartbeat }: WsLimits,
    say: (message: string) => void,
    onDead: (reason: string, error: NetError) => void,
  ) {
    this.#peer = peer;
    this.#idleTimeout = idleTimeout;
    this.#heartbeat = heartbeat;
    this.#say = say;
    this.#onDead = onDead;
  }

  start(): void {
    this.#lastReceived = performance.now();
    this.#schedule();
  }

  stop(): void {
    this.#alarm.stop();
  }

  /** Notes a message; returns true for a heartbeat, which is not passed to the handler. */
  received(message: WsMessage): boolean {
    if (!this.#alarm.running) return false;
    this.#lastReceived = performance.now();
    const heartbeat = this.#heartbeat;
    if (heartbeat === undefined) return false;
    if (this.#beatAt !== undefined && message === heartbeat.answer) {
      this.latency = this.#lastReceived - this.#beatAt;
      this.#beatAt = undefined;
      return true;
    }
    if (message !== heartbeat.message) return false;
    this.#say(heartbeat.answer);
    return true;
  }

  #schedule(): void {
    const idle = this.#lastReceived + this.#idleTimeout;
    const beat = this.#heartbeat === undefined
      ? Infinity
      : this.#beatAt === undefined
      ? this.#lastReceived + this.#heartbeat.interval
      : this.#beatAt + this.#heartbeat.timeout;
    const due = Math.min(idle, beat);
    this.#alarm.start(due - performance.now());
  }

  #look(): void {
    const now = performance.now();
    if (now >= this.#lastReceived + this.#idleTimeout) {
      const error = this.#failure(`No data from ${this.#peer} in ${this.#idleTimeout} ms`);
      return this.#onDead("idle", error);
    }
    const heartbeat = this.#heartbeat;
    if (heartbeat !== undefined) {
      if (this.#beatAt !== undefined && now >= this.#beatAt + heartbeat.timeout) {
        const error = `${this.#peer} did not answer a heartbeat in ${heartbeat.timeout} ms`;
        return this.#onDead("no heartbeat", this.#failure(error));
      }
      if (this.#beatAt === undefined && now >= this.#lastReceived + heartbeat.interval) {
        // The heartbeat is lost if the send buffer is full; the time limit applies all the same.
        this.#say(heartbeat.message);
        this.#beatAt = now;
      }
    }
    this.#schedule();
  }

  #failure(message: string): NetError {
    return new NetError(message, { kind: "timeout", phase: "read", address: this.#peer });
  }
}
