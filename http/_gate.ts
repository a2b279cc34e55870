import { getLogger } from "@logtape/logtape";
import { formatAddress } from "../net/address.ts";
import { NetError } from "../net/errors.ts";
import type { TlsInfo } from "../net/transport.ts";
import { type BodySource, LimitedBody } from "./_body.ts";
import { Clock, type Due } from "./_clock.ts";
import { shown } from "./_headers.ts";
import { HostCheck } from "./_host.ts";
import { checkCount, checkLimit, checkTime } from "./_server_limits.ts";
import { problem, ProblemError, type ProblemOptions } from "./problem.ts";
import type {
  HttpHandler,
  HttpInfo,
  HttpServerEvent,
  HttpServerStats,
  ServeHttpOptions,
} from "./server_options.ts";

/** What a transport knows of a request. */
export interface Exchange {
  readonly remoteAddr: Deno.NetAddr;
  readonly tls?: TlsInfo | undefined;
  readonly completed: Promise<void>;
}

const logger = getLogger(["portside", "http", "server"]);

/** Why a request is refused, in words that may be sent. */
const REFUSALS: Readonly<Record<number, ProblemOptions>> = {
  400: { detail: "The Host of the request is missing or malformed" },
  408: { detail: "The request did not come in time", headers: { connection: "close" } },
  413: { detail: "The body of the request is too large", headers: { connection: "close" } },
  421: { detail: "This server does not answer for the host of the request" },
  501: { detail: "This server does not know the method of the request" },
  503: { detail: "Too many requests at a time", headers: { "retry-after": "1" } },
};

/** What is told to requests that come while the server shuts down. */
const CLOSING: ProblemOptions = {
  detail: "The server is shutting down",
  headers: { connection: "close", "retry-after": "1" },
};

/** Stands between a transport and the handler: limits, time, and what the handler throws. */
export class Gate {
  /** Judges the host of requests. */
  readonly hosts: HostCheck;
  /** Aborted when the server begins to shut down. */
  readonly closing = new AbortController();
  readonly #closing = this.closing.signal;

  readonly #handler: HttpHandler;
  readonly #onEvent: ServeHttpOptions["onEvent"];
  readonly #maxBody: number;
  readonly #maxRequests: number;
  readonly #handlerTimeout: number;
  readonly #bodyTimeout: number;
  readonly #minBodyRate: number;
  readonly #clock: Clock;
  readonly #done = () => {
    if (--this.#active === 0) this.#idle?.();
  };
  #idle: (() => void) | undefined;
  #active = 0;
  #requests = 0;
  #refused = 0;
  #failed = 0;

  constructor(options: ServeHttpOptions, handler: HttpHandler) {
    this.#handler = handler;
    this.#onEvent = options.onEvent;
    this.hosts = new HostCheck(options.allowedHosts);
    this.#maxBody = checkLimit("maxBody", options.maxBody, 10 * 1024 * 1024);
    this.#maxRequests = checkLimit("maxRequests", options.maxRequests, 1024);
    this.#handlerTimeout = checkTime("handlerTimeout", options.handlerTimeout, 60_000);
    this.#bodyTimeout = checkTime("bodyTimeout", options.bodyTimeout, 30_000);
    this.#minBodyRate = checkCount("minBodyRate", options.minBodyRate, 500);
    this.#clock = new Clock(Math.min(this.#handlerTimeout, this.#bodyTimeout));
  }

  get active(): number {
    return this.#active;
  }

  get stats(): HttpServerStats {
    return {
      requests: this.#requests,
      active: this.#active,
      refused: this.#refused,
      failed: this.#failed,
    };
  }

  /** Whether a body of that length, as announced, is too large. */
  tooLarge(length: number): boolean {
    return length > this.#maxBody;
  }

  /** The same body, with its limits: reading it rejects beyond them. */
  limitBody(source: BodySource): LimitedBody {
    return new LimitedBody(source, {
      maxBody: this.#maxBody,
      bodyTimeout: this.#bodyTimeout,
      minBodyRate: this.#minBodyRate,
      clock: this.#clock,
    });
  }

