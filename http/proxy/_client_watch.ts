import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import type { Http1Request } from "../http1/codec.ts";
import { endsByConnection } from "./_head.ts";
import type { Peer } from "./_peer.ts";

/** Notices that a client leaves before its request is forwarded, during a hook for example. */
export class ClientWatch {
  /** The head of the current request. */
  head: Http1Request | undefined;

  readonly #client: Peer;
  readonly #makeResettable: () => Promise<void>;
  readonly #gone: () => void;

  /**
   * @param client The connection of the client.
   * @param makeResettable Makes an interruption of the connection a reset.
   * @param gone Runs when the client leaves.
   */
  constructor(client: Peer, makeResettable: () => Promise<void>, gone: () => void) {
    this.#client = client;
    this.#makeResettable = makeResettable;
    this.#gone = gone;
  }

  /** Starts to pay attention. Never rejects. */
  async start(): Promise<void> {
    const head = this.head!;
    // A pending read would cause a normal end before the reset.
    if (endsByConnection(head)) await ignoreFailure(this.#makeResettable());
    this.#client.watch(head.method === "CONNECT" ? this.#endBeforeTunnel : this.#gone);
  }

  /** Stops paying attention, after `start` has ended. */
  stop(): void {
    this.#client.unwatch();
  }

  /** Handles the end of a client whose tunnel is not open. */
  #endBeforeTunnel = (): void => {
    // With data for the tunnel, the end may be a half-close.
    if (this.#client.decoder.buffered === 0) this.#gone();
  };
}
