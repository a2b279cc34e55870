import { formatAddress } from "../../net/address.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import {
  type CloseListener,
  hooks,
  type ReadListener,
} from "../../net/internal/connection_hooks.ts";
import { ConnectionSession, type SessionListener } from "../../net/internal/connection_session.ts";
import type { Clock } from "../internal/clock.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import type { Gate } from "./_gate.ts";
import { HardenedInfo, type InfoContext } from "./_hardened_info.ts";
import { Incoming, IncomingBody } from "./_incoming.ts";
import { Http1Error, type Http1Limits, type Http1Request } from "../http1/codec.ts";
import { makeRequest } from "../internal/lazy_request.ts";
import { returnOutput } from "../internal/output_buffers.ts";
import { isForRequest } from "../internal/methods.ts";
import { HANDLER_REQUEST } from "../internal/handler_request.ts";
import { type Offer, offer } from "../internal/upgrade_offer.ts";
import type { ResponseOptions } from "./_response_head.ts";
import { type SkimmedRequest, skimRequest } from "./_skim_request.ts";
import { type Body, openBody } from "./_response_body.ts";
import { writeResponse, writeSwitch } from "./_response_writer.ts";
import { encodeWhole, headSize, writeRest, writeWhole } from "./_whole_response.ts";

/** Limits of the connections of a hardened server. */
export interface ConnectionLimits {
  /** The limits of the decoders; frozen, so that all connections share them. */
  readonly decoder: Readonly<Http1Limits>;
  /** Maximum time from the first byte of a head to its end, in milliseconds; Infinity for no limit. */
  readonly headTimeout: number;
  /** Maximum time between two requests, in milliseconds; Infinity for no limit. */
  readonly idleTimeout: number;
}

const WHOLE_URL = /^(https?:\/\/)([^/?]*)(.*)$/i;

/**
 * Passes the requests of one connection to a gate, and writes the responses, one by one. Between two
 * requests it is a listener: a server may have many idle connections, so none of them has a promise,
 * a closure or a suspended function.
 */
