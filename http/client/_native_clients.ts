import { escapeControls } from "../../net/text.ts";
import type { HttpClientOptions } from "./options.ts";
import { Dialer } from "./_dialer.ts";
import { checkProxy, noProxyMatcher } from "./_proxy.ts";

/** What a request asks of the client under it. */
export interface Wanted {
  readonly url: URL;
  /** Whether Deno may send it again by itself when a kept connection turns out to be dead. */
  readonly repeatable: boolean;
}

/**
 * The clients of Deno under one of ours, made when they are needed first: with
 * and without kept connections, with and without the proxy.
 */
export class NativeClients {
  /** Connects for them, if that was asked for. */
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
      throw new TypeError("Cannot use cert without key, nor key without cert");
    }
    if (caCerts !== undefined || cert !== undefined) checkCertificates({ caCerts, cert, key });
    const ways = [proxy, unixSocket, dialer || undefined];
    if (ways.filter((way) => way !== undefined).length > 1) {
      throw new TypeError("Cannot use more than one of proxy, unixSocket and dialer");
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

  /** Why there is no way to an URL; undefined if there is one. */
  refusal({ protocol }: URL): string | undefined {
    // Deno would send it in plain text, whatever the URL says.
    return this.#unix && protocol === "https:"
      ? "https does not go over a Unix socket: use http"
      : undefined;
  }

  /** The one for a request. */
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

  /** Closes all of them. */
  close(): void {
    for (const client of this.#made.values()) client.close();
    this.#made.clear();
    this.dialer?.close();
  }
}

/** Deno looks at certificates when a client is made, which is late for an option. */
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
