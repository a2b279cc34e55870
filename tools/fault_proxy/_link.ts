import { connect, type Socket } from "node:net";
import { formatAddress } from "../../net/address.ts";
import { toNetError } from "../../net/errors/errors.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { type Fault, FaultPipe, type ProxyTraffic } from "./_pipe.ts";
import type { FaultProxyOptions, ProxyFaults } from "./options.ts";

/**
 * Returns the faults of one connection.
 *
 * @param draw Returns a random number from 0 to 1 that stays the same for this connection and name.
 */
export type FaultPlan = (draw: (name: string) => number) => ProxyFaults;

/** The faults and the counters that all connections of a proxy share. */
export interface ProxyPlan {
  readonly faults: FaultPlan;
  readonly traffic: ProxyTraffic;
}

/** The connections to a client and to the target server, and the pipes between them. */
export class FaultLink {
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #server: Socket;
  #pipes: FaultPipe[] = [];
  /** A random number of this connection for each fault that only some connections have. */
  readonly #draws = new Map<string, number>();

  constructor(client: Socket, options: FaultProxyOptions, plan: ProxyPlan) {
    const { to, connectTimeout = 10_000, onEvent, random = Math.random } = options;
    const draw = (name: string) => {
      let drawn = this.#draws.get(name);
      if (drawn === undefined) this.#draws.set(name, drawn = random());
      return drawn;
    };
    const faults = () => plan.faults(draw);
    const { traffic } = plan;
    const peer = formatAddress({
      hostname: client.remoteAddress ?? "",
      port: client.remotePort ?? 0,
    });
    this.#client = client;
    client.pause();
    this.#server = connect({
      host: to.hostname,
      port: to.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    const limit = timeLimit(connectTimeout);
    if (limit !== Infinity) {
      this.#server.setTimeout(limit, () => {
        this.#server.destroy(Object.assign(new Error("connect timed out"), { code: "ETIMEDOUT" }));
      });
    }
    this.#server.once("connect", () => {
      this.#server.setTimeout(0);
      onEvent?.({ type: "open", peer });
      const told = (direction: "upload" | "download") => (fault: Fault) =>
        onEvent?.({ type: "fault", peer, fault, direction });
      const upload = () => faults().upload ?? {};
      const download = () => faults().download ?? {};
      this.#pipes = [
        new FaultPipe(client, this.#server, upload, random, told("upload"), traffic.upload),
        new FaultPipe(this.#server, client, download, random, told("download"), traffic.download),
      ];
      client.resume();
    });
    this.#server.on("error", (error) => {
      const context = { phase: "connect" as const, ...to };
      if (this.#pipes.length === 0) {
        onEvent?.({ type: "error", peer, error: toNetError(error, context) });
      }
      // The proxy passes a reset on to the other side.
      client.resetAndDestroy();
    });
    client.on("error", () => this.#server.resetAndDestroy());
    const gone = (socket: Socket) => new Promise((resolve) => socket.once("close", resolve));
    this.closed = Promise.all([gone(client), gone(this.#server)]).then(() => {
      for (const pipe of this.#pipes) pipe.close();
      const [uploaded = 0, downloaded = 0] = this.#pipes.map(({ bytes }) => bytes);
      if (this.#pipes.length > 0) onEvent?.({ type: "close", peer, uploaded, downloaded });
    });
    // The data of a client that has closed may still be on its way.
    client.once("close", () => {
      const upload = this.#pipes[0]?.finished ?? Promise.resolve();
      void upload.then(() => this.#server.destroySoon());
    });
    this.#server.once("close", () => this.#pipes.length === 0 && client.resetAndDestroy());
  }

  changed(): void {
    for (const pipe of this.#pipes) pipe.changed();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }
}
