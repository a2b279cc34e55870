import { formatAddress } from "../../net/address.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { Gate } from "./_gate.ts";
import { HardenedInfo, type InfoContext } from "./_hardened_info.ts";
import { Incoming, IncomingBody } from "./_incoming.ts";
import { Http1Error, type Http1Request } from "../http1/codec.ts";
import { makeRequest } from "../internal/lazy_request.ts";
import { returnOutput } from "../internal/output_buffers.ts";
import { isForRequest } from "../internal/methods.ts";
import { type Offer, offer } from "../internal/offer.ts";
import type { ResponseOptions } from "./_response_head.ts";
import { type SkimmedRequest, skimRequest } from "./_skim_request.ts";
import { type Body, openBody } from "./_response_body.ts";
import { writeResponse, writeSwitch } from "./_response_writer.ts";
import { encodeWhole, headSize, writeRest, writeWhole } from "./_whole_response.ts";

/** Limits of the connections of a hardened server. */
export interface ConnectionLimits {
  /** Maximum size of the request line and all headers, in bytes. */
  readonly maxHead: number;
  /** Maximum number of headers. */
  readonly maxHeaders: number;
  /** Maximum time from the first byte of a head to its end, in milliseconds; Infinity for no limit. */
  readonly headTimeout: number;
  /** Maximum time between two requests, in milliseconds; Infinity for no limit. */
  readonly idleTimeout: number;
}

const WHOLE_URL = /^(https?:\/\/)([^/?]*)(.*)$/i;

/** Passes the requests of one connection to a gate, and writes the responses, one by one. */
export class HttpConnection {
  readonly #conn: Connection;
  readonly #gate: Gate;
  readonly #limits: ConnectionLimits;
  readonly #scheme: string;
  readonly #incoming: Incoming;
  readonly #context: InfoContext;
  #first = true;
  /** Reads the usable part of a request whose head is refused. */
  #skim: (() => SkimmedRequest | undefined) | undefined;

