/**
 * Access to a `Connection` by callbacks, for other modules of this package. A promise, its functions
 * and a suspended function for each idle connection need more memory than the connection itself.
 */

import type { NetError } from "../errors/errors.ts";

/** Gets the result of one read. */
export interface ReadListener {
  /**
   * Whether the bytes stay in the buffer of the connection, from which the listener takes them. It gets
   * an empty array then.
   */
  readonly looks?: boolean;
  /**
   * Takes the received bytes, which are valid until the next read, or null at the end. It must not
   * throw.
   */
  arrived(bytes: Uint8Array<ArrayBuffer> | null): void;
  /** Takes the error of the read, which is the same as the rejection of a promise. */
  failed(error: unknown): void;
}

/** An object that is notified when a connection has closed. */
export interface CloseListener {
  /** Takes the error that has ended the connection, or undefined. It is called once. */
  connectionClosed(connection: object, reason: NetError | undefined): void;
}

/**
 * The functions that `Connection` provides. Its module imports this one, so connections have the
 * type `object` here.
 */
export interface ConnectionHooks {
  /**
   * Reads the available bytes. They are valid until the next read.
   *
   * @param connection The connection to read from.
   * @param listener The object that gets the result if no bytes are available yet. It must not throw.
   * @param inMessage Whether a message has begun, as for `readChunk`.
   * @param timeout Time limit in milliseconds; Infinity for no limit.
   * @returns The bytes, null at the end, or undefined if the listener gets the result.
   * @throws The error of a read that fails at once.
   */
  read(
    connection: object,
    listener: ReadListener,
    inMessage: boolean,
    timeout: number,
  ): Uint8Array<ArrayBuffer> | null | undefined;
  /** Adds a listener. The latest one is called first. */
  whenClosed(connection: object, listener: CloseListener): void;
}

/** The functions of `Connection`. Its module sets them. */
export let hooks: ConnectionHooks;

/** Sets the functions. Only the module of `Connection` calls this. */
export function provideHooks(provided: ConnectionHooks): void {
  hooks = provided;
}
