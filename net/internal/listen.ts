import { toNetError } from "../errors/errors.ts";
import type { ServeOptions, ServeTcpOptions } from "../tcp/server_options.ts";
import { CONNECTION } from "./connection_limits.ts";
import { hostName } from "./host_rules.ts";
import {
  callback,
  count,
  flag,
  group,
  limit,
  listenPort,
  milliseconds,
  oneOf,
  OptionRules,
  signal,
} from "./options.ts";
import { PROXY_PROTOCOL } from "./proxy_header.ts";

/** A listening socket. */
export interface Listener<A extends Deno.Addr> {
  readonly addr: A;
  accept(): Promise<Deno.Conn<A>>;
  close(): void;
  ref(): void;
  unref(): void;
}

/** Options of `Deno.listen` and `Deno.listenTls`. */
export interface ListenAt {
  readonly hostname: string;
  readonly port: number;
  readonly tcpBacklog: number;
  /** Whether Workers share the port. Unlike `reusePort`, it needs no flag and never ends the process. */
  readonly loadBalanced: boolean;
}

/** The rules for the options of all servers. */
export const SERVE = new OptionRules<ServeOptions>({
  ...CONNECTION.rules,
  maxConnections: limit,
  whenFull: oneOf("wait", "refuse"),
  signal,
  onListen: callback,
  onEvent: callback,
});

/** The rules for the options of `serveTcp`. */
export const SERVE_TCP = new OptionRules<ServeTcpOptions>({
  ...SERVE.rules,
  hostname: hostName,
  port: listenPort,
  maxConnectionsPerAddress: limit,
  proxyProtocol: group(PROXY_PROTOCOL),
  backlog: count,
  sharePort: flag,
  noDelay: flag,
  keepAlive: flag,
  deadPeerTimeout: milliseconds,
  resetOnAbort: flag,
});

/** Opens a listener. Throws a {@linkcode NetError} if that fails. */
export function listen<L>(
  options: ServeTcpOptions,
  open: (at: ListenAt) => L,
): L {
  const { hostname = "127.0.0.1", port = 0, backlog: tcpBacklog = 511 } = options;
  try {
    return open({ hostname, port, tcpBacklog, loadBalanced: options.sharePort ?? false });
  } catch (error) {
    throw toNetError(error, { phase: "listen", hostname, port });
  }
}
