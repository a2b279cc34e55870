/** Servers of the tests of the HTTP client. @module */

export { deadPort } from "./ports.ts";

const LOOPBACK = "127.0.0.1";

/** A server of Deno on a free port, shut down when disposed of. */
export function serve(
  handler: (request: Request) => Response | Promise<Response>,
): AsyncDisposable & { url: string; port: number } {
  const server = Deno.serve({ hostname: LOOPBACK, port: 0, onListen() {} }, handler);
  const { port } = server.addr;
  return {
    url: `http://${LOOPBACK}:${port}/`,
    port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A server that answers with what it was asked. */
export function echo(): ReturnType<typeof serve> {
  return serve(async (request) => {
    const { pathname, search } = new URL(request.url);
    return Response.json({
      method: request.method,
      url: pathname + search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    });
  });
}

/** A server that answers with these very bytes, and then closes or holds the connection. */
export class RawServer implements AsyncDisposable {
  /** The heads and bodies that it was sent, one for each connection. */
  readonly heard: string[] = [];
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;

  /** Begins; the answer may depend on the number of the connection, from 0, and on what was sent. */
  constructor(
    answer: string | Uint8Array | ((index: number, head: string) => string | Uint8Array),
    readonly end: "close" | "hold" = "close",
  ) {
    this.#serving = this.#serve(typeof answer === "function" ? answer : () => answer);
  }

  /** Its URL. */
  get url(): string {
    return `http://${LOOPBACK}:${this.#listener.addr.port}/`;
  }

  /** Closes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    await this.#serving;
  }

  async #serve(answer: (index: number, head: string) => string | Uint8Array): Promise<void> {
    const work: Promise<void>[] = [];
    let index = 0;
    for await (const conn of this.#listener) {
      const number = index++;
      work.push(this.#answer(conn, (head) => answer(number, head)));
    }
    await Promise.all(work);
  }

  async #answer(
    conn: Deno.Conn,
    answer: (head: string) => string | Uint8Array,
  ): Promise<void> {
    this.#conns.add(conn);
    try {
      // The request is read first: closing with unread bytes would be a reset.
      const buffer = new Uint8Array(64 * 1024);
      const size = await conn.read(buffer) ?? 0;
      const head = new TextDecoder().decode(buffer.subarray(0, size));
      this.heard.push(head);
      const text = answer(head);
      const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      if (this.end === "hold") { while (await conn.read(buffer) !== null); }
    } catch { /* The client has seen enough. */ }
    this.#conns.delete(conn);
    try {
      conn.close();
    } catch { /* It is being disposed of. */ }
  }
}
