import type { NetError } from "../errors/errors.ts";
import type { CloseListener } from "../internal/connection_hooks.ts";

/** Returns a listener that calls `listener` and then those that were added earlier. */
export function before(listener: CloseListener, earlier: CloseListener | undefined): CloseListener {
  return earlier === undefined ? listener : new Both(listener, earlier);
}

/** Two listeners. Nearly all connections have one or two, and a list would need more memory. */
class Both implements CloseListener {
  readonly #first: CloseListener;
  readonly #second: CloseListener;

  constructor(first: CloseListener, second: CloseListener) {
    this.#first = first;
    this.#second = second;
  }

  connectionClosed(connection: object, reason: NetError | undefined): void {
    this.#first.connectionClosed(connection, reason);
    this.#second.connectionClosed(connection, reason);
  }
}