  constructor(conn: Connection, gate: Gate, limits: ConnectionLimits) {
    this.#conn = conn;
    this.#gate = gate;
    this.#limits = limits;
    this.#scheme = conn.tls === undefined ? "http://" : "https://";
    const { maxHead, maxHeaders } = limits;
    this.#incoming = new Incoming(conn, { maxHead, maxLine: maxHead, maxFields: maxHeaders });
    this.#context = {
      conn,
      incoming: this.#incoming,
      closing: gate.closing.signal,
      clock: gate.clientClock,
      idleTimeout: limits.idleTimeout,
    };
  }

  /** Serves requests until the connection ends. */
  async run(): Promise<void> {
    for (;;) {
      const head = this.#nextHead() ?? await this.#readHead();
      if (head === undefined) return;
      const info = new HardenedInfo(this.#context);
      try {
        if (!(await this.#serve(head, info))) return;
      } finally {
        info.complete();
      }
    }
  }

  /** Serves one request. It is one function, because each further async call costs time. */
  async #serve(head: Http1Request | Http1Error, info: HardenedInfo): Promise<boolean> {
    const answer = head instanceof Http1Error
      // The end of a malformed head is unknown, so the connection has to end.
      ? this.#gate.refuse(head.status, info, this.#skimmed(info), head.message)
      : this.#ask(head, info);
    // Awaiting a response that is there costs turns of the microtask queue.
    const response = answer instanceof Response ? answer : await answer;
    const { offer } = info;
    if (offer !== undefined) {
      if (offer.response === response) {
        return await this.#handOver(offer, response, head as Http1Request, info);
      }
      offer.withdraw();
    }
    if (info.broken) {
      response.body?.cancel(info.gone).catch(() => {});
      return false;
    }
    const options = this.#optionsOf(head, info);
    const incoming = this.#incoming;
    try {
      let keepAlive: boolean;
      // Trailers need a chunked body.
      const whole = options.trailers === undefined ? encodeWhole(response, options) : undefined;
      if (whole === undefined) keepAlive = await this.#stream(response, options, info);
      else {
        info.answered();
        info.handed(whole.size, headSize(whole));
        await this.#conn.write(whole.bytes);
        returnOutput(whole.buffer);
        if (whole.rest !== undefined) await writeRest(this.#conn, whole.rest);
        keepAlive = whole.keepAlive;
      }
      if (!keepAlive) return false;
    } catch (error) {
      // The body may fail with a NetError, too: that of a proxy does if its upstream fails.
      const ofBody = info.bodyFailed && info.gone === undefined;
      if (ofBody || !(error instanceof NetError)) this.#gate.replace(error, info.request);
      // Half a response may be out: only the end of the connection tells the client.
      info.clientEnded(error);
      this.#conn.abort(error);
      return false;
    }
    const ending = incoming.end();
    if (ending !== undefined) await ending;
    return !incoming.discards;
  }

  /** Hands a request to the gate. */
  #ask(head: Http1Request, info: HardenedInfo): Response | Promise<Response> {
    const incoming = this.#incoming;
    const body = new IncomingBody(
      incoming,
      head.framing,
      head.expect !== undefined && head.minor === 1 && head.framing !== 0,
    );
    info.body = body;
    info.head = head;
    incoming.begin(info);
    // The response may end with the connection. A pending read would then close the connection in
    // order before a reset.
    if (head.minor === 0 && head.framing !== 0) this.#conn.resetOnAbort();
    return this.#handle(head, body, info);
  }

  /** Returns the options of the head of a response. */
  #optionsOf(head: Http1Request | Http1Error, info: HardenedInfo): ResponseOptions {
    if (head instanceof Http1Error) return { method: "GET", minor: 1, keepAlive: false };
    const { method, minor } = head;
    const body = info.body!;
    body.takeIn();
    const keepAlive = head.keepAlive && body.done && !this.#incoming.discards &&
      !this.#gate.closing.signal.aborted;
    return { method, minor, keepAlive, trailers: info.announceTrailers() };
  }

  /** Hands the connection to another protocol. It serves no further request. */
  async #handOver(
    offer: Offer,
    response: Response,
    head: Http1Request,
    info: HardenedInfo,
  ): Promise<false> {
    // The new owner reads from the connection, and so notices its end. From here on, an interim
    // response would be part of the other protocol.
    info.end();
    info.answered();
    await this.#incoming.end();
    try {
      // RFC 9110 §7.8: 100 precedes 101, although there is no body to wait for.
      if (head.expect !== undefined) await this.#incoming.continue();
      await writeSwitch(this.#conn, response);
    } catch (error) {
      offer.withdraw(error);
      throw error;
    }
    this.#conn.unread(this.#incoming.decoder.takeRest());
    offer.hand({ connection: this.#conn });
    await this.#conn.closed;
    return false;
  }

  /** Writes a response whose body has to be read as a stream. */
  async #stream(
    response: Response,
    options: ResponseOptions,
    info: HardenedInfo,
  ): Promise<boolean> {
    let body: Body;
    try {
      body = await openBody(response);
    } catch (error) {
      const instead = this.#gate.replace(error, info.request);
      const plain = { ...options, trailers: undefined };
      const whole = encodeWhole(instead, plain);
      if (whole === undefined) return await this.#stream(instead, plain, info);
      info.answered();
      await writeWhole(this.#conn, whole, info);
      return whole.keepAlive;
    }
    info.answered();
    return await writeResponse(this.#conn, response, body, options, info);
  }

  #handle(
    head: Http1Request,
    body: IncomingBody,
    info: HardenedInfo,
  ): Response | Promise<Response> {
    const gate = this.#gate;
    const { method, framing, minor, upgrade } = head;
    const { fields } = head;
    const refused = () => this.#refusedRequest(head, info);
    if (!isForRequest(method)) return gate.refuse(501, info, refused);
    const host = head.host ?? this.#ownHost();
    const hostFault = gate.hosts.judge(host);
    if (hostFault !== 0) return gate.refuse(hostFault, info, refused);
    const url = this.#urlOf(head, host);
    if (url === undefined) {
      return gate.refuse(400, info, refused, "The target of the request is malformed");
    }
    if (typeof url === "number") return gate.refuse(url, info, refused);
    if (typeof framing === "number" && gate.tooLarge(framing)) {
      return gate.refuse(413, info, refused);
    }
    // RFC 9110 §7.8: a server ignores Upgrade in HTTP/1.0.
    if (minor === 0) fields.delete("upgrade");
    const hasBody = framing !== 0 && method !== "GET" && method !== "HEAD";
    const limited = hasBody ? gate.limitBody(body) : undefined;
    const request = makeRequest({ method, url, fields, body: limited, client: info });
    // Two programs could disagree about the end of a body, and so about the start of the protocol.
    if (upgrade !== undefined && minor === 1 && framing === 0) {
      info.offer = offer(request, upgrade);
    }
    return gate.handle(request, info, limited);
  }

  /** Returns a function that makes a request for wrappers from a refused head, as far as possible. */
  #skimmed(info: HardenedInfo): (() => Request | undefined) | undefined {
    const skim = this.#skim;
    return skim && (() => {
      const head = skim();
      return head && this.#refusedRequest(head, info);
    });
  }

  /** Makes a refused request for wrappers: without a body, with the address of the server. */
  #refusedRequest({ method, target, fields }: SkimmedRequest, client: HardenedInfo): Request {
    const path = target.startsWith("/") ? target : "/";
    const url = this.#scheme + this.#ownHost() + path;
    return makeRequest({ method, url, fields, body: undefined, client, refused: true });
  }

  /**
   * Returns the URL of a request (RFC 9112 §3.3), the status that refuses its host, or undefined for
   * a malformed or foreign target, such as one of `https` on a connection without TLS.
   */
  #urlOf({ method, target }: Http1Request, host: string): string | number | undefined {
    if (target.startsWith("/")) return this.#scheme + host + target;
    if (target === "*") return method === "OPTIONS" ? `${this.#scheme}${host}/*` : undefined;
    const [, scheme = "", authority = "", rest = ""] = WHOLE_URL.exec(target) ?? [];
    if (scheme.toLowerCase() !== this.#scheme) return undefined;
    const fault = this.#gate.hosts.judge(authority);
    if (fault !== 0) return fault;
    return this.#scheme + authority + (rest.startsWith("/") ? rest : `/${rest}`);
  }

  /** Returns the host for a request of HTTP/1.0 that names none: the address of the server. */
  #ownHost(): string {
    const { localAddr } = this.#conn;
    return "path" in localAddr ? "localhost" : formatAddress(localAddr);
  }

  /** Returns the next head or its error, if it has arrived. */
  #nextHead(): Http1Request | Http1Error | undefined {
    try {
      const head = this.#incoming.decoder.next() as Http1Request | undefined;
      const fault = head && faultOf(head);
      if (fault === undefined) return head;
      this.#skim = () => head;
      return fault;
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#keepHead();
      return error;
    }
  }

  /** Keeps the bytes of a refused head, because the next read overwrites them. */
  #keepHead(): void {
    const bytes = this.#incoming.decoder.takeRest();
    this.#skim = () => skimRequest(bytes);
  }

  /** Waits for a head. Returns undefined if the connection ends or is idle for too long. */
  async #readHead(): Promise<Http1Request | Http1Error | undefined> {
    const { headTimeout, idleTimeout } = this.#limits;
    const wait = this.#first ? Math.min(headTimeout, idleTimeout) : idleTimeout;
    this.#first = false;
    let due = Infinity;
    for (;;) {
      const begun = !this.#incoming.decoder.between;
      if (begun && due === Infinity && headTimeout !== Infinity) {
        due = performance.now() + headTimeout;
      }
      const limit = begun ? due - performance.now() : wait;
      const timeout = limit === Infinity ? 0 : Math.max(limit, 1);
      try {
        const more = await this.#incoming.more({ inMessage: begun, lent: true, timeout });
        if (!more) return undefined;
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        const late = error.kind === "timeout" && this.#conn.open;
        if (late && begun) {
          this.#keepHead();
          return new Http1Error("The head did not arrive in time", 408);
        }
        // Between two requests, the end of the connection loses nothing.
        if (!late && begun) throw error;
        return undefined;
      }
      const head = this.#nextHead();
      if (head !== undefined) return head;
    }
  }
}

/** Returns the error of a head that is well-formed but that this server does not accept. */
function faultOf(head: Http1Request): Http1Error | undefined {
  // The decoder refuses HTTP/1.1 without a Host (RFC 9112 §3.2).
  if (head.host === "") return new Http1Error("The Host is missing");
  if (head.expect === undefined || head.expect === "100-continue") return undefined;
  return new Http1Error("This server does not know the expectation of the request", 417);
}
