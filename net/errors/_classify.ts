import { escapeControls } from "../text.ts";
import type { ErrorContext, NetErrorKind, NetPhase, TlsFailure } from "./kinds.ts";
import { byCode, byMessage, bySyscall, tlsByMessage, winsockCode } from "./_tables.ts";

/** The classification of a thrown value. */
export interface Classified {
  readonly kind: NetErrorKind;
  readonly phase?: NetPhase | undefined;
  readonly code?: string | undefined;
  readonly tls?: TlsFailure | undefined;
  readonly permission?: string | undefined;
  readonly address?: string | undefined;
  readonly addresses?: readonly string[] | undefined;
  /** The message of a NetError that was wrapped in another error. */
  readonly sentence?: string | undefined;
  readonly retryable?: boolean | undefined;
  /** The message of the error itself. It is short, on one line and escaped. */
  readonly detail: string;
}

type Found = Omit<Classified, "detail">;

/** The fields of a NetError. Its class depends on this module, so it cannot be imported. */
type OwnError = Error & Omit<Found, "sentence">;

/** Maximum number of errors in a chain of causes. */
const DEPTH = 8;
const MAX_DETAIL = 300;
/** Maximum length of a message that is searched. Messages may contain long paths. */
const MAX_MESSAGE = 8192;
/** The least helpful kinds if several addresses were tried: often one address family is missing. */
const WEAK: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "unreachable",
  "address-unavailable",
]);
/** Text of `fetch` and `WebSocket` before the reason. The URL in it must not be searched. */
const PREAMBLES =
  /^(?:error sending request (?:from \S+ )?for (?:url \(\S*\)|\S+ \(\S+\)): (?:client error \(\w+\): )?|Fetch failed: |(?:NetworkError: )?failed to connect to WebSocket: )/;

/**
 * Classifies any value, including objects whose properties throw. `own` returns whether an object is
 * a NetError, because this module cannot import that class.
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
      // If several addresses were tried, the single errors are more precise than the common code.
      if (here.kind !== "aborted" && property(property(link, "errors"), "0") !== undefined) {
        general ??= here;
        addresses ??= gatheredAddresses(link);
        continue;
      }
      if (general !== undefined && WEAK.has(here.kind)) {
        weak ??= here;
        continue;
      }
      // The error that shows the kind also has the best message.
      detail = detailOf(text) || detail;
      found = here;
      break;
    } catch { /* A getter or proxy trap threw: this link tells nothing. */ }
  }
  found ??= weak ?? general ??
    (isAbortReason(error, context) ? { kind: "aborted" } : { kind: "unknown", code });
  return { addresses, ...found, detail };
}

/** Iterates over an error, its causes and its gathered errors, outermost first and each once. */
function* chain(error: unknown): Generator<unknown> {
  const seen = new Set<unknown>();
  const queue: unknown[] = [error];
  while (queue.length > 0 && seen.size < DEPTH) {
    const link = queue.shift();
    if (seen.has(link)) continue;
    seen.add(link);
    yield link;
    const gathered = property(link, "errors");
    // A foreign array may have its own methods and iterators, so its entries are read by index.
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
    // Node has a code for each TLS alert. rustls has a message with the same words.
    const tls = known.tls === "handshake" ? tlsByMessage(text) ?? known.tls : known.tls;
    return { ...known, tls, code: shorten(code), phase, address: nodeAddress(link) };
  }
  const found = byClass(link, text, context) ?? byMessage(text) ??
    (link === outer && isMisuse(link) ? { kind: "usage" } : undefined);
  return found && { ...found, code: systemCode(link) };
}

/** Returns the code of an error if it has the form of a code of the system or of Node. */
function systemCode(link: unknown): string | undefined {
  const code = textProperty(link, "code");
  return /^[A-Z][A-Z0-9_]{2,63}$/.test(code) ? code : undefined;
}

