import type { Connection } from "../net/connection.ts";
import { NetError } from "../net/errors.ts";
import type { TlsInfo } from "../net/transport.ts";
import type { Gate } from "./_gate.ts";
import { Incoming, IncomingBody } from "./_incoming.ts";
import { Http1Error, type Http1Request } from "./http1_codec.ts";
import { isForRequest } from "./_methods.ts";
import { type Offer, offer } from "./_offer.ts";
import {
  type Body,
  openBody,
  type ResponseOptions,
  writeResponse,
  writeSwitch,
} from "./_response_writer.ts";

/** Limits of the connections of a hardened server. */
export interface ConnectionLimits {
  /** In bytes: the request line and all headers. */
  readonly maxHead: number;
  /** How many headers. */
  readonly maxHeaders: number;
  /** In milliseconds, from its first byte; Infinity for none. */
  readonly headTimeout: number;
  /** Between two requests, in milliseconds; Infinity for none. */
  readonly idleTimeout: number;
}

const WHOLE_URL = /^(https?:\/\/)([^/?]*)(.*)$/i;

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
    const { maxHead, maxHeaders } = limits;
    this.#incoming = new Incoming(conn, { maxHead, maxLine: maxHead, maxFields: maxHeaders });
  }

  /** Serves until the connection ends. */
  async run(): Promise<void> {
    for (;;) {
      const head = await this.#readHead();
      if (head === undefined) return;
      const exchange = new Exchange(this.#conn, this.#incoming);
      try {
        if (head instanceof Http1Error) {
          // A head that cannot be read has no end that could be trusted.
          const response = this.#gate.refuse(head.status, exchange, head.message);
          await this.#write(response, { method: "GET", minor: 1, keepAlive: false });
          return;
        }
        if (!(await this.#answer(head, exchange))) return;
      } finally {
        exchange.complete();
      }
    }
  }

  async #answer(head: Http1Request, exchange: Exchange): Promise<boolean> {
    const body = new IncomingBody(
      this.#incoming,
      head.framing,
      head.expect !== undefined && head.minor === 1 && head.framing !== 0,
    );
    exchange.watches(body);
    const response = await this.#handle(head, body, exchange);
    await exchange.unwatch();
    const { offer } = exchange;
    if (offer?.response === response) return await this.#handOver(offer, response);
    offer?.withdraw();
    body.takeIn();
    const { method, minor } = head;
    const keepAlive = head.keepAlive && minor === 1 && body.done &&
      !this.#gate.closing.signal.aborted;
    return await this.#write(response, { method, minor, keepAlive });
  }

  /** Lets another protocol have the connection, which is over with it. */
  async #handOver(offer: Offer, response: Response): Promise<false> {
    try {
      await writeSwitch(this.#conn, response);
    } catch (error) {
      offer.withdraw(error);
      throw error;
    }
    offer.hand({ connection: this.#conn, early: this.#incoming.decoder.takeRest() });
    await this.#conn.closed;
    return false;
  }

  async #write(response: Response, options: ResponseOptions): Promise<boolean> {
    let body: Body;
    try {
      body = await openBody(response);
    } catch (error) {
      return await this.#write(this.#gate.replace(error), options);
    }
    try {
      return await writeResponse(this.#conn, response, body, options);
    } catch (error) {
      // Half an answer may be out: only the end of the connection tells the client.
      if (error instanceof NetError) throw error;
      this.#gate.replace(error);
      this.#conn.abort(error);
      return false;
    }
  }

  #handle(
    head: Http1Request,
    body: IncomingBody,
    exchange: Exchange,
  ): Response | Promise<Response> {
    const gate = this.#gate;
    const { method, framing, host = "", minor, upgrade } = head;
    if (!isForRequest(method)) return gate.refuse(501, exchange);
    const hostFault = gate.hosts.judge(host);
    if (hostFault !== 0) return gate.refuse(hostFault, exchange);
    const url = this.#urlOf(head);
    if (url === undefined) {
      return gate.refuse(400, exchange, "The target of the request is malformed");
    }
    if (typeof url === "number") return gate.refuse(url, exchange);
    if (typeof framing === "number" && gate.tooLarge(framing)) return gate.refuse(413, exchange);
    const headers = new Headers([...head.fields] as [string, string][]);
    // RFC 9110 §7.8: HTTP/1.0 knows none.
    if (minor === 0) headers.delete("upgrade");
    const hasBody = framing !== 0 && method !== "GET" && method !== "HEAD";
    const limited = hasBody ? gate.limitBody(body) : undefined;
    const request = limited === undefined
      ? new Request(url, { method, headers })
      : new Request(url, { method, headers, body: limited.stream });
    // As it was sent, where `new Request` has resolved dots in it.
    if (request.url !== url) Object.defineProperty(request, "url", { value: url });
    // What has a body could be read in two ways.
    if (upgrade !== undefined && minor === 1 && framing === 0) {
      exchange.offer = offer(request, upgrade);
      // As `Deno.serve` has it: to upgrade for a client that has gone is in vain.
      Object.defineProperty(request, "signal", { get: () => exchange.signal });
    }
    return gate.handle(request, exchange, exchange, limited);
  }

  /**
   * The whole URL of a request (RFC 9112 §3.3), the status to refuse its host with, or undefined
   * for a target that is none of ours, such as one of `https` on a connection without TLS.
   */
  #urlOf({ method, target, host = "" }: Http1Request): string | number | undefined {
    if (target.startsWith("/")) return this.#scheme + host + target;
    if (target === "*") return method === "OPTIONS" ? `${this.#scheme}${host}/*` : undefined;
    const [, scheme = "", authority = "", rest = ""] = WHOLE_URL.exec(target) ?? [];
    if (scheme.toLowerCase() !== this.#scheme) return undefined;
    const fault = this.#gate.hosts.judge(authority);
    if (fault !== 0) return fault;
    return this.#scheme + authority + (rest.startsWith("/") ? rest : `/${rest}`);
  }

  /** The next head, what is wrong with it, or undefined where nothing comes any more. */
  async #readHead(): Promise<Http1Request | Http1Error | undefined> {
    const { headTimeout, idleTimeout } = this.#limits;
    const wait = this.#first ? Math.min(headTimeout, idleTimeout) : idleTimeout;
    this.#first = false;
    const { decoder } = this.#incoming;
    let due = Infinity;
    try {
      for (;;) {
        const head = decoder.next();
        if (head !== undefined) return checked(head as Http1Request);
        const begun = !decoder.between;
        if (begun && due === Infinity && headTimeout !== Infinity) {
          due = performance.now() + headTimeout;
        }
        const more = await this.#more(begun, begun ? due - performance.now() : wait);
        if (more === "late") {
          return begun ? new Http1Error("The head did not come in time", 408) : undefined;
        }
        if (!more) return undefined;
      }
    } catch (error) {
      if (error instanceof Http1Error) return error;
      throw error;
    }
  }

  async #more(inMessage: boolean, wait: number): Promise<boolean | "late"> {
    try {
      const timeout = wait === Infinity ? 0 : Math.max(wait, 1);
      return await this.#incoming.more({ inMessage, timeout });
    } catch (error) {
      if (error instanceof NetError && error.kind === "timeout" && this.#conn.open) return "late";
      // Between two requests it is nobody's loss.
      if (!inMessage && error instanceof NetError) return false;
      throw error;
    }
  }
}

/** What this server cannot do without or does not do. */
function checked(head: Http1Request): Http1Request | Http1Error {
  if (!head.host) return new Http1Error("The Host is missing");
  if (head.expect === undefined || head.expect === "100-continue") return head;
  return new Http1Error("This server knows no such expectation", 417);
}

/** One request and its answer, as the gate sees it. */
class Exchange {
  /** Of a request that asks for another protocol. */
  offer: Offer | undefined;
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

  get tls(): TlsInfo | undefined {
    return this.#conn.tls;
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
    if (this.#incoming.decoder.buffered > 0) return;
    this.#watch = new AbortController();
    const { signal } = this.#watch;
    this.#watching = this.#incoming.more({ inMessage: true, signal }).then((more) => {
      if (!more) this.#gone?.abort();
    }, () => {
      if (!signal.aborted) this.#gone?.abort();
    });
  }
}
