/**
 * Access to a `Connection` by callbacks, for other modules of this package. A promise, its functions
 * and a suspended function for each idle connection need more memory than the connection itself.
 */

import type { NetError } from "../errors/errors.ts";

/** Gets the result of one read. */
export interface ReadListener {
  /** Bytes have arrived, lent until the next read; null at the end of the peer's output. */
  arrived(bytes: Uint8Array<ArrayBuffer> | null): void;
  /** The read has failed, with the error that the promise of a read rejects with. */
  failed(error: unknown): void;
}

/** Learns that a connection has closed. */
export interface CloseListener {
  /** Called once, with the error that has ended the connection, if one did. */
  connectionClosed(connection: object, reason: NetError | undefined): void;
}

/** The functions that `Connection` provides. That module imports this one, so its type has no name here. */
export interface ConnectionHooks {
  /**
   * Reads what is there, lent until the next read.
   *
   * @param connection The connection.
   * @param listener Gets the result if nothing is there yet. It must not throw.
   * @param inMessage As for `readChunk`.
   * @param timeout In milliseconds; Infinity for none.
   * @returns The bytes, null at the end, or undefined if the listener gets the result.
   * @throws What a read rejects with, if it fails at once.
   */
  read(
    connection: object,
    listener: ReadListener,
    inMessage: boolean,
    timeout: number,
  ): Uint8Array<ArrayBuffer> | null | undefined;
  /** Sets the one listener of a connection that is open. */
  whenClosed(connection: object, listener: CloseListener): void;
}

/** Set by the module of `Connection`. */
export let hooks: ConnectionHooks;

/** Provides the functions; for the module of `Connection` alone. */
export function provideHooks(provided: ConnectionHooks): void {
  hooks = provided;
}
