/** Messages while they are fetched: as a promise of all of them, or as a loop over each. */

import type { ReplyError } from "../errors/reply_error.ts";
import { ImapFetchError } from "./_fetch_error.ts";
import type { ImapMessage } from "./message.ts";

/** Starts to fetch messages. */
export interface FetchSource {
  /** Fetches all messages. `onRefused` gets the refusals of the server. */
  all(onRefused: (error: ReplyError) => void): Promise<ImapMessage[]>;
  /** Fetches message after message. */
  each(): AsyncGenerator<ImapMessage, void, void>;
}

/**
 * The result of `fetch` of an IMAP client. `await` resolves with all messages. `for await` yields each
 * message when it arrives, so the memory does not grow with the number of messages. Nothing is sent
 * before one of the two.
 *
 * The server may refuse to fetch some messages, for example those that are gone (RFC 2180 §4.1.2). The
 * promise then rejects with an {@linkcode ImapFetchError}, which has the other messages. The loop yields
 * the other messages first, and throws the same error at its end.
 *
 * Other calls wait while a loop runs. If one does wait, the rest of the messages is read into memory, up
 * to `maxResponse`, so that calls from within the loop are allowed.
 */
export class ImapFetching implements PromiseLike<ImapMessage[]>, AsyncIterable<ImapMessage> {
  readonly #source: FetchSource;
  #all: Promise<ImapMessage[]> | undefined;

  /**
   * Takes a source of messages. For use by the client.
   *
   * @ignore
   */
  constructor(source: FetchSource) {
    this.#source = source;
  }

  /**
   * Fetches all messages.
   *
   * @param onFulfilled Receives the messages that exist, each once, in the order of the server.
   * @param onRejected Receives the error of the command, also an `ImapFetchError`.
   * @returns A promise as that of `Promise.then`.
   */
  then<T = ImapMessage[], E = never>(
    onFulfilled?: ((messages: ImapMessage[]) => T | PromiseLike<T>) | null,
    onRejected?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    this.#all ??= this.#fetchAll();
    return this.#all.then(onFulfilled, onRejected);
  }

  /**
   * Fetches all messages, and handles a failure.
   *
   * @param onRejected Receives the error of the command, also an `ImapFetchError`.
   * @returns A promise as that of `Promise.catch`.
   */
  catch<E = never>(
    onRejected?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<ImapMessage[] | E> {
    return this.then(undefined, onRejected);
  }

  /**
   * Fetches message after message. A message of which the server reports items in several responses,
   * with others in between, is yielded several times.
   *
   * @returns The messages that exist, in the order of the server.
   */
  [Symbol.asyncIterator](): AsyncGenerator<ImapMessage, void, void> {
    return this.#source.each();
  }

  async #fetchAll(): Promise<ImapMessage[]> {
    let refusal: ReplyError | undefined;
    const messages = await this.#source.all((error) => refusal ??= error);
    if (refusal !== undefined) throw new ImapFetchError(refusal, messages);
    return messages;
  }
}
