import { getLogger } from "@logtape/logtape";
import { toNetError } from "../../../net/errors/errors.ts";
import type { ClientTracing, RequestSpan } from "../../internal/client_tracing.ts";
import { takeWholeBody } from "../../internal/lazy_request.ts";
import type { IdleUpstreams } from "../_idle_upstreams.ts";
import type { TickClock, Ticked } from "../_clock.ts";
import { ProxyRefusal } from "../_error_pages.ts";
import type { Upstream } from "../_upstream.ts";
import { type Balancer, Unavailable } from "./_balancer.ts";
import { type Outcome, ReverseExchange, type Sending, Unanswered } from "./_exchange.ts";
import { type HeadRules, pathOf, requestHead, rewrittenHead } from "./_head.ts";
import { type Plan, planOf } from "./_plan.ts";
import type { ReverseLimits, ReverseTarget } from "./_target.ts";
import { problem } from "../../problem.ts";
import type { ReverseProxyOptions, ReverseProxyStats } from "./options.ts";
import type { HttpInfo } from "../../server/options.ts";

const logger = getLogger(["portside", "http", "reverse-proxy"]);

/** The state that all requests share. */
export interface ReverseCore {
  readonly options: ReverseProxyOptions;
  readonly rules: HeadRules;
  readonly limits: ReverseLimits;
  readonly clock: TickClock;
  readonly idle: IdleUpstreams<Upstream>;
  readonly balancer: Balancer;
  readonly tracing: ClientTracing | undefined;
}

/** The counters of a reverse proxy. */
interface Counts {
  requests: number;
  retries: number;
  failed: number;
  tunnels: number;
}

/** Forwards requests. */
export class Forwarder {
  readonly core: ReverseCore;
  readonly counts: Counts = { requests: 0, retries: 0, failed: 0, tunnels: 0 };
  #closed = false;
  #lastClosing: AbortSignal | undefined;
  readonly #closings = new WeakSet<AbortSignal>();

  constructor(core: ReverseCore) {
    this.core = core;
  }

  /** Returns the response to a request. */
  handle(request: Request, info: HttpInfo): Response | Promise<Response> {
    this.counts.requests++;
    if (info.closing !== this.#lastClosing) this.#watchServer(info.closing);
    const plan = planOf(request, this.core.rules);
    if (plan instanceof Response) return plan;
    return new Forward(this, request, info, plan).run();
  }

  /** Returns whether connections must close after their responses. */
  isClosing(info: HttpInfo): boolean {
    return this.#closed || info.closing.aborted;
  }

  stats(): ReverseProxyStats {
    const targets = this.core.balancer.targets.map((one) => ({
      target: one.url,
      available: !one.down && !one.full,
      active: one.active,
      idle: one.idle,
      requests: one.requests,
      failed: one.failed,
    }));
    return { ...this.counts, targets };
  }

  close(): void {
    this.#closed = true;
    this.core.idle.close();
  }

  /** Counts a failure, and passes it to the log and to `onError`. */
  failed(
    { status, detail, reason }: ProxyRefusal,
    error: Error,
    target: ReverseTarget | undefined,
    request: Request,
    begun: boolean,
  ): void {
    this.counts.failed++;
    logger.warn("{method} to {target} failed: {detail} ({reason})", {
      method: request.method,
      target: target?.url,
      detail,
      reason,
    });
    try {
      this.core.options.onError?.({ status, begun, target: target?.url, request, error });
    } catch (thrown) {
      logger.error("onError failed: {error}", { error: thrown });
    }
  }

  /** Closes idle connections with the server, so that they do not keep the process alive. */
  #watchServer(closing: AbortSignal): void {
    this.#lastClosing = closing;
    if (this.#closings.has(closing)) return;
    this.#closings.add(closing);
    closing.addEventListener("abort", () => this.core.idle.close(), { once: true });
  }
}

/** A request with all of its attempts. */
class Forward implements Ticked {
  /** The tick at which to watch for the end of the client. Watching at once would slow all requests. */
  due: number;
  readonly #forwarder: Forwarder;
  readonly #request: Request;
  readonly #info: HttpInfo;
  readonly #plan: Plan;
  #sending: Sending | undefined;
  #exchange: ReverseExchange | undefined;
  #dialing: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #tried: Set<ReverseTarget> | undefined;
  #attempts = 0;

