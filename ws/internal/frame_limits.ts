import { timeLimit } from "../../net/internal/options.ts";
import type { WsConnectionOptions, WsRateOptions } from "../connection/options.ts";
import { wsLimitsOf, wsRateOf } from "./option_rules.ts";

/**
 * Limits of a `FrameSocket`, which many of them share. Times are in milliseconds; Infinity means no
 * limit.
 */
export interface FrameSocketLimits {
  readonly maxMessageSize: number;
  readonly pingInterval: number;
  /** Rate limit for pings and pongs of the peer; undefined for none. */
  readonly controlRate: { readonly perSecond: number; readonly burst: number } | undefined;
  /** Time limit for closing the TCP connection after both close frames. */
  readonly closeTimeout: number;
  /** Time limit for a message, which received bytes extend. */
  readonly messageTimeout: number;
  /** Bytes that extend it by a second; 0 if none do. */
  readonly minMessageRate: number;
}

/** The options of a connection, and those of its own sockets. */
type FrameOptions = WsConnectionOptions & {
  readonly pingInterval?: number;
  readonly controlRate?: WsRateOptions;
};

const known = new WeakMap<FrameOptions, FrameSocketLimits>();

/** Returns the limits of the sockets of this package. Connections with the same options share them. */
export function frameLimitsOf(options: FrameOptions): FrameSocketLimits {
  let limits = known.get(options);
  if (limits === undefined) known.set(options, limits = makeFrameLimits(options));
  return limits;
}

function makeFrameLimits(options: FrameOptions): FrameSocketLimits {
  const { maxMessageSize, closeTimeout, messageTimeout, minMessageRate } = wsLimitsOf(options);
  return {
    maxMessageSize,
    pingInterval: timeLimit(options.pingInterval ?? 30_000),
    controlRate: options.controlRate && wsRateOf(options.controlRate),
    closeTimeout,
    messageTimeout,
    minMessageRate,
  };
}
