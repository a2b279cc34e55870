import { toNetError } from "../errors/errors.ts";
import { checkLimits, checkMax, checkNumber } from "./options.ts";
import { checkProxyProtocol } from "./proxy_header.ts";
import type { ServeOptions, ServeTcpOptions } from "../tcp/server_options.ts";

/** What listening gives. */
export interface Listener<A extends Deno.Addr> {
  readonly addr: A;
  accept(): Promise<Deno.Conn<A>>;
  close(): void;
  ref(): void;
  unref(): void;
}

/** What `Deno.listen` and `Deno.listenTls` take. */
export interface ListenAt {
  readonly hostname: string;
  readonly port: number;
  readonly tcpBacklog: number;
  /** Shares the port among Workers; unlike `reusePort` it needs no flag, and never ends the process. */
  readonly loadBalanced: boolean;
}

/** Rejects nonsense before any I/O. */
export function checkOptions<A extends Deno.Addr>(options: ServeOptions<A>): void {
  const { whenFull = "wait" } = options;
  if (whenFull !== "wait" && whenFull !== "refuse") {
    throw new TypeError(`Cannot use whenFull "${whenFull}": it is "wait" or "refuse"`);
  }
  checkLimits(options);
  checkNumber("maxConnections", options.maxConnections ?? 0);
}

/** Checks the options, then listens, or says in a {@linkcode NetError} why that is impossible. */
export function listen<L>(
  options: ServeTcpOptions,
  open: (at: ListenAt) => L,
): L {
  const { hostname = "127.0.0.1", port = 0, backlog } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`Cannot listen on port ${port}: it is a whole number from 0 to 65535`);
  }
  checkOptions(options);
  checkNumber("maxConnectionsPerAddress", options.maxConnectionsPerAddress ?? 0);
  checkProxyProtocol(options.proxyProtocol);
  const tcpBacklog = checkMax("backlog", backlog, 511);
  try {
    return open({ hostname, port, tcpBacklog, loadBalanced: options.sharePort ?? false });
  } catch (error) {
    throw toNetError(error, { phase: "listen", hostname, port });
  }
}