  /** Resolves when no request is active. */
  untilIdle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle = resolve);
  }

  /** Answers without the handler; `detail` says why where the status does not say it all. */
  refuse(status: number, exchange: Exchange, detail?: string): Response {
    this.#refused++;
    const { remoteAddr } = exchange;
    logger.debug("refused a request of {peer}: {status}", () => {
      return { peer: formatAddress(remoteAddr), status };
    });
    if (this.#onEvent) this.event({ type: "refused", status, remoteAddr });
    if (detail !== undefined) return problem(status, { detail });
    return problem(status, this.#closing.aborted ? CLOSING : REFUSALS[status]);
  }

  /**
   * Lets the handler answer; never throws.
   *
   * @param request What the handler gets.
   * @param exchange What the transport knows of it.
   * @param source Whose signal tells, while the handler runs, that the client has gone.
   * @param body The request's body, if it has one.
   */
  handle(
    request: Request,
    exchange: Exchange,
    source: { readonly signal: AbortSignal },
    body?: LimitedBody,
  ): Response | Promise<Response> {
    if (this.#active >= this.#maxRequests) return this.refuse(503, exchange);
    this.#active++;
    this.#requests++;
    exchange.completed.then(this.#done, this.#done);
    const info = new Info(source, exchange, this.#closing);
    try {
      const answer = this.#handler(request, info);
      if (answer instanceof Response) {
        info.release();
        return answer;
      }
      return this.#settle(Promise.resolve(answer), request, info, body);
    } catch (error) {
      info.release();
      return this.#fail(error, request, info);
    }
  }

  /** Tells whoever wants to know. */
  event(event: HttpServerEvent): void {
    try {
      this.#onEvent?.(event);
    } catch (error) {
      logger.error("onEvent failed on {type}: {error}", { type: event.type, error });
    }
  }

  /** For the end of the server: nothing is timed any more. */
  stop(): void {
    this.#clock.stop();
  }

  #settle(
    answer: Promise<Response>,
    request: Request,
    info: Info,
    body: LimitedBody | undefined,
  ): Promise<Response> {
    const checked = (response: Response): Response => {
      info.release();
      // A framework may have made a fault of its own of what the body did.
      if (body?.failure !== undefined && response?.status >= 500) {
        response.body?.cancel().catch(() => {});
        return this.#fail(body.failure, request, info);
      }
      if (response instanceof Response) return response;
      return this.#fail(new TypeError("The handler returned no Response"), request, info);
    };
    const failed = (error: unknown): Response => {
      info.release();
      const cause = error instanceof ProblemError ? error : body?.failure ?? error;
      return this.#fail(cause, request, info);
    };
    if (this.#handlerTimeout === Infinity) return answer.then(checked, failed);
    return new Promise((resolve) => {
      const limit: Due = {
        due: performance.now() + this.#handlerTimeout,
        expire: () => resolve(this.#expire(answer, request, info)),
      };
      this.#clock.watch(limit);
      answer.then((response) => {
        this.#clock.unwatch(limit);
        resolve(checked(response));
      }, (error) => {
        this.#clock.unwatch(limit);
        if (!info.late) resolve(failed(error));
      });
    });
  }

  /** The handler's time is up: what it returns afterwards is thrown away. */
  #expire(answer: Promise<Response>, request: Request, info: Info): Response {
    const error = new NetError(
      `The handler of ${formatAddress(info.remoteAddr)} took more than ${this.#handlerTimeout} ms`,
      { kind: "timeout" },
    );
    this.#failed++;
    logger.error("{error}", { error: error.message });
    this.event({ type: "error", request, error, expected: false });
    info.late = true;
    info.giveUp(error);
    info.release();
    answer.then((late) => late.body?.cancel()).catch(() => {});
    return shown(
      request,
      problem(503, { detail: "The server did not answer in time" }),
    );
  }

  #fail(error: unknown, request: Request, info: Info): Response {
    const expected = info.gone || isExpected(error);
    if (!expected) {
      this.#failed++;
      logger.error("the handler of {peer} failed on {method}: {error}", {
        peer: formatAddress(info.remoteAddr),
        method: request.method,
        error,
      });
    }
    this.event({ type: "error", request, error, expected });
    return shown(request, answerTo(error));
  }

  /** What to answer instead of an answer that cannot be sent, if anything can. */
  replace(error: unknown): Response {
    if (isExpected(error)) {
      logger.debug("an answer has ended with its request: {error}", { error });
    } else {
      this.#failed++;
      logger.error("cannot send an answer: {error}", { error });
    }
    return answerTo(error);
  }
}

function answerTo(error: unknown): Response {
  if (error instanceof ProblemError) return error.toResponse();
  return problem(isExpected(error) ? 400 : 500);
}

/** What a client does wrong is no fault of the handler. */
function isExpected(error: unknown): boolean {
  if (error instanceof ProblemError) return error.status < 500;
  return error instanceof NetError && error.phase === "read" && error.kind === "truncated";
}

class Info implements HttpInfo {
  readonly closing: AbortSignal;
  /** Whether the handler's time was up. */
  late = false;
  readonly #source: { readonly signal: AbortSignal };
  readonly #exchange: Exchange;
  #controller: AbortController | undefined;
  #onGone: (() => void) | undefined;

  constructor(
    source: { readonly signal: AbortSignal },
    exchange: Exchange,
    closing: AbortSignal,
  ) {
    this.#source = source;
    this.#exchange = exchange;
    this.closing = closing;
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#exchange.remoteAddr;
  }

  get tls(): TlsInfo | undefined {
    return this.#exchange.tls;
  }

  get completed(): Promise<void> {
    return this.#exchange.completed;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#onGone = () => {
        this.giveUp(
          new NetError(`Client ${formatAddress(this.remoteAddr)} has gone before its answer`, {
            kind: "reset",
            phase: "write",
          }),
        );
      };
      // Looked at as late as possible: making this signal costs, and few handlers need it.
      const gone = this.#source.signal;
      if (gone.aborted) this.#onGone();
      else gone.addEventListener("abort", this.#onGone, { once: true });
    }
    return this.#controller.signal;
  }

  /** Whether nobody waits for the answer any more. */
  get gone(): boolean {
    return this.#controller?.signal.aborted ?? false;
  }

  giveUp(reason: NetError): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }

  /** The handler has returned. The request's signal would be aborted by success, too. */
  release(): void {
    if (this.#onGone) this.#source.signal.removeEventListener("abort", this.#onGone);
  }
}
