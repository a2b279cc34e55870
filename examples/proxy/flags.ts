/** The flags of the proxy. @module */

import { type Flags, serverFlags } from "../../tools/cli.ts";

/** What the proxy can be told. */
export const FLAGS = {
  ...serverFlags(8888),
  auth: { type: "list", placeholder: "user:password", help: "Login that clients must give" },
  open: { type: "boolean", help: "Beyond this machine: serve anybody, without --auth" },
  allowClient: {
    type: "list",
    placeholder: "block",
    help: "The only clients: addresses, blocks like 10.0.0.0/8",
  },
  denyClient: { type: "list", placeholder: "block", help: "Clients to refuse" },
  allow: { type: "list", placeholder: "target", help: "The only hosts, *.names, address blocks" },
  deny: { type: "list", placeholder: "target", help: "Hosts, *.names, address blocks to refuse" },
  allowPrivate: { type: "boolean", help: "Reach private, loopback and other special addresses" },
  connectPort: {
    type: "list",
    placeholder: "port",
    default: ["443"],
    help: "Port that CONNECT may reach, or any",
  },
  requestPort: {
    type: "list",
    placeholder: "port",
    default: ["any"],
    help: "Port that plain HTTP may reach, or any",
  },
  upstream: {
    type: "list",
    placeholder: "url",
    help: "Next proxy, or TARGET=URL: http, https, socks5, socks5h or direct",
  },
  upstreamCa: {
    type: "list",
    placeholder: "file",
    help: "Authority to trust besides the known ones for an https proxy, PEM",
  },
  bind: {
    type: "list",
    placeholder: "address",
    help: "Address of this machine to connect from, IPv4, IPv6 or both",
  },
  acceptProxyProtocol: {
    type: "list",
    placeholder: "block",
    help: "Load balancers whose PROXY header names the client",
  },
  sendProxyProtocol: {
    type: "choice",
    choices: ["v1", "v2"],
    help: "Tell servers the address of the client, by a PROXY header",
  },
  maxConnections: { type: "integer", default: 1024, min: 0, help: "Clients at once; 0: any" },
  maxPerAddress: { type: "integer", default: 256, min: 0, help: "Of one address; 0: any" },
  maxHead: { type: "size", default: "32KiB", min: "1", help: "Largest head of a request" },
  headTimeout: { type: "duration", default: "15s", help: "Longest head of a request; 0: any" },
  idleTimeout: { type: "duration", default: "60s", help: "Longest pause of a client; 0: any" },
  bodyTimeout: { type: "duration", default: "60s", help: "Longest pause in a body; 0: any" },
  minBodyRate: { type: "size", default: "500B", min: "1", help: "Slowest upload, per second" },
  connectTimeout: { type: "duration", default: "10s", help: "Longest connecting; 0: any" },
  responseTimeout: { type: "duration", default: "60s", help: "Longest wait for a server; 0: any" },
  tunnelTimeout: { type: "duration", default: "5m", help: "Longest pause of a tunnel; 0: any" },
} as const satisfies Flags;
