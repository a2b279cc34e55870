import { addressBlock, peerAddress } from "../internal/host_rules.ts";
import {
  anObject,
  flag,
  group,
  milliseconds,
  OptionRules,
  port,
  required,
  type Rule,
  signal,
} from "../internal/options.ts";
import { TLS_CLIENT } from "../internal/tls_rules.ts";
import type {
  DnsQuerySettings,
  DnsServer,
  DnsTlsOptions,
  QueryDnsOptions,
} from "./query_options.ts";

const { caCerts, cert, key, minVersion, pin, serverName } = TLS_CLIENT.rules;
const tlsSettings = group(
  new OptionRules<DnsTlsOptions>({ caCerts, cert, key, minVersion, pin, serverName }),
);

const tls: Rule = (name, value) =>
  typeof value === "boolean" ? undefined : tlsSettings(name, value);

/** Returns whether a server is reached in its own way. */
export function isDnsServer(server: unknown): server is DnsServer {
  return typeof server === "object" && server !== null && "exchange" in server &&
    typeof server.exchange === "function";
}

/** Checks a server: an IP address, or an object that carries messages, which is not copied. */
export function server(name: string, value: unknown): void {
  if (!isDnsServer(value)) peerAddress(name, value);
}

/** The rules for the options that do not depend on the server. */
export const SETTINGS = new OptionRules<DnsQuerySettings>({
  timeout: milliseconds,
  tcp: flag,
  tls,
  recursion: flag,
  dnssec: flag,
  checkingDisabled: flag,
  nsid: flag,
  clientSubnet: addressBlock,
});

/** The rules for the options of `queryDns`. */
export const QUERY = new OptionRules<QueryDnsOptions>({
  ...SETTINGS.rules,
  server: required(server),
  port,
  cookie: anObject,
  signal,
});
