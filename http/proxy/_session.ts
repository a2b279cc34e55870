import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { ProxyHeader } from "../../net/proxy_protocol_codec.ts";
import type { Transport } from "../../net/connection/transport.ts";
import { Http1Decoder, type Http1Request } from "../http1/codec.ts";
import { Known } from "../internal/http1_fields.ts";
import { ClientAdmission } from "./_client_admission.ts";
import { type ProxyCore, tell } from "./_proxy_state.ts";
import { hookFailed } from "./_hook_failure.ts";
import { ClientWatch } from "./_client_watch.ts";
import { ForwardedBody } from "./_body.ts";
import {
  type Answering,
  type Asked,
  closing,
  isRepeatable,
  ProxyExchange,
  Stale,
} from "./_exchange.ts";
import { connectionOf, type ConnectionOption, endsByConnection, valueOf } from "./_head.ts";
import { Out } from "./_output.ts";
import { answerOf, pageOf, ProxyRefusal } from "./_error_pages.ts";
import { Peer } from "./_peer.ts";
import { readHead } from "./_read_head.ts";
import { PinnedUpstream } from "./_pinned_upstream.ts";
import { chooseHop, hookRequest } from "./_hook_requests.ts";
import { connectThrough } from "./_connect_through.ts";
import { answerHere, readTarget, type RequestTarget } from "./_request_target.ts";
import { CurrentRequest } from "./_current_request.ts";
import { runTunnel } from "./_run_tunnel.ts";
import type { Upstream } from "./_upstream.ts";
import { type Introduction, introductionOf, type Way } from "./_route.ts";
import { Ways } from "./_client_routes.ts";
import type { ProxyRequest } from "./options.ts";

const CHALLENGE = 'Proxy-Authenticate: Basic realm="proxy", charset="UTF-8"\r\n';
const GRANTED = "HTTP/1.1 200 Connection established\r\n\r\n";

/**
 * The session of one client of a proxy. It holds the state of the client's connection.
 * {@linkcode CurrentRequest} and {@linkcode ForwardedBody} hold the state of a request, and
 * {@linkcode ProxyExchange} that of an attempt to send it.
 */
export class ProxySession implements Answering {
  /** The output to the client. */
  readonly out: Out;
  readonly #core: ProxyCore;
  readonly #conn: Connection;
  readonly #client: Peer;
  readonly #admission: ClientAdmission;
  readonly #attention: ClientWatch;
  #current: CurrentRequest | undefined;
  /** The connection to the server that the current request uses. */
  #upstream: Upstream | undefined;
  readonly #pinned: PinnedUpstream;
  #dialling: AbortController | undefined;
  /** Whether the client left during a request. */
  #gone = false;
  #first = true;
  #draining = false;
  /** The PROXY header for servers. */
  readonly #introduction: Introduction | undefined;
  readonly #ways: Ways;

