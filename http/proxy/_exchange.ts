import { schemesOf } from "./_challenges.ts";
import { Http1Error, type Http1Request, type Http1Response } from "../http1/codec.ts";
import { lastChunk } from "../internal/chunk_framing.ts";
import { Known } from "../internal/http1_fields.ts";
import { isIdempotent } from "../internal/methods.ts";
import type { ForwardedBody } from "./_body.ts";
import type { ProxyCore } from "./_proxy_state.ts";
import type { HookTime } from "./_hook_time.ts";
import { hookFailed } from "./_hook_failure.ts";
import {
  connectionOf,
  type Outgoing,
  passedTrailers,
  requestHead,
  responseHead,
  valueOf,
  valuesOf,
  wantsWebSocket,
} from "./_head.ts";
import type { Out } from "./_output.ts";
import { answerOf, ProxyRefusal } from "./_error_pages.ts";
import { Late } from "./_peer.ts";
import type { Upstream } from "./_upstream.ts";
import type { ProxyRequest } from "./options.ts";

/** Methods whose requests normally have no body. */
const BODYLESS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** Thrown if a reused connection ends before the first byte of a response. */
export class Stale extends Error {}

/** The next state of the client's connection. */
export type Outcome = "keep" | "close" | "tunnel";

/** The data that all attempts to send a request share. Attempts have no access to the client's decoder. */
export interface Asked {
  readonly head: Http1Request;
  readonly body: ForwardedBody;
  readonly to: Outgoing;
  readonly hook: ProxyRequest | undefined;
  /** The time limit of the hooks, if there are any. */
  readonly hooks: HookTime | undefined;
}

/** The client's side, as an attempt needs it. */
export interface Answering {
  /** The output to the client. */
  readonly out: Out;
  /** Whether the connection ends after this response. */
  readonly draining: boolean;
}

/**
 * Returns whether a request may be repeated after a reused connection has ended (RFC 9110 §9.2.2). Only
 * such requests reuse connections. Other requests would fail if the server has just closed the
 * connection.
 */
export function isRepeatable({ method, framing }: Http1Request): boolean {
  return framing === 0 && isIdempotent(method);
}

/**
 * Makes the server close a connection that will not be reused. The side that closes first keeps the port
 * for a minute (TIME_WAIT, RFC 9293 §3.6.1). Many POSTs would exhaust the local ports.
 *
 * @param asked The request and its destination.
 * @param isFull Whether no further idle connection is kept for its destination.
 */
export function closing(asked: Asked, isFull: boolean): Asked {
  const { head, to } = asked;
  if (!isFull || isRepeatable(head)) return asked;
  // The login may belong to the connection.
  if (valueOf(head.fields, Known.authorization) !== undefined) return asked;
  return { ...asked, to: { ...to, close: true } };
}

/** One attempt to send a request on one connection and to forward the response. */
export class ProxyExchange {
  status = 0;
  /** The size of the forwarded body of the response. */
  bodySize = 0;
  /** The time at which the head of the response arrived. */
  firstByte: number | undefined;
  /** Whether the connection to the server can be reused. */
  reusable = false;
  /** Whether the connection to the server has a login, and so serves only this client. */
  pinned = false;

  readonly #core: ProxyCore;
  readonly #asked: Asked;
  readonly #upstream: Upstream;
  readonly #client: Answering;
  /** Whether the head of the response is being sent to the client. */
  #answered = false;
  /** Whether the server has taken the whole request. */
  #sent = false;
  /** Whether the server did not take the rest of the request. */
  #unwanted = false;
  /** Whether a hook has answered in place of the server. */
  #replaced = false;
  /** Whether the client has got a 100 response. */
  #continued = false;
  #uploading: Promise<void> | undefined;

  constructor(core: ProxyCore, asked: Asked, upstream: Upstream, client: Answering) {
    this.#core = core;
    this.#asked = asked;
    this.#upstream = upstream;
    this.#client = client;
  }

  /** Whether the client has got part of a final response. */
  get begun(): boolean {
    return this.#answered && this.#client.out.written;
  }

