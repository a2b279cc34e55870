/**
 * One error class for all failures of the network. Its `kind` is stable, so programs can rely on it.
 *
 * | kind | meaning | retryable |
 * | --- | --- | --- |
 * | `refused` | no program listens there, or the Unix socket does not exist | yes |
 * | `timeout` | a time limit of the kernel or of this package was exceeded | yes |
 * | `dns` | the name cannot be resolved | unless the system reports that the name does not exist |
 * | `unreachable` | there is no route, or the network or host is down | yes |
 * | `reset` | the peer has reset the connection | yes |
 * | `truncated` | the peer has ended within a frame, a body or a TLS stream | yes |
 * | `closed` | this side has closed the connection or socket | no |
 * | `tls` | the handshake failed; `tls` has the reason | no |
 * | `permission` | Deno or the system forbids it; `permission` is the missing flag | no |
 * | `address-in-use` | another program listens there | no |
 * | `address-unavailable` | this machine does not have the address | no |
 * | `descriptor-limit` | too many files are open | yes |
 * | `limit` | a limit of this package: line, frame, queue, connections | no |
 * | `protocol` | the peer has violated the protocol | no |
 * | `reply` | the server has refused; `ReplyError` has its reply | if the reply is temporary |
 * | `multicast` | the system refuses a multicast group | no |
 * | `aborted` | an `AbortSignal` was aborted | no |
 * | `usage` | an argument is wrong; fix the program | no |
 * | `unsupported` | this platform or Deno does not support it | no |
 * | `unknown` | none of the above; `cause` is the thrown value | no |
 *
 * Functions of this package throw `TypeError` and `RangeError` for wrong arguments, and an aborted
 * signal rejects with its own reason. {@linkcode toNetError} classifies both.
 *
 * Texts of a peer or of the system are escaped in messages: they stay on one line and cannot control
 * a terminal.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { attemptsOf } from "../internal/attempt_counts.ts";
import { classify, shorten } from "./_classify.ts";
import { describe, PHASES } from "./_describe.ts";
import type { ErrorContext, NetErrorKind, NetPhase, TlsFailure } from "./kinds.ts";
import { errorJson } from "../internal/error_json.ts";
import { escapeControls } from "../text.ts";

export type * from "./kinds.ts";

/** The fields of a {@linkcode NetError}. */
export interface NetErrorOptions extends ErrorOptions {
  /** The kind of failure. */
  kind: NetErrorKind;
  /**
   * The operation that failed.
   *
   * @default the most frequent phase of this kind
   */
  phase?: NetPhase;
  /** The address of the peer, or the address to listen on, for example `[::1]:80`. */
  address?: string;
  /** All addresses that were tried, if a host name has several. */
  addresses?: readonly string[];
  /** The code of the system, for example `ECONNREFUSED`, or of the protocol, for example `550`. */
  code?: string;
  /** The reason of a TLS failure. */
  tls?: TlsFailure;
  /** The missing permission flag, for example `--allow-net=127.0.0.1:9000`. */
  permission?: string;
  /**
   * Whether the operation may succeed later.
   *
   * @default by kind, as in the table of this module
   */
  retryable?: boolean;
}

/**
 * Returns whether a value is a NetError of this process. `instanceof` is not reliable: a Proxy could run
 * code and forge it.
 */
let isMade: (error: unknown) => error is NetError;

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
 * @example Create an error
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
  /** The kind of failure. */
  readonly kind: NetErrorKind;
  /** The operation that failed. */
  readonly phase: NetPhase;
  /** Whether the operation may succeed later. */
  readonly retryable: boolean;
  /** The address of the peer, or the address to listen on. */
  readonly address: string | undefined;
  /** All addresses that were tried, such as `[::1]:80` and `127.0.0.1:80`, if there are several. */
  readonly addresses: readonly string[] | undefined;
  /** The code of the operating system or of the protocol. */
  readonly code: string | undefined;
  /** The reason of a TLS failure, if `kind` is "tls". */
  readonly tls: TlsFailure | undefined;
  /** The missing permission flag, if `kind` is "permission" and Deno has refused. */
  readonly permission: string | undefined;
  /** Marks the objects that the constructor has made. */
  readonly #made = true;

  static {
    isMade = (error): error is NetError =>
      typeof error === "object" && error !== null && #made in error;
  }

  /**
   * Creates an error.
   *
   * @param message A sentence for people. Control characters are escaped.
   * @param options The kind and the other machine-readable fields.
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
  }

  /** Number of attempts of `retry` before it failed with this error; undefined without `retry`. */
  get attempts(): number | undefined {
    return attemptsOf(this);
  }

  /** Returns what `JSON.stringify` shows: the message and the fields, with control characters escaped. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}

/**
 * Classifies any thrown value: errors of sockets and TLS of Deno, `fetch`, `WebSocket`, modules of
 * Node, aborts, and others. It uses the class and the code of an error, and its message only if there
 * is nothing else. It never throws.
 *
 * @param error The thrown value. A {@linkcode NetError} is returned unchanged.
 * @param context The known details, such as the phase and the address.
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

/** Returns the address in a context as text for a message. */
function addressOf({ address, hostname, port = 0, path }: ErrorContext): string | undefined {
  if (address !== undefined) return shorten(address);
  if (hostname !== undefined) return shorten(formatAddress({ hostname, port }));
  return path ? shorten(formatAddress({ transport: "unix", path })) : undefined;
}
