import { escapeControls } from "../text.ts";
import type { ErrorContext, NetErrorKind, NetPhase, TlsFailure } from "./kinds.ts";
import { byCode, byMessage, bySyscall, tlsByMessage, winsockCode } from "./_tables.ts";

/** What could be found out about a thrown value. */
export interface Classified {
  readonly kind: NetErrorKind;
  readonly phase?: NetPhase | undefined;
  readonly code?: string | undefined;
  readonly tls?: TlsFailure | undefined;
  readonly permission?: string | undefined;
  readonly address?: string | undefined;
  readonly addresses?: readonly string[] | undefined;
  /** Where a NetError was wrapped in another error: what it said, and its advice. */
  readonly sentence?: string | undefined;
  readonly retryable?: boolean | undefined;
  /** What the error itself says: bounded, on one line, without controls. */
  readonly detail: string;
}

type Found = Omit<Classified, "detail">;

/** The fields of a NetError, which is itself made with this module. */
type OwnError = Error & Omit<Found, "sentence">;

/** How far a chain of causes is followed. */
const DEPTH = 8;
const MAX_DETAIL = 300;
/** How much of a message is searched for what it means; a path may be long. */
const MAX_MESSAGE = 8192;
/** Of several addresses that were tried, these tell the least: often one family is just not there. */
const WEAK: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "unreachable",
  "address-unavailable",
]);
/** What `fetch` and `WebSocket` say before the reason: an URL there must not be taken for one. */
const PREAMBLES =
  /^(?:error sending request (?:from \S+ )?for (?:url \(\S*\)|\S+ \(\S+\)): (?:client error \(\w+\): )?|Fetch failed: |(?:NetworkError: )?failed to connect to WebSocket: )/;

/**
 * Finds out what an error is. Total: takes any value, and objects that bite.
 * `own` tells the NetErrors, which this module must not import, from the rest.
 */
export function classify(
  error: unknown,
  context: ErrorContext,
  own: (link: unknown) => link is OwnError,
): Classified {
  let found: Found | undefined;
  let weak: Found | undefined;
  let general: Found | undefined;
  let detail = "";
  let code: string | undefined;
  let addresses: string[] | undefined;
  for (const link of chain(error)) {
    try {
      if (own(link)) {
        const { kind, phase, code, tls, permission, address, addresses, retryable } = link;
        const sentence = link.message;
        found = { kind, phase, code, tls, permission, address, addresses, retryable, sentence };
        break;
      }
      const text = message(link);
      detail ||= detailOf(text);
      code ??= systemCode(link);
      const here = classifyLink(link, text, context, error);
      if (here === undefined) continue;
      // Where several were tried, each one says more than the code that all bear together.
      if (here.kind !== "aborted" && property(property(link, "errors"), "0") !== undefined) {
        general ??= here;
        addresses ??= gatheredAddresses(link);
        continue;
      }
      if (general !== undefined && WEAK.has(here.kind)) {
        weak ??= here;
        continue;
      }
      // The link that tells the kind tells the reason too.
      detail = detailOf(text) || detail;
      found = here;
      break;
    } catch { /* A getter or proxy trap threw: this link tells nothing. */ }
  }
  found ??= weak ?? general ??
    (isAbortReason(error, context) ? { kind: "aborted" } : { kind: "unknown", code });
  return { addresses, ...found, detail };
}

/** The error, its causes and the errors that it gathers, outermost first, each once. */
function* chain(error: unknown): Generator<unknown> {
  const seen = new Set<unknown>();
  const queue: unknown[] = [error];
  while (queue.length > 0 && seen.size < DEPTH) {
    const link = queue.shift();
    if (seen.has(link)) continue;
    seen.add(link);
    yield link;
    const gathered = property(link, "errors");
    // By index: a stranger's array may have methods and iterators of its own.
    for (let i = 0; i < DEPTH; i++) {
      const one = property(gathered, `${i}`);
      if (one === undefined) break;
      queue.push(one);
    }
    const cause = property(link, "cause");
    if (cause !== undefined && cause !== null) queue.push(cause);
  }
}

function classifyLink(
  link: unknown,
  text: string,
  context: ErrorContext,
  outer: unknown,
): Found | undefined {
  const name = textProperty(link, "name");
  if (name === "TimeoutError") return { kind: "timeout" };
  if (name === "AbortError") return { kind: "aborted" };
  if (isAbortReason(link, context)) return { kind: "aborted" };
  const code = textProperty(link, "code") || winsockCode(text) || "";
  const known = code === "" ? undefined : byCode(code);
  if (known !== undefined) {
    const phase = bySyscall(textProperty(link, "syscall")) ?? known.phase;
    // Node has a code for each alert of TLS, of which rustls says the same in words.
    const tls = known.tls === "handshake" ? tlsByMessage(text) ?? known.tls : known.tls;
    return { ...known, tls, code: shorten(code), phase, address: nodeAddress(link) };
  }
  const found = byClass(link, text, context) ?? byMessage(text) ??
    (link === outer && isMisuse(link) ? { kind: "usage" } : undefined);
  return found && { ...found, code: systemCode(link) };
}

