/** A server that does what the plan of each request says, and checks what it gets. @module */

import net from "node:net";
import { delay } from "@std/async/delay";
import { type Asked, type Ledger, responseBody } from "./ledger.ts";
import type { Random } from "./random.ts";
import { bytesOf, concat, Cut, digest, type Head, parseHead, Wire } from "./wire.ts";

/** Stays where it is until the event loop has had a turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** A flaky server of HTTP/1.1. */
export class Origin implements AsyncDisposable {
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #server: net.Server;
  readonly #wires = new Set<Wire>();
  readonly #serving = new Set<Promise<void>>();
  #port = 0;

  private constructor(ledger: Ledger, random: Random) {
    this.#ledger = ledger;
    this.#random = random;
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => {
      const wire = new Wire(socket);
      this.#wires.add(wire);
      const serving = this.#serve(wire).catch((error) => {
        if (!(error instanceof Cut || error?.message === "closed" || "code" in error)) {
          this.#ledger.blame("a server got something malformed", undefined, `${error}`);
        }
      }).finally(() => {
        wire.close();
        this.#wires.delete(wire);
        this.#serving.delete(serving);
      });
      this.#serving.add(serving);
    });
  }

  /** Starts one on a free port. */
  static async start(ledger: Ledger, random: Random): Promise<Origin> {
    const origin = new Origin(ledger, random);
    const { promise, resolve } = Promise.withResolvers<void>();
    origin.#server.listen(0, "127.0.0.1", 1024, resolve);
    await promise;
    origin.#port = (origin.#server.address() as net.AddressInfo).port;
    return origin;
  }

  /** Where it listens. */
  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const wire of this.#wires) wire.close();
    await Promise.all(this.#serving);
    await promise;
  }

  async #serve(wire: Wire): Promise<void> {
    const state: Serving = { idleEnd: undefined, deadly: false };
    try {
      for (;;) {
        const text = await wire.head();
        clearTimeout(state.idleEnd);
        if (text === undefined || !(await this.#exchange(wire, parseHead(text), state))) return;
      }
    } finally {
      clearTimeout(state.idleEnd);
    }
  }

  /** Serves one request; returns whether the connection goes on. */
  async #exchange(wire: Wire, head: Head, state: Serving): Promise<boolean> {
    const asked = this.#identify(head);
    if (asked === undefined) return false;
    const { plan } = asked;
    const attempt = this.#ledger.saw(asked);
    if (state.deadly) {
      if (plan.ending === "reset") wire.reset();
      return false;
    }
    const faulty = plan.fault !== "none" && (!plan.once || attempt === 1);
    if (faulty && plan.fault === "before" && await strike(wire, asked)) return false;
    const early = plan.early && !asked.digest.startsWith("0-");
    if (!early && !(await this.#takeBody(wire, head, asked, faulty))) return false;
    if (!(await this.#respond(wire, asked, faulty))) return false;
    if (early && !(await this.#takeBody(wire, head, asked, false))) return false;
    return await this.#goOn(wire, asked, state);
  }

  #identify({ first, fields }: Head): Asked | undefined {
    const [, method, id] = /^([A-Z]+) \/r\/(\d+) HTTP\/1\.1$/.exec(first) ?? [];
    const asked = id === undefined ? undefined : this.#ledger.find(Number(id));
    if (asked === undefined) this.#ledger.blame("a request that nobody has sent", undefined, first);
    else if (
      method !== asked.method || fields.get("x-id") !== id || fields.get("host") !== this.host
    ) this.#ledger.blame("a request that was changed", asked, JSON.stringify([...fields]));
    else if (asked.hook === "answer") this.#ledger.blame("a request that a hook answers", asked);
    else if (fields.has("x-hooks") && fields.get("x-hook") !== id) {
      this.#ledger.blame("a request that a hook did not change", asked);
    } else return asked;
    return undefined;
  }

  /** Reads the body of a request, and checks it. */
  async #takeBody(wire: Wire, head: Head, asked: Asked, faulty: boolean): Promise<boolean> {
    const { plan } = asked;
    const length = Number(head.fields.get("content-length") ?? 0);
    if (!plan.early && head.fields.get("expect") === "100-continue") {
      await wire.write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    let body: Uint8Array;
    if (head.fields.has("transfer-encoding")) {
      if (faulty && plan.fault === "request" && await strike(wire, asked)) return false;
      body = await wire.chunks();
    } else {
      const half = await wire.exact(length >> 1);
      if (faulty && plan.fault === "request" && await strike(wire, asked)) return false;
      body = concat([half, await wire.exact(length - half.length)]);
    }
    if (digest(body) !== asked.digest) {
      this.#ledger.blame("a body that was changed", asked, digest(body));
      return false;
    }
    return true;
  }

  async #respond(wire: Wire, asked: Asked, faulty: boolean): Promise<boolean> {
    const { plan } = asked;
    if (plan.interim) {
      await wire.write("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
    }
    const { head, parts } = responseOf(asked);
    const whole = concat([head, ...parts]);
    const stops = { head: head.length >> 1, afterHead: head.length, body: 0 };
    // Chunks are cut between them, other bodies in the middle.
    stops.body = head.length +
      (plan.framing === "chunked" && parts.length > 1
        ? parts[0]!.length
        : (whole.length - head.length) >> 1);
    const stop = faulty && plan.fault in stops ? stops[plan.fault as keyof typeof stops] : -1;
    if (stop === -1) await this.#write(wire, whole, plan.pieces);
    else {
      await this.#write(wire, whole.subarray(0, stop), plan.pieces);
      const bodyless = whole.length === head.length;
      if ((!bodyless || plan.fault === "head") && await strike(wire, asked)) return false;
      await this.#write(wire, whole.subarray(stop), plan.pieces);
    }
    return true;
  }

  async #write(wire: Wire, bytes: Uint8Array, pieces: boolean): Promise<void> {
    if (!pieces) return await wire.write(bytes);
    // Each piece costs a turn of the event loop, so there are at most about fifty.
    const most = Math.max(60, Math.ceil(bytes.length / 25));
    for (let at = 0; at < bytes.length;) {
      const size = 1 + this.#random.below(most);
      await wire.write(bytes.subarray(at, at += size));
      await turn();
    }
  }

  /** Does what follows a response; returns whether the connection goes on. */
  async #goOn(wire: Wire, { plan }: Asked, state: Serving): Promise<boolean> {
    if (plan.framing === "close" || plan.after === "announce" || plan.after === "silent") {
      wire.end();
      // What the proxy sends meanwhile finds nobody.
      if (plan.framing === "close") await wire.rest().catch(() => {});
      return false;
    }
    if (plan.after === "late") state.idleEnd = setTimeout(() => wire.close(), plan.millis);
    if (plan.after === "lateReset") state.idleEnd = setTimeout(() => wire.reset(), plan.millis);
    state.deadly = plan.after === "deadly";
    return true;
  }
}

/** State of one connection. */
interface Serving {
  /** Ends the connection if it is idle by then. */
  idleEnd: ReturnType<typeof setTimeout> | undefined;
  /** Whether it ends at its next request. */
  deadly: boolean;
}

/** Breaks off, or stalls for a moment; returns whether the connection is over. */
async function strike(wire: Wire, { plan }: Asked): Promise<boolean> {
  if (plan.ending === "stall") await delay(plan.millis);
  else if (plan.ending === "reset") wire.reset();
  else if (plan.ending === "hang") await wire.rest().catch(() => {});
  return plan.ending !== "stall";
}

/** Returns the head of a response, and its body in parts. */
function responseOf(asked: Asked): { head: Uint8Array; parts: Uint8Array[] } {
  const { id, method, plan } = asked;
  const { status, framing, after } = plan;
  const version = framing === "close" && plan.size % 2 === 0 ? "1.0" : "1.1";
  let head = `HTTP/${version} ${status} Whatever\r\nX-Id: ${id}\r\n`;
  const bodyless = status === 204 || status === 304;
  const body = responseBody(asked);
  if (after === "announce" && framing !== "close") head += "Connection: close\r\n";
  if (!bodyless) {
    if (framing === "length") head += `Content-Length: ${body.length}\r\n`;
    if (framing === "chunked") head += "Transfer-Encoding: chunked\r\n";
  }
  let parts: Uint8Array[] = [];
  if (!bodyless && method !== "HEAD") {
    parts = framing === "chunked" ? chunksOf(body) : [body];
  }
  // A connection that says more than it was asked must not be used again.
  const extra = "HTTP/1.1 200 OK\r\nX-Id: 0\r\nContent-Length: 4\r\n\r\nevil";
  if (after === "extra" && framing !== "close") parts.push(bytesOf(extra));
  return { head: bytesOf(`${head}\r\n`), parts };
}

function chunksOf(body: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const size = Math.max(1, body.length >> 2);
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    parts.push(concat([bytesOf(`${chunk.length.toString(16)}\r\n`), chunk, bytesOf("\r\n")]));
  }
  return [...parts, bytesOf("0\r\nX-Trailer: a\r\n\r\n")];
}
