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
  rule,
  text,
  word,
} from "./options.ts";

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

/** The rules for the options of the client's side. */
export const TLS_CLIENT = new OptionRules<TlsClientSettings>({
  ...TLS.rules,
  serverName: word,
  caCerts: listOf(pem),
  cert: text,
  key: text,
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
