import { escapeControls } from "../../net/text.ts";
import type { HttpClientOptions } from "./options.ts";
import { Dialer } from "./_dialer.ts";
import { checkProxy, noProxyMatcher } from "./_proxy_settings.ts";

/** The requirements of a request for the client of Deno. */
export interface Wanted {
  readonly url: URL;
  /** Whether Deno may repeat the request when a reused connection is dead. */
  readonly repeatable: boolean;
}

/**
 * The clients of Deno that one client uses, each made at its first use: with and without connection
 * reuse, with and without the proxy.
 */
export class NativeClients {
  /** Connects in place of Deno, if the options require it. */
  readonly dialer: Dialer | undefined;
  readonly #base: Deno.CreateHttpClientOptions;
  readonly #proxy: Deno.Proxy | undefined;
  readonly #direct: ((url: URL) => boolean) | undefined;
  readonly #unix: boolean;
  readonly #made = new Map<number, Deno.HttpClient>();

  constructor(
    options: HttpClientOptions,
    idle: { count: number; timeout: number },
  ) {
    const { caCerts, cert, key, http2 = true, unixSocket, proxy, dialer } = options;
    if ((cert === undefined) !== (key === undefined)) {
      throw new TypeError("Cannot use cert without key, or key without cert");
    }
    if (caCerts !== undefined || cert !== undefined) checkCertificates({ caCerts, cert, key });
    const ways = [proxy, unixSocket, dialer || undefined];
    if (ways.filter((way) => way !== undefined).length > 1) {
      throw new TypeError("Only one of proxy, unixSocket and dialer may be set");
    }
    if (dialer) this.dialer = new Dialer(dialer === true ? {} : dialer);
    this.#base = {
      ...(caCerts === undefined ? {} : { caCerts }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      http2,
      // The headers of the caller may contain Host, which Deno drops otherwise.
      allowHost: true,
      poolIdleTimeout: idle.timeout === Infinity ? false : idle.timeout,
      poolMaxIdlePerHost: idle.count,
    };
    this.#unix = unixSocket !== undefined;
    if (unixSocket !== undefined) this.#proxy = { transport: "unix", path: unixSocket };
    else if (proxy !== undefined) this.#proxy = checkProxy(proxy);
    if (proxy?.noProxy !== undefined) this.#direct = noProxyMatcher(proxy.noProxy);
  }

  /** Returns why a URL cannot be reached; undefined if it can. */
  refusal({ protocol }: URL): string | undefined {
    // Deno would send the request without TLS.
    return this.#unix && protocol === "https:"
      ? "a Unix socket does not support https; use http"
      : undefined;
  }

  /** Returns the client for a request. */
  get({ url, repeatable }: Wanted): Deno.HttpClient {
    const direct = this.dialer === undefined &&
      (this.#proxy === undefined || this.#direct?.(url) === true);
    const key = (repeatable ? 1 : 0) + (direct ? 2 : 0);
    const found = this.#made.get(key);
    if (found !== undefined) return found;
    const made = Deno.createHttpClient({
      ...this.#base,
      ...(direct ? {} : { proxy: this.dialer?.proxy() ?? this.#proxy! }),
      ...(repeatable ? {} : { poolMaxIdlePerHost: 0 }),
    });
    this.#made.set(key, made);
    return made;
  }

  /** Closes all clients and the dialer. */
  close(): void {
    for (const client of this.#made.values()) client.close();
    this.#made.clear();
    this.dialer?.close();
  }
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
