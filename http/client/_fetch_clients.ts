import { escapeControls } from "../../net/text.ts";
import type { Attempt } from "./_attempt.ts";
import { FetchedResponse } from "./_fetched_response.ts";
import { pairsOf } from "./_headers.ts";
import type { Incoming } from "./_incoming.ts";
import { choosesAddresses } from "./internal/dial.ts";
import type { HttpClientOptions } from "./options.ts";
import { chooseProxy, type ProxyChoice } from "../internal/proxy_choice.ts";
import type { ProxyServer } from "../internal/proxy_server.ts";
import type { PlainRequest, Plan } from "./_request_plan.ts";
import type { TimeLimits } from "./_time_limits.ts";

/** The largest number of origins whose protocol is kept. */
const MAX_KNOWN = 1000;

/**
 * The clients of Deno that one client uses for HTTP/2, one for each proxy, each made at its first use.
 * They speak nothing else, because Deno repeats requests on dead connections of HTTP/1.1 silently.
 */
export class FetchClients {
  readonly #base: Deno.CreateHttpClientOptions;
  readonly #choose: ProxyChoice;
  readonly #unix: boolean;
  readonly #http2: boolean;
  /** The origins that speak HTTP/2, and those that do not. */
  readonly #known = new Map<string, boolean>();
  readonly #made = new Map<ProxyServer | undefined, Deno.HttpClient>();

  constructor(
    options: HttpClientOptions,
    idle: { count: number; timeout: number },
  ) {
    const { caCerts, cert, key, http2 = false, unixSocket, proxy, pin, minVersion, inspectTls } =
      options;
    if ((cert === undefined) !== (key === undefined)) {
      throw new TypeError("Cannot use cert without key, or key without cert");
    }
    if (caCerts !== undefined || cert !== undefined) checkCertificates({ caCerts, cert, key });
    const chosen = choosesAddresses(options);
    if (chosen && (proxy || unixSocket !== undefined)) {
      throw new TypeError(
        "resolve, allow, publicOnly and dialer must not be set with proxy or unixSocket, which choose the address",
      );
    }
    if (proxy && unixSocket !== undefined) {
      throw new TypeError("proxy must not be set with unixSocket");
    }
    if (http2 && (chosen || pin !== undefined || minVersion !== undefined || inspectTls)) {
      throw new TypeError(
        "http2 must not be set with resolve, allow, publicOnly, dialer, pin, minVersion or inspectTls",
      );
    }
    if (http2 && typeof proxy === "object" && "caCerts" in proxy && proxy.caCerts) {
      throw new TypeError("http2 must not be set with proxy.caCerts; use caCerts");
    }
    this.#base = {
      ...(caCerts === undefined ? {} : { caCerts }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      http1: !http2,
      http2,
      // The headers of the caller may contain Host, which Deno drops otherwise.
      allowHost: true,
      poolIdleTimeout: idle.timeout === Infinity ? false : idle.timeout,
      poolMaxIdlePerHost: idle.count,
    };
    this.#http2 = http2;
    this.#unix = unixSocket !== undefined;
    this.#choose = http2 ? chooseProxy(proxy) : () => undefined;
  }

  /** Returns why a URL cannot be reached; undefined if it can. */
  refusal(url: URL): string | undefined {
    // Reading a part of a URL costs time.
    return this.#unix && url.protocol === "https:"
      ? "a Unix socket does not support https; use http"
      : undefined;
  }

  /** Returns whether Deno sends the requests to a URL; undefined if the first connection decides it. */
  serves(url: URL): boolean | undefined {
    return this.#http2 && url.protocol === "https:" ? this.#known.get(url.origin) : false;
  }

  /** Stores whether an origin speaks HTTP/2. */
  learn({ origin }: URL, http2: boolean): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(origin, http2);
  }

  /** Sends one try of a request. */
  async send(
    attempt: Attempt,
    plan: Plan,
    plain: PlainRequest,
    guard: TimeLimits,
  ): Promise<Incoming> {
    const headers = pairsOf(attempt.told?.headers ?? plan.headers ?? plain.headers);
    const { method, url, body } = plan;
    if (body?.type !== undefined && !headers.some(([name]) => name === "content-type")) {
      headers.push(["content-type", body.type]);
    }
    const init: RequestInit & { client: Deno.HttpClient } = {
      method,
      headers,
      redirect: "manual",
      signal: guard.signal,
      client: this.#get(url),
    };
    const sent = attempt.startUpload(plan, guard)?.body() ?? body?.whole;
    if (sent !== undefined) init.body = sent;
    attempt.stage = "sending";
    return new FetchedResponse(await fetch(url.href, init));
  }

  /** Returns the client for a request. */
  #get(url: URL): Deno.HttpClient {
    const proxy = this.#choose(url);
    const found = this.#made.get(proxy);
    if (found !== undefined) return found;
    const made = Deno.createHttpClient({
      ...this.#base,
      ...(proxy === undefined ? {} : { proxy: denoProxy(proxy) }),
    });
    this.#made.set(proxy, made);
    return made;
  }

  /** Closes all clients. */
  close(): void {
    for (const client of this.#made.values()) client.close();
    this.#made.clear();
  }
}

function denoProxy({ shown, login }: ProxyServer): Deno.Proxy {
  return login === undefined ? { url: shown } : { url: shown, basicAuth: login };
}

/** Checks certificates at once. Deno checks them when it makes a client, at the first request. */
function checkCertificates(
  given: Record<"cert" | "key", string | undefined> & { caCerts: string[] | undefined },
): void {
  const { caCerts, cert, key } = given;
  try {
    Deno.createHttpClient({
      ...(caCerts === undefined ? {} : { caCerts }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    }).close();
  } catch (cause) {
    const why = cause instanceof Error ? escapeControls(cause.message) : "";
    throw new TypeError(`Cannot use cert, key or caCerts: ${why}`, { cause });
  }
}
