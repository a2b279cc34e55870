import { formatAddress } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import { StreamDecoder } from "../../net/internal/stream_decoder.ts";
import { escapeControls } from "../../net/text.ts";
import { createClient, type HttpClient } from "../../http/client/client.ts";
import type { CookieJar } from "../../http/client/cookie_jar.ts";
import { HttpTimeoutError } from "../../http/client/errors.ts";
import type { HttpResponse } from "../../http/client/response.ts";
import type { HttpClientOptions } from "../../http/client/options.ts";
import { hostPortOf } from "../../http/internal/url_parts.ts";
import { resolveBySystem } from "../internal/connection_phases.ts";
import { isIPv6 } from "../internal/program_output.ts";
import type { HttpExchange, HttpPhases } from "./diagnosis.ts";
import type { Walk } from "./_timed_step.ts";

/** Maximum number of bytes of a body to read. */
const MAX_BODY = 16 * 1024 * 1024;
/** The part of the body of an error that is looked at, in bytes. */
const SHOWN_BODY = 2048;
/** Maximum length of a header value to keep, and number of fields. */
const MAX_VALUE = 2000;
const MAX_FIELDS = 100;

/** Media types of bodies that never end and may be silent. */
const ENDLESS = /^(?:text\/event-stream|multipart\/x-mixed-replace)\b/i;

/** An exchange, and the beginning of its body if the status is 400 or above. */
export interface Exchanged {
  readonly exchange: HttpExchange;
  readonly body: string;
}

/** A failure after the head of a response has come. */
export class BodyFailure {
  constructor(readonly cause: unknown) {}
}

/** The client of a diagnosis. It sends one request at a time, and never repeats one. */
export interface DiagnosisClient extends AsyncDisposable {
  readonly client: HttpClient;
  /** Whether the head of the response to the last request has come. */
  hasHead: boolean;
}