  /** Runs the attempt. It has ended completely when the promise settles. */
  async run(): Promise<Outcome> {
    const { head, body, to } = this.#asked;
    const upstream = this.#upstream;
    const before = upstream.received;
    try {
      upstream.decoder.answers(head.method);
      upstream.out.text(requestHead(head, to));
      const sending = body.ended ? upstream.out.flush()! : this.#upload();
      this.#uploading = sending.then(this.#onSent, this.#onUnsent);
      const response = await this.#responseHead();
      this.firstByte = performance.now();
      const outcome = await this.#respond(response);
      if (outcome === "tunnel") await this.#switched();
      else this.reusable = this.#sent && !this.#replaced && this.#isReusable(response);
      return outcome;
    } catch (error) {
      if (body.fault !== undefined) throw body.fault;
      const dead = upstream.reused && upstream.received === before && !(error instanceof Late);
      if (dead && isRepeatable(head)) throw new Stale();
      if (error instanceof ProxyRefusal) throw error;
      throw refusalOf(error);
    } finally {
      if (!this.#sent) await this.#giveUp();
    }
  }

  /** Ends the upload in progress, and waits for its end. */
  async #giveUp(): Promise<void> {
    this.#asked.body.stop();
    this.#upstream.reset();
    await this.#uploading;
  }

  async #upload(): Promise<void> {
    const { head, body } = this.#asked;
    const upstream = this.#upstream;
    const { out } = upstream;
    const chunked = head.framing === "chunked";
    for (;;) {
      const bytes = body.next();
      if (bytes !== undefined) {
        await out.data(bytes, chunked);
        // Progress of the request extends the time for the response.
        if (this.#answered) this.#extend();
      } else if (body.ended) break;
      else {
        await out.flush();
        await body.more(this.#answered);
      }
    }
    if (chunked) out.text(lastChunk(passedTrailers(body.trailers, head.connection)));
    await out.flush();
  }

  #onSent = (): void => {
    this.#sent = true;
    this.#startWaiting();
  };

  #onUnsent = (): void => {
    // A request that cannot be completed must not look complete to the server.
    if (this.#asked.body.fault !== undefined) this.#upstream.reset();
    else {
      // The server may have answered already, and may not need the rest.
      this.#unwanted = true;
      this.#startWaiting();
    }
  };

  /** Starts the time limit for the response, after the request has been sent. */
  #startWaiting(): void {
    const { clock, limits } = this.#core;
    if (!this.#answered) this.#upstream.limit(clock.after(limits.responseTimeout));
  }

