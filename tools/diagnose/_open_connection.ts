import { formatAddress } from "../../net/address.ts";
import { Connection } from "../../net/connection/connection.ts";
import type { NetError } from "../../net/errors/errors.ts";
import { dial } from "../../net/internal/dial.ts";
import { openTunnel } from "../../http/internal/tunnel.ts";
import type { Walk } from "./_timed_step.ts";

/** The server to connect to. */
export interface Site {
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a connection to a server: to its known address, or through the proxy.
 *
 * @param address The address of the server, or of the proxy if there is one.
 * @throws {NetError} If it cannot be reached.
 */
export async function openConnection(
  { proxy, timeout, signal, caCerts }: Walk,
  { host, port }: Site,
  address: string,
): Promise<Connection> {
  const limits = { timeout, ...(signal && { signal }) };
  const connection = { lingerTimeout: 0 };
  if (proxy !== undefined) {
    const entry = { ...proxy, hostname: proxy.protocol === "https" ? proxy.hostname : address };
    return await openTunnel(entry, { hostname: host, port }, { ...limits, caCerts, connection });
  }
  return new Connection(await dial({ hostname: address, port, ...limits }), connection);
}

/** Returns why a proxy does not connect to a server; undefined for other errors. */
export function proxyFailure(
  { proxy }: Walk,
  { phase, message }: NetError,
): { text: string; advice: string } | undefined {
  if (proxy === undefined || phase !== "connect") return undefined;
  const reason = message.replace(
    /^(?:Cannot [A-Z]+ \S+: )?cannot connect to \S+(?: through the proxy \S+)?: /i,
    "",
  );
  return {
    text: `cannot be reached: ${reason}`,
    advice: "Check the proxy, its login and its rules.",
  };
}

/** Returns a server as text. */
export function siteText({ host, port }: Site): string {
  return formatAddress({ hostname: host, port });
}
