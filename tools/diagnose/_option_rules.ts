import {
  callback,
  flag,
  group,
  integer,
  listOf,
  MAX_TIMER,
  oneOf,
  OptionRules,
  port,
  type Rule,
  rule,
  signal,
  word,
} from "../../net/internal/options.ts";
import { pem, TLS_CLIENT } from "../../net/internal/tls_rules.ts";
import { addressBlock, peerAddress } from "../../net/internal/host_rules.ts";
import { readServer, SERVER_FORMS } from "../internal/name_server.ts";
import type { DiagnoseStepName } from "./diagnosis.ts";
import type { WatchOptions } from "./watch_options.ts";
import type { DiagnoseLookUp, DiagnoseOptions } from "./options.ts";

/** All steps in order. */
export const ALL_STEPS: readonly DiagnoseStepName[] = [
  ...["interfaces", "dns", "ping", "trace", "mtu"] as const,
  ...["tcp", "tls", "http"] as const,
];

/** The steps of a diagnosis by default. */
export const STEPS: readonly DiagnoseStepName[] = [
  "interfaces",
  "dns",
  "ping",
  "trace",
  "tcp",
  "tls",
  "http",
];

const nameServer: Rule = rule(
  SERVER_FORMS,
  (value) => typeof value === "string" && readServer(value) !== undefined,
);
const nameServers: Rule = listOf(nameServer);

/** The rules for the queries of name servers. */
const LOOK_UP = new OptionRules<DiagnoseLookUp>({
  compare: nameServer,
  trace: flag,
  roots: listOf(peerAddress),
  rootPort: port,
  recursion: flag,
  dnssec: flag,
  checkingDisabled: flag,
  nsid: flag,
  clientSubnet: addressBlock,
});

/** The rules for the options of `diagnose`. */
export const DIAGNOSE = new OptionRules<DiagnoseOptions>({
  steps: listOf(oneOf(...ALL_STEPS)),
  timeout: integer(1, MAX_TIMER),
  traceTimeout: integer(1, MAX_TIMER),
  count: integer(1, 1000),
  server: (name, value) => (Array.isArray(value) ? nameServers : nameServer)(name, value),
  lookUp: group(LOOK_UP),
  types: listOf(
    rule(
      'a record type such as "MX" or "TYPE99"',
      (value) => typeof value === "string" && /^[A-Z][A-Z0-9]*$/.test(value),
    ),
  ),
  caCerts: listOf(pem),
  cert: TLS_CLIENT.rules.cert,
  key: TLS_CLIENT.rules.key,
  pin: TLS_CLIENT.rules.pin,
  headers: rule("header fields", (value) => isHeaders(value)),
  proxy: word,
  family: rule("4 or 6", (value) => value === 4 || value === 6),
  onStep: callback,
  signal,
});

/** The rules for the options of `watchPath`. */
export const WATCH = new OptionRules<WatchOptions>({
  mode: oneOf("ping", "trace"),
  interval: integer(200, MAX_TIMER),
  rounds: integer(0, 1_000_000),
  timeout: integer(1, MAX_TIMER),
  family: DIAGNOSE.rules.family,
  signal,
});

/** Returns whether a value is valid for the headers of a request. */
function isHeaders(value: unknown): boolean {
  try {
    new Headers(value as HeadersInit);
    return value !== null && typeof value === "object";
  } catch {
    return false;
  }
}
