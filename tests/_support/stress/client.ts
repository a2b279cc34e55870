/** Clients that pipeline requests through a proxy, and check each response. @module */

import { delay } from "@std/async/delay";
import { type Asked, isFaulty, type Ledger, responseBody } from "./ledger.ts";
import { type Origin, turn } from "./origin.ts";
import { Patience } from "./patience.ts";
import type { Random } from "./random.ts";
import { bytesOf, concat, Cut, type Head, isSame, parseHead, textOf, Wire } from "./wire.ts";

/** A proxy under test. */
export interface Door {
  readonly port: number;
  /** Whether its hooks follow the ledger, see `hooksOf`. */
  readonly hooks: boolean;
}

/** A request on its way. */
interface Sent {
  readonly asked: Asked;
  readonly bytes: Uint8Array;
  /** The minor version of HTTP. */
  readonly minor: 0 | 1;
  readonly keeps: boolean;
}

/** How long a client waits for one response before it counts as lost, in milliseconds. */
const PATIENCE = 20_000;

/** Keeps one client busy until `stop`. */
export async function runClient(
  ledger: Ledger,
  random: Random,
  doors: readonly Door[],
  origins: readonly Origin[],
  stop: () => boolean,
): Promise<void> {
  while (!stop()) {
    const wire = await Wire.connect(random.pick(doors).port).catch(() => undefined);
    if (wire === undefined) ledger.blame("a proxy that cannot be reached", undefined);
    else {
      try {
        await new Client(ledger, random, wire, origins, doors[0]!.hooks).run(stop);
      } finally {
        wire.close();
      }
    }
  }
}

class Client {
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #wire: Wire;
  readonly #origins: readonly Origin[];
  readonly #hooks: boolean;
  readonly #waiting: Sent[] = [];
  /** The minor version of HTTP, the same for a whole connection. */
  readonly #minor: 0 | 1;
  /** Whether the client goes away in the middle. */
  #leaves = false;

  constructor(
    ledger: Ledger,
    random: Random,
    wire: Wire,
    origins: readonly Origin[],
    hooks: boolean,
  ) {
    this.#ledger = ledger;
    this.#random = random;
    this.#wire = wire;
    this.#origins = origins;
    this.#hooks = hooks;
    this.#minor = random.chance(.1) ? 0 : 1;
  }

