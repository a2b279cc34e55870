import { formatAddress } from "../../net/address.ts";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import { hostPortOf } from "../../http/internal/url_parts.ts";
import { createCookieJar } from "../../http/client/cookie_jar.ts";
import type { HttpExchange, HttpStep } from "./diagnosis.ts";
import { checkHost } from "./_commands.ts";
import { explainHttp } from "./_failed_exchange.ts";
import { CLIENT_CERTIFICATE, OTHER_CERTIFICATE } from "./_failed_handshake.ts";
import {
  BodyFailure,
  exchange,
  exchangeByHttp2,
  type Exchanged,
  makeClient,
  ofFamily,
} from "./_http_exchange.ts";
import { describeTrouble } from "./_step_tls.ts";
import { resolveBySystem } from "../internal/connection_phases.ts";
import { count, showTime } from "../internal/text.ts";
import { timed, type Walk } from "./_timed_step.ts";

const MAX_REDIRECTS = 10;

type Ended = Pick<HttpStep, "status" | "text" | "advice" | "error">;

/** Requests a URL and follows redirects; `address` is the known address of its host. */
export function httpStep(walk: Walk, url: string, address?: string): Promise<HttpStep> {
  const exchanges: HttpExchange[] = [];
  return timed<HttpStep, "http">(walk, "http", { exchanges }, async () => {
    const cookies = createCookieJar();
    await using client = makeClient(walk, cookies, address);
    // A page that sets a cookie and redirects to itself is no loop.
    const seen = new Set<string>();
    let next: URL | undefined = new URL(url);
    next.hash = "";
    while (next !== undefined) {
      const current: URL = next;
      const state = `${current.href} ${cookies.cookies(current.href)}`;
      if (seen.has(state) || seen.size > MAX_REDIRECTS) {
        const text = seen.has(state)
          ? `redirects in a loop: ${current.href} again`
          : `redirects more than ${MAX_REDIRECTS} times`;
        return { status: "failed", text, advice: "Fix the redirects of the server.", exchanges };
      }
      seen.add(state);
      let one: Exchanged;
      try {
        one = await exchangeByAny(walk, current, exchanges, (to) => exchange(walk, client, to));
      } catch (thrown) {
        return { ...await failed(walk, current, thrown, exchanges.length, address), exchanges };
      }
      exchanges.push(one.exchange);
      if (current.protocol === "http:" && isTlsHint(one)) {
        return { ...wrongScheme(current), exchanges };
      }
      const refused = refusedClient(walk, current, one);
      if (refused !== undefined) return { ...refused, exchanges };
      const to = redirectOf(one.exchange, current);
      if (to === null) {
        const text = `redirects to ${one.exchange.location}, which is not an HTTP URL`;
        return { status: "failed", text, advice: "Fix the redirect of the server.", exchanges };
      }
      next = to;
    }
    return { ...describe(exchanges), exchanges };
  });
}

/** Sends a request over HTTP/1.1, or over HTTP/2 if the server speaks nothing else. */
async function exchangeByAny(
  walk: Walk,
  url: URL,
  before: readonly HttpExchange[],
  send: (url: URL) => Promise<Exchanged>,
): Promise<Exchanged> {
  const { origin } = url;
  const last = before.findLast((one) => new URL(one.url).origin === origin);
  if (last?.protocol === "HTTP/2") return await exchangeByHttp2(walk, url);
  try {
    return await send(url);
  } catch (error) {
    if (error instanceof NetError && speaksOnlyHttp2(error)) {
      return await exchangeByHttp2(walk, url);
    }
    throw error;
  }
}

function speaksOnlyHttp2({ message }: NetError): boolean {
  return /no application protocol in common|speaks only HTTP\/2/.test(message);
}

/** Returns the target of a redirect; undefined for other responses, null if it is unusable. */
function redirectOf({ status, location }: HttpExchange, from: URL): URL | undefined | null {
  if (status < 300 || status >= 400 || location === undefined) return undefined;
  const target = URL.parse(location, from);
  if (target === null || !isCallable(target)) return null;
  target.hash = target.username = target.password = "";
  return target;
}

/** Returns whether the target of a redirect is a valid HTTP URL. A server may be hostile. */
function isCallable(target: URL): boolean {
  try {
    const { hostname, port } = hostPortOf(target);
    return /^https?:$/.test(target.protocol) && checkHost(hostname) !== "" && port > 0;
  } catch {
    return false;
  }
}

/** Returns whether a server of TLS has said so in plain HTTP, as nginx, Apache and Go do. */
function isTlsHint({ exchange: { status }, body }: Exchanged): boolean {
  return status === 400 &&
    /plain HTTP request was sent to (?:an )?HTTPS port|plain HTTP to an SSL|HTTP request to an HTTPS server|requires TLS/i
      .test(body);
}

