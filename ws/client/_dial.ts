import { Http1Error, type Http1Response } from "../../http/http1/codec.ts";
import { AnswerReader } from "../../http/internal/answer_reader.ts";
import { parseRetryAfter } from "../../http/client/retry.ts";
import type { Connection } from "../../net/connection/connection.ts";
import { NetError, type NetErrorOptions, toNetError } from "../../net/errors/errors.ts";
import { orAbort } from "../../net/internal/or_abort.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { Alarm } from "../../net/internal/timer.ts";
import { WsConnection } from "../connection/connection.ts";
import { acceptOf } from "../internal/accept_key.ts";
import { frameLimitsOf } from "../internal/frame_limits.ts";
import { FrameSocket } from "../internal/frame_socket.ts";
import { wsCompressionOf, wsLimitsOf } from "../internal/option_rules.ts";
import { WsHandshakeError } from "./errors.ts";
import {
  checkOpening,
  encodeOpening,
  type Opened,
  type Opening,
  OpeningFault,
  readHeaders,
  readProtocols,
} from "../internal/client_opening.ts";
import { readTarget, type WsTarget } from "../internal/client_target.ts";
import { openTransport, tlsOf, type TransportOptions } from "./_transport.ts";
import type { ConnectWebSocketOptions, WsAttempt, WsPerAttempt } from "./options.ts";

/** Statuses of redirects that have a `Location`. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Fields that are meant for one origin alone. */
const SECRETS: readonly string[] = ["authorization", "cookie", "host", "proxy-authorization"];

/** Opens the connections of one client. */
export class WsDialer {
  readonly #url: WsPerAttempt<string | URL>;
  readonly #options: ConnectWebSocketOptions;
  readonly #transport: TransportOptions;
  readonly #timeout: number;
  #attempts = 0;
  #target: WsTarget | undefined;

  /**
   * Checks what needs no call of a function.
   *
   * @throws {TypeError} If the URL, a header field or a subprotocol is malformed.
   */
  constructor(url: WsPerAttempt<string | URL>, options: ConnectWebSocketOptions) {
    this.#url = url;
    this.#options = options;
    this.#timeout = timeLimit(options.timeout ?? 10_000);
    const { stallTimeout } = wsLimitsOf(options);
    this.#transport = {
      tls: tlsOf(options),
      unixSocket: options.unixSocket,
      proxy: options.proxy,
      connection: { writeTimeout: stallTimeout === Infinity ? 0 : stallTimeout },
    };
    if (typeof url !== "function") this.#target = this.#checked(url);
    const { shown = "the WebSocket" } = this.#target ?? {};
    const { headers, protocols } = options;
    if (typeof headers !== "function") readHeaders(headers, shown);
    if (typeof protocols !== "function") readProtocols(protocols ?? [], shown);
  }

  /** The URL of the last attempt without credentials; empty before a function has returned it. */
  get url(): string {
    return this.#target?.url.href ?? "";
  }

  /**
   * Opens a connection.
   *
   * @throws {NetError} As `connectWebSocket`.
   */
  async dial(signal?: AbortSignal): Promise<WsConnection> {
    signal?.throwIfAborted();
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal!.reason);
    const alarm = new Alarm(() => stop.abort(this.#late()));
    alarm.start(this.#timeout);
    signal?.addEventListener("abort", onAbort);
    try {
      return await this.#attempt(stop.signal);
    } catch (error) {
      throw stop.signal.aborted ? stop.signal.reason : error;
    } finally {
      alarm.stop();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #attempt(signal: AbortSignal): Promise<WsConnection> {
    const attempt: WsAttempt = { attempt: ++this.#attempts, signal };
    const { maxRedirects = 0, headers, protocols, compression } = this.#options;
    let target = this.#target = this.#checked(await now(this.#url, attempt));
    const opening = {
      headers: readHeaders(await now(headers, attempt), target.shown),
      protocols: readProtocols(await now(protocols, attempt) ?? [], target.shown),
      compression: wsCompressionOf(compression),
    };
    for (let left = maxRedirects;; left--) {
      const answer = await this.#open(target, opening, signal, left);
      if (answer instanceof WsConnection) return answer;
      if (answer.url.origin !== target.url.origin) {
        for (const name of SECRETS) opening.headers.delete(name);
      }
      target = this.#target = answer;
    }
  }

  #checked(url: string | URL): WsTarget {
    const target = readTarget(url);
    if (!target.secure && this.#options.pin !== undefined) {
      throw new TypeError(`Cannot open ${target.shown}: a pin requires a URL of wss:`);
    }
    return target;
  }

  /** Returns the connection, or the target of a redirect that may be followed. */
  async #open(
    target: WsTarget,
    opening: Opening,
    signal: AbortSignal,
    redirects: number,
  ): Promise<WsConnection | WsTarget> {
    const conn = await openTransport(target, this.#transport, signal);
    try {
      const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
      const reader = new AnswerReader(conn, "GET", signal);
      await orAbort(conn.write(encodeOpening(target, opening, key)), signal);
      const head = await reader.head();
      if (head.status !== 101) {
        const next = redirectOf(head, target);
        const error = await refusal(head, reader, target, next, redirects);
        if (error !== undefined) throw error;
        conn.abort();
        return next!;
      }
      if (reader.repaired) throw new OpeningFault("the server sent a malformed response");
      const opened = checkOpening(head, await acceptOf(key), opening);
      reader.release();
      return await this.#take(conn, target, opening, opened, headersOf(head));
    } catch (error) {
      conn.abort();
      throw explain(error, target);
    }
  }

  /** Makes the WebSocket of an open connection. */
  async #take(
    connection: Connection,
    { url }: WsTarget,
    { compression }: Opening,
    { protocol, deflate }: Opened,
    headers: Headers,
  ): Promise<WsConnection> {
    const options = this.#options;
    const { unixSocket } = options;
    const peer = unixSocket === undefined ? url.host : connection.peer;
    const socket = new FrameSocket(Promise.resolve({ connection }), {
      role: "client",
      peer,
      protocol,
      limits: frameLimitsOf(options),
      compression: deflate && { parameters: deflate, options: compression! },
    });
    const opened = new WsConnection(
      socket,
      { peer, url: url.href, headers, protocol, server: false },
      options,
    );
    await opened.opened;
    return opened;
  }

  #late(): NetError {
    const where = this.#target?.shown ?? "the WebSocket";
    return failure(where, this.#target, `no answer in ${this.#timeout} ms`, {
      kind: "timeout",
      phase: "connect",
    });
  }
}

