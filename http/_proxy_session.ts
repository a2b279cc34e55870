import type { Connection } from "../net/connection.ts";
import { formatAddress } from "../net/address.ts";
import type { Transport } from "../net/transport.ts";
import { Http1Decoder, Http1Error, type Http1Request } from "./http1_codec.ts";
import { Known } from "./_http1_fields.ts";
import { hookFailed, type ProxyCore, tell } from "./_proxy_core.ts";
import { Exchange, Stale } from "./_proxy_exchange.ts";
import { type Outgoing, valueOf } from "./_proxy_head.ts";
import { Out } from "./_proxy_out.ts";
import { answerOf, pageOf, Refusal } from "./_proxy_pages.ts";
import { Late, Peer } from "./_proxy_peer.ts";
import { readAuthority, type Target } from "./_proxy_rules.ts";
import { connectThrough } from "./_proxy_parent.ts";
import { answerHere, hasPassed, readTarget, type RequestTarget } from "./_proxy_target.ts";
import { Current } from "./_proxy_current.ts";
import { Tunnel } from "./_proxy_tunnel.ts";
import type { Upstream } from "./_proxy_upstream.ts";
import type { ProxyRequest } from "./proxy_options.ts";

const CHALLENGE = 'Proxy-Authenticate: Basic realm="proxy", charset="UTF-8"\r\n';
const GRANTED = "HTTP/1.1 200 Connection established\r\n\r\n";

/** One client of a proxy: its requests, one by one. */
export class ProxySession {
  readonly #core: ProxyCore;
  readonly #conn: Connection;
  readonly #client: Peer;
  readonly #name: string;
  readonly #up = new Out();
  readonly #out = new Out();
  #current: Current | undefined;
  #dialling: AbortController | undefined;
  #gone = false;
  #first = true;
  #draining = false;
  #isLoop: boolean | undefined;
  /** The last authority, which mostly is the next one too. */
  #authority: string | undefined;
  #target: Target | undefined;

  constructor(core: ProxyCore, conn: Connection, raw: Transport) {
    this.#core = core;
    this.#conn = conn;
    const { clock, limits } = core;
    const decoder = new Http1Decoder("request", {
      maxHead: limits.maxHead,
      maxLine: Math.min(limits.maxHead, 16 * 1024),
    });
    this.#client = new Peer(raw, decoder, clock, limits.bodyTimeout);
    this.#name = formatAddress(conn.remoteAddr);
  }

  /** Serves until the connection ends. */
  async run(): Promise<void> {
    const { counts } = this.#core;
    const client = this.#client;
    // Cut from outside: whatever is under way has lost its meaning.
    this.#conn.signal.addEventListener("abort", this.#onGone, { once: true });
    let [received, sent] = [0, 0];
    try {
      while (await this.#serveOne()) {
        counts.received += client.received - received;
        counts.sent += client.sent - sent;
        [received, sent] = [client.received, client.sent];
      }
    } finally {
      counts.received += client.received - received;
      counts.sent += client.sent - sent;
      client.release();
    }
  }

  /** Ends when the request in hand is done; at once without one. */
  drain(): void {
    this.#draining = true;
    if (this.#current === undefined && this.#client.decoder.between) this.#client.close();
  }

  /** Serves the next request; gives whether another may follow. */
  async #serveOne(): Promise<boolean> {
    let head;
    try {
      head = await this.#readHead();
    } catch (error) {
      if (!(error instanceof Refusal)) return false;
      this.#begin(undefined);
      await this.#refuse(error, true);
      this.#tell();
      return false;
    }
    if (head === undefined) return false;
    const current = this.#begin(head);
    this.#core.counts.requests++;
    let goesOn = false;
    try {
      goesOn = await this.#dispatch(head, current);
    } catch (error) {
      const refusal = error instanceof Refusal
        ? error
        : new Refusal(500, "The proxy has failed", `failed: ${error}`);
      goesOn = await this.#refuse(refusal, !this.#mayGoOn(head, refusal.status));
    }
    this.#tell();
    return goesOn && !this.#draining && !this.#gone;
  }