/** Makes the client of a diagnosis. `known` is the address of the target. */
export function makeClient(
  walk: Walk,
  cookies: CookieJar,
  known: string | undefined,
): DiagnosisClient {
  const { timeout, target, proxy, pin, cert, key, caCerts } = walk;
  const client = createClient({
    retry: false,
    raiseForStatus: false,
    maxRedirects: 0,
    cookies,
    idleTimeout: 1,
    maxBody: Infinity,
    timeouts: { headers: timeout, body: timeout },
    connectTimeout: timeout,
    ...(caCerts.length > 0 && { caCerts: [...caCerts] }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    ...(pin.length > 0 && { pin }),
    ...(proxy === undefined
      ? { proxy: false, resolve: (host) => resolveFor(walk, host, target.host, known) }
      : proxyOf(proxy)),
    hooks: { afterResponse: () => void (made.hasHead = true) },
  });
  const made: DiagnosisClient = {
    client,
    hasHead: false,
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
  return made;
}

function proxyOf(
  { shown, login, caCerts }: NonNullable<Walk["proxy"]>,
): Pick<HttpClientOptions, "proxy"> {
  return { proxy: { url: shown, ...login, ...(caCerts && { caCerts }), noProxy: [] } };
}

async function resolveFor(
  walk: Walk,
  host: string,
  own: string,
  known: string | undefined,
): Promise<readonly string[]> {
  if (host === own && known !== undefined) return [known];
  return ofFamily(await resolveBySystem(host, walk), walk.family);
}

/** Returns the addresses of one IP version. */
export function ofFamily(addresses: readonly string[], family: 4 | 6 | undefined): string[] {
  return addresses.filter((one) => family === undefined || isIPv6(one) === (family === 6));
}

/**
 * Sends one request and reads the response to its end, or to the limits.
 *
 * @throws {NetError | BodyFailure} If there is no complete response.
 */
export async function exchange(
  walk: Walk,
  made: DiagnosisClient,
  url: URL,
): Promise<Exchanged> {
  const begun = performance.now();
  const headers = fieldsFor(walk, url);
  made.hasHead = false;
  let response: HttpResponse;
  try {
    response = await made.client.get(url.href, { headers, signal: walk.signal! });
  } catch (error) {
    // A short body belongs to the same step as the head.
    throw made.hasHead ? new BodyFailure(error) : error;
  }
  const { bytes, complete, body } = await readBody(response, walk);
  const elapsed = performance.now() - begun;
  const { timings, remoteAddr, trailers } = response;
  const total = timings?.total ?? elapsed;
  const { resolve = 0, connect = 0, tls = 0, firstByte = total } = timings ?? {};
  const phases: HttpPhases = {
    dns: resolve,
    tcp: connect,
    tls,
    firstByte: Math.max(0, firstByte - resolve - connect - tls),
    body: Math.max(0, total - firstByte),
    total,
  };
  return {
    exchange: {
      ...describe(url, response),
      address: remoteAddr !== undefined && "hostname" in remoteAddr
        ? formatAddress(remoteAddr)
        : "",
      protocol: "HTTP/1.1",
      ...(trailers && { trailers: fieldsOf(trailers) }),
      bytes,
      complete,
      phases,
    },
    body,
  };
}

const DEFAULTS: readonly [string, string][] = [
  ["user-agent", "portside-diagnose"],
  ["accept", "*/*"],
  ["accept-encoding", "identity"],
];

/** Returns the fields of a request. Those of the user may contain credentials for the target. */
function fieldsFor({ headers, target }: Walk, url: URL): Headers {
  const fields = new Headers(hostPortOf(url).hostname === target.host ? headers : []);
  for (const [name, value] of DEFAULTS) if (!fields.has(name)) fields.set(name, value);
  return fields;
}

/**
 * Sends one request over HTTP/2, to a server that speaks nothing else. `fetch` of Deno sends it, and does
 * not tell the phases.
 */
export async function exchangeByHttp2(walk: Walk, url: URL): Promise<Exchanged> {
  const { caCerts, cert, key, proxy, timeout } = walk;
  using client = Deno.createHttpClient({
    http1: false,
    http2: true,
    allowHost: true,
    ...(caCerts.length > 0 && { caCerts: [...caCerts] }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    ...(proxy && { proxy: { url: proxy.shown, ...(proxy.login && { basicAuth: proxy.login }) } }),
  });
  const begun = performance.now();
  const headers = fieldsFor(walk, url);
  const signal = AbortSignal.any([walk.signal!, AbortSignal.timeout(timeout)]);
  const response = await fetch(url, { client, headers, redirect: "manual", signal });
  const head = performance.now() - begun;
  const { bytes, complete, body } = await readBody(response, walk);
  const total = performance.now() - begun;
  return {
    exchange: {
      ...describe(url, response),
      address: formatAddress(hostPortOf(url)),
      protocol: "HTTP/2",
      bytes,
      complete,
      phases: { dns: 0, tcp: 0, tls: 0, firstByte: head, body: total - head, total },
    },
    body,
  };
}

function describe(
  url: URL,
  response: Response,
): Pick<HttpExchange, "url" | "status" | "reason" | "location" | "server" | "headers"> {
  const { status, statusText } = response;
  const headers = fieldsOf(response.headers);
  const { location, server } = headers;
  return {
    url: url.href,
    status,
    reason: escapeControls(statusText.slice(0, 100)),
    ...(location && { location }),
    ...(server && { server: server.slice(0, 100) }),
    headers,
  };
}

function fieldsOf(headers: Headers): Record<string, string> {
  const fields = [...headers].slice(0, MAX_FIELDS);
  return Object.fromEntries(
    fields.map(([name, value]) => [name, escapeControls(value.slice(0, MAX_VALUE))]),
  );
}

/** Reads a body within the limits. A body that goes on after them is not an error. */
async function readBody(
  response: Response | HttpResponse,
  { timeout }: Walk,
): Promise<{ bytes: number; complete: boolean; body: string }> {
  const begun = performance.now();
  let bytes = 0;
  let body = "";
  const decoder = new StreamDecoder();
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  try {
    for (let part; !(part = await reader?.read() ?? { done: true }).done;) {
      const value: Uint8Array = part.value!;
      bytes += value.length;
      if (response.status >= 400 && body.length < SHOWN_BODY) {
        body += decoder.decode(value.subarray(0, SHOWN_BODY), { stream: true });
      }
      if (bytes < MAX_BODY && performance.now() - begun < timeout) continue;
      await reader!.cancel();
      return { bytes, complete: false, body };
    }
    return { bytes, complete: true, body };
  } catch (error) {
    const silent = error instanceof HttpTimeoutError && error.stage === "body";
    if (silent && ENDLESS.test(response.headers.get("content-type") ?? "")) {
      return { bytes, complete: false, body };
    }
    if (error instanceof NetError || error instanceof TypeError) throw new BodyFailure(error);
    throw error;
  }
}
