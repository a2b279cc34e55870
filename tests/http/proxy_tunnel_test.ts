import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { type ProxyEntry, serveProxy, type ServeProxyOptions } from "../../http/proxy.ts";
import { within } from "../_support/runnable.ts";
import { send } from "./_proxy.ts";

const OPEN = { allowPrivate: true, connectPorts: "any", name: "t" } as const;

/** Both ends of a tunnel through a proxy. */
class Ends implements AsyncDisposable {
  readonly entries: ProxyEntry[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #proxy;
  client!: Deno.TcpConn;
  server!: Deno.TcpConn;

  private constructor(options: ServeProxyOptions) {
    const onEntry = (entry: ProxyEntry) => this.entries.push(entry);
    this.#proxy = serveProxy({ ...OPEN, ...options, onEntry });
  }

  static async open(options: ServeProxyOptions = {}): Promise<Ends> {
    const ends = new Ends(options);
    const { port } = ends.#proxy.addr;
    const host = `127.0.0.1:${ends.#listener.addr.port}`;
    ends.client = await Deno.connect({ hostname: "127.0.0.1", port });
    await send(ends.client, `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    ends.server = await ends.#listener.accept();
    await ends.client.read(new Uint8Array(1000));
    return ends;
  }

  /** Shuts the proxy down; returns what it says of the tunnel. */
  async shutdown(): Promise<ProxyEntry> {
    await this.#proxy.shutdown();
    return this.entries[0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of [this.client, this.server]) {
      try {
        conn.close();
      } catch { /* It is closed. */ }
    }
    await this.#proxy[Symbol.asyncDispose]();
  }
}

/** Reads to the end; returns how many bytes came, and how it ended. */
async function toEnd(conn: Deno.Conn): Promise<[size: number, end: "end" | "reset"]> {
  const buffer = new Uint8Array(65536);
  let size = 0;
  try {
    for (let n; (n = await within(5000, "the end", conn.read(buffer))) !== null;) size += n;
    return [size, "end"];
  } catch (error) {
    assert(error instanceof Deno.errors.ConnectionReset, `${error}`);
    return [size, "reset"];
  }
}

Deno.test("a half-closed tunnel lives while bytes flow", async () => {
  await using ends = await Ends.open({ halfCloseTimeout: 200 });
  await ends.client.closeWrite();
  assertEquals(await toEnd(ends.server), [0, "end"]);
  const reading = toEnd(ends.client);
  for (let i = 0; i < 12; i++) {
    await send(ends.server, "0123456789");
    await delay(60);
  }
  ends.server.close();
  assertEquals(await reading, [120, "end"]);
  assertEquals((await ends.shutdown()).error, undefined);
});

Deno.test("a half-closed tunnel ends when it is silent", async () => {
  await using ends = await Ends.open({ halfCloseTimeout: 200 });
  await ends.client.closeWrite();
  await send(ends.server, "part");
  const [size] = await toEnd(ends.client);
  assertEquals(size, 4);
  const { error } = await ends.shutdown();
  assertEquals(error, "the half-closed tunnel was silent for too long");
});
