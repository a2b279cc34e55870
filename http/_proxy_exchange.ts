import { Http1Error, type Http1Request, type Http1Response } from "./http1_codec.ts";
import { Known } from "./_http1_fields.ts";
import { hookFailed, type ProxyCore } from "./_proxy_core.ts";
import {
  type Outgoing,
  requestHead,
  responseHead,
  trailerLines,
  valueOf,
  valuesOf,
  wantsWebSocket,
} from "./_proxy_head.ts";
import type { Out } from "./_proxy_out.ts";
import { answerOf, Refusal } from "./_proxy_pages.ts";
import { Late, type Peer } from "./_proxy_peer.ts";
import type { Upstream } from "./_proxy_upstream.ts";
import type { ProxyRequest } from "./proxy_options.ts";

/** Requests that may be sent again when a kept connection turns out to be dead (RFC 9110 §9.2.1). */
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** A kept connection had ended before anything came of the answer. */
export class Stale extends Error {}

/** What became of an exchange. */
export type Outcome = "keep" | "close" | "tunnel";

/** Sends one request on over one connection, and its response back. */
export class Exchange {
  status = 0;
  /** When the head of the response had come. */
  firstByte: number | undefined;
  /** Bytes of the body of the request. */
  uploaded = 0;
  /** Whether the request is out whole. */
  sent = false;

  #answered = false;
  readonly #core: ProxyCore;
  readonly #client: Peer;
  readonly #upstream: Upstream;
  readonly #head: Http1Request;
  readonly #up: Out;
  readonly #out: Out;
  readonly #draining: () => boolean;
  /** What is wrong with the rest of the request. */
  #fault: Refusal | undefined;
  /** Ticks in which the client was waited for. */
  #waited = 0;
  /** Whether the server did not want the rest. */
  #unwanted = false;
  /** Whether a hook has answered in place of the server. */
  #replaced = false;

  constructor(
    core: ProxyCore,
    client: Peer,
    upstream: Upstream,
    head: Http1Request,
    up: Out,
    out: Out,
    draining: () => boolean,
  ) {
    this.#core = core;
    this.#client = client;
    this.#upstream = upstream;
    this.#head = head;
    this.#up = up;
    this.#out = out;
    this.#draining = draining;
  }

  /** Whether the client has got part of a response that must be whole. */
  get begun(): boolean {
    return this.#answered && this.#out.written;
  }

  /** Runs it; the connection of the server is kept or closed then, unless it is a tunnel. */
  async run(to: Outgoing, hook: ProxyRequest | undefined, gone: () => void): Promise<Outcome> {
    const { upstreams } = this.#core;
    const upstream = this.#upstream;
    const before = upstream.received;
    let kept = false;
    try {
      upstream.decoder.answers(this.#head.method);
      const out = this.#up;
      out.clear();
      out.text(requestHead(this.#head, to));
      const uploading = this.#upload(out, gone).catch((error) => this.#uploadFailed(error));
      const response = await this.#responseHead();
      this.firstByte = performance.now();
      const outcome = await this.#respond(response, hook);
      kept = outcome === "tunnel" || (this.#reusable(response) && !this.#replaced);
      if (outcome === "tunnel") await uploading;
      return outcome;
    } catch (error) {
      if (this.#fault !== undefined) throw this.#fault;
      const dead = upstream.reused && upstream.received === before && !(error instanceof Late);
      if (dead && this.#head.framing === 0 && SAFE.has(this.#head.method)) throw new Stale();
      if (error instanceof Refusal) throw error;
      throw refusalOf(error);
    } finally {
      if (!kept) upstreams.drop(upstream);
      else if (this.status !== 101) upstreams.give(upstream);
    }
  }

  async #upload(out: Out, gone: () => void): Promise<void> {
    const { decoder } = this.#client;
    const upstream = this.#upstream;
    const { clock, limits } = this.#core;
    const chunked = this.#head.framing === "chunked";
    for (;;) {
      let event;
      try {
        event = decoder.next();
      } catch (error) {
        throw this.#fault = refusalOfClient(error);
      }
      if (event === undefined) {
        await out.flush(upstream);
        await this.#moreOfClient(gone);
      } else if (event.kind === "data") {
        this.uploaded += event.bytes.length;
        await out.data(upstream, event.bytes, chunked);
      } else if (event.kind === "end") {
        if (chunked) {
          out.text("0\r\n");
          out.text(
            event.trailers === undefined
              ? "\r\n"
              : trailerLines(event.trailers, this.#head.connection),
          );
        }
        this.sent = true;
        this.#client.watch(gone);
        upstream.limit(clock.after(limits.responseTimeout));
        return await out.flush(upstream);
      }
    }
  }

  async #moreOfClient(gone: () => void): Promise<void> {
    const { clock } = this.#core;
    const since = clock.now;
    try {
      const more = await this.#client.more(this.#bodyDue());
      this.#waited += clock.now - since;
      if (more) return;
    } catch (error) {
      if (error instanceof Late) {
        throw this.#fault = new Refusal(408, "The body of the request did not come in time");
      }
    }
    gone();
    throw this.#fault = new Refusal(400, "The body of the request is truncated");
  }

  /** The tick at which the client has had its time. */
  #bodyDue(): number {
    const { clock, limits: { bodyTimeout, minBodyRate } } = this.#core;
    const pause = clock.after(bodyTimeout);
    // What goes on while a response does may be a conversation.
    if (this.#answered) return pause;
    const inAll = bodyTimeout + this.uploaded / minBodyRate * 1000;
    return Math.min(pause, clock.after(inAll) - this.#waited);
  }

  #uploadFailed(error: unknown): void {
    // The server may have answered already, and not want the rest.
    if (error === this.#fault) this.#upstream.close();
    else {
      this.#unwanted = true;
      this.#upstream.limit(this.#core.clock.after(this.#core.limits.responseTimeout));
    }
    this.sent = false;
  }

  async #responseHead(): Promise<Http1Response> {
    const { decoder } = this.#upstream;
    const { clock, limits } = this.#core;
    let due = Infinity;
    for (;;) {
      const event = decoder.next();
      if (event === undefined) {
        // While the request is on its way, it has limits of its own.
        if (due === Infinity && (this.sent || this.#unwanted)) {
          due = clock.after(limits.responseTimeout);
        }
        if (await this.#upstream.more(due)) continue;
        decoder.finish();
        decoder.next();
        throw new Refusal(502, "The server ended without a response");
      }
      if (event.kind !== "response") throw new Refusal(502, "The server sent no response");
      if (event.status >= 200 || event.status === 101) return event;
      if (this.#head.minor === 1) {
        this.#out.text(responseHead(event, {
          framing: "plain",
          length: undefined,
          connection: undefined,
          via: this.#core.via,
        }));
        await this.#out.flush(this.#client);
      }
    }
  }

  async #respond(
    response: Http1Response,
    hook: ProxyRequest | undefined,
  ): Promise<Outcome> {
    const head = this.#head;
    const { status, framing } = response;
    const { options, via } = this.#core;
    if (status === 101 && !wantsWebSocket(head)) {
      throw new Refusal(502, "The server changes to a protocol that was not asked for");
    }
    if (status === 407) {
      // It is not the client who has to log in there.
      throw new Refusal(502, "The server behind the proxy wants a login");
    }
    const length = valueOf(response.fields, Known.contentLength);
    const closing = !head.keepAlive || !this.sent || this.#draining();
    if (hook !== undefined && options.onResponse !== undefined) {
      const bytes = await this.#ask(response, hook, closing);
      if (bytes !== undefined) {
        this.#answered = this.#out.written = true;
        await this.#client.write(bytes);
        this.#replaced = true;
        return closing ? "close" : "keep";
      }
    }
    const unbounded = framing === "chunked" || framing === "close";
    const chunked = unbounded && head.minor === 1;
    const close = closing || (unbounded && !chunked);
    this.status = status;
    this.#answered = true;
    this.#out.written = false;
    this.#out.text(responseHead(response, {
      framing: chunked ? "chunked" : "plain",
      length,
      connection: close ? "close" : head.minor === 0 ? "keep-alive" : undefined,
      via,
    }));
    if (status === 101) {
      await this.#out.flush(this.#client);
      return "tunnel";
    }
    await this.#download(chunked, response.connection);
    return close ? "close" : "keep";
  }

