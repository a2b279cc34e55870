/**
 * One error class for everything that a network does to a program, told apart
 * by a stable `kind`.
 *
 * | kind | when | retryable |
 * | --- | --- | --- |
 * | `refused` | nothing listens there, or there is no such Unix socket | yes |
 * | `timeout` | the kernel's or one of our time limits | yes |
 * | `dns` | the name cannot be resolved | unless the system says that there is no such name |
 * | `unreachable` | no route, network or host down | yes |
 * | `reset` | the peer broke the connection off | yes |
 * | `truncated` | the peer ended in the middle: of a frame, a body, a TLS stream | yes |
 * | `closed` | closed on this side | no |
 * | `tls` | the handshake failed; `tls` says why | no |
 * | `permission` | Deno or the system does not allow it; `permission` is the flag to add | no |
 * | `address-in-use` | another program listens there | no |
 * | `address-unavailable` | no such address on this machine | no |
 * | `descriptor-limit` | too many open files | yes |
 * | `limit` | one of our limits: line, frame, queue, connections | no |
 * | `protocol` | the peer sent what the protocol forbids | no |
 * | `reply` | the server said no; `ReplyError` has its words | if it says that it is for now |
 * | `aborted` | an `AbortSignal` | no |
 * | `usage` | a wrong argument; fix the program | no |
 * | `unsupported` | this platform or Deno cannot | no |
 * | `unknown` | nothing above; `cause` holds what was thrown | no |
 *
 * Wrong arguments of our own functions are `TypeError` and `RangeError`, and a
 * signal's reason is passed on as it is; {@linkcode toNetError} classifies both.
 *
 * Whatever a peer or the system has said is escaped in a message: it stays on
 * one line and cannot steer a terminal.
 *
 * @example Tell failures apart
 * ```ts
 * import { NetError } from "@portside/kit/net/errors";
 * import { connectTcp } from "@portside/kit/net/tcp";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * try {
 *   await connectTcp({ hostname: "127.0.0.1", port: 1 });
 * } catch (error) {
 *   assertInstanceOf(error, NetError);
 *   assertEquals(error.kind, "refused");
 *   assertEquals(error.message, "Cannot connect to 127.0.0.1:1: connection refused");
 * }
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { attemptsOf } from "../internal/attempts.ts";
import { classify, shorten } from "./_classify.ts";
import { describe, PHASES } from "./_describe.ts";
import type { ErrorContext, NetErrorKind, NetPhase, TlsFailure } from "./kinds.ts";
import { escapeControls } from "../text.ts";

export type * from "./kinds.ts";

/** What a {@linkcode NetError} is made of. */
export interface NetErrorOptions extends ErrorOptions {
  /** What went wrong. */
  kind: NetErrorKind;
  /**
   * What was being done.
   *
   * @default the phase in which this kind mostly happens
   */
  phase?: NetPhase;
  /** The other end, or the address to listen on, e.g. `[::1]:80`. */
  address?: string;
  /** All addresses that were tried, where a host name has several. */
  addresses?: readonly string[];
  /** The code of the operating system, e.g. `ECONNREFUSED`, or of the protocol, e.g. `550`. */
  code?: string;
  /** Why TLS failed. */
  tls?: TlsFailure;
  /** The flag that would allow it, e.g. `--allow-net=127.0.0.1:9000`. */
  permission?: string;
  /**
   * Whether the same may succeed later.
   *
   * @default by kind, as in the table of this module
   */
  retryable?: boolean;
}

/** Every NetError of this process. `instanceof` would run the traps of a proxy and believe them. */
const made = new WeakSet<object>();

const RETRYABLE: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "refused",
  "timeout",
  "dns",
  "unreachable",
  "reset",
  "truncated",
  "descriptor-limit",
]);

/**
 * A failure of the network, of the peer, or of a limit.
 *
 * @example Make one
 * ```ts
 * import { NetError } from "@portside/kit/net/errors";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new NetError("Cannot read a line: longer than 80 bytes", { kind: "limit" });
 * assertEquals([error.kind, error.phase, error.retryable], ["limit", "read", false]);
 * ```
 */
export class NetError extends Error {
  /** The name of the class. */
  override readonly name: string = "NetError";
  /** What went wrong. */
  readonly kind: NetErrorKind;
  /** What was being done. */
  readonly phase: NetPhase;
  /** Whether the same may succeed later. */
  readonly retryable: boolean;
  /** The other end, or the address to listen on. */
  readonly address: string | undefined;
  /** All addresses that were tried, e.g. `[::1]:80` and `127.0.0.1:80`, where a host has several. */
  readonly addresses: readonly string[] | undefined;
  /** The code of the operating system or of the protocol. */
  readonly code: string | undefined;
  /** Why TLS failed, if `kind` is "tls". */
  readonly tls: TlsFailure | undefined;
  /** The flag that would allow it, if `kind` is "permission" and Deno refused. */
  readonly permission: string | undefined;

  /**
   * Makes an error.
   *
   * @param message A sentence for a person; control characters in it are escaped.
   * @param options The machine-readable part.
   */
  constructor(message: string, options: NetErrorOptions) {
    super(escapeControls(message), "cause" in options ? { cause: options.cause } : undefined);
    this.kind = options.kind;
    this.phase = options.phase ?? PHASES[options.kind];
    this.retryable = options.retryable ?? RETRYABLE.has(options.kind);
    this.address = options.address;
    this.addresses = options.addresses;
    this.code = options.code;
    this.tls = options.tls;
    this.permission = options.permission;
    made.add(this);
  }

  /** How many tries there had been when `retry` gave up with this error; undefined without it. */
  get attempts(): number | undefined {
    return attemptsOf(this);
  }
}

/**
 * Classifies whatever was thrown: by Deno's sockets and TLS, `fetch`,
 * `WebSocket`, Node's modules, an abort, or anything else. By class and code
 * where there is one, by message only where Deno gives nothing more. Never throws.
 *
 * @param error What was thrown; a {@linkcode NetError} comes back as it is.
 * @param context What is known where it was caught.
 * @returns The classified error, with `error` as its `cause`.
 *
 * @example Classify an error of Deno
 * ```ts
 * import { toNetError } from "@portside/kit/net/errors";
 * import { assertEquals } from "@std/assert";
 *
 * const error = toNetError(new Deno.errors.AddrInUse("os error 98"), {
 *   phase: "listen",
 *   hostname: "127.0.0.1",
 *   port: 9000,
 * });
 * assertEquals(error.kind, "address-in-use");
 * assertEquals(error.message, "Cannot listen on 127.0.0.1:9000: the address is in use");
 * ```
 */
export function toNetError(error: unknown, context: ErrorContext = {}): NetError {
  if (isMade(error)) return error;
  const found = classify(error, context, isMade);
  const phase = context.phase ?? found.phase;
  const address = addressOf(context) ?? found.address;
  const addresses = context.addresses ?? found.addresses;
  return new NetError(found.sentence ?? describe(found, phase, address, addresses), {
    ...found,
    phase: phase ?? PHASES[found.kind],
    address,
    addresses,
    cause: error,
  });
}

function isMade(error: unknown): error is NetError {
  return typeof error === "object" && error !== null && made.has(error);
}

/** The address that the caller knows, fit for a message. */
function addressOf({ address, hostname, port = 0, path }: ErrorContext): string | undefined {
  if (address !== undefined) return shorten(address);
  if (hostname !== undefined) return shorten(formatAddress({ hostname, port }));
  return path ? shorten(formatAddress({ transport: "unix", path })) : undefined;
}
