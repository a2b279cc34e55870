import { escapeControls } from "./text.ts";
import type { ErrorContext, NetErrorKind, NetPhase, TlsFailure } from "./errors.ts";
import { byCode, byMessage, bySyscall, tlsByMessage } from "./_error_tables.ts";

/** What could be found out about a thrown value. */
export interface Classified {
  readonly kind: NetErrorKind;
  readonly phase?: NetPhase | undefined;
  readonly code?: string | undefined;
  readonly tls?: TlsFailure | undefined;
  readonly permission?: string | undefined;
  readonly address?: string | undefined;
  /** What the error itself says: bounded, on one line, without controls. */
  readonly detail: string;
}

type Found = Omit<Classified, "detail">;

/** How far a chain of causes is followed. */
const DEPTH = 8;
const MAX_DETAIL = 300;

/** Finds out what an error is. Total: takes any value, and objects that bite. */
export function classify(error: unknown, context: ErrorContext): Classified {
  let found: Found | undefined;
  let detail = "";
  for (const link of chain(error)) {
    try {
      detail ||= message(link);
      const here = classifyLink(link, context, error);
      if (here === undefined) continue;
      // The link that tells the kind tells the reason too.
      detail = message(link) || detail;
      found = here;
      break;
    } catch { /* A getter or proxy trap threw: this link tells nothing. */ }
  }
  found ??= isAbortReason(error, context) ? { kind: "aborted" } : { kind: "unknown" };
  return { ...found, detail };
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
    try {
      if (Array.isArray(gathered)) queue.push(...gathered.slice(0, DEPTH));
    } catch { /* A proxy; see below. */ }
    const cause = property(link, "cause");
    if (cause !== undefined && cause !== null) queue.push(cause);
  }
}

function classifyLink(link: unknown, context: ErrorContext, outer: unknown): Found | undefined {
  const text = message(link);
  const name = textProperty(link, "name");
  if (name === "TimeoutError") return { kind: "timeout" };
  if (name === "AbortError") return { kind: "aborted" };
  if (link === outer && isAbortReason(link, context)) return { kind: "aborted" };
  const code = textProperty(link, "code");
  const known = code === "" ? undefined : byCode(code);
  if (known !== undefined) {
    const phase = bySyscall(textProperty(link, "syscall"));
    return { ...known, code, phase, address: nodeAddress(link) };
  }
  return byClass(link, text, context) ?? byMessage(text) ??
    (link === outer && isMisuse(link) ? { kind: "usage" } : undefined);
}

/** What the classes of Deno tell. */
function byClass(link: unknown, text: string, context: ErrorContext): Found | undefined {
  const is = Deno.errors;
  if (link instanceof is.NotCapable) return { kind: "permission", permission: missingFlag(text) };
  if (link instanceof is.ConnectionRefused) return { kind: "refused" };
  if (link instanceof is.TimedOut) return { kind: "timeout" };
  if (link instanceof is.NetworkUnreachable) return { kind: "unreachable" };
  if (link instanceof is.ConnectionReset || link instanceof is.ConnectionAborted) {
    return { kind: "reset" };
  }
  if (link instanceof is.BrokenPipe) return { kind: "reset", phase: "write" };
  if (link instanceof is.AddrInUse) return { kind: "address-in-use" };
  if (link instanceof is.AddrNotAvailable) return { kind: "address-unavailable" };
  if (link instanceof is.PermissionDenied) return { kind: "permission" };
  if (link instanceof is.UnexpectedEof) return { kind: "truncated" };
  if (link instanceof is.Interrupted || link instanceof is.BadResource) return { kind: "closed" };
  if (link instanceof is.NotConnected) return { kind: "closed" };
  if (link instanceof is.NotSupported) return { kind: "unsupported" };
  if (link instanceof is.NotFound && context.phase === "resolve") return { kind: "dns" };
  if (link instanceof is.InvalidData) {
    return { kind: "tls", tls: tlsByMessage(text) ?? "handshake" };
  }
  return undefined;
}

/** Wrong arguments; fetch throws TypeError for failures of the network too, but with a cause. */
function isMisuse(link: unknown): boolean {
  if (link instanceof RangeError) return true;
  return link instanceof TypeError && property(link, "cause") === undefined;
}

function isAbortReason(error: unknown, context: ErrorContext): boolean {
  return context.signal?.aborted === true && error === context.signal.reason;
}

/** The exact flag for what Deno refused. */
function missingFlag(text: string): string | undefined {
  const match = /access(?: to "(.*)")?.*--allow-([\w-]+)/s.exec(text);
  if (match === null) return undefined;
  const [, target, name] = match;
  if (target === undefined) return `--allow-${name}`;
  const flag = escapeControls(`--allow-${name}=${target}`);
  return /^[\w@%+=:,.\/[\]-]*$/.test(flag) ? flag : `'${flag.replaceAll("'", `'\\''`)}'`;
}

/** The address that errors of Node carry. */
function nodeAddress(link: unknown): string | undefined {
  const address = textProperty(link, "address");
  const port = property(link, "port");
  if (address === "" || typeof port !== "number") return undefined;
  return escapeControls(address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
}

function message(link: unknown): string {
  const text = typeof link === "object" || typeof link === "function"
    ? textProperty(link, "message")
    : link === undefined || typeof link === "symbol"
    ? ""
    : String(link);
  const cut = text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL)}…` : text;
  return escapeControls(cut.replace(/ \(os error \d+\)$/, ""));
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
