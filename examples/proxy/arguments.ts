/** Turns the command line of the proxy into options. @module */

import { createProxy, type ServeProxyOptions } from "../../http/proxy/proxy.ts";
import { isLoopback } from "../../net/address.ts";
import { readAddressBlock } from "../../net/address_block.ts";
import { badValue } from "../../tools/cli.ts";
import { readSecrets, secretOf } from "../login/secret.ts";
import { readUpstream, upstreamRules } from "./upstream.ts";

/** The flags that are options as they are. */
const PLAIN = [
  ...["hostname", "port", "open", "allowPrivate", "maxConnections", "maxHead"] as const,
  ...["headTimeout", "idleTimeout", "bodyTimeout", "minBodyRate"] as const,
  ...["connectTimeout", "responseTimeout", "tunnelTimeout"] as const,
];
type Plain = Pick<ServeProxyOptions, typeof PLAIN[number]>;

/** The values of all flags. */
export interface ProxyArguments extends Plain {
  hostname: string;
  auth: string[];
  allowClient: string[];
  denyClient: string[];
  allow: string[];
  deny: string[];
  connectPort: string[];
  requestPort: string[];
  upstream: string[];
  bind: string[];
  maxPerAddress: number;
  acceptProxyProtocol: string[];
  sendProxyProtocol?: "v1" | "v2" | undefined;
}

/** Options of the command line, and the certificates that `--upstream-ca` names. */
export interface ProxyFiles {
  upstreamCa: readonly string[];
}

/** The flags for files of secrets. */
interface SecretFiles {
  authFile?: string | undefined;
  upstreamFile?: string | undefined;
}

/** Adds the secrets that files or the environment hold. A variable counts if its flags are missing. */
export async function withSecrets<T extends ProxyArguments & SecretFiles>(values: T): Promise<T> {
  const { authFile, upstreamFile } = values;
  const auth = [...values.auth, ...authFile === undefined ? [] : await readSecrets(authFile)];
  const upstream = [
    ...values.upstream,
    ...upstreamFile === undefined ? [] : await readSecrets(upstreamFile),
  ];
  for (
    const [list, variable] of [[auth, "PORTSIDE_AUTH"], [upstream, "PORTSIDE_UPSTREAM"]] as const
  ) {
    const secret = list.length === 0 ? await secretOf({ variable }) : undefined;
    if (secret !== undefined) list.push(secret);
  }
  return { ...values, auth, upstream };
}

/** Turns them into options. Throws an error that names the flag that is wrong. */
export function proxyOptions(given: ProxyArguments & ProxyFiles) {
  const { hostname, open, allow, deny, allowClient, denyClient, acceptProxyProtocol } = given;
  const logins = given.auth.map(readLogin);
  if (logins.length === 0 && !open && !isLoopback(hostname)) {
    throw badValue(
      "--hostname",
      hostname,
      "a loopback address; any other needs --auth, or --open to serve everybody",
    );
  }
  const target = "a host, a .suffix, an address or a block of addresses";
  for (const one of allow) check("--allow", one, target, { allow: [one] });
  for (const one of deny) check("--deny", one, target, { deny: [one] });
  checkBlocks("--allow-client", allowClient);
  checkBlocks("--deny-client", denyClient);
  checkBlocks("--accept-proxy-protocol", acceptProxyProtocol);
  for (const one of given.bind) {
    check("--bind", one, "an IP address, one of each family", { localAddress: given.bind });
  }
  const upstreams = given.upstream.map(readUpstream);
  return {
    ...Object.fromEntries(PLAIN.map((name) => [name, given[name]])) as Plain,
    users: logins.length > 0 ? Object.fromEntries(logins) : undefined,
    allowClients: allowClient.length > 0 ? allowClient : undefined,
    denyClients: denyClient,
    allow: allow.length > 0 ? allow : undefined,
    deny,
    maxConnectionsPerAddress: given.maxPerAddress,
    connectPorts: readPorts("--connect-port", given.connectPort),
    requestPorts: readPorts("--request-port", given.requestPort),
    upstream: upstreams.length > 0 ? upstreamRules(upstreams, given.upstreamCa) : undefined,
    localAddress: given.bind.length > 0 ? given.bind : undefined,
    proxyProtocol: acceptProxyProtocol.length > 0 ? { trusted: acceptProxyProtocol } : undefined,
    sendProxyProtocol: given.sendProxyProtocol && (given.sendProxyProtocol === "v1" ? 1 : 2),
  } satisfies ServeProxyOptions;
}

function readLogin(login: string): [user: string, password: string] {
  const [, user, password] = /^([^:]+):(.+)$/.exec(login) ?? [];
  // The message does not show the value, because it may be a password.
  if (!user || !password) throw badValue("--auth", "…", "user:password");
  return [user, password];
}

function readPorts(flag: string, texts: readonly string[]): readonly number[] | "any" {
  const ports = texts.filter((text) => text !== "any").map((text) => {
    if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65536) return Number(text);
    throw badValue(flag, text, "a port from 1 to 65535, or any");
  });
  return texts.includes("any") ? "any" : ports;
}

function checkBlocks(flag: string, blocks: readonly string[]): void {
  const wrong = blocks.find((block) => readAddressBlock(block) === undefined);
  if (wrong !== undefined) throw badValue(flag, wrong, "an address or a block of addresses");
}

function check(flag: string, value: string, expected: string, options: ServeProxyOptions): void {
  try {
    createProxy(options).close();
  } catch {
    throw badValue(flag, value, expected);
  }
}