/** Classifies an error by its Deno class. */
function byClass(link: unknown, text: string, context: ErrorContext): Found | undefined {
  const is = Deno.errors;
  // A forbidden import is a TypeError with the same message.
  if (link instanceof is.NotCapable || /^Requires \w+ access .*--allow-\w+ flag$/s.test(text)) {
    return { kind: "permission", permission: missingFlag(text) };
  }
  if (link instanceof is.ConnectionRefused) return { kind: "refused" };
  if (link instanceof is.TimedOut) return { kind: "timeout" };
  if (link instanceof is.NetworkUnreachable) return { kind: "unreachable" };
  if (link instanceof is.ConnectionReset || link instanceof is.ConnectionAborted) {
    return { kind: "reset" };
  }
  // A socket that is no longer connected.
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

/** Classifies NotFound, which Deno throws for host names, Unix sockets and files. */
function notFound({ phase }: ErrorContext): Found | undefined {
  if (phase === "resolve") return { kind: "dns" };
  if (phase === "connect") return { kind: "refused" };
  return phase === "listen" ? { kind: "address-unavailable" } : undefined;
}

/** Recognizes wrong arguments. `fetch` also throws TypeErrors for the network, but with a cause. */
function isMisuse(link: unknown): boolean {
  if (link instanceof RangeError || link instanceof URIError) return true;
  return link instanceof TypeError && property(link, "cause") === undefined;
}

function isAbortReason(error: unknown, context: ErrorContext): boolean {
  return context.signal?.aborted === true && Object.is(error, context.signal.reason);
}

/** Returns the exact flag for a permission that Deno has refused. */
function missingFlag(text: string): string | undefined {
  // For variables such as LD_PRELOAD, Deno requires `--allow-run` without the name of a program.
  const match = /^Requires (?:\w+ access to "(.*)",.*)?.*--allow-(\w+)/s.exec(text);
  if (match === null) return undefined;
  const [, given, name] = match;
  const target = given?.includes(",") ? folderBeforeComma(given) : given;
  if (target === undefined) return `--allow-${name}`;
  const flag = escapeControls(`--allow-${name}=${target}`);
  return /^[\w@%+=:,.\/[\]-]*$/.test(flag) ? flag : `'${flag.replaceAll("'", `'\\''`)}'`;
}

/** Returns a path for a flag. Flags cannot contain a comma in a path, so its parent is used then. */
function folderBeforeComma(target: string): string | undefined {
  const end = target.slice(0, target.indexOf(",")).search(/[/\\][^/\\]*$/);
  return end > 0 ? target.slice(0, end) : undefined;
}

/** Returns the addresses of the errors that an error of Node gathers, one for each attempt. */
function gatheredAddresses(link: unknown): string[] | undefined {
  const gathered = property(link, "errors");
  const found = new Set<string>();
  for (let i = 0; i < DEPTH; i++) {
    const address = nodeAddress(property(gathered, `${i}`));
    if (address !== undefined) found.add(address);
  }
  return found.size > 1 ? [...found] : undefined;
}

/** Returns the address in an error of Node. */
function nodeAddress(link: unknown): string | undefined {
  const address = textProperty(link, "address");
  const port = property(link, "port");
  if (address === "" || typeof port !== "number") return undefined;
  return shorten(address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
}

/** Returns the message of an error in the chain, up to a length that is safe to search. */
function message(link: unknown): string {
  const text = typeof link === "object" || typeof link === "function"
    ? textProperty(link, "message")
    : link === undefined || typeof link === "symbol"
    ? ""
    : String(link);
  return text.slice(0, MAX_MESSAGE).replace(PREAMBLES, "");
}

/** Returns the part of a message that is helpful for people. */
function detailOf(text: string): string {
  return shorten(text.replace(/ \(os error \d+\)$/, ""));
}

/** Shortens and escapes untrusted text, so that it stays on one line. */
export function shorten(text: string): string {
  return escapeControls(text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL)}…` : text);
}

function textProperty(link: unknown, key: string): string {
  const value = property(link, key);
  return typeof value === "string" ? value : "";
}

/** Returns a property of any value, or undefined if reading it throws. */
function property(link: unknown, key: string): unknown {
  if (link === null || (typeof link !== "object" && typeof link !== "function")) return undefined;
  try {
    return (link as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}