  #extend(): void {
    const { clock, limits } = this.#core;
    this.#upstream.limit(clock.after(limits.bodyTimeout));
  }

  async #responseHead(): Promise<Http1Response> {
    const { decoder } = this.#upstream;
    const { clock, limits } = this.#core;
    let due = Infinity;
    for (;;) {
      const event = decoder.next();
      if (event === undefined) {
        // The upload has its own limits.
        if (due === Infinity && (this.#sent || this.#unwanted)) {
          due = clock.after(limits.responseTimeout);
        }
        if (await this.#upstream.more(due)) continue;
        decoder.finish();
        decoder.next();
        throw new ProxyRefusal(502, "The server ended without a response");
      }
      if (event.kind !== "response") throw new ProxyRefusal(502, "The server sent no response");
      if (event.status >= 200 || event.status === 101) return event;
      await this.#inform(event);
    }
  }

  /** Forwards an interim response (RFC 9110 §15.2). */
  async #inform(response: Http1Response): Promise<void> {
    if (this.#asked.head.minor === 0) return;
    if (response.status === 100) this.#continued = true;
    const { out } = this.#client;
    out.text(responseHead(response, {
      framing: "plain",
      length: undefined,
      connection: undefined,
      sessionLogin: false,
      via: this.#core.via,
    }));
    await out.flush();
  }

  async #respond(response: Http1Response): Promise<Outcome> {
    const { head, body } = this.#asked;
    const { status, framing } = response;
    const { out } = this.#client;
    if (status === 101 && !wantsWebSocket(head)) {
      throw new ProxyRefusal(502, "The server changes to a protocol that was not asked for");
    }
    if (status === 407) {
      // The client cannot log in there, because Proxy-Authorization is not forwarded.
      throw new ProxyRefusal(502, "The server behind the proxy wants a login");
    }
    this.#upstream.heard(valueOf(response.fields, Known.keepAlive));
    this.pinned = isConnectionLogin(head, response);
    const length = valueOf(response.fields, Known.contentLength);
    const closing = !head.keepAlive || !body.ended || this.#client.draining;
    if (await this.#replace(response, closing)) return closing ? "close" : "keep";
    const unbounded = framing === "chunked" || framing === "close";
    const chunked = unbounded && head.minor === 1;
    const close = closing || (unbounded && !chunked);
    this.status = status;
    this.#answered = true;
    out.written = false;
    // RFC 9110 §7.8: the client must get the expected 100 before the protocol changes.
    if (status === 101 && head.expect === "100-continue" && !this.#continued) out.text(CONTINUE);
    out.text(responseHead(response, {
      framing: chunked ? "chunked" : "plain",
      length,
      connection: connectionOf(head, close),
      sessionLogin: this.pinned && status === 401 && !close,
      via: this.#core.via,
    }));
    body.extend();
    if (status === 101) {
      await out.flush();
      return "tunnel";
    }
    await this.#download(chunked, response);
    return close ? "close" : "keep";
  }

  /** Calls the hook. Returns whether it has answered in place of the server. */
  async #replace(response: Http1Response, close: boolean): Promise<boolean> {
    const { hook } = this.#asked;
    if (hook === undefined || this.#core.options.onResponse === undefined) return false;
    const bytes = await this.#ask(response, hook, close);
    if (bytes === undefined) return false;
    const { out } = this.#client;
    this.#answered = this.#replaced = out.written = true;
    await out.data(bytes, false);
    await out.flush();
    return true;
  }

  async #ask(
    { status, reason, fields }: Http1Response,
    hook: ProxyRequest,
    close: boolean,
  ): Promise<Uint8Array | undefined> {
    const { head, hooks } = this.#asked;
    const core = this.#core;
    try {
      const asking = core.options.onResponse!({ status, reason, fields }, hook);
      const answer = await hooks!.within(core, "onResponse", asking);
      if (!answer) return undefined;
      const connection = connectionOf(head, close);
      const bytes = answerOf(answer, { connection, body: head.method !== "HEAD" });
      this.status = answer.status;
      return bytes;
    } catch (error) {
      throw hookFailed("onResponse", error);
    }
  }

  async #download(chunked: boolean, { connection }: Http1Response): Promise<void> {
    const { out } = this.#client;
    const { body } = this.#asked;
    const upstream = this.#upstream;
    const { decoder } = upstream;
    const { clock, limits } = this.#core;
    for (;;) {
      const event = decoder.next();
      if (event === undefined) {
        const writing = out.flush();
        if (writing !== undefined) await writing;
        // Progress of the response extends the time for the request.
        body.extend();
        if (await upstream.more(clock.after(limits.bodyTimeout))) continue;
        await upstream.confirmEnd();
        decoder.finish();
      } else if (event.kind === "data") {
        this.bodySize += event.bytes.length;
        const writing = out.data(event.bytes, chunked);
        if (writing !== undefined) await writing;
      } else if (event.kind === "end") {
        if (chunked) out.text(lastChunk(passedTrailers(event.trailers, connection)));
        return await out.flush();
      }
    }
  }

  /** Waits until the request has been sent. Another protocol follows on both connections. */
  async #switched(): Promise<void> {
    await this.#uploading;
    if (!this.#sent) throw new ProxyRefusal(502, "The server broke off the connection");
  }

  #isReusable({ keepAlive }: Http1Response): boolean {
    const { head } = this.#asked;
    // A server that ignores such a body would read it as the next request.
    return keepAlive && (head.framing === 0 || !BODYLESS.has(head.method));
  }
}

/**
 * Returns whether the login of a request belongs to the connection, as with NTLM and Negotiate
 * (RFC 4559 §6).
 */
function isConnectionLogin(head: Http1Request, { status, fields }: Http1Response): boolean {
  // A request may have several logins, and servers differ in which one they use.
  return namesConnectionScheme(valuesOf(head.fields, Known.authorization)) ||
    (status === 401 && namesConnectionScheme(valuesOf(fields, Known.wwwAuthenticate)));
}

function namesConnectionScheme(all: string): boolean {
  return all !== "" && schemesOf(all).some((one) => CONNECTION_SCHEMES.has(one));
}

const CONNECTION_SCHEMES: ReadonlySet<string> = new Set(["ntlm", "negotiate", "kerberos"]);

function refusalOf(error: unknown): ProxyRefusal {
  if (error instanceof Late) return new ProxyRefusal(504, "The server did not answer in time");
  if (error instanceof Http1Error) {
    const what = error.truncated ? "The response is truncated" : "The response is malformed";
    return new ProxyRefusal(502, what, error.message);
  }
  return new ProxyRefusal(502, "The server broke off the connection", `broken: ${nameOf(error)}`);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}