/** Returns the value of an option that may be a function. */
async function now<T>(value: WsPerAttempt<T>, attempt: WsAttempt): Promise<T> {
  if (typeof value !== "function") return value;
  return await orAbort((value as (attempt: WsAttempt) => T | Promise<T>)(attempt), attempt.signal);
}

/** Returns the target of a redirect; undefined for any other response. */
function redirectOf({ status, fields }: Http1Response, { url }: WsTarget): WsTarget | undefined {
  const location = fields.get("location");
  if (!REDIRECTS.has(status) || location === undefined) return undefined;
  const next = URL.parse(location, url);
  try {
    return next === null ? undefined : readTarget(next);
  } catch {
    return undefined;
  }
}

/** Returns the error for a response that is no WebSocket; undefined for a redirect to follow. */
async function refusal(
  head: Http1Response,
  reader: AnswerReader,
  target: WsTarget,
  next: WsTarget | undefined,
  redirects: number,
): Promise<NetError | undefined> {
  const { shown, url, secure } = target;
  const { status, fields } = head;
  if (next !== undefined && redirects > 0) {
    if (next.secure || !secure) return undefined;
    const why = `the server redirects to ${next.shown}, which has no TLS`;
    return failure(shown, target, why, { kind: "protocol", phase: "handshake", code: `${status}` });
  }
  const retryAfter = fields.get("retry-after");
  const hint = next === undefined ? "" : `; it redirects to ${next.shown} (option maxRedirects)`;
  const message = `Cannot open ${shown}: the server answered ${status}, no WebSocket${hint}`;
  return new WsHandshakeError(message, url.host, {
    status,
    headers: headersOf(head),
    body: await reader.beginning(),
    retryAfter: retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, Date.now()),
  });
}

function headersOf({ fields }: Http1Response): Headers {
  return new Headers([...fields].map(([name, value]) => [name, value]));
}

/** Returns the error for a failure after the connection was open. */
function explain(error: unknown, target: WsTarget): unknown {
  const { shown } = target;
  if (error instanceof OpeningFault) {
    return failure(shown, target, error.message, { kind: "protocol", phase: "handshake" });
  }
  if (error instanceof Http1Error) {
    const { truncated, message } = error;
    const why = truncated
      ? "the server ended without an answer"
      : `the server sent no proper answer (${message})`;
    const kind = truncated ? "truncated" : "protocol";
    return failure(shown, target, why, { kind, phase: "handshake", cause: error });
  }
  return error instanceof WsHandshakeError
    ? error
    : toNetError(error, { phase: "handshake", address: target.url.host });
}

function failure(
  shown: string,
  target: WsTarget | undefined,
  why: string,
  options: NetErrorOptions,
): NetError {
  return new NetError(`Cannot open ${shown}: ${why}`, {
    ...options,
    ...target && { address: target.url.host },
  });
}
