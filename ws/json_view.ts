/**
 * A WebSocket as a stream of JSON values, each validated.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { WsMessage, WsSendOptions } from "./connection/options.ts";

/** What a view needs of a connection. */
export interface JsonChannel extends AsyncIterable<WsMessage> {
  /** Sends a value as JSON text. */
  sendJson(value: unknown, options?: WsSendOptions): Promise<void>;
  /** Closes with a code and a reason. */
  close(code?: number, reason?: string): Promise<unknown>;
}

/** Options of {@linkcode JsonView}. */
export interface JsonViewOptions<T> {
  /**
   * Makes a `T` of a value or throws; what it says goes to `onInvalid`.
   *
   * @default every value is valid
   */
  validate?: (value: unknown) => T;
  /**
   * Called for a message that is no JSON text or not valid; the loop goes on with the next one.
   *
   * @default closes with 1007 (no JSON) or 1008 (not valid) and ends the loop
   */
  onInvalid?: (error: InvalidMessageError) => unknown;
}

/** A message that is no JSON text, or whose value is not valid. */
export class InvalidMessageError extends Error {
  /** The name of the class. */
  override readonly name = "InvalidMessageError";
  /** Whether it was no text, no JSON, or not valid. */
  readonly problem: "binary" | "syntax" | "validation";
  /** The message. */
  readonly data: WsMessage;

  /**
   * Makes an error.
   *
   * @param problem What is wrong.
   * @param data The message.
   * @param cause What was thrown.
   */
  constructor(problem: "binary" | "syntax" | "validation", data: WsMessage, cause?: unknown) {
    const why = problem === "binary"
      ? "a text frame is wanted"
      : problem === "syntax"
      ? "it is no JSON"
      : cause instanceof Error
      ? cause.message
      : "it is not valid";
    super(`Cannot use the message: ${why}`, { cause });
    this.problem = problem;
    this.data = data;
  }
}

/**
 * The view.
 *
 * @typeParam T What a message is.
 *
 * @example Messages that are wrong are answered, and the connection lives
 * ```ts
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveWebSocket({ port: 0 }, async (conn) => {
 *   const onInvalid = () => conn.sendJson({ error: "no JSON" });
 *   for await (const value of conn.json({ onInvalid })) await conn.sendJson({ value });
 * });
 * await using conn = await connectWebSocket(server.url);
 * await conn.send("{");
 * await conn.send("7");
 * assertEquals(await conn.receive({ timeout: 1000 }), '{"error":"no JSON"}');
 * assertEquals(await conn.receive({ timeout: 1000 }), '{"value":7}');
 * ```
 */
export class JsonView<T> implements AsyncIterable<T> {
  readonly #channel: JsonChannel;
  readonly #options: JsonViewOptions<T>;

  /**
   * Makes a view; `conn.json()` does that.
   *
   * @param channel The connection.
   * @param options How messages are validated.
   */
  constructor(channel: JsonChannel, options: JsonViewOptions<T> = {}) {
    this.#channel = channel;
    this.#options = options;
  }

  /**
   * Sends a value.
   *
   * @param value What `JSON.stringify` can take.
   * @param options Limits of this call.
   * @returns As `conn.send`.
   */
  send(value: unknown, options?: WsSendOptions): Promise<void> {
    return this.#channel.sendJson(value, options);
  }

  /** Iterates over the values that are valid. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for await (const message of this.#channel) {
      let value: T;
      try {
        value = this.#read(message);
      } catch (error) {
        if (!(error instanceof InvalidMessageError)) throw error;
        if (this.#options.onInvalid === undefined) {
          const code = error.problem === "validation" ? 1008 : 1007;
          await this.#channel.close(code, "invalid message");
          return;
        }
        await this.#options.onInvalid(error);
        continue;
      }
      yield value;
    }
  }

  #read(message: WsMessage): T {
    if (typeof message !== "string") throw new InvalidMessageError("binary", message);
    let value: unknown;
    try {
      value = JSON.parse(message);
    } catch (cause) {
      throw new InvalidMessageError("syntax", message, cause);
    }
    try {
      const { validate } = this.#options;
      return validate === undefined ? value as T : validate(value);
    } catch (cause) {
      throw new InvalidMessageError("validation", message, cause);
    }
  }
}
