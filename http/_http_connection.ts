import { getLogger } from "@logtape/logtape";
import type { Connection } from "../net/connection.ts";
import { NetError } from "../net/errors.ts";
import type { Gate } from "./_gate.ts";
import { Incoming, IncomingBody } from "./_incoming.ts";
import {
  headEnd,
  HeadFault,
  type HeadLimits,
  latin1,
  parseHead,
  type RequestHead,
} from "./_request_head.ts";
import { writeResponse } from "./_response_writer.ts";

/** Limits of the connections of a hardened server. */
export interface ConnectionLimits extends HeadLimits {
  /** In milliseconds, from its first byte; Infinity for none. */
  readonly headTimeout: number;
  /** Between two requests, in milliseconds; Infinity for none. */
  readonly idleTimeout: number;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Methods that no `Request` is made of; CONNECT and TRACE are of no use to a server of content. */
const IMPOSSIBLE = new Set(["CONNECT", "TRACE", "TRACK"]);
const WHOLE_URL = /^(https?:\/\/)([^/?]*)(.*)$/i;

const logger = getLogger(["portside", "http", "server"]);

/** Carries the requests of one connection to a gate, and their answers back, one by one. */
export class HttpConnection {
  readonly #conn: Connection;
  readonly #gate: Gate;
  readonly #limits: ConnectionLimits;
  readonly #scheme: string;
  readonly #incoming: Incoming;
  #first = true;

  constructor(conn: Connection, gate: Gate, limits: ConnectionLimits) {
    this.#conn = conn;
    this.#gate = gate;
    this.#limits = limits;
    this.#scheme = conn.tls === undefined ? "http://" : "https://";
    this.#incoming = new Incoming(conn);
  }

