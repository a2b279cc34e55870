/** An origin that answers with the texts of a table. @module */

import { bytesOf } from "../../_support/http1.ts";

/** Sends the text of a row for `/<index>`, `otherwise` for every other path, and ends. */
export class ResponseRows implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #texts: readonly string[];
  readonly #otherwise: string;
  readonly #serving: Promise<void>;
  /** Where it listens. */
  readonly host = `127.0.0.1:${this.#listener.addr.port}`;

  constructor(texts: readonly string[], otherwise = "") {
    this.#texts = texts;
    this.#otherwise = otherwise;
    this.#serving = this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const work: Promise<void>[] = [];
    for await (const conn of this.#listener) work.push(this.#answer(conn).catch(() => {}));
    await Promise.all(work);
  }

  async #answer(conn: Deno.TcpConn): Promise<void> {
    using _ = conn;
    const buffer = new Uint8Array(4096);
    let asked = "";
    while (!asked.includes("\r\n\r\n")) {
      const size = await conn.read(buffer);
      if (size === null) return;
      asked += new TextDecoder().decode(buffer.subarray(0, size));
    }
    const index = /\/(\d+) HTTP/.exec(asked)?.[1];
    const bytes = bytesOf(index === undefined ? this.#otherwise : this.#texts[Number(index)]!);
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    await conn.closeWrite();
    // Reads to the end, or what was sent would be lost by a reset.
    while (await conn.read(buffer) !== null);
  }
}
