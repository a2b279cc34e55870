/** Counts the open connections of a server, in all and of each network, up to their limits. Pure. */
export class ConnectionQuota {
  /** Number of connections that have a slot. */
  active = 0;
  readonly #max: number;
  readonly #maxPerNetwork: number;
  readonly #perNetwork = new Map<string, number>();

  /**
   * Makes a quota.
   *
   * @param max The limit of all connections. 0 lifts the limit.
   * @param maxPerNetwork The limit of the connections of one network. 0 lifts the limit.
   */
  constructor(max = 1024, maxPerNetwork = 0) {
    this.#max = max || Infinity;
    this.#maxPerNetwork = maxPerNetwork || Infinity;
  }

  /** Whether no slot is free. */
  get isFull(): boolean {
    return this.active >= this.#max;
  }

  /** Whether networks have a limit. Without one, their connections need not be counted. */
  get isPerNetwork(): boolean {
    return this.#maxPerNetwork !== Infinity;
  }

  /** Counts a connection of a network. Returns false if the network has reached its limit. */
  count(network: string): boolean {
    if (!this.isPerNetwork) return true;
    const here = this.#perNetwork.get(network) ?? 0;
    if (here >= this.#maxPerNetwork) return false;
    this.#perNetwork.set(network, here + 1);
    return true;
  }

  /** Releases a slot. The network is undefined if the connection was not counted for one. */
  release(network: string | undefined): void {
    this.active--;
    if (network === undefined || !this.isPerNetwork) return;
    const left = this.#perNetwork.get(network)! - 1;
    if (left === 0) this.#perNetwork.delete(network);
    else this.#perNetwork.set(network, left);
  }
}
