/**
 * The events of a `WsConnection` by callbacks, for servers with many connections. A promise with a
 * function that waits for it needs more memory than the event.
 *
 * The module of `WsConnection` imports this one, so connections have the type `object` here.
 */

/** Learns about the life of connections. Each function is called at most once for a connection. */
export interface ConnectionEvents {
  /** Takes a connection whose opening handshake is complete. */
  opened(connection: object): void;
  /** Takes a connection that has ended; it may never have opened. */
  ended(connection: object): void;
  /** Takes a connection whose TCP connection is closed. It follows `ended`. */
  gone(connection: object): void;
}

/** Sets the one listener of a connection that has not opened yet. */
export let listenTo: (connection: object, events: ConnectionEvents) => void;

/** Sets the function above. Only the module of `WsConnection` calls this. */
export function provideListenTo<C extends object>(
  provided: (connection: C, events: ConnectionEvents) => void,
): void {
  listenTo = provided as typeof listenTo;
}
