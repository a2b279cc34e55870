/** Work on a connection that goes on by callbacks, so that no promise waits for its end. */

import type { ConnectionHandler } from "../tcp/server_options.ts";
import type { Connection } from "../connection/connection.ts";

/** Learns that a session has ended. */
export interface SessionListener {
  /** Reports the end, once. A handler would have returned then, or thrown `error`, if `failed`. */
  sessionEnded(connection: Connection, failed: boolean, error?: unknown): void;
}

/** Does the work of a handler. A server begins it, and closes the connection at its end. */
export abstract class ConnectionSession {
  /** The connection. */
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Begins. Must not throw. */
  abstract begin(listener: SessionListener): void;
}

/** Returns a handler that serves each connection by a session. */
export function bySession<A extends Deno.Addr>(
  make: (connection: Connection) => ConnectionSession,
): ConnectionHandler<A> {
  // The engine of the servers looks for a session; the type of its public options does not have it.
  return make as unknown as ConnectionHandler<A>;
}
