/** A SOCKS 5 server of the tests, which does as it is told. @module */

import { pipe } from "./pipe.ts";

/** What a SOCKS server was asked. */
export interface SocksSeen {
  /** The methods that the client offered. */
  readonly methods: readonly number[];
  /** The login that it gave. */
  login?: string;
  /** The type of the address, and the address: 1 and 4 as numbers, 3 as a name. */
  target?: string;
}

/** Options of {@linkcode SocksServer}. */
export interface SocksOptions {
  /** The login that it wants, e.g. `user:password`. @default none */
  login?: string;
  /** The code of its reply to a target such as `1 127.0.0.1:80`. @default 0 for all */
  reply?: (target: string) => number;
  /** What it sends in place of everything, once the client has said something. */
  script?: (conn: Deno.Conn) => Promise<void>;
  /** Where it connects to, whatever the target. @default the target */
  port?: number;
}

/** A SOCKS 5 server on a free port of 127.0.0.1. */
export class SocksServer implements AsyncDisposable {
  readonly seen: SocksSeen[] = [];
  /** The addresses of the clients. */
  readonly clients: string[] = [];
  readonly port: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  readonly #options: SocksOptions;

  constructor(options: SocksOptions = {}) {
    this.#options = options;
    this.port = this.#listener.addr.port;
    this.#serving = this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) close(conn);
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const work: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      this.clients.push((conn.remoteAddr as Deno.NetAddr).hostname);
      work.push(this.#answer(conn).catch(() => {}).finally(() => close(conn)));
    }
    await Promise.all(work);
  }

  async #answer(conn: Deno.Conn): Promise<void> {
    const { login, reply, script, port } = this.#options;
    const [, count] = await exact(conn, 2);
    const seen: SocksSeen = { methods: [...await exact(conn, count!)] };
    this.seen.push(seen);
    if (script !== undefined) return await script(conn);
    await write(conn, [5, login === undefined ? 0 : 2]);
    if (login !== undefined) {
      const [, size] = await exact(conn, 2);
      const user = text(await exact(conn, size!));
      const [length] = await exact(conn, 1);
      seen.login = `${user}:${text(await exact(conn, length!))}`;
      await write(conn, [1, seen.login === login ? 0 : 1]);
      if (seen.login !== login) return;
    }
    const [, , , type] = await exact(conn, 4);
    const size = type === 1 ? 4 : type === 4 ? 16 : (await exact(conn, 1))[0]!;
    const host = await exact(conn, size);
    const [high, low] = await exact(conn, 2);
    const hostname = type === 3 ? text(host) : host.join(type === 1 ? "." : ":");
    const at = high! * 256 + low!;
    seen.target = `${type} ${hostname}:${at}`;
    const code = reply?.(seen.target) ?? 0;
    const answer = [5, code, 0, 1, 127, 0, 0, 1, 0, 80];
    if (code !== 0) return await write(conn, answer);
    const far = await Deno.connect({ hostname: "127.0.0.1", port: port ?? at });
    this.#conns.add(far);
    await write(conn, answer);
    await pipe(conn, far);
    close(far);
  }
}

async function exact(conn: Deno.Conn, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const read = await conn.read(bytes.subarray(at));
    if (read === null) throw new Error("The client has gone");
    at += read;
  }
  return bytes;
}

async function write(conn: Deno.Conn, bytes: readonly number[]): Promise<void> {
  await conn.write(Uint8Array.from(bytes));
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch { /* It is closed. */ }
}
