/** The settings of the WebSocket client, from its flags. @module */

import type { ConnectWebSocketOptions } from "../../ws/client/options.ts";
import { pairs } from "../http/arguments.ts";
import { ROUTE_FLAGS, routeOf, type RouteValues } from "../http/route.ts";
import { checkProtocols, checkUrl } from "./arguments.ts";
import { CliError, type Flags } from "../../tools/cli.ts";

/** The flags for connections. */
export const CONNECTION_FLAGS = {
  connectTimeout: { type: "duration", default: "10s", help: "Time limit for connecting" },
  header: { type: "list", placeholder: "name: value", help: "Header field of the handshake" },
  protocol: { type: "list", placeholder: "name", help: "Subprotocol to offer" },
  ...ROUTE_FLAGS,
  maxRedirects: { type: "integer", default: 0, min: 0, max: 100, help: "Redirects followed" },
  compress: { type: "boolean", help: "Offer to compress messages" },
} as const satisfies Flags;

/** The values of these flags. */
export interface ConnectionValues extends RouteValues {
  readonly connectTimeout: number;
  readonly header: readonly string[];
  readonly protocol: string[];
  readonly maxRedirects: number;
  readonly compress: boolean;
}

/** Returns the options of a client for a URL. Reads the files that the flags name. */
export async function connectionOf(
  url: string,
  values: ConnectionValues,
): Promise<ConnectWebSocketOptions> {
  checkUrl(url);
  checkProtocols(values.protocol);
  const route = await routeOf(values);
  if (route.pin !== undefined && !/^(wss|https):/i.test(url)) {
    throw new CliError("--pin requires a wss URL", 2);
  }
  return {
    ...route,
    headers: pairs("header", values.header, /^([^:]+):\s*(.*)$/s),
    protocols: values.protocol,
    timeout: values.connectTimeout,
    maxRedirects: values.maxRedirects,
    compression: values.compress,
  };
}
