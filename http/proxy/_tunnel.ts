import type { Ticked } from "./_clock.ts";
import type { Peer } from "./_peer.ts";

/** Limits of a tunnel, in milliseconds. */
export interface TunnelLimits {
  readonly tunnelTimeout: number;
  readonly halfCloseTimeout: number;
}

/**
 * Forwards bytes in both directions until both sides have ended. The end of one side is forwarded as a
 * half-close. A reset or a time limit resets both sides, so that incomplete data does not look complete.
 */
export class Tunnel implements Ticked {
  due = Infinity;
  /** The reason of an interruption; undefined if both sides have ended normally. */
  error: string | undefined;
  readonly #near: Peer;
  readonly #far: Peer;
  readonly #limits: TunnelLimits;
  /** The longest time without data in both directions, in milliseconds. */
  #silence: number;
  #half = false;
  /** The number of bytes that both sides had accepted at the last check. */
  #taken = 0;

  constructor(near: Peer, far: Peer, limits: TunnelLimits) {
    this.#near = near;
    this.#far = far;
    this.#limits = limits;
    this.#silence = limits.tunnelTimeout;
  }

  /** Runs the tunnel to its end. Both connections are closed then. */
  async run(): Promise<void> {
    const [near, far] = [this.#near, this.#far];
    const { clock } = near;
    near.startTunnel(this.#limits.tunnelTimeout);
    far.startTunnel(this.#limits.tunnelTimeout);
    this.#moved();
    clock.watch(this);
    try {
      await Promise.all([this.#pump(near, far), this.#pump(far, near)]);
    } finally {
      clock.unwatch(this);
      near.close();
      far.close();
    }
  }

  expire(): void {
    // A slow peer accepts a write in parts, which the reads do not show.
    if (this.#near.sent + this.#far.sent !== this.#taken) return this.#moved();
    this.#cut(
      this.#half
        ? "the half-closed tunnel was silent for too long"
        : "the tunnel was idle for too long",
    );
  }

  async #pump(from: Peer, to: Peer): Promise<void> {
    try {
      for (let bytes = await from.readRaw(); bytes !== null;) {
        this.#moved();
        const next = from.readRaw();
        // If writing fails, the result of the read is not needed.
        next.catch(() => {});
        await to.write(bytes);
        this.#moved();
        bytes = await next;
      }
      await from.confirmEnd();
      this.#half = true;
      this.#silence = Math.min(this.#silence, this.#limits.halfCloseTimeout);
      this.#moved();
      await to.closeWrite();
    } catch (error) {
      this.#cut(
        error instanceof Deno.errors.ConnectionReset
          ? "the tunnel was reset"
          : "the tunnel broke off",
      );
    }
  }

  #moved(): void {
    this.#taken = this.#near.sent + this.#far.sent;
    this.due = this.#near.clock.after(this.#silence);
  }

  #cut(error: string): void {
    this.error ??= error;
    this.#near.reset();
    this.#far.reset();
  }
}
