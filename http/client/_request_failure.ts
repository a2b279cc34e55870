import { toNetError } from "../../net/errors/errors.ts";
import { escapeControls } from "../../net/text.ts";
import { HttpRequestError, type HttpSent, HttpTimeoutError, type HttpTry } from "./errors.ts";
import type { Expired } from "./_time_limits.ts";
import { shownUrl } from "./_url.ts";

/** The request that an error is about. */
export interface Failing {
  readonly method: string;
  readonly url: URL;
  readonly history: readonly HttpTry[];
}

const STAGES = {
  queue: ["no place in the pool became free", "connect"],
  connect: ["no connection", "connect"],
  headers: ["no answer", "response"],
  body: ["nothing more of the body", "read"],
  total: ["not done", "request"],
} as const;

/** Returns the error for an expired time limit. */
export function timeoutError(expired: Expired, failing: Failing, sent: HttpSent): HttpTimeoutError {
  const { stage, limit } = expired;
  const [what, phase] = STAGES[stage];
  const { method, history } = failing;
  const url = shownUrl(failing.url);
  const hint = stage === "queue"
    ? "; a response keeps its place until its body is read or cancelled"
    : "";
  const message = `Cannot ${method} ${url}: ${what} within ${limit} ms (${stage})${hint}`;
  return new HttpTimeoutError(message, {
    stage,
    limit,
    phase,
    method,
    url,
    history,
    sent,
    retryable: stage !== "total" && stage !== "queue",
  });
}

/** Returns whether `fetch` failed before it sent anything. */
export function isUnsent(thrown: unknown): boolean {
  const native = nativeText(thrown);
  return BLOCKED.test(native) || /\bclient error \(Connect\): /.test(native) ||
    thrown instanceof Deno.errors.NotCapable;
}

const BLOCKED = /Requests to port \d+ are blocked/;

/** Returns the error for a failure of `fetch` or of reading a body. */
export function requestError(cause: unknown, failing: Failing, sent: HttpSent): HttpRequestError {
  if (cause instanceof HttpRequestError) return cause;
  const { method, history } = failing;
  const url = shownUrl(failing.url);
  const net = toNetError(cause);
  const native = nativeText(cause);
  const blocked = BLOCKED.exec(native)?.[0];
  const { phase, address, addresses, code, tls, permission, retryable } = net;
  // Deno's `fetch` refuses the certificate of an authority even if `caCerts` contains it.
  const said = net === cause
    ? net.message
    : net.message.replace("(CA:TRUE); trust it", "(CA:TRUE); leave http2 out and trust it");
  const kind = blocked !== undefined ? "unsupported" : net.kind;
  const reason = redact(
    blocked?.replace("Requests", "requests") ??
      lowerFirst(net.kind === "unknown" && native !== "" ? plain(native) : said),
    failing,
  );
  return new HttpRequestError(`Cannot ${method} ${url}: ${reason}`, {
    kind,
    phase,
    ...(address === undefined ? {} : { address }),
    ...(addresses === undefined ? {} : { addresses }),
    ...(code === undefined ? {} : { code }),
    ...(tls === undefined ? {} : { tls }),
    ...(permission === undefined ? {} : { permission }),
    retryable,
    method,
    url,
    history,
    sent,
    // Deno's error contains the URL with its query, which must not get into a log.
    cause: cause instanceof Error && native !== ""
      ? new TypeError(redact(escapeControls(native), failing))
      : cause,
  });
}

/** Returns an error for a failure that the client itself detects. */
export function failure(
  failing: Failing,
  kind: "limit" | "closed" | "protocol" | "usage" | "truncated" | "unsupported",
  reason: string,
  sent: HttpSent = "maybe",
): HttpRequestError {
  const { method, history } = failing;
  const url = shownUrl(failing.url);
  const options = { kind, method, url, history, sent, phase: "response" as const };
  return new HttpRequestError(`Cannot ${method} ${url}: ${reason}`, options);
}

/** Returns the reason of an error of Deno. It is in the cause or in the error itself. */
function nativeText(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { cause } = error;
  return cause instanceof Error ? cause.message : error.message;
}

/** Removes the query of the URL from a text. */
function redact(text: string, { url }: Failing): string {
  const shown = shownUrl(url);
  let clean = text.replaceAll(url.href, shown);
  if (url.search !== "") clean = clean.replaceAll(url.search, "?…");
  return clean;
}

/** Removes the words of Deno in front of the reason. */
function plain(native: string): string {
  return escapeControls(native.replace(/^error sending request(?: for url \([^)]*\))?: /, ""));
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}
