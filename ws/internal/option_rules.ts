/** The rules and defaults for the options of WebSocket connections. */

import {
  countLimit,
  either,
  flag,
  group,
  integer,
  limit,
  milliseconds,
  oneOf,
  OptionRules,
  positive,
  required,
  signal,
  text,
  timeLimit,
} from "../../net/internal/options.ts";
import type { ReceiveOptions } from "../../net/udp/socket.ts";
import type {
  WsCompressionOptions,
  WsConnectionOptions,
  WsHeartbeatOptions,
  WsInboxOptions,
  WsInboxPolicy,
  WsMessage,
  WsOutboxOptions,
  WsRateOptions,
  WsSendOptions,
} from "../connection/options.ts";

/** The largest message unless an option says otherwise, in bytes. */
export const MAX_MESSAGE_SIZE = 1024 * 1024;

/** The time that a peer may accept no data unless an option says otherwise, in milliseconds. */
export const STALL_TIMEOUT = 30_000;

/** The rule for a rate limit. */
export const WS_RATE = group(
  new OptionRules<WsRateOptions>({ perSecond: required(positive), burst: positive }),
);

const WINDOW_BITS = integer(8, 15);

const COMPRESSION = group(
  new OptionRules<WsCompressionOptions>({
    threshold: limit,
    serverNoContextTakeover: flag,
    clientNoContextTakeover: flag,
    serverMaxWindowBits: WINDOW_BITS,
    clientMaxWindowBits: WINDOW_BITS,
    level: integer(1, 9),
  }),
);

/** The rules for the options of a connection. */
export const WS_CONNECTION = new OptionRules<WsConnectionOptions>({
  compression: either(true, either(false, COMPRESSION)),
  maxMessageSize: limit,
  inbox: group(
    new OptionRules<WsInboxOptions>({
      limit,
      maxBytes: limit,
      policy: oneOf("wait", "disconnect", "drop-oldest", "drop-newest"),
    }),
  ),
  outbox: group(new OptionRules<WsOutboxOptions>({ limit, stallTimeout: milliseconds })),
  rate: WS_RATE,
  idleTimeout: milliseconds,
  closeTimeout: milliseconds,
  messageTimeout: milliseconds,
  minMessageRate: limit,
  heartbeat: group(
    new OptionRules<WsHeartbeatOptions>({
      interval: positive,
      timeout: positive,
      message: text,
      answer: text,
    }),
  ),
});

/** The rules for the options of `receive`. */
export const RECEIVE = new OptionRules<ReceiveOptions>({ timeout: milliseconds, signal });

/** The rules for the options of `send`. */
export const SEND = new OptionRules<WsSendOptions>({ signal });

/** The limits of a connection with all defaults. Infinity means no limit. */
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
  readonly messageTimeout: number;
  readonly minMessageRate: number;
  readonly heartbeat: {
    readonly interval: number;
    readonly timeout: number;
    readonly message: string;
    readonly answer: string;
  } | undefined;
}

/** Returns a rate limit with its default. */
export function wsRateOf({ perSecond, burst }: WsRateOptions): Required<WsRateOptions> {
  return { perSecond, burst: burst ?? Math.max(1, perSecond) };
}

/** Returns the options of compression; undefined if it is off. */
export function wsCompressionOf(
  compression: WsConnectionOptions["compression"],
): WsCompressionOptions | undefined {
  return compression === true ? {} : compression || undefined;
}

const pausableLimits = new WeakMap<WsConnectionOptions, WsLimits>();
const limitsOfOthers = new WeakMap<WsConnectionOptions, WsLimits>();

/** Returns the limits of a connection; `pausable` tells whether it can pause its sender. */
export function wsLimitsOf(options: WsConnectionOptions, pausable = false): WsLimits {
  // The connections of a server have the same options, so they share the limits.
  const known = pausable ? pausableLimits : limitsOfOthers;
  let limits = known.get(options);
  if (limits === undefined) known.set(options, limits = makeLimits(options, pausable));
  return limits;
}

function makeLimits(options: WsConnectionOptions, pausable: boolean): WsLimits {
  const { inbox = {}, outbox = {}, rate, heartbeat } = options;
  const { policy = "wait" } = inbox;
  return {
    maxMessageSize: countLimit(options.maxMessageSize ?? MAX_MESSAGE_SIZE),
    inboxLimit: countLimit(inbox.limit ?? 1000),
    inboxBytes: countLimit(inbox.maxBytes ?? 4 * 1024 * 1024),
    inboxPolicy: policy === "wait" && !pausable ? "disconnect" : policy,
    outboxLimit: countLimit(outbox.limit ?? 1024 * 1024),
    stallTimeout: timeLimit(outbox.stallTimeout ?? STALL_TIMEOUT),
    rate: rate && wsRateOf(rate),
    idleTimeout: timeLimit(options.idleTimeout ?? 0),
    closeTimeout: timeLimit(options.closeTimeout ?? 5000),
    messageTimeout: timeLimit(options.messageTimeout ?? 30_000),
    minMessageRate: options.minMessageRate ?? 500,
    heartbeat: heartbeat && {
      interval: heartbeat.interval ?? 30_000,
      timeout: heartbeat.timeout ?? 10_000,
      message: heartbeat.message ?? "ping",
      answer: heartbeat.answer ?? "pong",
    },
  };
}

/** Returns the error for a message of a wrong type. A value without a length would pass every limit. */
export function messageFault(data: WsMessage): TypeError | undefined {
  if (typeof data === "string" || data as unknown instanceof Uint8Array) return undefined;
  return new TypeError(`Cannot send ${typeof data}: a message is text or a Uint8Array`);
}

/** Returns whether a message has more than `most` bytes. Encodes text only if its length is close. */
export function sizeAbove(message: WsMessage, most: number): boolean {
  if (message.length > most) return true;
  if (typeof message !== "string" || message.length * 3 <= most) return false;
  return new TextEncoder().encode(message).length > most;
}
