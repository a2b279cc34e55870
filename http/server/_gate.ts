import { HANDLER_REQUEST } from "../internal/handler_request.ts";
import { getLogger } from "@logtape/logtape";
import { formatAddress } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { countLimit, timeLimit } from "../../net/internal/options.ts";
import { BodyLimits, type BodySource, LimitedBody } from "./_request_body.ts";
import { Clock, type Due } from "../internal/clock.ts";
import { type HandlerInfo, isClientGone } from "./_handler_info.ts";
import {
  type RefusalLook,
  refusalLooks,
  type RefusedInfo,
  shown,
} from "../internal/response_headers.ts";
import { ProxyTrust } from "../internal/forwarded.ts";
import { HostCheck } from "../internal/host_check.ts";
import { COUNT_SENT, lengthToSend } from "../internal/sent_bytes.ts";
import { SILENCE } from "./_half_closed_client.ts";
import type { ServerTracing } from "../internal/server_tracing.ts";
import { traced } from "./_traced.ts";
import { CLOSING, NOT_LOCAL, REFUSALS } from "./_refusals.ts";
import { problem, ProblemError, type ProblemOptions } from "../problem.ts";
import type {
  HttpAddr,
  HttpHandler,
  HttpServerEvent,
  HttpServerOptions,
  HttpServerStats,
} from "./options.ts";

const logger = getLogger(["portside", "http", "server"]);

/** The options of a gate. */
export interface GateOptions extends HttpServerOptions<HttpAddr> {
  /** The address of the server; undefined for a Unix socket, which counts as loopback. */
  readonly hostname?: string | undefined;
}

/** Connects a transport with the handler: applies limits, and turns errors into responses. */
export class Gate {
  /** Checks the hosts of requests. */
  readonly hosts: HostCheck;
  /** Aborted when the server begins to shut down. */
  readonly closing = new AbortController();
  /** Limits the waiting for clients that have ended their output. */
  readonly clientClock = new Clock(SILENCE);
  readonly #closing = this.closing.signal;

  readonly #handler: HttpHandler<HttpAddr>;
  readonly #looks: readonly RefusalLook[];
  readonly #trust: ProxyTrust | undefined;
  readonly #onEvent: GateOptions["onEvent"];
  readonly #maxRequests: number;
  readonly #handlerTimeout: number;
  readonly #bodyLimits: BodyLimits;
  readonly #clock: Clock;
  readonly #done = () => {
    if (--this.#active === 0) this.#idle?.();
  };
  #idle: (() => void) | undefined;
  /** The spans and metrics, unless Deno writes them itself. */
  tracing: ServerTracing | undefined;
  #toldHost = false;
  #active = 0;
  #requests = 0;
  #refused = 0;
  #failed = 0;

  constructor(options: GateOptions, handler: HttpHandler<HttpAddr>) {
    this.#handler = handler;
    this.#looks = refusalLooks(handler);
    this.#onEvent = options.onEvent;
    const { trustProxy, allowedHosts, hostname = "127.0.0.1" } = options;
    this.#trust = trustProxy === undefined ? undefined : new ProxyTrust(trustProxy);
    // A reverse proxy passes the public name on.
    const hosts = allowedHosts ?? (trustProxy === undefined ? undefined : "any");
    this.hosts = new HostCheck(hosts, hostname);
    this.#maxRequests = countLimit(options.maxRequests ?? 1024);
    this.#handlerTimeout = timeLimit(options.handlerTimeout ?? 60_000);
    this.#bodyLimits = new BodyLimits(options);
    this.#clock = new Clock(Math.min(this.#handlerTimeout, this.#bodyLimits.bodyTimeout));
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

  /** Returns whether an announced length is above the limit. */
  tooLarge(length: number): boolean {
    return length > this.#bodyLimits.maxBody;
  }

  /** Returns a body with limits. Reading beyond them rejects. */
  limitBody(source: BodySource): LimitedBody {
    return new LimitedBody(source, this.#bodyLimits, this.#clock);
  }

  /** Resolves when no request is active. */
  untilIdle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle = resolve);
  }

