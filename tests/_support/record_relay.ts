/**
 * A machine in the middle of a TLS connection, that knows the borders of records (RFC 8446 §5.1) and
 * ends one direction after some of them by a FIN, without a word of TLS.
 *
 * @module
 */

/** The direction that is cut: from the server to the client, or from the client to the server. */
export type Direction = "down" | "up";

/** Takes complete records from the front of `bytes`. Returns them and the rest. */
export function splitRecords(bytes: Uint8Array): [records: Uint8Array[], rest: Uint8Array] {
  const records: Uint8Array[] = [];
  let rest = bytes;
  while (rest.length >= 5) {
    const size = 5 + (rest[3]! << 8 | rest[4]!);
    if (rest.length < size) break;
    records.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return [records, rest];
}

/** A relay for one connection. */
export class RecordRelay implements AsyncDisposable {
  /** The number of records that have passed in the direction that may be cut. */
  passed = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: number;
  readonly #direction: Direction;
  readonly #most: number;
  readonly #running: Promise<void>;
  #conns: Deno.TcpConn[] = [];

  /**
   * @param target The port of the server.
   * @param direction The direction that is cut.
   * @param most The number of records after which it is cut.
   */
  constructor(target: number, direction: Direction, most: number) {
    this.#target = target;
    this.#direction = direction;
    this.#most = most;
    this.#running = this.#relay().catch(() => {});
  }

  /** The port to connect to. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns.splice(0)) conn.close();
    await this.#running;
  }

  async #relay(): Promise<void> {
    const front = await this.#listener.accept();
    const back = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
    this.#conns = [front, back];
    const pumps = this.#direction === "down"
      ? [this.#cut(back, front), pump(front, back)]
      : [this.#cut(front, back), pump(back, front)];
    await Promise.allSettled(pumps);
  }

  async #cut(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    let rest: Uint8Array = new Uint8Array(0);
    const buffer = new Uint8Array(16 * 1024);
    while (this.passed < this.#most) {
      const size = await from.read(buffer);
      if (size === null) break;
      const [records, left] = splitRecords(joined(rest, buffer.subarray(0, size)));
      rest = left;
      for (const record of records.slice(0, this.#most - this.passed)) {
        await writeAll(to, record);
        this.passed++;
      }
    }
    await to.closeWrite();
    // The other end must not wait for buffers of ours.
    while (await from.read(buffer) !== null);
  }
}

async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let n; (n = await from.read(buffer)) !== null;) await writeAll(to, buffer.subarray(0, n));
  await to.closeWrite();
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
