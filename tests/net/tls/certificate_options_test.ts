import { assertRejects } from "@std/assert";
import {
  developmentAuthority,
  type DevelopmentAuthorityOptions,
  developmentCertificate,
  type DevelopmentCertificateOptions,
} from "../../../net/tls/certificate.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { upgradeTls, upgradeTlsServer } from "../../../net/tls/upgrade.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import type { UpgradeTlsOptions, UpgradeTlsServerOptions } from "../../../net/tls/upgrade.ts";
import type { ServeTlsOptions } from "../../../net/tls/options.ts";
import { checkEveryOption } from "../../_support/options.ts";

const CERTIFICATE = {
  names: "none",
  days: "range",
  notBefore: "none",
  usage: "none",
  commonName: "text",
} as const;

const TLS = {
  alpnProtocols: "none",
  minVersion: "none",
  inspect: "none",
  engine: "none",
  handshakeTimeout: "time",
  cert: "text",
  key: "text",
} as const;

const SERVER = {
  ...TLS,
  certFile: "text",
  keyFile: "text",
  sni: "none",
  clientAuth: "none",
  clientCa: "none",
} as const;

Deno.test("developmentAuthority(), issue() and developmentCertificate() check every option", async () => {
  await checkEveryOption<DevelopmentAuthorityOptions>("developmentAuthority", {
    days: "range",
    commonName: "text",
  }, (options) => developmentAuthority(options));
  const authority = await developmentAuthority();
  await checkEveryOption<DevelopmentCertificateOptions>("issue", CERTIFICATE, (options) => {
    return authority.issue(options);
  });
  await checkEveryOption<DevelopmentCertificateOptions>(
    "developmentCertificate",
    CERTIFICATE,
    (options) => developmentCertificate(options),
  );
  await assertRejects(
    () => authority.issue({ names: ["a.test", "a b"] }),
    TypeError,
    'names[1] must be a host name or an IP address, got string "a b"',
  );
});

Deno.test("serveTls() checks every option", async () => {
  await checkEveryOption<ServeTlsOptions>("serveTls", {
    ...SERVER,
    idleTimeout: "time",
    readTimeout: "time",
    writeTimeout: "time",
    lingerTimeout: "time",
    sendQueue: "none",
    maxConnections: "count",
    whenFull: "none",
    signal: "none",
    onListen: "none",
    onEvent: "none",
    hostname: "text",
    port: "none",
    maxConnectionsPerAddress: "count",
    proxyProtocol: "none",
    backlog: "count",
    sharePort: "none",
    noDelay: "none",
    keepAlive: "none",
    deadPeerTimeout: "time",
    resetOnAbort: "none",
    reloadInterval: "time",
  }, async (options) => {
    await using _server = serveTls(options, () => {});
  });
});

Deno.test("upgradeTls() and upgradeTlsServer() check every option", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  await using _server = server;
  await client.close();
  await checkEveryOption<UpgradeTlsOptions>("upgradeTls", {
    ...TLS,
    serverName: "text",
    caCerts: "none",
    pin: "none",
    signal: "none",
  }, (options) => upgradeTls(client, { serverName: "a.test", ...options }));
  await checkEveryOption<UpgradeTlsServerOptions>("upgradeTlsServer", {
    ...SERVER,
    signal: "none",
  }, (options) => upgradeTlsServer(server, options));
});