  /**
   * Answers a request without the handler. The wrappers around the handler see the response.
   *
   * @param status The status of the refusal.
   * @param info The information about the client.
   * @param request The request or a function that makes it; undefined if its first line is malformed.
   * @param detail An explanation for the client, if the status needs one.
   */
  refuse(
    status: number,
    info: RefusedInfo,
    request: Request | (() => Request | undefined) | undefined,
    detail?: string,
  ): Response {
    this.#refused++;
    const { remoteAddr } = info;
    logger.debug("refused a request of {peer}: {status}", () => {
      return { peer: formatAddress(remoteAddr), status };
    });
    if (this.#onEvent) this.event({ type: "refused", status, remoteAddr });
    const options = detail !== undefined
      ? { detail }
      : this.#closing.aborted
      ? CLOSING
      : status === 421 && this.hosts.isLocalOnly
      ? this.#notLocal()
      : REFUSALS[status];
    const response = problem(status, options);
    if (this.#looks.length > 0 && request !== undefined) {
      try {
        const made = typeof request === "function" ? request() : request;
        if (made === undefined) return response;
        const { completed } = info;
        const client = this.#trust?.read(made.headers, remoteAddr)?.client ?? remoteAddr;
        const count = info[COUNT_SENT]?.bind(info) ?? (() => {
          const length = lengthToSend(response, made.method) ?? 0;
          return () => length;
        });
        const refused = { completed, remoteAddr: client, [COUNT_SENT]: count };
        for (const look of this.#looks) look(made, refused, response);
      } catch (error) {
        logger.error("a wrapper failed on a refusal: {error}", { error });
      }
    }
    return response;
  }

  /** Logs once what the operator has to do. The client gets the explanation each time. */
  #notLocal(): ProblemOptions {
    if (!this.#toldHost) {
      this.#toldHost = true;
      logger.warn("refused a request for another host than this machine: {detail}", NOT_LOCAL);
    }
    return NOT_LOCAL;
  }

  /**
   * Calls the handler, and returns a response in any case. Never throws.
   *
   * @param request The first argument of the handler.
   * @param info The second argument of the handler.
   * @param body The body of the request, if there is one.
   */
  handle(
    request: Request,
    info: HandlerInfo,
    body?: LimitedBody,
  ): Response | Promise<Response> {
    const { tracing } = this;
    if (tracing === undefined) return this.#handle(request, info, body);
    return traced(tracing, request, info, () => this.#handle(request, info, body));
  }

  #handle(
    request: Request,
    info: HandlerInfo,
    body: LimitedBody | undefined,
  ): Response | Promise<Response> {
    if (this.#trust !== undefined) {
      info.through = this.#trust.read(request.headers, info.peerAddr);
    }
    if (this.#active >= this.#maxRequests) {
      return info.returned(this.refuse(503, info, request));
    }
    info[HANDLER_REQUEST] = request;
    this.#active++;
    this.#requests++;
    info.whenComplete(this.#done);
    try {
      const answer = this.#handler(request, info);
      if (answer instanceof Response) return info.returned(answer);
      return this.#settle(Promise.resolve(answer), request, info, body);
    } catch (error) {
      return info.returned(this.#fail(error, request, info));
    }
  }

  /** Reports an event to `onEvent`. */
  event(event: HttpServerEvent<HttpAddr>): void {
    try {
      this.#onEvent?.(event);
    } catch (error) {
      logger.error("onEvent failed on {type}: {error}", { type: event.type, error });
    }
  }

  /** Stops all time limits, at the end of the server. */
  stop(): void {
    this.#clock.stop();
    this.clientClock.stop();
  }

  #settle(
    answer: Promise<Response>,
    request: Request,
    info: HandlerInfo,
    body: LimitedBody | undefined,
  ): Promise<Response> {
    let late = false;
    const checked = (response: Response): Response | Promise<Response> => {
      // A framework may have turned the error of the body into a response of its own.
      if (body?.failure !== undefined && response?.status >= 500) {
        void ignoreFailure(response.body?.cancel());
        return info.returned(this.#fail(body.failure, request, info));
      }
      if (response instanceof Response) return info.returned(response);
      const error = new TypeError("The handler returned no Response");
      return info.returned(this.#fail(error, request, info));
    };
    const failed = (error: unknown): Response | Promise<Response> => {
      const cause = error instanceof ProblemError ? error : body?.failure ?? error;
      return info.returned(this.#fail(cause, request, info));
    };
    if (this.#handlerTimeout === Infinity) return answer.then(checked, failed);
    return new Promise((resolve) => {
      const started = performance.now();
      const limit: Due = {
        due: started + this.#handlerTimeout,
        expire: () => {
          // The limits of the body apply to the time spent waiting for it.
          const due = started + this.#handlerTimeout + (body?.waited ?? 0);
          if (due > performance.now()) {
            limit.due = due;
            return this.#clock.watch(limit);
          }
          late = true;
          resolve(this.#expire(answer, request, info));
        },
      };
      this.#clock.watch(limit);
      answer.then((response) => {
        this.#clock.unwatch(limit);
        // #expire cancels the response of a late handler.
        if (!late) resolve(checked(response));
      }, (error) => {
        this.#clock.unwatch(limit);
        if (!late) resolve(failed(error));
      });
    });
  }

  /** Answers for a handler whose time limit has expired. Its later response is discarded. */
  #expire(
    answer: Promise<Response>,
    request: Request,
    info: HandlerInfo,
  ): Response | Promise<Response> {
    const error = new NetError(
      `The handler of ${formatAddress(info.remoteAddr)} took more than ${this.#handlerTimeout} ms`,
      { kind: "timeout" },
    );
    this.#failed++;
    logger.error("{error}", { error: error.message });
    this.event({ type: "error", request, error, expected: false });
    info.leave(error);
    void ignoreFailure(answer.then((late) => late.body?.cancel()));
    return info.returned(
      shown(request, problem(503, { detail: "The server did not answer in time" })),
    );
  }

  #fail(error: unknown, request: Request, info: HandlerInfo): Response {
    const expected = info.gone !== undefined || isExpected(error);
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

  /**
   * Reports a response that cannot be sent, and returns a response to send in its place, if nothing
   * has been sent yet.
   *
   * @param error The error of the response.
   * @param request The request, if it is known.
   */
  replace(error: unknown, request?: Request): Response {
    const expected = isExpected(error);
    if (expected || isClientGone(error)) {
      logger.debug("a response has ended with its request: {error}", { error });
    } else {
      this.#failed++;
      logger.error("cannot send a response: {error}", { error });
    }
    if (!isClientGone(error)) this.event({ type: "response-error", request, error, expected });
    return answerTo(error);
  }
}

function answerTo(error: unknown): Response {
  if (error instanceof ProblemError) return error.toResponse();
  return problem(isExpected(error) ? 400 : 500);
}

/** Returns whether an error is a fault of the client and not of the handler. */
function isExpected(error: unknown): boolean {
  if (error instanceof ProblemError) return error.status < 500;
  return error instanceof NetError && error.phase === "read" && error.kind === "truncated";
}