  constructor(forwarder: Forwarder, request: Request, info: HttpInfo, plan: Plan) {
    this.#forwarder = forwarder;
    this.#request = request;
    this.#info = info;
    this.#plan = plan;
    this.due = forwarder.core.clock.after(0);
  }

  /** Forwards the request. */
  async run(): Promise<Response> {
    const { clock } = this.#forwarder.core;
    clock.watch(this);
    let target: ReverseTarget | undefined;
    try {
      // A connection that has ended is replaced once. Each target gets one attempt to connect.
      for (let repeated = false;;) {
        target = await this.#choose();
        if (target === undefined) {
          return problem(404, { detail: "No server is responsible for the request" });
        }
        const upstream = await this.#connect(target, repeated);
        if (upstream === undefined) continue;
        try {
          return await this.#attempt(target, upstream);
        } catch (error) {
          if (!(error instanceof Unanswered) || this.#signal?.aborted) throw error;
          if (!error.stale) this.#avoid(target);
          if (repeated || !this.#plan.repeatable) throw error;
          repeated = true;
          this.#forwarder.counts.retries++;
        }
      }
    } catch (error) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      return this.#refuse(error, target);
    } finally {
      clock.unwatch(this);
      this.#signal?.removeEventListener("abort", this.#onGone);
    }
  }

  /** Starts to watch for the end of the client, because the request takes longer than most. */
  expire(): void {
    const { signal } = this.#info;
    this.#signal = signal;
    if (signal.aborted) this.#onGone();
    else signal.addEventListener("abort", this.#onGone, { once: true });
  }

  #onGone = (): void => {
    this.#dialing?.abort(this.#signal!.reason);
    this.#exchange?.abandon();
  };

  #choose(): ReverseTarget | undefined | Promise<ReverseTarget | undefined> {
    return this.#forwarder.core.balancer.choose(this.#request, this.#info, this.#tried);
  }

  /** Reuses or opens a connection. Returns undefined to try another target. */
  async #connect(target: ReverseTarget, fresh: boolean): Promise<Upstream | undefined> {
    target.begin();
    const kept = fresh || !this.#plan.repeatable ? undefined : target.take();
    if (kept !== undefined) return kept;
    const dialing = this.#dialing = new AbortController();
    try {
      const upstream = await target.dial(dialing.signal);
      this.#dialing = undefined;
      return upstream;
    } catch (error) {
      target.end();
      if (dialing.signal.aborted) throw error;
      const refusal = unreachable(error);
      if (refusal.status === 503) throw new Failed(refusal, error);
      this.#avoid(target);
      if (!this.#tried?.has(target)) throw new Failed(refusal, error);
      return undefined;
    }
  }

