/**
 * A WebSocket as a stream of validated JSON values.
 *
 * @example Answer invalid messages and keep the connection
 * ```ts
 * import { serveWebSocket } from "@portside/kit/ws/server";
 * import { connectWebSocket } from "@portside/kit/ws/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveWebSocket({ port: 0 }, async (conn) => {
 *   const onInvalid = () => conn.sendJson({ error: "not JSON" });
 *   for await (const value of conn.json({ onInvalid })) await conn.sendJson({ value });
 * });
 * await using conn = await connectWebSocket(server.url);
 * await conn.send("{");
 * await conn.send("7");
 * assertEquals(await conn.receive({ timeout: 1000 }), '{"error":"not JSON"}');
 * assertEquals(await conn.receive({ timeout: 1000 }), '{"value":7}');
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { errorJson, harmlessCause } from "../net/internal/error_json.ts";
import { escapeControls } from "../net/text.ts";
import { callback, OptionRules } from "../net/internal/options.ts";
import type { WsMessage, WsSendOptions } from "./connection/options.ts";
import { CloseCode } from "./internal/close_codes.ts";

/** The members that a view needs of a connection. */
export interface JsonChannel extends AsyncIterable<WsMessage> {
  /** Sends a value as JSON text. */
  sendJson(value: unknown, options?: WsSendOptions): Promise<void>;
  /** Closes with a code and a reason. */
  close(code?: number, reason?: string): Promise<unknown>;
}

/** Options of {@linkcode JsonView}. */
export interface JsonViewOptions<T> {
  /**
   * Returns the value as a `T`, or throws. The message of its error is passed to `onInvalid`.
   *
   * @default every value is valid
   */
  validate?: (value: unknown) => T;
  /**
   * Called for a message that is not JSON text or not valid. The loop then continues with the next
   * message.
   *
   * @default closes with 1007 (not JSON) or 1008 (not valid) and ends the loop
   */
  onInvalid?: (error: InvalidMessageError) => unknown;
}

const JSON_VIEW = new OptionRules<JsonViewOptions<unknown>>({
  validate: callback,
  onInvalid: callback,
});

/** The error for a message that is not JSON text, or whose value is not valid. */
export class InvalidMessageError extends Error {
  /** The name of the class. */
  override readonly name = "InvalidMessageError";
  /** The problem: bytes in place of text, invalid JSON, or a value that is not valid. */
  readonly problem: "binary" | "syntax" | "validation";
  readonly #data: WsMessage;

  /**
   * Creates an error.
   *
   * @param problem The kind of the problem.
   * @param data The message of the peer.
   * @param cause The error of the parser or of `validate`.
   */
  constructor(problem: "binary" | "syntax" | "validation", data: WsMessage, cause?: unknown) {
    const why = problem === "binary"
      ? "it is binary; JSON must be in a text frame"
      : problem === "syntax"
      ? "it is not JSON"
      : cause instanceof Error
      ? cause.message
      : "it is not valid";
    super(escapeControls(`Cannot use the message: ${why}`), { cause });
    this.problem = problem;
    this.#data = data;
  }

  /** Returns the message of the peer. Printing the error does not show it. */
  get data(): WsMessage {
    return this.#data;
  }

  /** Returns what `JSON.stringify` shows: the message and the fields, with control characters escaped. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}

/**
 * A view of a connection whose messages are JSON values.
 *
 * @typeParam T Type of a validated value.
 */
export class JsonView<T> implements AsyncIterable<T> {
  readonly #channel: JsonChannel;
  readonly #options: JsonViewOptions<T>;

  /**
   * Creates a view; `conn.json()` is the short form.
   *
   * @param channel The connection to read and write.
   * @param options How to validate a message, and the action for an invalid one.
   * @throws {TypeError} If an option is invalid.
   */
  constructor(channel: JsonChannel, options: JsonViewOptions<T> = {}) {
    this.#options = JSON_VIEW.check("JsonView", options) as JsonViewOptions<T>;
    this.#channel = channel;
  }

  /**
   * Sends a value as JSON text.
   *
   * @param value A value that `JSON.stringify` accepts.
   * @param options A signal that stops the wait for room.
   * @returns A promise that resolves when the socket has the message.
   */
  send(value: unknown, options?: WsSendOptions): Promise<void> {
    return this.#channel.sendJson(value, options);
  }

  /** Iterates over the valid values. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for await (const message of this.#channel) {
      let value: T;
      try {
        value = this.#read(message);
      } catch (error) {
        if (!(error instanceof InvalidMessageError)) throw error;
        if (this.#options.onInvalid === undefined) {
          const { policyViolation, invalidText } = CloseCode;
          const code = error.problem === "validation" ? policyViolation : invalidText;
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
      throw new InvalidMessageError("syntax", message, harmlessCause(cause));
    }
    try {
      const { validate } = this.#options;
      return validate === undefined ? value as T : validate(value);
    } catch (cause) {
      throw new InvalidMessageError("validation", message, cause);
    }
  }
}
