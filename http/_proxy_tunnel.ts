import type { Ticked } from "./_proxy_clock.ts";
import type { Peer } from "./_proxy_peer.ts";

/** Limits of a tunnel, in milliseconds. */
export interface TunnelLimits {
  readonly tunnelTimeout: number;
  readonly halfCloseTimeout: number;
}

/** Bytes both ways until both have ended, or nothing comes for too long. */
export class Tunnel implements Ticked {
  due = Infinity;
  /** Why it ended, unless both sides did. */
  error: string | undefined;
  readonly #near: Peer;
  readonly #far: Peer;
  readonly #limits: TunnelLimits;
  #half = Infinity;
  #idle = Infinity;

  constructor(near: Peer, far: Peer, limits: TunnelLimits) {
    this.#near = near;
    this.#far = far;
    this.#limits = limits;
  }

  /** Runs it to its end; both are closed then. */
  async run(): Promise<void> {
    const { clock } = this.#near;
    this.#near.startTunnel(this.#limits.tunnelTimeout);
    this.#far.startTunnel(this.#limits.tunnelTimeout);
    this.#moved();
    clock.watch(this);
    try {
      await Promise.all([this.#pump(this.#near, this.#far), this.#pump(this.#far, this.#near)]);
    } catch (error) {
      this.error ??= error instanceof Deno.errors.ConnectionReset
        ? "the tunnel was reset"
        : "the tunnel broke off";
    } finally {
      clock.unwatch(this);
      this.#end();
    }
  }

  expire(): void {
    this.error = this.#half <= this.#near.clock.now
      ? "the tunnel was half closed for too long"
      : "the tunnel was idle for too long";
    this.#end();
  }

  async #pump(from: Peer, to: Peer): Promise<void> {
    for (let bytes = await from.readRaw(); bytes !== null;) {
      this.#moved();
      const next = from.readRaw();
      // When writing fails, nobody waits for what is being read.
      next.catch(() => {});
      await to.write(bytes);
      bytes = await next;
    }
    const { halfCloseTimeout } = this.#limits;
    if (halfCloseTimeout !== Infinity) this.#half = from.clock.after(halfCloseTimeout);
    this.due = Math.min(this.#idle, this.#half);
    await to.closeWrite();
  }

  #moved(): void {
    const { tunnelTimeout } = this.#limits;
    if (tunnelTimeout === Infinity) return;
    this.#idle = this.#near.clock.after(tunnelTimeout);
    this.due = Math.min(this.#idle, this.#half);
  }

  #end(): void {
    this.#near.close();
    this.#far.close();
  }
}
