import { type Attempt, Theirs } from "../_attempt.ts";
import type { PlainRequest, Plan } from "../_request_plan.ts";
import type { TimeLimits } from "../_time_limits.ts";
import { closeQuietly } from "../../../net/internal/close_quietly.ts";
import { ClientConnection, type Dialed } from "./client_connection.ts";
import type { OutgoingRequest } from "./_outgoing_request.ts";
import { ConnectionDialer } from "./dial.ts";
import type { ProxyServer } from "../../internal/proxy_server.ts";
import type { HttpClientOptions } from "../options.ts";
import type { IncomingResponse } from "./_incoming_response.ts";
import type { Origin, Pool } from "./pool.ts";
import { framingLine, type HeaderBlock, headerBlock, type RequestFraming } from "./request_head.ts";

/** Sends requests over connections of its own (HTTP/1.1, RFC 9112). */
export class Http1Transport {
  readonly #dialer: ConnectionDialer;
  readonly #pool: Pool;
  readonly #idleTimeout: number;

  constructor(options: HttpClientOptions, pool: Pool, idleTimeout: number) {
    this.#dialer = new ConnectionDialer(options);
    this.#pool = pool;
    this.#idleTimeout = idleTimeout;
  }

  /**
   * Sends one try of a request, and returns its response when the head has arrived.
   *
   * @throws {ExchangeFailure} If the connection fails. Errors while dialing are thrown as they are.
   */
  send(
    attempt: Attempt,
    plan: Plan,
    plain: PlainRequest,
    guard: TimeLimits,
  ): Promise<IncomingResponse> {
    const request = outgoing(attempt, plan, plain, guard, this.#dialer.forwards(plan.url));
    const origin = attempt.origin!;
    if (attempt.fresh) this.#pool.drop(origin);
    const conn = this.#pool.take(origin);
    if (conn === undefined) return this.#exchange(attempt, plan.url, request, origin, guard);
    attempt.stage = "sending";
    return conn.exchange(request);
  }

  /** Sends a request over a new connection. */
  async #exchange(
    attempt: Attempt,
    url: URL,
    request: OutgoingRequest,
    origin: Origin,
    guard: TimeLimits,
  ): Promise<IncomingResponse> {
    const conn = await this.#dial(attempt, url, origin, guard);
    attempt.stage = "sending";
    return await conn.exchange(request);
  }

  /** Returns whether an origin chooses HTTP/2. Otherwise the connection serves the next request. */
  async speaksHttp2(attempt: Attempt, url: URL, guard: TimeLimits): Promise<boolean> {
    attempt.stage = "dialing";
    const dialed = await this.#dialer.dial(url, guard, attempt.timings, ["h2", "http/1.1"]);
    const http2 = dialed.tls?.alpnProtocol === "h2";
    if (http2) closeQuietly(dialed.transport);
    else this.#pool.keep(this.#connection(dialed, attempt.origin!), attempt.origin!);
    return http2;
  }

  async #dial(
    attempt: Attempt,
    url: URL,
    origin: Origin,
    guard: TimeLimits,
  ): Promise<ClientConnection> {
    attempt.stage = "dialing";
    return this.#connection(await this.#dialer.dial(url, guard, attempt.timings), origin);
  }

  #connection(dialed: Dialed, origin: Origin): ClientConnection {
    return new ClientConnection(dialed, {
      keep: (conn) => this.#pool.keep(conn, origin),
      forget: (conn) => this.#pool.forget(conn, origin),
    }, this.#idleTimeout);
  }
}

/** Returns a request as it is written. Throws if its headers do not fit its body. */
function outgoing(
  attempt: Attempt,
  plan: Plan,
  plain: PlainRequest,
  guard: TimeLimits,
  proxy: ProxyServer | undefined,
): OutgoingRequest {
  const { method, template } = plan;
  const headers = attempt.told?.headers ?? plan.headers;
  const sending = attempt.startUpload(plan, guard);
  const { ascii } = plan.body ?? {};
  let body = sending === undefined && ascii === undefined ? plan.body?.whole : undefined;
  let block = plain.block;
  let head: string;
  let expects = false;
  if (headers === undefined && method === "GET" && plan.body === undefined && template) {
    head = template.head ??= headOf(plan, block, undefined, proxy);
  } else {
    if (headers !== undefined) block = headerBlock(headers);
    const framing = sending === undefined ? (ascii ?? body)?.length : sending.size ?? "chunked";
    const large = framing === "chunked" ? Infinity : framing ?? -1;
    const waits = !block.expects && plan.expectFrom < Infinity && large >= plan.expectFrom;
    head = headOf(plan, block, framing, proxy, waits ? "Expect: 100-continue\r\n" : "");
    expects = (waits || block.expects) && framing !== undefined;
    if (expects) body ??= plan.body?.whole;
    else if (ascii !== undefined) head += ascii;
  }
  return {
    method,
    head,
    body,
    sending,
    expects,
    last: block.closes,
    guard,
    timings: attempt.timings,
    onInterim: interim(attempt),
  };
}

/** Returns the function that reports interim responses to the hook of the caller. */
function interim(attempt: Attempt): OutgoingRequest["onInterim"] {
  const { hooks, told } = attempt;
  if (hooks?.informational === undefined || told === undefined) return undefined;
  return (status, headers) => {
    try {
      hooks.informational!({ status, headers }, told);
    } catch (error) {
      attempt.spoiled = new Theirs(error);
      throw error;
    }
  };
}

function headOf(
  { method, url, template, body }: Plan,
  block: HeaderBlock,
  framing: RequestFraming,
  proxy: ProxyServer | undefined,
  expect = "",
): string {
  const path = template?.target ?? url.pathname + url.search;
  // A proxy needs the whole URL (RFC 9112 §3.2.2).
  const target = proxy === undefined ? path : url.origin + path;
  const host = block.host ?? template?.host ?? url.host;
  const login = proxy?.authorization === undefined
    ? ""
    : `Proxy-Authorization: ${proxy.authorization}\r\n`;
  const type = body?.type === undefined || block.typed ? "" : `Content-Type: ${body.type}\r\n`;
  const lines = block.lines + login + type + expect + framingLine(method, framing, block.length);
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
}