  /** Asks the hook; gives what it answers, if it does. */
  async #ask(
    { status, reason, fields }: Http1Response,
    hook: ProxyRequest,
    close: boolean,
  ): Promise<Uint8Array | undefined> {
    try {
      const answer = await this.#core.options.onResponse!({ status, reason, fields }, hook);
      if (!answer) return undefined;
      const bytes = answerOf(answer, { close, body: this.#head.method !== "HEAD" });
      this.status = answer.status;
      return bytes;
    } catch (error) {
      hookFailed("onResponse", error);
      throw new Refusal(500, "The proxy has failed", "onResponse failed");
    }
  }

  async #download(chunked: boolean, connection: readonly string[]): Promise<void> {
    const out = this.#out;
    const client = this.#client;
    const upstream = this.#upstream;
    const { decoder } = upstream;
    const { clock, limits } = this.#core;
    for (;;) {
      const event = decoder.next();
      if (event === undefined) {
        const writing = out.flush(client);
        if (writing !== undefined) await writing;
        if (!(await upstream.more(clock.after(limits.bodyTimeout)))) decoder.finish();
      } else if (event.kind === "data") {
        const writing = out.data(client, event.bytes, chunked);
        if (writing !== undefined) await writing;
      } else if (event.kind === "end") {
        if (chunked) {
          out.text(
            event.trailers === undefined
              ? "0\r\n\r\n"
              : `0\r\n${trailerLines(event.trailers, connection)}`,
          );
        }
        return await out.flush(client);
      }
    }
  }

  /** Whether the connection to the server may carry another request. */
  #reusable(response: Http1Response): boolean {
    if (!response.keepAlive || !this.sent || this.#unwanted) return false;
    // A server that expects no body there would take it for a request, and answer somebody else.
    if (this.#head.framing !== 0 && SAFE.has(this.#head.method)) return false;
    // What has logged in by NTLM is the connection, whoever's request comes next.
    const login = valueOf(this.#head.fields, Known.authorization) ?? "";
    if (/^(?:ntlm|negotiate)\b/i.test(login)) return false;
    return response.status !== 401 ||
      !/\b(?:ntlm|negotiate)\b/i.test(valuesOf(response.fields, Known.wwwAuthenticate));
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Late) return new Refusal(504, "The server did not answer in time");
  if (error instanceof Http1Error) {
    const what = error.truncated ? "The response is truncated" : "The response is malformed";
    return new Refusal(502, what, error.message);
  }
  return new Refusal(502, "The server broke off the connection", `broken: ${nameOf(error)}`);
}

function refusalOfClient(error: unknown): Refusal {
  if (!(error instanceof Http1Error)) throw error;
  return new Refusal(error.status, error.message);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}
