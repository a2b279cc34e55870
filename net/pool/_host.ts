import { formatAddress } from "../address.ts";
import type { Connection } from "../connection/connection.ts";
import type { PoolTarget } from "./options.ts";
import type { Waiters } from "./_waiters.ts";

/** A connection that waits for its next use. */
export interface Idle {
  readonly connection: Connection;
  readonly since: number;
  /** Ends the read that detects data or the end of the peer's output. */
  readonly lend: AbortController;
}

/** The connections that were opened with the same settings to one host. */
export class Host {
  readonly key: string;
  /** The target, for connections that are opened in advance. */
  readonly target: PoolTarget;
  readonly idle: Idle[] = [];
  /** The waiting callers. They get a returned connection, or null for permission to open one. */
  readonly waiters: Waiters<Connection | null>;
  /** Number of connections that are open or being opened. */
  open = 0;
  /** Whether a connection is being opened in advance. */
  warming = false;

  constructor(key: string, target: PoolTarget, waiters: Waiters<Connection | null>) {
    this.key = key;
    this.target = target;
    this.waiters = waiters;
  }
}

/** Returns a key that is the same for targets whose connections are interchangeable. */
export function keyOf(target: PoolTarget): string {
  const { hostname = "127.0.0.1", port, noDelay = true, keepAlive = true } = target;
  const tcp = `${formatAddress({ hostname, port })} ${noDelay} ${keepAlive}`;
  if (!target.tls) return tcp;
  const { serverName, caCerts, alpnProtocols, cert, key, pin } = target;
  const { minVersion, inspect, engine } = target;
  const certificates = [serverName, caCerts, cert, key, pin];
  const settings = [...certificates, alpnProtocols, minVersion, inspect, engine];
  return JSON.stringify([tcp, ...settings]);
}