  /** Serves until the connection ends. */
  async run(): Promise<void> {
    for (;;) {
      const head = await this.#readHead();
      if (head === undefined) return;
      const exchange = new Exchange(this.#conn, this.#incoming);
      try {
        if (head instanceof HeadFault) {
          // A head that cannot be read has no end that could be trusted.
          const response = this.#gate.refuse(head.status, exchange, head.detail);
          await writeResponse(this.#conn, response, { method: "GET", minor: 1, keepAlive: false });
          return;
        }
        if (!(await this.#answer(head, exchange))) return;
      } finally {
        exchange.complete();
      }
    }
  }

  async #answer(head: RequestHead, exchange: Exchange): Promise<boolean> {
    const body = new IncomingBody(this.#incoming, head.framing, head.expects);
    exchange.watches(body);
    const response = await this.#handle(head, body, exchange);
    await exchange.unwatch();
    await body.skip();
    const { method, minor } = head;
    const keepAlive = head.keepAlive && body.done && !this.#gate.closing.signal.aborted;
    try {
      return await writeResponse(this.#conn, response, { method, minor, keepAlive });
    } catch (error) {
      // Half an answer may be out: only the end of the connection tells the client.
      if (error instanceof NetError) throw error;
      logger.error("cannot send an answer to {peer}: {error}", { peer: this.#conn.peer, error });
      this.#conn.abort(error);
      return false;
    }
  }

  #handle(
    head: RequestHead,
    body: IncomingBody,
    exchange: Exchange,
  ): Response | Promise<Response> {
    const gate = this.#gate;
    const { method, headers, framing } = head;
    if (IMPOSSIBLE.has(method)) return gate.refuse(501, exchange);
    const hostFault = gate.hosts.judge(head.host);
    if (hostFault !== 0) return gate.refuse(hostFault, exchange);
    const url = this.#urlOf(head);
    if (typeof url === "number") return gate.refuse(url, exchange);
    if (framing !== "chunked" && gate.tooLarge(framing)) return gate.refuse(413, exchange);
    const hasBody = framing !== 0 && method !== "GET" && method !== "HEAD";
    const request = hasBody
      ? new Request(url, { method, headers, body: gate.limitBody(body) })
      : new Request(url, { method, headers });
    // As it was sent, where `new Request` has resolved dots in it.
    if (request.url !== url) Object.defineProperty(request, "url", { value: url });
    return gate.handle(request, exchange, exchange);
  }

  /** The whole URL of a request (RFC 9112 §3.3), or the status to refuse it with. */
  #urlOf({ method, target, host }: RequestHead): string | number {
    if (target.startsWith("/")) return this.#scheme + host + target;
    if (target === "*") return method === "OPTIONS" ? `${this.#scheme}${host}/*` : 400;
    const whole = WHOLE_URL.exec(target);
    if (whole === null) return 400;
    const [, scheme = "", authority = "", rest = ""] = whole;
    const fault = this.#gate.hosts.judge(authority);
    if (fault !== 0) return fault;
    return scheme.toLowerCase() + authority + (rest.startsWith("/") ? rest : `/${rest}`);
  }

  /** The next head, what is wrong with it, or undefined where nothing comes any more. */
  async #readHead(): Promise<RequestHead | HeadFault | undefined> {
    const { headTimeout, idleTimeout, maxHead } = this.#limits;
    const wait = this.#first ? Math.min(headTimeout, idleTimeout) : idleTimeout;
    this.#first = false;
    let text = "";
    let due = Infinity;
    for (;;) {
      let bytes = await this.#read(text !== "", text === "" ? wait : due - performance.now());
      if (bytes === "late") {
        return text === "" ? undefined : new HeadFault(408, "The head did not come in time");
      }
      if (bytes === null) return undefined;
      if (text === "") {
        // RFC 9112 §2.2: an empty line in front is left over from what came before.
        if (bytes[0] === 0x0d && bytes[1] === 0x0a) bytes = bytes.subarray(2);
        if (bytes.length === 0) continue;
        if (headTimeout !== Infinity) due = performance.now() + headTimeout;
      }
      const before = text.length;
      text += latin1(bytes.subarray(0, maxHead + 1 - before));
      const end = headEnd(text, Math.max(before - 3, 0));
      if (end instanceof HeadFault) return end;
      if (end !== -1 && end <= maxHead) {
        this.#incoming.keep(bytes.subarray(end - before));
        return parseHead(text.length === end ? text : text.slice(0, end), this.#limits);
      }
      if (text.length > maxHead) {
        return new HeadFault(431, `The head has more than ${maxHead} bytes`);
      }
    }
  }

  async #read(inMessage: boolean, wait: number): Promise<Bytes | null | "late"> {
    try {
      const timeout = wait === Infinity ? 0 : Math.max(wait, 1);
      return await this.#incoming.read({ inMessage, timeout });
    } catch (error) {
      if (error instanceof NetError && error.kind === "timeout" && this.#conn.open) return "late";
      // Between two requests it is nobody's loss.
      if (!inMessage && error instanceof NetError) return null;
      throw error;
    }
  }
}

/** One request and its answer, as the gate sees it. */
class Exchange {
  readonly #conn: Connection;
  readonly #incoming: Incoming;
  readonly #completed = Promise.withResolvers<void>();
  #gone: AbortController | undefined;
  #body: IncomingBody | undefined;
  #watch: AbortController | undefined;
  #watching: Promise<void> | undefined;

  constructor(conn: Connection, incoming: Incoming) {
    this.#conn = conn;
    this.#incoming = incoming;
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#conn.remoteAddr as Deno.NetAddr;
  }

  get completed(): Promise<void> {
    return this.#completed.promise;
  }

  /** Aborted when the client ends; who asks makes us look, which costs a read. */
  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      const body = this.#body;
      if (body?.done === false) body.onDone = () => this.#look();
      else this.#look();
    }
    return this.#gone.signal;
  }

  watches(body: IncomingBody): void {
    this.#body = body;
  }

  /** Stops looking; what has come is kept for the next request. */
  async unwatch(): Promise<void> {
    if (this.#body) this.#body.onDone = undefined;
    this.#watch?.abort();
    await this.#watching;
  }

  complete(): void {
    this.#completed.resolve();
  }

  #look(): void {
    // The next request is here already: so is the client.
    if (this.#incoming.kept > 0) return;
    this.#watch = new AbortController();
    const { signal } = this.#watch;
    this.#watching = this.#incoming.read({ inMessage: true, signal }).then((bytes) => {
      if (bytes === null) this.#gone?.abort();
      else this.#incoming.keep(bytes);
    }, () => {
      if (!signal.aborted) this.#gone?.abort();
    });
  }
}
