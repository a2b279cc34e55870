/** The flags of the proxy. @module */

import { type Flags, serverFlags } from "../../tools/cli.ts";

/** All flags of the proxy. */
export const FLAGS = {
  ...serverFlags(8888),
  auth: { type: "list", placeholder: "user:password", help: "Required login of clients" },
  authFile: {
    type: "string",
    placeholder: "file",
    help: "File with one such login per line; or the variable PORTSIDE_AUTH",
  },
  open: { type: "boolean", help: "Serve everybody beyond this machine without --auth" },
  allowClient: {
    type: "list",
    placeholder: "block",
    help: "Allowed clients: addresses, blocks like 10.0.0.0/8",
  },
  denyClient: { type: "list", placeholder: "block", help: "Refused clients" },
  allow: { type: "list", placeholder: "target", help: "Allowed hosts, *.names, address blocks" },
  deny: { type: "list", placeholder: "target", help: "Refused hosts, *.names, address blocks" },
  allowPrivate: { type: "boolean", help: "Allow private, loopback and other special addresses" },
  connectPort: {
    type: "list",
    placeholder: "port",
    default: ["443"],
    help: "Allowed port for CONNECT, or any",
  },
  requestPort: {
    type: "list",
    placeholder: "port",
    default: ["any"],
    help: "Allowed port for plain HTTP, or any",
  },
  upstream: {
    type: "list",
    placeholder: "url",
    help: "Next proxy, or TARGET=URL: http, https, socks5, socks5h or direct",
  },
  upstreamFile: {
    type: "string",
    placeholder: "file",
    help:
      "File with one next proxy per line, for URLs with a password; or the variable PORTSIDE_UPSTREAM",
  },
  upstreamCa: {
    type: "list",
    placeholder: "file",
    help: "Additional authority for an https proxy, PEM",
  },
  bind: {
    type: "list",
    placeholder: "address",
    help: "Local address of connections: IPv4, IPv6 or both",
  },
  acceptProxyProtocol: {
    type: "list",
    placeholder: "block",
    help: "Load balancers that send a PROXY header",
  },
  sendProxyProtocol: {
    type: "choice",
    choices: ["v1", "v2"],
    help: "Send a PROXY header with the address of the client",
  },
  maxConnections: {
    type: "integer",
    default: 1024,
    min: 0,
    help: "Simultaneous clients; 0: no limit",
  },
  maxPerAddress: {
    type: "integer",
    default: 256,
    min: 0,
    help: "Clients per address; 0: no limit",
  },
  maxHead: { type: "size", default: "32KiB", min: "1", help: "Largest head of a request" },
  headTimeout: { type: "duration", default: "15s", help: "Time for a head; 0: no limit" },
  idleTimeout: { type: "duration", default: "60s", help: "Time between requests; 0: no limit" },
  bodyTimeout: { type: "duration", default: "60s", help: "Pause in a body; 0: no limit" },
  minBodyRate: { type: "size", default: "500B", min: "1", help: "Lowest upload rate, per second" },
  connectTimeout: { type: "duration", default: "10s", help: "Time to connect; 0: no limit" },
  responseTimeout: { type: "duration", default: "60s", help: "Wait for a server; 0: no limit" },
  tunnelTimeout: { type: "duration", default: "5m", help: "Pause of a tunnel; 0: no limit" },
} as const satisfies Flags;