  #begin(head: Http1Request | undefined): Current {
    return this.#current = new Current(head, this.#client);
  }

  #tell(): void {
    const current = this.#current!;
    this.#current = undefined;
    this.#client.unwatch();
    this.#up.clear();
    this.#out.clear();
    this.#client.shrink();
    tell(this.#core, current.entry(this.#name), current.denied);
  }

  async #readHead(): Promise<Http1Request | undefined> {
    const { clock, limits } = this.#core;
    const { decoder } = this.#client;
    const { headTimeout, idleTimeout } = limits;
    // Who has just connected has something to say.
    const wait = this.#first ? Math.min(headTimeout, idleTimeout) : idleTimeout;
    this.#first = false;
    const idle = clock.after(wait);
    let due = Infinity;
    try {
      for (;;) {
        const head = decoder.next();
        if (head !== undefined) return head as Http1Request;
        const begun = !decoder.between;
        // From its first byte on, however it drips.
        if (begun && due === Infinity) due = clock.after(headTimeout);
        if (!begun && this.#draining) return undefined;
        if (!(await this.#client.more(begun ? due : idle))) return undefined;
      }
    } catch (error) {
      if (error instanceof Http1Error) throw new Refusal(error.status, error.message);
      if (!(error instanceof Late) || decoder.between) return undefined;
      throw new Refusal(408, "The head of the request did not come in time");
    }
  }

  /** Whether the next request can be told from this one, and from what belongs to this one. */
  #mayGoOn(head: Http1Request, status: number): boolean {
    // What follows a CONNECT that failed may be meant for the tunnel.
    return head.method !== "CONNECT" && head.framing === 0 && head.keepAlive && status !== 400;
  }

  async #dispatch(head: Http1Request, current: Current): Promise<boolean> {
    const { credentials, options, rules, upstreams, via } = this.#core;
    this.#isLoop ??= upstreams.isOurs(this.#name);
    if (this.#isLoop || hasPassed(head, via)) {
      throw new Refusal(508, "The request has come through this proxy before");
    }
    if (credentials !== undefined) {
      current.user = credentials.check(valueOf(head.fields, Known.proxyAuthorization));
      if (current.user === undefined) throw new Refusal(407, "The proxy wants a login");
    }
    const asked = head.method === "CONNECT"
      ? { target: this.#targetOf(head.target, undefined), path: "", authority: head.target }
      : readTarget(head, (authority) => this.#targetOf(authority, 80));
    const { target } = asked;
    if (head.method === "CONNECT" && !rules.mayConnect(target.port)) {
      throw new Refusal(403, "CONNECT to this port is not allowed");
    }
    if (!rules.mayAsk(target)) throw new Refusal(403, "The target is not allowed");
    let hook: ProxyRequest | undefined;
    if (options.onRequest !== undefined || options.onResponse !== undefined) {
      hook = {
        method: head.method,
        target: head.target,
        hostname: target.hostname,
        port: target.port,
        fields: head.fields,
        client: this.#name,
        user: current.user,
      };
    }
    const length = valueOf(head.fields, Known.contentLength);
    const maxForwards = valueOf(head.fields, Known.maxForwards);
    if (hook !== undefined && options.onRequest !== undefined) {
      const answered = await this.#ask(head, hook);
      if (answered !== undefined) return answered;
    }
    if (head.method === "CONNECT") return await this.#connect(target, head, current);
    if (head.method === "TRACE" && head.framing !== 0) {
      throw new Refusal(400, "A TRACE has no body");
    }
    const here = answerHere(head, maxForwards);
    if (typeof here === "object") {
      this.#finishBody();
      current.status = 200;
      const close = !this.#mayGoOn(head, 200) || this.#draining;
      await this.#client.write(here.answer(close));
      return !close;
    }
    return await this.#forward(asked, here, length, hook, current);
  }

  async #ask(head: Http1Request, hook: ProxyRequest): Promise<boolean | undefined> {
    let bytes: Uint8Array;
    const close = !this.#mayGoOn(head, 200) || this.#draining;
    try {
      const answer = await this.#core.options.onRequest!(hook);
      if (!answer) return undefined;
      bytes = answerOf(answer, { close, body: head.method !== "HEAD" });
      this.#current!.status = answer.status;
    } catch (error) {
      hookFailed("onRequest", error);
      throw new Refusal(500, "The proxy has failed", "onRequest failed");
    }
    this.#finishBody();
    await this.#client.write(bytes).catch(this.#onGone);
    return !close;
  }

  /** Takes the end of a request that has no body. */
  #finishBody(): void {
    if (this.#current!.head!.framing === 0) this.#skipEnd();
  }

  async #forward(
    asked: RequestTarget,
    maxForwards: number | undefined,
    length: string | undefined,
    hook: ProxyRequest | undefined,
    current: Current,
  ): Promise<boolean> {
    const core = this.#core;
    const head = current.head!;
    const { target, path, authority } = asked;
    const to: Outgoing = {
      target: core.parent === undefined ? path : head.target,
      host: authority,
      maxForwards,
      length,
      authorization: core.parentAuthorization,
      via: core.via,
    };
    let fresh = false;
    for (;;) {
      const upstream = (fresh ? undefined : core.upstreams.take((core.parent ?? target).key)) ??
        await this.#dial(target, current);
      current.upstream = upstream;
      upstream.owner = current;
      const draining = () => this.#draining;
      const exchange = new Exchange(
        core,
        this.#client,
        upstream,
        head,
        this.#up,
        this.#out,
        draining,
      );
      try {
        const outcome = await exchange.run(to, hook, this.#onGone);
        if (outcome === "tunnel") await this.#tunnel(upstream, current);
        return outcome === "keep";
      } catch (error) {
        this.#out.clear();
        if (error instanceof Stale && !this.#gone && !fresh) {
          fresh = true;
          continue;
        }
        const refusal = error instanceof Refusal
          ? error
          : new Refusal(502, "The server broke off the connection");
        if (!exchange.begun) throw refusal;
        // Half a response is out: only the end of the connection tells the client.
        current.error = this.#gone || this.#client.broken ? "the client has gone" : refusal.reason;
        this.#client.close();
        return false;
      } finally {
        current.upstream = undefined;
        current.status = exchange.status;
        current.received += exchange.uploaded;
        current.firstByte = exchange.firstByte;
      }
    }
  }

  async #connect(target: Target, head: Http1Request, current: Current): Promise<boolean> {
    this.#client.decoder.next();
    const core = this.#core;
    const upstream = await this.#dial(target, current);
    try {
      if (core.parent !== undefined) await connectThrough(core, upstream, head);
      current.status = 200;
      current.firstByte = performance.now();
      this.#out.text(GRANTED);
      await this.#out.flush(this.#client);
      await this.#tunnel(upstream, current);
    } finally {
      core.upstreams.drop(upstream);
    }
    return false;
  }

  async #tunnel(upstream: Upstream, current: Current): Promise<void> {
    const { counts, limits, upstreams } = this.#core;
    const before = this.#client.received;
    const buffered = this.#client.decoder.buffered;
    this.#client.unwatch();
    const tunnel = new Tunnel(this.#client, upstream, limits);
    counts.tunnels++;
    counts.activeTunnels++;
    try {
      await tunnel.run();
    } finally {
      counts.activeTunnels--;
      current.received += this.#client.received - before + buffered;
      current.error = tunnel.error;
      upstreams.drop(upstream);
    }
  }

  async #dial(target: Target, current: Current): Promise<Upstream> {
    const controller = this.#dialling = new AbortController();
    const started = performance.now();
    // A client that waits for an answer and goes away has no use for the connection.
    if (current.head!.framing === 0 && current.head!.method !== "CONNECT") {
      this.#client.watch(this.#onGone);
    }
    try {
      const { upstreams } = this.#core;
      const upstream = await upstreams.dial(target, this.#conn.localAddr, controller.signal);
      current.connect = performance.now() - started;
      return upstream;
    } finally {
      this.#dialling = undefined;
    }
  }

  #onGone = (): void => {
    const current = this.#current;
    if (current === undefined) return;
    this.#gone = true;
    this.#dialling?.abort();
    // Another client may have it by now.
    if (current.upstream?.owner === current) current.upstream.close();
  };

  #targetOf(authority: string, port: number | undefined): Target {
    if (authority === this.#authority && port !== undefined) return this.#target!;
    const target = readAuthority(authority, port);
    if (target === undefined) throw new Refusal(400, "The target is no host with a port");
    if (port !== undefined) {
      this.#authority = authority;
      this.#target = target;
    }
    return target;
  }

  /** Tells the client why there is no response; gives whether the connection may go on. */
  async #refuse(refusal: Refusal, close: boolean): Promise<boolean> {
    const current = this.#current!;
    const { status, detail, reason } = refusal;
    if (this.#gone || this.#client.broken) {
      current.error = "the client has gone";
      return false;
    }
    current.status = status;
    current.error = reason;
    current.denied = status === 403 || status === 407 || status === 508;
    const ends = close || this.#draining;
    const body = current.head?.method !== "HEAD";
    try {
      // The end of a request without a body is still to be taken.
      if (current.head?.framing === 0 && !ends) this.#skipEnd();
      const more = status === 407 ? CHALLENGE : "";
      await this.#client.write(pageOf(status, detail, { close: ends, body, more }));
      return !ends;
    } catch {
      return false;
    }
  }

  #skipEnd(): void {
    if (this.#client.decoder.inMessage) this.#client.decoder.next();
  }
}
