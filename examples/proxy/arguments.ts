/** What the proxy is told on its command line. @module */

import { createProxy, type ServeProxyOptions } from "../../http/proxy.ts";
import { isLoopback } from "../../net/address.ts";
import { badValue } from "../../tools/cli.ts";

/** The flags that are more than a value. */
export interface ProxyArguments {
  hostname: string;
  open: boolean;
  auth: string[];
  allow: string[];
  deny: string[];
  connectPort: string[];
  upstream?: string | undefined;
  maxPerAddress: number;
}

/** Turns them into options; throws what tells the user which flag is wrong. */
export function proxyOptions(given: ProxyArguments): ServeProxyOptions {
  const { hostname, open, auth, allow, deny, upstream } = given;
  const logins = auth.map((login): [string, string] => {
    const [, user, password] = /^([^:]+):(.+)$/.exec(login) ?? [];
    // Not shown: it may be a password.
    if (!user || !password) throw badValue("--auth", "…", "user:password");
    return [user, password];
  });
  if (logins.length === 0 && !open && !isLoopback(hostname)) {
    throw badValue("--hostname", hostname, "this machine, or --auth, or --open for everybody");
  }
  const ports = given.connectPort.map((port) => {
    if (port === "any") return NaN;
    if (/^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65536) return Number(port);
    throw badValue("--connect-port", port, "a port from 1 to 65535, or any");
  });
  const expected = "a host, a .suffix, an address or a block of addresses";
  for (const one of allow) check("--allow", one, expected, { allow: [one] });
  for (const one of deny) check("--deny", one, expected, { deny: [one] });
  if (upstream !== undefined) {
    check("--upstream", "…", "http://host:port or http://user:password@host:port", { upstream });
  }
  return {
    users: logins.length > 0 ? Object.fromEntries(logins) : undefined,
    allow: allow.length > 0 ? allow : undefined,
    deny,
    maxConnectionsPerAddress: given.maxPerAddress,
    connectPorts: given.connectPort.includes("any") ? "any" : ports,
  };
}

function check(flag: string, value: string, expected: string, options: ServeProxyOptions): void {
  try {
    createProxy(options).close();
  } catch {
    throw badValue(flag, value, expected);
  }
}