  /** Sends batches on one connection until that ends. */
  async run(stop: () => boolean): Promise<void> {
    const random = this.#random;
    for (let batches = 1 + random.below(4); batches > 0 && !stop(); batches--) {
      const count = random.chance(.5) ? 1 : 1 + random.below(6);
      for (let i = 0; i < count; i++) this.#waiting.push(this.#ask(i === count - 1));
      const bytes = concat(this.#waiting.map((one) => one.bytes));
      this.#leaves = random.chance(.03);
      const size = this.#leaves ? random.below(bytes.length) : bytes.length;
      const writing = this.#write(bytes.subarray(0, size)).catch(() => {});
      const goesOn = this.#leaves ? await this.#leave(writing) : await this.#readAll();
      if (!goesOn) {
        this.#wire.close();
        await writing;
        for (const { asked } of this.#waiting) this.#ledger.done(asked, "unanswered");
        return;
      }
      await writing;
      if (random.chance(.3)) await delay(random.below(30));
    }
  }

  #ask(last: boolean): Sent {
    const random = this.#random;
    const asked = this.#ledger.ask(random, this.#hooks);
    const { host } = random.pick(this.#origins);
    const { id, method, body } = asked;
    const minor = this.#minor;
    const keeps = minor === 1 || !last || random.chance(.5);
    let head = `${method} http://${host}/r/${id} HTTP/1.${minor}\r\nX-Id: ${id}\r\n`;
    if (minor === 1 || random.chance(.5)) head += `Host: ${host}\r\n`;
    if (minor === 0 && keeps) head += "Connection: keep-alive\r\n";
    if (this.#hooks) head += "X-Hooks: 1\r\n";
    const framed = body.length > 0 || method === "POST" || method === "PUT";
    if (framed && minor === 1 && random.chance(.1)) head += "Expect: 100-continue\r\n";
    if (!framed) return { asked, bytes: bytesOf(`${head}\r\n`), minor, keeps };
    const chunked = minor === 1 && random.chance(.4);
    const parts = [bytesOf(
      head +
        (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : `Content-Length: ${body.length}\r\n\r\n`),
    )];
    if (!chunked) parts.push(body);
    else parts.push(...this.#chunks(body));
    return { asked, bytes: concat(parts), minor, keeps };
  }

  #chunks(body: Uint8Array): Uint8Array[] {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < body.length;) {
      const chunk = body.subarray(at, at += 1 + this.#random.below(20_000));
      parts.push(bytesOf(`${chunk.length.toString(16)}\r\n`), chunk, bytesOf("\r\n"));
    }
    return [...parts, bytesOf("0\r\n\r\n")];
  }

  /** Writes in a few pieces, wherever that cuts the messages. */
  async #write(bytes: Uint8Array): Promise<void> {
    const random = this.#random;
    const pieces = random.chance(.5) ? 1 : 1 + random.below(8);
    const size = Math.ceil(bytes.length / pieces);
    for (let at = 0; at < bytes.length; at += size) {
      await this.#wire.write(bytes.subarray(at, at + size));
      if (random.chance(.5)) await (random.chance(.3) ? delay(random.below(10)) : turn());
    }
  }

  /** Goes away in the middle of what it does. */
  async #leave(writing: Promise<void>): Promise<boolean> {
    if (this.#random.chance(.5)) await writing;
    await delay(this.#random.below(20));
    if (this.#random.chance(.5)) this.#wire.reset();
    return false;
  }

  /** Reads a response for each request; returns whether the connection goes on. */
  async #readAll(): Promise<boolean> {
    for (let first; (first = this.#waiting[0]) !== undefined;) {
      using _ = new Patience(PATIENCE, () => {
        this.#ledger.blame("no response in time", first.asked);
        this.#wire.close();
      });
      let goesOn;
      try {
        goesOn = await this.#read(first);
      } catch (error) {
        if (!(error instanceof Cut)) this.#ledger.blame("a bad response", first.asked, `${error}`);
        else this.#ended(first, error);
        return false;
      }
      this.#waiting.shift();
      if (!goesOn) return false;
    }
    return true;
  }

  /** A connection that ends in front of a response, or in one. */
  #ended({ asked }: Sent, cut: Cut): void {
    this.#waiting.shift();
    // A reset takes earlier responses with it.
    const excused = isFaulty(asked) || (cut.how === "reset" && this.#waiting.some(isBlamable));
    if (excused) this.#ledger.done(asked, "excused");
    else {this.#ledger.blame(
        `a connection that was cut (${cut.how})`,
        asked,
        textOf(cut.partial.subarray(0, 80)),
      );}
  }

  async #read({ asked, minor, keeps }: Sent): Promise<boolean> {
    let head: Head;
    let status: number;
    do {
      const text = await this.#wire.head();
      if (text === undefined) throw new Cut("end", new Uint8Array(0));
      head = parseHead(text);
      status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head.first)?.[1]);
      if (Number.isNaN(status)) throw new Error(head.first);
    } while (status < 200);
    const id = head.fields.get("x-id");
    if (id !== undefined && id !== `${asked.id}`) {
      const kind = `${asked.id}`.startsWith(id)
        ? "a truncated head"
        : "the response of another request";
      this.#ledger.blame(kind, asked, id);
      return false;
    }
    const { body, ends } = await this.#body(head, asked, status);
    if (id === undefined) this.#errorPage(asked, status, head);
    else this.#check(asked, status, head, body);
    const connection = head.fields.get("connection") ?? "";
    if (minor === 0 && keeps && !ends && !/close|keep-alive/i.test(connection)) {
      this.#ledger.blame("no word on the connection for HTTP/1.0", asked, connection);
    }
    return !ends && !/close/i.test(connection) && (minor === 1 || /keep-alive/i.test(connection));
  }

  async #body(
    { fields }: Head,
    { method }: Asked,
    status: number,
  ): Promise<{ body: Uint8Array; ends: boolean }> {
    const length = fields.get("content-length");
    if (method === "HEAD" || status === 204 || status === 304) {
      return { body: new Uint8Array(0), ends: false };
    }
    if (fields.has("transfer-encoding")) return { body: await this.#wire.chunks(), ends: false };
    if (length !== undefined) return { body: await this.#wire.exact(Number(length)), ends: false };
    return { body: await this.#wire.rest(), ends: true };
  }

  /** A response of the proxy itself. */
  #errorPage(asked: Asked, status: number, head: Head): void {
    if (status >= 400 && isFaulty(asked)) this.#ledger.done(asked, "excused");
    else this.#ledger.blame("an error that nobody is to blame for", asked, head.first);
  }

  #check(asked: Asked, status: number, head: Head, body: Uint8Array): void {
    const { plan, hook, method, id } = asked;
    const hooked = hook === "none" ? undefined : hook === "answer" ? 299 : 298;
    const bodyless = method === "HEAD" ||
      (hooked === undefined && (status === 204 || status === 304));
    const expected = bodyless
      ? new Uint8Array(0)
      : hooked !== undefined
      ? bytesOf(`hook ${id}`)
      : responseBody(asked);
    const right = status === (hooked ?? plan.status) && isSame(body, expected) &&
      (!this.#hooks || hooked !== undefined || head.fields.get("x-hooked") === `${id}`);
    if (right) this.#ledger.done(asked, "answered");
    else {
      const detail = `${head.first} ${body.length}/${expected.length} bytes`;
      this.#ledger.blame("a response that is not what the server sent", asked, detail);
    }
  }
}

function isBlamable({ asked }: Sent): boolean {
  return isFaulty(asked);
}
