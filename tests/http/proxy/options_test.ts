import { createProxy, type ProxyOptions, serveProxy } from "../../../http/proxy/proxy.ts";
import type { ServeProxyOptions, ServeProxyUnixOptions } from "../../../http/proxy/proxy.ts";
import { checkEveryOption, type OptionKind } from "../../_support/options.ts";
import { assert, assertThrows } from "@std/assert";

const PROXY: Record<keyof Required<ProxyOptions>, OptionKind> = {
  allow: "none",
  deny: "none",
  allowPrivate: "none",
  connectPorts: "none",
  requestPorts: "none",
  users: "none",
  allowClients: "none",
  denyClients: "none",
  clientRules: "none",
  resolve: "none",
  upstream: "none",
  localAddress: "none",
  sendProxyProtocol: "none",
  name: "none",
  maxHead: "count",
  headTimeout: "time",
  idleTimeout: "time",
  bodyTimeout: "time",
  minBodyRate: "count",
  connectTimeout: "time",
  responseTimeout: "time",
  hookTimeout: "time",
  tunnelTimeout: "time",
  halfCloseTimeout: "time",
  maxIdlePerHost: "count",
  keepAliveTimeout: "time",
  onRequest: "none",
  onResponse: "none",
  onEntry: "none",
};

Deno.test("createProxy() checks every option", async () => {
  await checkEveryOption<ProxyOptions>(
    "createProxy",
    PROXY,
    (options) => createProxy(options).close(),
  );
});

Deno.test("serveProxy() checks every option", async () => {
  await checkEveryOption<ServeProxyOptions>("serveProxy", {
    ...PROXY,
    hostname: "text",
    port: "none",
    backlog: "count",
    sharePort: "none",
    maxConnections: "count",
    maxConnectionsPerAddress: "count",
    proxyProtocol: "none",
    signal: "none",
    onListen: "none",
    onEvent: "none",
    open: "none",
  }, async (options) => {
    await using _server = serveProxy(options);
  });
});

Deno.test({
  name: "serveProxy() checks every option on a Unix socket",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await checkEveryOption<ServeProxyUnixOptions>("serveProxy", {
      ...PROXY,
      path: "text",
      mode: "none",
      maxConnections: "count",
      maxConnectionsPerAddress: "count",
      proxyProtocol: "none",
      signal: "none",
      onListen: "none",
      onEvent: "none",
    }, async (options) => {
      await using _server = await serveProxy({ path: "/nowhere/proxy.sock", ...options });
    });
  },
});

Deno.test("groups of options of a proxy are checked by name and by value", () => {
  const rows: Array<[object, string]> = [
    [{ clientRules: [{ user: [] }] }, 'no option "clientRules[0].user"; did you mean "users"?'],
    [{ clientRules: [{}] }, "clientRules[0] must have clients, users or both"],
    [
      { clientRules: [{ users: ["bob"] }] },
      'clientRules[0].users must have names from users, got "bob"',
    ],
    [{ connectPorts: [443, "80"] }, "connectPorts[1] must be an integer from 1 to 65535"],
    [{ allow: ["a", "b c"] }, "allow[1] must be a host name"],
    [{ upstream: [{ targets: ["a"] }] }, "upstream[0].upstream must be"],
    [{ upstream: { url: "http://a:1", caCert: [] } }, 'no option "upstream.caCert"'],
    [{ upstream: { url: "http://a:1", caCerts: ["x"] } }, "upstream.caCerts[0] must be"],
    [{ localAddress: [] }, "localAddress must have at least one address"],
    [{ users: { "a:b": "c" } }, "users must have names without colons"],
  ];
  for (const [options, message] of rows) {
    assertThrows(() => createProxy(options as ProxyOptions), Error, message);
  }
});

Deno.test("errors of the options of a proxy do not show passwords", () => {
  for (
    const options of [
      { users: { alice: "hid\nden" } },
      { users: { alice: ["hidden"] } },
      { upstream: "gopher://alice:hidden@host:1" },
      { upstream: { url: ["http://alice:hidden@host:1"] } },
      { upstream: [{ targets: ["*"], upstream: "http://alice:hidden@host" }] },
    ]
  ) {
    const error = assertThrows(() => createProxy(options as object as ProxyOptions), TypeError);
    assert(!error.message.includes("den"), error.message);
  }
});