  constructor(
    core: ProxyCore,
    conn: Connection,
    raw: Transport,
    proxyHeader: ProxyHeader | undefined,
  ) {
    this.#core = core;
    this.#conn = conn;
    const { clock, limits } = core;
    const decoder = new Http1Decoder("request", {
      maxHead: limits.maxHead,
      maxLine: Math.min(limits.maxHead, 16 * 1024),
    });
    this.#client = new Peer(raw, decoder, clock, limits.bodyTimeout);
    this.#pinned = new PinnedUpstream(core, (upstream) => this.#upstream === upstream);
    this.out = new Out(this.#client);
    this.#admission = new ClientAdmission(core, conn);
    this.#attention = new ClientWatch(this.#client, () => this.#makeResettable(), this.#onGone);
    if (core.introduce !== undefined) {
      this.#introduction = introductionOf(conn, core.introduce, proxyHeader);
    }
    this.#ways = new Ways(this.#introduction);
  }

  /** Whether the connection ends after the current request. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Serves requests until the connection ends. */
  async run(): Promise<void> {
    const { counts } = this.#core;
    const client = this.#client;
    // A shutdown, for example, can close the connection from outside.
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
      this.#pinned.drop();
      if (this.#introduction !== undefined) this.#core.upstreams.forget(this.#introduction);
    }
  }

  /** Ends the session after the current request, or at once without one. */
  drain(): void {
    this.#draining = true;
    if (this.#current === undefined && this.#client.decoder.between) this.#client.close();
  }

  /** Serves the next request. Returns whether another one may follow. */
  async #serveOne(): Promise<boolean> {
    let head;
    try {
      const isFirst = this.#first;
      this.#first = false;
      head = await readHead(this.#client, this.#core.limits, isFirst, this);
    } catch (error) {
      if (!(error instanceof ProxyRefusal)) return false;
      const current = this.#current = new CurrentRequest(this.#client, undefined, undefined);
      await this.#refuse(error, current, true);
      this.#finish(current);
      return false;
    }
    if (head === undefined) return false;
    const current = this.#begin(head);
    this.#core.counts.requests++;
    let goesOn = false;
    try {
      goesOn = await this.#dispatch(head, current);
    } catch (error) {
      const refusal = error instanceof ProxyRefusal
        ? error
        : new ProxyRefusal(500, "The proxy has failed", `failed: ${error}`);
      goesOn = await this.#refuse(refusal, current, !this.#mayGoOn(current, refusal.status));
    }
    this.#finish(current);
    return goesOn && !this.#draining && !this.#gone;
  }

  #begin(head: Http1Request): CurrentRequest {
    const body = new ForwardedBody(this.#client, head, this.#core.limits, this.#onGone);
    this.#attention.head = head;
    const trace = this.#core.tracing?.begin(head);
    return this.#current = new CurrentRequest(this.#client, head, body, trace);
  }

  #finish(current: CurrentRequest): void {
    this.#current = undefined;
    this.#client.unwatch();
    this.out.clear();
    this.#client.shrink();
    current.endTrace();
    tell(this.#core, current.entry(this.#admission.client), current.denied);
  }

  /** Returns whether the start of the next request is known. */
  #mayGoOn({ head, body }: CurrentRequest, status: number): boolean {
    // The bytes after a failed CONNECT may belong to the tunnel.
    return this.#admission.admitted && head!.method !== "CONNECT" && body!.ended &&
      head!.keepAlive &&
      status !== 400;
  }

  /** Returns the value of `Connection` in a response of the proxy itself. */
  #connectionOf(current: CurrentRequest, close: boolean): ConnectionOption {
    return connectionOf(current.head, close || this.#draining);
  }

  async #dispatch(head: Http1Request, current: CurrentRequest): Promise<boolean> {
    const { hops, options } = this.#core;
    const { client } = this.#admission;
    this.#admission.check(head, current);
    const asked = head.method === "CONNECT"
      ? { target: this.#ways.targetOf(head.target, undefined), path: "", authority: head.target }
      : readTarget(head, (authority) => this.#ways.targetOf(authority, 80));
    const { target } = asked;
    const rules = this.#admission.rulesFor(target, head, current);
    const hop = hops.find(target) ??
      await chooseHop(this.#core, client, target, current, this.#attention);
    if (!rules.mayAsk(target, hop.byName)) throw new ProxyRefusal(403, "The target is not allowed");
    current.proxy = hop.proxy?.shown;
    const way = this.#ways.wayTo(target, hop, rules);
    const hook = hookRequest(this.#core, client, target, current);
    const length = valueOf(head.fields, Known.contentLength);
    const maxForwards = valueOf(head.fields, Known.maxForwards);
    if (hook !== undefined && options.onRequest !== undefined) {
      const answered = await this.#ask(current, hook);
      if (answered !== undefined) return answered;
    }
    if (head.method === "CONNECT") return await this.#connect(way, head, current);
    if (head.method === "TRACE" && head.framing !== 0) {
      throw new ProxyRefusal(400, "A TRACE has no body");
    }
    const here = answerHere(head, maxForwards);
    if (typeof here === "object") {
      current.status = 200;
      const connection = this.#connectionOf(current, !this.#mayGoOn(current, 200));
      await this.#client.write(here.answer(connection));
      return connection !== "close";
    }
    return await this.#forward(way, asked, here, length, hook, current);
  }

  /** Calls `onRequest`. If it answers, returns whether the connection stays open. */
  async #ask(current: CurrentRequest, hook: ProxyRequest): Promise<boolean | undefined> {
    let bytes: Uint8Array;
    let connection: ConnectionOption;
    try {
      const core = this.#core;
      const asking = core.options.onRequest!(hook);
      const answer = await current.hooks!.within(core, "onRequest", asking, this.#attention);
      if (!answer) return undefined;
      connection = this.#connectionOf(current, !this.#mayGoOn(current, 200));
      bytes = answerOf(answer, { connection, body: current.head!.method !== "HEAD" });
      current.status = answer.status;
    } catch (error) {
      throw hookFailed("onRequest", error);
    }
    await this.#client.write(bytes).catch(this.#onGone);
    return connection !== "close";
  }

  async #forward(
    way: Way,
    { path, authority }: RequestTarget,
    maxForwards: number | undefined,
    length: string | undefined,
    hook: ProxyRequest | undefined,
    current: CurrentRequest,
  ): Promise<boolean> {
    const core = this.#core;
    const head = current.head!;
    const { proxy } = way.hop;
    const asked: Asked = {
      head,
      body: current.body!,
      hook,
      hooks: current.hooks,
      to: {
        target: proxy?.protocol === "http" ? head.target : path,
        host: authority,
        maxForwards,
        length,
        authorization: proxy?.authorization,
        close: false,
        via: core.via,
      },
    };
    if (endsByConnection(head)) await this.#makeResettable();
    // A client that leaves while it waits does not need the response.
    if (asked.body.ended) this.#client.watch(this.#onGone);
    const { key } = way;
    let kept = this.#pinned.serves(key) ? await this.#pinned.take(head) : undefined;
    if (kept === undefined && isRepeatable(head)) kept = core.upstreams.take(key);
    const outcome = kept === undefined ? undefined : await this.#attempt(kept, asked, current);
    if (outcome !== undefined) return outcome;
    // No reusable connection was available, or it had ended.
    if (kept !== undefined) core.counts.retries++;
    const upstream = await this.#dial(way, current);
    return (await this.#attempt(upstream, closing(asked, core.upstreams.isFull(key)), current))!;
  }

  /**
   * Makes one attempt. It has ended completely when the promise settles.
   *
   * @returns Whether the client's connection stays open; undefined if the server's connection had ended.
   */
  async #attempt(
    upstream: Upstream,
    asked: Asked,
    current: CurrentRequest,
  ): Promise<boolean | undefined> {
    this.#use(upstream);
    const trace = current.trace && new Headers();
    const span = trace && current.trace!.attempt(trace);
    const traced = trace === undefined ? asked : { ...asked, to: { ...asked.to, trace } };
    const exchange = new ProxyExchange(this.#core, traced, upstream, this);
    try {
      const outcome = await exchange.run();
      span?.answered(exchange.status);
      if (outcome === "tunnel") await this.#tunnel(upstream, current);
      return outcome === "keep";
    } catch (error) {
      span?.failed(error);
      this.out.clear();
      if (error instanceof Stale && !this.#gone) return undefined;
      const refusal = error instanceof ProxyRefusal
        ? error
        : new ProxyRefusal(502, "The server broke off the connection");
      if (!exchange.begun) throw refusal;
      current.error = this.#gone || this.#client.broken ? "the client has gone" : refusal.reason;
      // The client has got a part of the response, which must not look complete.
      this.#client.reset();
      return false;
    } finally {
      this.#upstream = undefined;
      this.#putBack(upstream, exchange);
      current.status = exchange.status;
      current.firstByte = exchange.firstByte;
      current.bodySize = exchange.bodySize;
    }
  }

  #putBack(upstream: Upstream, { reusable, pinned }: ProxyExchange): void {
    const { upstreams } = this.#core;
    if (!reusable) {
      this.#pinned.forget(upstream);
      upstreams.drop(upstream);
    } else if (pinned || this.#pinned.is(upstream)) this.#pinned.keep(upstream);
    else upstreams.give(upstream);
  }

  async #connect(way: Way, head: Http1Request, current: CurrentRequest): Promise<boolean> {
    const core = this.#core;
    await this.#attention.start();
    const upstream = await this.#dial(way, current);
    const { proxy } = way.hop;
    try {
      this.#use(upstream);
      if (proxy?.protocol === "http") {
        await connectThrough(core, upstream, head, proxy.authorization);
      }
      current.status = 200;
      current.firstByte = performance.now();
      this.out.text(GRANTED);
      await this.out.flush();
      await this.#tunnel(upstream, current);
    } finally {
      this.#upstream = undefined;
      core.upstreams.drop(upstream);
    }
    return false;
  }

  /** Makes an interruption of the connection a reset, if the system supports it. */
  async #makeResettable(): Promise<void> {
    const conn = this.#conn;
    if (!conn.open || this.#client.canReset) return;
    await conn.upgrade(() =>
      Promise.resolve({ transport: this.#client.makeResettable(), tls: conn.tls })
    );
  }

  async #tunnel(upstream: Upstream, current: CurrentRequest): Promise<void> {
    await this.#makeResettable();
    upstream.makeResettable();
    await runTunnel(this.#core, this.#client, upstream, current);
  }

  async #dial(way: Way, current: CurrentRequest): Promise<Upstream> {
    if (this.#gone) throw new ProxyRefusal(502, "The client has gone");
    const controller = this.#dialling = new AbortController();
    const started = performance.now();
    try {
      const { upstreams } = this.#core;
      const upstream = await upstreams.dial(way, this.#conn.localAddr, controller);
      current.connect = performance.now() - started;
      return upstream;
    } finally {
      this.#dialling = undefined;
    }
  }

  /** Stores the server's connection, which ends when the client leaves. */
  #use(upstream: Upstream): void {
    this.#upstream = upstream;
    if (this.#gone) upstream.reset();
  }

  #onGone = (): void => {
    if (this.#current === undefined) return;
    this.#gone = true;
    this.#current.hooks?.abort(new NetError("The client has gone", { kind: "reset" }));
    this.#dialling?.abort();
    this.#upstream?.reset();
  };

  /** Sends a refusal to the client. Returns whether the connection stays open. */
  async #refuse(refusal: ProxyRefusal, current: CurrentRequest, close: boolean): Promise<boolean> {
    const { status, detail, reason } = refusal;
    if (this.#gone || this.#client.broken) {
      current.error = "the client has gone";
      return false;
    }
    current.status = status;
    current.error = reason;
    current.denied = status === 403 || status === 407 || status === 508;
    const connection = this.#connectionOf(current, close);
    const body = current.head?.method !== "HEAD";
    const more = status === 407 ? CHALLENGE : "";
    try {
      await this.#client.write(pageOf(status, detail, { connection, body, more }));
      return connection !== "close";
    } catch {
      return false;
    }
  }
}