/** The code of an error, if it looks like one of the system's or of Node's. */
function systemCode(link: unknown): string | undefined {
  const code = textProperty(link, "code");
  return /^[A-Z][A-Z0-9_]{2,63}$/.test(code) ? code : undefined;
}

/** What the classes of Deno tell. */
function byClass(link: unknown, text: string, context: ErrorContext): Found | undefined {
  const is = Deno.errors;
  // An import that is not allowed is a TypeError that says the same.
  if (link instanceof is.NotCapable || /^Requires \w+ access .*--allow-\w+ flag$/s.test(text)) {
    return { kind: "permission", permission: missingFlag(text) };
  }
  if (link instanceof is.ConnectionRefused) return { kind: "refused" };
  if (link instanceof is.TimedOut) return { kind: "timeout" };
  if (link instanceof is.NetworkUnreachable) return { kind: "unreachable" };
  if (link instanceof is.ConnectionReset || link instanceof is.ConnectionAborted) {
    return { kind: "reset" };
  }
  // A socket that was connected and is not any more.
  if (link instanceof is.NotConnected) return { kind: "reset" };
  if (link instanceof is.BrokenPipe) return { kind: "reset", phase: "write" };
  if (link instanceof is.AddrInUse) return { kind: "address-in-use" };
  if (link instanceof is.AddrNotAvailable) return { kind: "address-unavailable" };
  if (link instanceof is.PermissionDenied) return { kind: "permission" };
  if (link instanceof is.UnexpectedEof) return { kind: "truncated" };
  if (link instanceof is.Interrupted || link instanceof is.BadResource) return { kind: "closed" };
  if (link instanceof is.NotSupported) return { kind: "unsupported" };
  if (link instanceof is.NotFound) return notFound(context);
  if (link instanceof is.InvalidData) {
    return { kind: "tls", tls: tlsByMessage(text) ?? "handshake" };
  }
  return undefined;
}

/** Deno says the same of a name, of the path of a Unix socket and of any file. */
function notFound({ phase }: ErrorContext): Found | undefined {
  if (phase === "resolve") return { kind: "dns" };
  if (phase === "connect") return { kind: "refused" };
  return phase === "listen" ? { kind: "address-unavailable" } : undefined;
}

/** Wrong arguments; fetch throws TypeError for failures of the network too, but with a cause. */
function isMisuse(link: unknown): boolean {
  if (link instanceof RangeError || link instanceof URIError) return true;
  return link instanceof TypeError && property(link, "cause") === undefined;
}

function isAbortReason(error: unknown, context: ErrorContext): boolean {
  return context.signal?.aborted === true && Object.is(error, context.signal.reason);
}

/** The exact flag for what Deno refused. */
function missingFlag(text: string): string | undefined {
  // Of `run` for a variable such as LD_PRELOAD, Deno wants all: naming the program is not enough.
  const match = /^Requires (?:\w+ access to "(.*)",.*)?.*--allow-(\w+)/s.exec(text);
  if (match === null) return undefined;
  const [, given, name] = match;
  const target = given?.includes(",") ? folderBeforeComma(given) : given;
  if (target === undefined) return `--allow-${name}`;
  const flag = escapeControls(`--allow-${name}=${target}`);
  return /^[\w@%+=:,.\/[\]-]*$/.test(flag) ? flag : `'${flag.replaceAll("'", `'\\''`)}'`;
}

/** In a flag a comma divides, and Deno knows no escape for it: the folder above has to do. */
function folderBeforeComma(target: string): string | undefined {
  const end = target.slice(0, target.indexOf(",")).search(/[/\\][^/\\]*$/);
  return end > 0 ? target.slice(0, end) : undefined;
}

/** The addresses of the errors that one of Node's gathers, one for each that was tried. */
function gatheredAddresses(link: unknown): string[] | undefined {
  const gathered = property(link, "errors");
  const found = new Set<string>();
  for (let i = 0; i < DEPTH; i++) {
    const address = nodeAddress(property(gathered, `${i}`));
    if (address !== undefined) found.add(address);
  }
  return found.size > 1 ? [...found] : undefined;
}

/** The address that errors of Node carry. */
function nodeAddress(link: unknown): string | undefined {
  const address = textProperty(link, "address");
  const port = property(link, "port");
  if (address === "" || typeof port !== "number") return undefined;
  return shorten(address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
}

/** What a link says, up to a length that is safe to search. */
function message(link: unknown): string {
  const text = typeof link === "object" || typeof link === "function"
    ? textProperty(link, "message")
    : link === undefined || typeof link === "symbol"
    ? ""
    : String(link);
  return text.slice(0, MAX_MESSAGE).replace(PREAMBLES, "");
}

/** The part of a message that tells a person something. */
function detailOf(text: string): string {
  return shorten(text.replace(/ \(os error \d+\)$/, ""));
}

/** Text of a stranger, bounded, on one line and without controls. */
export function shorten(text: string): string {
  return escapeControls(text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL)}…` : text);
}

function textProperty(link: unknown, key: string): string {
  const value = property(link, key);
  return typeof value === "string" ? value : "";
}

/** Reads a property of anything; undefined where that throws. */
function property(link: unknown, key: string): unknown {
  if (link === null || (typeof link !== "object" && typeof link !== "function")) return undefined;
  try {
    return (link as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}