  /** Records the failure of a target, so that another one gets the next attempt. */
  #avoid(target: ReverseTarget): void {
    target.fail();
    const tried = new Set(this.#tried).add(target);
    // Without another target, the same target gets a new connection.
    if (this.#forwarder.core.balancer.hasOther(tried)) this.#tried = tried;
  }

  async #attempt(target: ReverseTarget, upstream: Upstream): Promise<Response> {
    const { rules, limits, options } = this.#forwarder.core;
    const { rewrite } = options;
    const trace = this.#forwarder.core.tracing && new Headers();
    const span = trace && this.#startSpan(target, trace);
    let lease: Lease | undefined;
    try {
      const head = rewrite === undefined
        ? requestHead(this.#request, this.#info, target, this.#plan, rules, trace)
        : await rewrittenHead(this.#request, this.#info, target, this.#plan, rules, rewrite, trace);
      lease = new Lease(this.#forwarder, this.#request, this.#info, target, upstream);
      const sending = this.#sending ??= this.#sendingOf();
      const exchange = this.#exchange = new ReverseExchange(upstream, sending, limits, lease);
      if (this.#signal?.aborted) exchange.abandon();
      const response = await exchange.run(head);
      target.succeed();
      span?.answered(response.status);
      return response;
    } catch (error) {
      span?.failed(error);
      if (lease === undefined) {
        // The connection is unused.
        this.#forwarder.core.idle.give(upstream);
        target.end();
      } else {
        if (error instanceof ProxyRefusal) target.fail();
        lease.drop();
      }
      throw error;
    }
  }

  /** Starts the span of an attempt, and adds it to the headers. */
  #startSpan(target: ReverseTarget, headers: Headers): RequestSpan | undefined {
    const { tracing } = this.#forwarder.core;
    const { method, url } = this.#request;
    const sent = new URL(pathOf(url), target.url);
    return tracing?.start({ method, url: sent, attempt: ++this.#attempts, headers });
  }

  #sendingOf(): Sending {
    const { framing, expect } = this.#plan;
    const request = this.#request;
    const whole = typeof framing === "number" && !expect ? takeWholeBody(request) : undefined;
    return {
      request,
      info: this.#info,
      framing,
      whole: whole?.length === framing ? whole : undefined,
      expect,
      name: this.#forwarder.core.rules.name,
    };
  }

  #refuse(error: unknown, target: ReverseTarget | undefined): Response {
    const refusal = error instanceof ProxyRefusal
      ? error
      : error instanceof Failed
      ? error.refusal
      : error instanceof Unanswered
      ? new ProxyRefusal(502, "The server broke off the connection", error.message)
      : undefined;
    // The server handles errors of the client and of hooks.
    if (refusal === undefined) throw error;
    const cause = (error as Error).cause;
    this.#forwarder.failed(
      refusal,
      cause instanceof Error ? cause : error as Error,
      refusal instanceof Unavailable ? undefined : target,
      this.#request,
      false,
    );
    const headers = new Headers({ "cache-control": "no-store" });
    if (refusal instanceof Unavailable) headers.set("retry-after", String(refusal.retryAfter));
    return problem(refusal.status, { detail: refusal.detail, headers });
  }
}

/** Thrown if a request could not be sent. */
class Failed extends Error {
  constructor(readonly refusal: ProxyRefusal, override readonly cause: unknown) {
    super(refusal.detail);
  }
}

/** Returns the refusal for a failed connection. */
function unreachable(error: unknown): ProxyRefusal {
  const { kind, message } = toNetError(error, { phase: "connect" });
  switch (kind) {
    case "timeout":
      return new ProxyRefusal(504, "The server could not be reached in time", message);
    case "descriptor-limit":
      return new ProxyRefusal(503, "The proxy is at its limits", message);
    case "permission":
      throw error;
    case "tls":
      return new ProxyRefusal(502, "The server cannot be verified", message);
    default:
      return new ProxyRefusal(502, "The server cannot be reached", message);
  }
}

/** The use of a connection for one attempt. It ends only once. */
class Lease implements Outcome {
  #over = false;
  readonly #forwarder: Forwarder;
  readonly #request: Request;
  readonly #info: HttpInfo;
  readonly #target: ReverseTarget;
  readonly #upstream: Upstream;
  #switched = false;

  constructor(
    forwarder: Forwarder,
    request: Request,
    info: HttpInfo,
    target: ReverseTarget,
    upstream: Upstream,
  ) {
    this.#forwarder = forwarder;
    this.#request = request;
    this.#info = info;
    this.#target = target;
    this.#upstream = upstream;
  }

  done(reusable: boolean): void {
    if (!this.#end()) return;
    const { idle } = this.#forwarder.core;
    if (reusable && !this.#forwarder.isClosing(this.#info)) idle.give(this.#upstream);
    else idle.drop(this.#upstream);
  }

  broken(refusal: ProxyRefusal): void {
    this.drop();
    this.#target.fail();
    this.#forwarder.failed(refusal, refusal, this.#target, this.#request, true);
  }

  abandoned(): void {
    this.drop();
  }

  switched(): void {
    this.#switched = true;
    this.#forwarder.counts.tunnels++;
  }

  /** Ends the use and closes the connection. */
  drop(): void {
    if (this.#end()) this.#forwarder.core.idle.drop(this.#upstream);
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#target.end();
    if (this.#switched) this.#forwarder.counts.tunnels--;
    return true;
  }
}
