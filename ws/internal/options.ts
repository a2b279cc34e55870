import type { WsConnectionOptions, WsInboxPolicy, WsMessage } from "../connection/options.ts";

/** The limits of a connection, checked and complete; Infinity where there is none. */
export interface WsLimits {
  readonly maxMessageSize: number;
  readonly inboxLimit: number;
  readonly inboxBytes: number;
  readonly inboxPolicy: WsInboxPolicy;
  readonly outboxLimit: number;
  readonly stallTimeout: number;
  readonly rate: { readonly perSecond: number; readonly burst: number } | undefined;
  readonly idleTimeout: number;
  readonly closeTimeout: number;
  readonly heartbeat: {
    readonly interval: number;
    readonly timeout: number;
    readonly message: string;
    readonly answer: string;
  } | undefined;
}

const POLICIES: readonly WsInboxPolicy[] = ["wait", "disconnect", "drop-oldest", "drop-newest"];

/** Fills in the defaults and rejects nonsense; `pausable` says whether a sender can be made wait. */
export function checkWsOptions(options: WsConnectionOptions, pausable = false): WsLimits {
  const { inbox = {}, outbox = {}, rate, heartbeat } = options;
  const inboxPolicy = inbox.policy ?? "wait";
  if (!POLICIES.includes(inboxPolicy)) {
    throw new TypeError(`Cannot use the inbox policy "${inboxPolicy}": it is one of ${POLICIES}`);
  }
  return {
    maxMessageSize: count("maxMessageSize", options.maxMessageSize, 1024 * 1024),
    inboxLimit: count("inbox.limit", inbox.limit, 1000),
    inboxBytes: count("inbox.maxBytes", inbox.maxBytes, 4 * 1024 * 1024),
    inboxPolicy: inboxPolicy === "wait" && !pausable ? "disconnect" : inboxPolicy,
    outboxLimit: count("outbox.limit", outbox.limit, 1024 * 1024),
    stallTimeout: time("outbox.stallTimeout", outbox.stallTimeout, 30_000),
    rate: rate && {
      perSecond: positive("rate.perSecond", rate.perSecond),
      burst: positive("rate.burst", rate.burst ?? Math.max(1, rate.perSecond)),
    },
    idleTimeout: time("idleTimeout", options.idleTimeout, 0) || Infinity,
    closeTimeout: time("closeTimeout", options.closeTimeout, 5000) || Infinity,
    heartbeat: heartbeat && {
      interval: positive("heartbeat.interval", heartbeat.interval ?? 30_000),
      timeout: positive("heartbeat.timeout", heartbeat.timeout ?? 10_000),
      message: heartbeat.message ?? "ping",
      answer: heartbeat.answer ?? "pong",
    },
  };
}

/** A time in milliseconds, 0 for none; beyond any timer it is none. */
export function time(name: string, value: number | undefined, fallback: number): number {
  const ms = value ?? fallback;
  if (typeof ms === "number" && ms >= 0) return ms > 2 ** 31 - 1 ? 0 : ms;
  throw new RangeError(`Cannot use ${name}: it is a number from 0 up, not ${ms}`);
}

/** A size or a count; 0 for none. */
export function count(name: string, value: number | undefined, fallback: number): number {
  const most = value ?? fallback;
  if (most === Infinity || (Number.isInteger(most) && most >= 0)) return most || Infinity;
  throw new RangeError(`Cannot use ${name}: it is a whole number from 0 up, not ${most}`);
}

function positive(name: string, value: number): number {
  if (typeof value === "number" && value > 0) return value;
  throw new RangeError(`Cannot use ${name}: it is a number above 0, not ${value}`);
}

/** Refuses what no browser sends as an origin, and so would never match (RFC 6454 §6.2). */
export function checkOrigins(origins: readonly string[] | "*" = []): void {
  for (const origin of origins === "*" ? [] : origins) {
    const said = URL.parse(origin);
    const usual = said?.protocol === "http:" || said?.protocol === "https:";
    if (
      origin === "null" || (usual ? said.origin : `${said?.protocol}//${said?.host}`) === origin
    ) {
      continue;
    }
    throw new TypeError(`Cannot allow the origin "${origin}": it is like "https://app.example"`);
  }
}

/** What is wrong with a message, if anything is: what has no length would pass every limit. */
export function messageFault(data: WsMessage): TypeError | undefined {
  if (typeof data === "string" || data as unknown instanceof Uint8Array) return undefined;
  return new TypeError(`Cannot send ${typeof data}: a message is text or a Uint8Array`);
}

/** Whether a message has more bytes than `most`; counts them only where it is close. */
export function sizeAbove(message: WsMessage, most: number): boolean {
  if (message.length > most) return true;
  if (typeof message !== "string" || message.length * 3 <= most) return false;
  return new TextEncoder().encode(message).length > most;
}
