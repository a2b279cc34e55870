import type { Ticked } from "./_clock.ts";
import type { Peer } from "./_peer.ts";

/** Limits of a tunnel, in milliseconds. */
export interface TunnelLimits {
  readonly tunnelTimeout: number;
  readonly halfCloseTimeout: number;
}

/**
 * Passes bytes both ways until both sides have ended. The end of one side is passed on as a
 * half-close. A reset, or a limit, resets both sides, so that neither takes what it got for all.
 */
export class Tunnel implements Ticked {
  due = Infinity;
  /** Why it was cut, unless both sides have ended. */
  error: string | undefined;
  readonly #near: Peer;
  readonly #far: Peer;
  readonly #limits: TunnelLimits;
  /** How long both directions may be silent. */
  #silence: number;
  #half = false;
  /** Bytes that both sides had taken when it was last looked. */
  #taken = 0;

  constructor(near: Peer, far: Peer, limits: TunnelLimits) {
    this.#near = near;
    this.#far = far;
    this.#limits = limits;
    this.#silence = limits.tunnelTimeout;
  }

  /** Runs it to its end; both connections are closed then. */
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
    // A slow peer takes what is written in pieces, which no read tells of.
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
        // When writing fails, nobody waits for what is being read.
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
