/** A relay of bytes whose side towards the server can end in every way that TCP knows. @module */

import * as net from "node:net";

/** How a client leaves. */
export type Leaving =
  /** It closes its connection: FIN, after what TLS says at the end. */
  | "closes"
  /** FIN, without the last word of TLS. */
  | "is cut off"
  /** RST. */
  | "resets"
  /** It ends its output, and goes on reading. */
  | "half-closes"
  /** Neither a byte nor an end comes any more, and nothing is read. */
  | "falls silent";

/** A relay for one connection. */
export class Relay implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #closed: Promise<void>;
  #near: net.Socket | undefined;
  #far: net.Socket | undefined;
  #mirror = true;

  private constructor(server: net.Server) {
    this.#server = server;
    this.#closed = new Promise((resolve) => server.once("close", () => resolve()));
  }

  /** Starts one in front of a port of 127.0.0.1. */
  static async start(port: number): Promise<Relay> {
    const server = net.createServer({ allowHalfOpen: true });
    const relay = new Relay(server);
    server.on("connection", (near) => relay.#join(near, port));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  /** Where clients connect to. */
  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Lets go of the server. The client does the rest for "closes" and "half-closes" before. */
  leave(how: Leaving): void {
    const far = this.#far!;
    if (how === "resets") far.resetAndDestroy();
    else if (how === "is cut off") far.destroy();
    else if (how === "falls silent") {
      this.#mirror = false;
      far.pause();
      this.#near!.pause();
    }
  }

  /** Takes nothing more of what the server sends. */
  stopReading(): void {
    this.#far!.pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#near?.destroy();
    this.#far?.destroy();
    this.#server.close();
    await this.#closed;
  }

  #join(near: net.Socket, port: number): void {
    const far = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.#near = near;
    this.#far = far;
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.on("data", (bytes) => void (this.#mirror && to.writable && to.write(bytes)));
      from.on("end", () => void (this.#mirror && to.writable && to.end()));
      from.on("error", () => {});
    }
    // A whole close of the client is a whole close here.
    near.on("close", () => void (this.#mirror && far.destroySoon()));
    far.on("close", () => void near.destroy());
  }
}
