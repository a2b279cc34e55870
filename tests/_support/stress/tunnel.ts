/** Tunnels through a proxy: what goes in comes out, and each end sees how the other one ends. @module */

import net from "node:net";
import type { Door } from "./client.ts";
import type { Ledger } from "./ledger.ts";
import { turn } from "./origin.ts";
import { Patience } from "./patience.ts";
import type { Random } from "./random.ts";
import { Cut, digest, isSame, Wire } from "./wire.ts";

/**
 * What a tunnel does: `echo` sends the client's bytes back once the client has ended its side;
 * `push` sends, ends its side, and then reads; the others reset one end in the middle.
 */
const KINDS = ["echo", "echo", "push", "serverReset", "clientReset"] as const;

interface Told {
  readonly kind: typeof KINDS[number];
  readonly up: Uint8Array;
  readonly down: Uint8Array;
  /** Says how the server's side has ended. */
  readonly ended: PromiseWithResolvers<string>;
}

/** A server behind tunnels, and the clients of them. */
export class Tunnels implements AsyncDisposable {
  readonly #ledger: Ledger;
  readonly #server: net.Server;
  readonly #told = new Map<number, Told>();
  readonly #wires = new Set<Wire>();
  readonly #resets: boolean;
  #next = 1;

  private constructor(ledger: Ledger, resets: boolean) {
    this.#ledger = ledger;
    this.#resets = resets;
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => {
      const wire = new Wire(socket);
      this.#wires.add(wire);
      this.#serve(wire).finally(() => {
        wire.close();
        this.#wires.delete(wire);
      });
    });
  }

  /** Starts it; `resets` says whether the proxy has to pass resets on. */
  static async start(ledger: Ledger, resets: boolean): Promise<Tunnels> {
    const tunnels = new Tunnels(ledger, resets);
    await new Promise<void>((resolve) =>
      tunnels.#server.listen(0, "127.0.0.1", 1024, () => resolve())
    );
    return tunnels;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const wire of this.#wires) wire.close();
    await closed;
  }

  async #serve(wire: Wire): Promise<void> {
    const line = await wire.head().catch(() => undefined);
    const told = this.#told.get(Number(line));
    if (told === undefined) {
      if (line !== undefined) this.#ledger.blame("a tunnel that nobody opened", undefined, line);
      return;
    }
    let end = "end";
    try {
      if (told.kind === "push" || told.kind === "serverReset") {
        await wire.write(told.down);
        if (told.kind === "serverReset") {
          await turn();
          return wire.reset();
        }
        wire.end();
      }
      const up = await wire.rest();
      if (digest(up) !== digest(told.up)) end = `${up.length} of ${told.up.length} bytes`;
      if (told.kind === "echo") {
        await wire.write(up);
        wire.end();
      }
    } catch (error) {
      end = error instanceof Cut ? error.how : `${error}`;
    } finally {
      told.ended.resolve(end);
    }
  }

  /** Opens tunnels, one after the other, until `stop`. */
  async run(random: Random, doors: readonly Door[], stop: () => boolean): Promise<void> {
    while (!stop()) {
      const wire = await Wire.connect(random.pick(doors).port);
      const id = this.#next++;
      const told: Told = {
        kind: random.pick(KINDS),
        up: someBytes(random),
        down: someBytes(random),
        ended: Promise.withResolvers(),
      };
      this.#told.set(id, told);
      using _ = new Patience(20_000, () => {
        this.#ledger.blame(`a tunnel that hangs (${told.kind})`, undefined);
        wire.close();
        told.ended.resolve("nothing in time");
      });
      try {
        await this.#use(wire, id, told, random);
        this.#ledger.tally.tunnels++;
      } catch (error) {
        // A reset that is not passed on in order can take the head of the answer with it.
        const isReset = error instanceof Cut && error.how === "reset";
        if (told.kind === "serverReset" && isReset && !this.#resets) continue;
        const how = error instanceof Cut ? `${error.how} after ${error.partial.length}` : error;
        this.#ledger.blame(`a tunnel that broke (${told.kind})`, undefined, `${how}`);
      } finally {
        // The server may still hear of a tunnel whose end was not awaited.
        if (told.kind !== "clientReset" || this.#resets) this.#told.delete(id);
        wire.close();
      }
    }
  }

  async #use(wire: Wire, id: number, told: Told, random: Random): Promise<void> {
    const { port } = this.#server.address() as net.AddressInfo;
    const host = `127.0.0.1:${port}`;
    const ask = `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    // Sometimes with early data.
    const early = random.chance(.3);
    await wire.write(early ? `${ask}${id}\r\n\r\n` : ask);
    const head = await wire.head();
    if (!head?.startsWith("HTTP/1.1 200")) throw new Error(`CONNECT: ${head}`);
    if (!early) await wire.write(`${id}\r\n\r\n`);
    if (told.kind === "serverReset") return await this.#expectReset(wire, told);
    const writing = wire.write(told.up);
    if (told.kind === "clientReset") {
      await writing;
      await turn();
      wire.reset();
      // A reset that is not passed on can overtake all data, so that the server never hears of the tunnel.
      if (!this.#resets) return;
      const end = await told.ended.promise;
      if (end !== "end" && end !== "reset") throw new Error(`The server saw: ${end}`);
      return;
    }
    const expected = told.kind === "echo" ? told.up : told.down;
    if (told.kind === "echo") {
      await writing;
      wire.end();
    }
    const down = await wire.rest();
    if (!isSame(down, expected)) {
      throw new Error(`${down.length}/${expected.length} bytes`);
    }
    await writing;
    wire.end();
    const end = await told.ended.promise;
    if (end !== "end") throw new Error(`The server saw: ${end}`);
  }

  async #expectReset(wire: Wire, told: Told): Promise<void> {
    try {
      await wire.rest();
    } catch (error) {
      if (error instanceof Cut && error.how === "reset") return;
      throw error;
    }
    if (this.#resets) throw new Error(`An orderly end after a reset of ${told.down.length} bytes`);
  }
}

function someBytes(random: Random): Uint8Array {
  const size = random.pick([0, 1, random.below(1000), random.below(100_000)]);
  return new Uint8Array(random.chance(.02) ? 2_000_000 : size).fill(random.below(256));
}
