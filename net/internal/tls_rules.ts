import type {
  ConnectTlsOptions,
  ServeTlsOptions,
  TlsClientSettings,
  TlsServerSettings,
  TlsSettings,
} from "../tls/options.ts";
import { CONNECT_TCP } from "./dial.ts";
import { SERVE_TCP } from "./listen.ts";
import {
  anObject,
  flag,
  listOf,
  milliseconds,
  oneOf,
  OptionRules,
  path,
  type Rule,
  rule,
  text,
  word,
} from "./options.ts";
import { PIN_FORM, readPin } from "./x509/pin.ts";

/** Default time limit for a handshake, in milliseconds. */
export const HANDSHAKE_TIMEOUT = 10_000;

/** The rules for the options of both sides. */
const TLS = new OptionRules<TlsSettings>({
  alpnProtocols: listOf(word),
  minVersion: oneOf("TLSv1.2", "TLSv1.3"),
  inspect: flag,
  engine: oneOf("deno", "node"),
  handshakeTimeout: milliseconds,
});

/** A certificate in PEM. */
export const pem = rule(
  "a certificate in PEM",
  (value) => typeof value === "string" && value.includes("-----BEGIN CERTIFICATE-----"),
);

const onePin = rule(
  PIN_FORM,
  (value) => typeof value === "string" && readPin(value) !== undefined,
);
const pins = listOf(onePin);

/** A pin, or several. An empty list would accept nobody. */
const pin: Rule = (name, value) => {
  if (!Array.isArray(value)) return onePin(name, value);
  return value.length === 0 ? onePin(name, value) : pins(name, value);
};

/** The rules for the options of the client's side. */
export const TLS_CLIENT = new OptionRules<TlsClientSettings>({
  ...TLS.rules,
  serverName: word,
  caCerts: listOf(pem),
  cert: text,
  key: text,
  pin,
});

/** The rules for the options of the server's side. */
export const TLS_SERVER = new OptionRules<TlsServerSettings>({
  ...TLS.rules,
  cert: text,
  key: text,
  certFile: path,
  keyFile: path,
  sni: listOf(anObject),
  clientAuth: oneOf("none", "request", "require"),
  clientCa: listOf(pem),
});

/** The rules for the options of `connectTls`. */
export const CONNECT_TLS = new OptionRules<ConnectTlsOptions>({
  ...CONNECT_TCP.rules,
  ...TLS_CLIENT.rules,
});

/** The rules for the options of `serveTls`. */
export const SERVE_TLS = new OptionRules<ServeTlsOptions>({
  ...SERVE_TCP.rules,
  ...TLS_SERVER.rules,
  reloadInterval: milliseconds,
});

/** Rejects a certificate without its key, and a key without its certificate. */
export function checkPair({ cert, key }: Pick<TlsClientSettings, "cert" | "key">): void {
  if ((cert === undefined) === (key === undefined)) return;
  throw new TypeError("The options cert and key must be given together");
}