export class HttpConnection extends ConnectionSession
  implements InfoContext, ReadListener, CloseListener {
  /** Undefined after the connection has been handed over. */
  #incoming: Incoming | undefined;
  readonly #gate: Gate;
  readonly #limits: ConnectionLimits;
  #first = true;
  /** When the head that has begun must be complete; Infinity if none has begun. */
  #headDue = Infinity;
  /** Reads the usable part of a request whose head is refused. */
  #skim: (() => SkimmedRequest | undefined) | undefined;
  #listener: SessionListener | undefined;
  /** Completes the request that has taken over the connection. */
  #complete: (() => void) | undefined;

  constructor(conn: Connection, gate: Gate, limits: ConnectionLimits) {
    super(conn);
    this.#gate = gate;
    this.#limits = limits;
    this.#incoming = new Incoming(conn, limits.decoder);
  }

  get incoming(): Incoming {
    return this.#incoming!;
  }

  get closing(): AbortSignal {
    return this.#gate.closing.signal;
  }

  get clock(): Clock {
    return this.#gate.clientClock;
  }

  get idleTimeout(): number {
    return this.#limits.idleTimeout;
  }

  get #scheme(): string {
    return this.connection.tls === undefined ? "http://" : "https://";
  }

  /** Serves requests until the connection ends. */
  begin(listener: SessionListener): void {
    this.#listener = listener;
    this.#readHead();
  }

  /** Serves the requests whose heads have arrived, and then waits for the next one. */
  async #work(first: Http1Request | Http1Error): Promise<void> {
    this.#first = false;
    this.#headDue = Infinity;
    try {
      let head: Http1Request | Http1Error | undefined = first;
      do {
        const info = new HardenedInfo(this);
        let goesOn: boolean | "handed";
        try {
          goesOn = await this.#serve(head, info);
        } catch (error) {
          info.complete();
          throw error;
        }
        if (goesOn === "handed") return this.#awaitEnd(info);
        info.complete();
        if (!goesOn) return this.#end(false);
      } while ((head = this.#nextHead()) !== undefined);
    } catch (error) {
      return this.#end(true, error);
    }
    this.#readHead();
  }

  #end(failed: boolean, error?: unknown): void {
    this.#listener!.sessionEnded(this.connection, failed, error);
  }

  /** Serves one request. It is one function, because each further async call costs time. */
  async #serve(head: Http1Request | Http1Error, info: HardenedInfo): Promise<boolean | "handed"> {
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
      void ignoreFailure(response.body?.cancel(info.gone));
      return false;
    }
    const options = this.#optionsOf(head, info);
    const incoming = this.incoming;
    try {
      let keepAlive: boolean;
      // Trailers need a chunked body.
      const whole = options.trailers === undefined ? encodeWhole(response, options) : undefined;
      if (whole === undefined) keepAlive = await this.#stream(response, options, info);
      else {
        info.answered();
        info.handed(whole.size, headSize(whole));
        await this.connection.write(whole.bytes);
        returnOutput(whole.buffer);
        if (whole.rest !== undefined) await writeRest(this.connection, whole.rest);
        keepAlive = whole.keepAlive;
      }
      if (!keepAlive) return false;
    } catch (error) {
      // The body may fail with a NetError, too: that of a proxy does if its upstream fails.
      const ofBody = info.bodyFailed && info.gone === undefined;
      if (ofBody || !(error instanceof NetError)) this.#gate.replace(error, info[HANDLER_REQUEST]);
      // Half a response may have been sent, and only the end of the connection shows that.
      info.clientEnded(error);
      this.connection.abort(error);
      return false;
    }
    const ending = incoming.end();
    if (ending !== undefined) await ending;
    return !incoming.discards;
  }

  /** Hands a request to the gate. */
  #ask(head: Http1Request, info: HardenedInfo): Response | Promise<Response> {
    const body = this.#begin(head, info);
    const gate = this.#gate;
    const { method, framing, minor, upgrade, fields } = head;
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

  /** Starts a request, and returns its body. */
  #begin(head: Http1Request, info: HardenedInfo): IncomingBody {
    const { framing, minor } = head;
    const expects = head.expect !== undefined && minor === 1 && framing !== 0;
    const body = new IncomingBody(this.incoming, framing, expects);
    info.body = body;
    info.head = head;
    this.incoming.begin(info);
    // The response may end with the connection. A pending read would then close the connection in
    // order before a reset.
    if (minor === 0 && framing !== 0) this.connection.resetOnAbort();
    return body;
  }

  /** Returns the options of the head of a response. */
  #optionsOf(head: Http1Request | Http1Error, info: HardenedInfo): ResponseOptions {
    if (head instanceof Http1Error) return { method: "GET", minor: 1, keepAlive: false };
    const { method, minor } = head;
    const body = info.body!;
    body.takeIn();
    const keepAlive = head.keepAlive && body.done && !this.incoming.discards &&
      !this.#gate.closing.signal.aborted;
    return { method, minor, keepAlive, trailers: info.announceTrailers() };
  }

  /** Hands the connection to another protocol. It serves no further request. */
  async #handOver(
    offer: Offer,
    response: Response,
    head: Http1Request,
    info: HardenedInfo,
  ): Promise<"handed"> {
    // The new owner reads from the connection, and so notices its end. From here on, an interim
    // response would be part of the other protocol.
    info.end();
    info.answered();
    await this.incoming.end();
    try {
      // RFC 9110 §7.8: 100 precedes 101, although there is no body to wait for.
      if (head.expect !== undefined) await this.incoming.continue();
      await writeSwitch(this.connection, response);
    } catch (error) {
      offer.withdraw(error);
      throw error;
    }
    this.connection.unread(this.incoming.decoder.takeRest());
    offer.hand({ connection: this.connection });
    return "handed";
  }

  /** Ends the request with its connection. Until then, neither needs its head and decoder. */
  #awaitEnd(info: HardenedInfo): void {
    this.#complete = info.release();
    this.#incoming = this.#skim = undefined;
    hooks.whenClosed(this.connection, this);
  }

  connectionClosed(): void {
    this.#complete?.();
    this.#end(false);
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
      const instead = this.#gate.replace(error, info[HANDLER_REQUEST]);
      const plain = { ...options, trailers: undefined };
      const whole = encodeWhole(instead, plain);
      if (whole === undefined) return await this.#stream(instead, plain, info);
      info.answered();
      await writeWhole(this.connection, whole, info);
      return whole.keepAlive;
    }
    info.answered();
    return await writeResponse(this.connection, response, body, options, info);
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
    const { localAddr } = this.connection;
    return "path" in localAddr ? "localhost" : formatAddress(localAddr);
  }

  /** Returns the next head or its error, if it has arrived. */
  #nextHead(): Http1Request | Http1Error | undefined {
    try {
      const head = this.incoming.decoder.next() as Http1Request | undefined;
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
    const bytes = this.incoming.decoder.takeRest();
    this.#skim = () => skimRequest(bytes);
  }

  /** Waits for a head. `arrived` or `failed` continues. */
  #readHead(): void {
    const { headTimeout, idleTimeout } = this.#limits;
    try {
      for (;;) {
        let timeout = this.#first ? Math.min(headTimeout, idleTimeout) : idleTimeout;
        if (!this.incoming.decoder.between) {
          const now = performance.now();
          if (this.#headDue === Infinity) this.#headDue = now + headTimeout;
          timeout = Math.max(this.#headDue - now, 1);
        }
        const more = this.incoming.head(this, timeout);
        if (more === undefined) return;
        if (!more) return this.#end(false);
        const head = this.#nextHead();
        if (head !== undefined) return void this.#work(head);
      }
    } catch (error) {
      this.failed(error);
    }
  }

  arrived(bytes: Uint8Array<ArrayBuffer> | null): void {
    if (!this.incoming.take(bytes)) return this.#end(false);
    let head;
    try {
      head = this.#nextHead();
    } catch (error) {
      return this.#end(true, error);
    }
    if (head === undefined) this.#readHead();
    else void this.#work(head);
  }

  failed(error: unknown): void {
    const begun = !this.incoming.decoder.between;
    if (!(error instanceof NetError)) return this.#end(true, error);
    const late = error.kind === "timeout" && this.connection.open;
    if (late && begun) {
      this.#keepHead();
      return void this.#work(new Http1Error("The head did not arrive in time", 408));
    }
    // Between two requests, the end of the connection loses nothing.
    this.#end(!late && begun, error);
  }
}

/** Returns the error of a head that is well-formed but that this server does not accept. */
function faultOf(head: Http1Request): Http1Error | undefined {
  // The decoder refuses HTTP/1.1 without a Host (RFC 9112 §3.2).
  if (head.host === "") return new Http1Error("The Host is missing");
  if (head.expect === undefined || head.expect === "100-continue") return undefined;
  return new Http1Error("This server does not know the expectation of the request", 417);
}
