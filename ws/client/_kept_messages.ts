import type { WsConnection } from "../connection/connection.ts";
import type { WsMessage } from "../connection/options.ts";

/** Messages that wait for the next connection, up to a number of bytes. */
export class KeptMessages {
  /** The bytes of the messages. */
  bytes = 0;

  readonly #limit: number;
  #messages: WsMessage[] = [];

  /** Takes the most bytes to keep; text counts in UTF-16 units. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds a message; returns false if it does not fit. */
  push(data: WsMessage): boolean {
    if (this.bytes + data.length > this.#limit) return false;
    this.#messages.push(data);
    this.bytes += data.length;
    return true;
  }

  /** Sends the messages in their order. A message that cannot be sent stays. */
  async sendAll(connection: WsConnection): Promise<void> {
    for (let data; (data = this.#messages[0]) !== undefined;) {
      await connection.send(data);
      this.#messages.shift();
      this.bytes -= data.length;
    }
  }

  /** Drops all messages. */
  clear(): void {
    this.#messages = [];
    this.bytes = 0;
  }
}