/** Returns that a server refuses this client by its certificate, as nginx says in HTTP. */
function refusedClient(
  { cert }: Walk,
  url: URL,
  { exchange: { status }, body }: Exchanged,
): Ended | undefined {
  const isMissing = /No required SSL certificate was sent/i.test(body);
  if (status !== 400 || !(isMissing || /The SSL certificate error/i.test(body))) return undefined;
  const { hostname, port } = hostPortOf(url);
  const where = formatAddress({ hostname, port });
  const text = isMissing && cert === undefined
    ? `${where} requires a client certificate`
    : `${where} refuses the certificate of this client`;
  const tls = isMissing ? "client-certificate" : "rejected";
  const error = new NetError(text, { kind: "tls", phase: "response", address: where, tls });
  return {
    status: "failed",
    text,
    advice: isMissing ? CLIENT_CERTIFICATE : OTHER_CERTIFICATE,
    error,
  };
}

function wrongScheme(url: URL): Ended {
  const secure = new URL(url);
  secure.protocol = "https:";
  // The parser removes port 443 from the URL, and keeps others.
  if (url.port === "") secure.port = "80";
  return {
    status: "failed",
    text: "it speaks TLS on this port",
    advice: `Try ${secure.href}.`,
  };
}

/** Explains a failed exchange, the first one or one after `redirects` redirects. */
async function failed(
  walk: Walk,
  url: URL,
  thrown: unknown,
  redirects: number,
  address: string | undefined,
): Promise<Ended> {
  walk.signal?.throwIfAborted();
  const cause = thrown instanceof BodyFailure ? thrown.cause : thrown;
  const error = toNetError(cause, { phase: "response" });
  if (error.kind === "permission") throw error;
  const { hostname: host, port } = hostPortOf(url);
  const site = { host: checkHost(host), port };
  if (redirects > 0 && error.kind === "tls") {
    const [other] = ofFamily(await resolveBySystem(host, walk), walk.family);
    const trouble = other && await describeTrouble(walk, site, other);
    if (trouble) {
      const text = `redirects to ${url.href}, whose ${trouble.text}`;
      return { status: "failed", text, advice: trouble.advice, error };
    }
  }
  const known = redirects === 0 ? address : undefined;
  const { speaksTls, ...told } = await explainHttp(walk, site, known, {
    error,
    inBody: thrown instanceof BodyFailure,
    secure: url.protocol === "https:",
  });
  if (speaksTls) return { ...wrongScheme(url), error: told.error };
  return redirects === 0 || thrown instanceof BodyFailure
    ? told
    : { ...told, text: `redirects to ${url.href}, but ${told.text}` };
}

function describe(
  exchanges: readonly HttpExchange[],
): Pick<HttpStep, "status" | "text" | "advice"> {
  const last = exchanges.at(-1)!;
  const redirects = exchanges.length - 1;
  const via = redirects === 0 ? "" : ` after ${count(redirects, "redirect")}, from ${last.url}`;
  const over = last.protocol === "HTTP/2" ? " over HTTP/2" : "";
  const text = `${statusLine(last)}${over}${via}, ${sizeOf(last)} in ${
    showTime(totalOf(exchanges))
  }`;
  if (last.status >= 500) {
    return { status: "failed", text, advice: "Check the log of the server." };
  }
  if (last.status < 400) return { status: "ok", text };
  const advice: Record<number, string> = {
    401: "The path works; the server requires a login.",
    403: "The path works; the server does not allow this request.",
    404: "The path works; the server has no resource at this URL.",
    421: "The server does not serve this name.",
    429: "The path works; the server limits the rate of requests.",
  };
  return {
    status: "warning",
    text,
    advice: advice[last.status] ?? "The path works; the server rejects this request.",
  };
}

/** Returns the size of a body. If it was not read to its end, it has more bytes. */
function sizeOf({ bytes, complete, headers }: HttpExchange): string {
  const size = count(bytes, "byte");
  if (complete) return size;
  const length = headers["content-length"];
  return `the first ${bytes} of ${length === undefined ? "more" : length} bytes`;
}

/** Returns the status with its reason: `200 OK`. */
export function statusLine({ status, reason }: HttpExchange): string {
  return `${status} ${reason}`.trimEnd();
}

/** Returns the total time of all exchanges. */
export function totalOf(exchanges: readonly HttpExchange[]): number {
  return exchanges.reduce((sum, { phases }) => sum + phases.total, 0);
}
