/** Which clients may use a proxy, and which targets each of them may reach. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  createProxy,
  type ProxyEntry,
  type ProxyOptions,
  serveProxy,
} from "../../../http/proxy/proxy.ts";
import { encodeProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveUnix } from "../../../net/unix/server.ts";
import { connectUnix } from "../../../net/unix/client.ts";
import { needsIPv6 } from "../../_support/peers.ts";
import { answer, exchange, rest, statuses } from "../../_support/raw_http.ts";
import { Origin } from "./_support.ts";

const OPEN = { allowPrivate: true, connectPorts: "any" } as const;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CLOSE = "Connection: close\r\n";
const get = (host: string, lines = "") =>
  `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
const connect = (host: string) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const login = (user: string) => `Proxy-Authorization: Basic ${btoa(user)}\r\n`;
/** A proxy that hears from the tests who the client is. */
const proxyProtocol = { trusted: ["127.0.0.1"] };
const from = (hostname: string, text: string) =>
  new Uint8Array([
    ...encodeProxyHeader({
      version: 2,
      source: { hostname, port: 1 },
      destination: { hostname: "192.0.2.2", port: 80 },
    }),
    ...new TextEncoder().encode(text),
  ]);

const ADMITTED: [options: ProxyOptions, client: string, status: number][] = [
  [{}, "192.0.2.1", 200],
  [{ allowClients: ["192.0.2.0/24"] }, "192.0.2.1", 200],
  [{ allowClients: ["192.0.2.0/24"] }, "192.0.3.1", 403],
  [{ allowClients: ["192.0.2.0/24"] }, "2001:db8::1", 403],
  [{ allowClients: ["192.0.2.0/24"] }, "::ffff:192.0.2.1", 200],
  [{ allowClients: ["2001:db8::/32"] }, "2001:db8::1", 200],
  [{ allowClients: ["192.0.2.1"], denyClients: ["192.0.2.0/24"] }, "192.0.2.1", 403],
  [{ denyClients: ["192.0.2.0/24"] }, "192.0.2.1", 403],
  [{ denyClients: ["192.0.2.0/24"] }, "::ffff:192.0.2.1", 403],
  [{ denyClients: ["192.0.2.0/24"] }, "192.0.3.1", 200],
  [{ allowClients: [] }, "192.0.2.1", 403],
];
for (const [options, client, status] of ADMITTED) {
  Deno.test(`serveProxy() answers ${client} under ${JSON.stringify(options)} with ${status}`, async () => {
    await using origin = new Origin({ replies: [OK] });
    const entries: ProxyEntry[] = [];
    await using proxy = serveProxy({
      ...OPEN,
      ...options,
      proxyProtocol,
      onEntry: (entry) => entries.push(entry),
    });
    const text = await exchange(proxy.addr.port, from(client, get(origin.host, CLOSE)));
    assertEquals(statuses(text), [status]);
    assertEquals(entries.map((entry) => entry.status), [status]);
    assert(entries[0]!.client.includes(client.replace("::ffff:", "")), entries[0]!.client);
    assertEquals(entries[0]!.error, status === 403 ? "the client is not allowed" : undefined);
    assertEquals(proxy.stats().denied, status === 403 ? 1 : 0);
    assertEquals(origin.heard.length, status === 403 ? 0 : 1);
  });
}

Deno.test("a client that is not allowed is asked for no login, and its connection is closed", async () => {
  await using proxy = serveProxy({ ...OPEN, denyClients: ["127.0.0.0/8"], users: { a: "b" } });
  for (const method of [get("a.test"), connect("a.test:443")]) {
    const text = await exchange(proxy.addr.port, method + get("b.test"));
    assertEquals(statuses(text.replace("<reset>", "")), [403]);
    assert(text.includes("Connection: close"), text);
  }
});

Deno.test({
  name: `serveProxy() tells clients of both families apart on one socket${needsIPv6().suffix}`,
  ignore: needsIPv6().ignore,
  fn: async () => {
    await using proxy = serveProxy({
      hostname: "::",
      open: true,
      allowClients: ["127.0.0.1"],
    });
    const ask = async (hostname: string) => {
      await using conn = await connectTcp({ hostname, port: proxy.addr.port });
      await conn.write(get("10.0.0.1", CLOSE));
      return await rest(conn);
    };
    assert((await ask("127.0.0.1")).includes("The target is not allowed"));
    assert((await ask("::1")).includes("This client may not use the proxy"));
  },
});

Deno.test("a client without an address is in no list", async () => {
  const folder = await Deno.makeTempDir();
  const ask = async (options: ProxyOptions) => {
    using proxy = createProxy({ ...OPEN, ...options });
    const path = `${folder}/socket`;
    await using _server = await serveUnix({ path }, proxy.handle as never);
    await using conn = await connectUnix({ path });
    await conn.write(get("10.0.0.1", CLOSE).replace("http:", "ftp:"));
    return statuses(await answer(conn));
  };
  assertEquals(await ask({ allowClients: ["0.0.0.0/0", "::/0"] }), [403]);
  assertEquals(await ask({ denyClients: ["0.0.0.0/0", "::/0"] }), [400]);
  await Deno.remove(folder, { recursive: true });
});

/** What a client with an address and a user gets under rules for some. */
async function reach(
  options: ProxyOptions,
  client: string,
  request: (host: string) => string,
  user?: string,
): Promise<number[]> {
  await using origin = new Origin({ replies: [OK], tunnel: true });
  const users = { alice: "a", bob: "b" };
  await using proxy = serveProxy({
    ...options,
    proxyProtocol,
    ...(user !== undefined && { users }),
    resolve: () => ["127.0.0.1"],
  });
  const port = origin.host.split(":")[1];
  const lines = user === undefined ? CLOSE : CLOSE + login(`${user}:${users[user as "bob"]}`);
  const text = request(`${port}`).replace("\r\n\r\n", `\r\n${lines}\r\n`);
  await using conn = await connectTcp({ port: proxy.addr.port });
  await conn.write(from(client, text));
  return statuses(await conn.readLine({ timeout: 30_000 }) ?? "");
}

const plain = (name: string) => (port: string) => get(`${name}:${port}`);
const tunnel = (name: string) => (port: string) => connect(`${name}:${port}`);
const RULES: [
  name: string,
  options: ProxyOptions,
  client: string,
  request: (port: string) => string,
  status: number,
][] = [
  [
    "a group may reach what others may not",
    { clientRules: [{ clients: ["10.1.0.0/16"], allowPrivate: true }] },
    "10.1.2.3",
    plain("a.test"),
    200,
  ],
  [
    "others may not reach what a group may",
    { clientRules: [{ clients: ["10.1.0.0/16"], allowPrivate: true }] },
    "10.2.2.3",
    plain("a.test"),
    403,
  ],
  [
    "the first rule that matches holds",
    {
      clientRules: [
        { clients: ["10.1.2.3"], allowPrivate: false },
        { clients: ["10.0.0.0/8"], allowPrivate: true },
      ],
    },
    "10.1.2.3",
    plain("a.test"),
    403,
  ],
  [
    "a group has its own allow",
    { ...OPEN, allow: ["b.test"], clientRules: [{ clients: ["10.0.0.0/8"], allow: ["a.test"] }] },
    "10.0.0.1",
    plain("a.test"),
    200,
  ],
  [
    "a group has its own allow alone",
    { ...OPEN, allow: ["b.test"], clientRules: [{ clients: ["10.0.0.0/8"], allow: ["a.test"] }] },
    "10.0.0.1",
    plain("b.test"),
    403,
  ],
  [
    "a group may reach any target",
    { ...OPEN, allow: ["b.test"], clientRules: [{ clients: ["10.0.0.0/8"], allow: "any" }] },
    "10.0.0.1",
    plain("c.test"),
    200,
  ],
  [
    "a group may reach none",
    { ...OPEN, clientRules: [{ clients: ["10.0.0.0/8"], allow: [] }] },
    "10.0.0.1",
    plain("c.test"),
    403,
  ],
  [
    "what is denied to a group",
    { ...OPEN, clientRules: [{ clients: ["10.0.0.0/8"], deny: [".test"] }] },
    "10.0.0.1",
    plain("a.test"),
    403,
  ],
  [
    "what is denied to all is denied to a group",
    { ...OPEN, deny: [".test"], clientRules: [{ clients: ["10.0.0.0/8"], deny: ["x"] }] },
    "10.0.0.1",
    plain("a.test"),
    403,
  ],
  [
    "a group may use CONNECT for any port",
    { allowPrivate: true, clientRules: [{ clients: ["10.0.0.0/8"], connectPorts: "any" }] },
    "10.0.0.1",
    tunnel("a.test"),
    200,
  ],
  [
    "others may use CONNECT for 443",
    { allowPrivate: true, clientRules: [{ clients: ["10.0.0.0/8"], connectPorts: "any" }] },
    "11.0.0.1",
    tunnel("a.test"),
    403,
  ],
  ["requestPorts", { ...OPEN, requestPorts: [80] }, "11.0.0.1", plain("a.test"), 403],
  [
    "requestPorts leave CONNECT alone",
    { ...OPEN, requestPorts: [80] },
    "11.0.0.1",
    tunnel("a.test"),
    200,
  ],
];
for (const [name, options, client, request, status] of RULES) {
  Deno.test(`clientRules: ${name}`, async () => {
    assertEquals(await reach(options, client, request), [status]);
  });
}

Deno.test("clientRules: a rule for users, and one for users from some addresses", async () => {
  const users = { alice: "a", bob: "b" };
  const options: ProxyOptions = {
    users,
    clientRules: [
      { users: ["alice"], allowPrivate: true },
      { users: ["bob"], clients: ["10.0.0.0/8"], allowPrivate: true },
    ],
  };
  assertEquals(await reach(options, "11.0.0.1", plain("a.test"), "alice"), [200]);
  assertEquals(await reach(options, "11.0.0.1", plain("a.test"), "bob"), [403]);
  assertEquals(await reach(options, "10.0.0.1", plain("a.test"), "bob"), [200]);
});

Deno.test("a kept connection serves no client that could not have opened it", async () => {
  await using origin = new Origin({ replies: [OK, OK, OK] });
  await using proxy = serveProxy({
    proxyProtocol,
    clientRules: [{ clients: ["10.0.0.0/8"], allowPrivate: true }],
    resolve: () => ["127.0.0.1"],
  });
  const host = `a.test:${origin.host.split(":")[1]}`;
  const ask = async (client: string) => {
    await using conn = await connectTcp({ port: proxy.addr.port });
    await conn.write(from(client, get(host)));
    return statuses(await answer(conn));
  };
  assertEquals(await ask("10.0.0.1"), [200]);
  assertEquals(proxy.stats().idleUpstream, 1);
  assertEquals(await ask("11.0.0.1"), [403]);
  assertEquals(await ask("10.0.0.2"), [200]);
  assertEquals(origin.heard.length, 1);
});

const BAD: [ProxyOptions, string][] = [
  [{ allowClients: ["localhost"] }, "allowClients"],
  [{ denyClients: ["10.0.0.0/33"] }, "denyClients"],
  [{ clientRules: [{}] }, "clientRules[0]"],
  [{ clientRules: [{ clients: ["a"] }] }, "clientRules[0].clients"],
  [
    { clientRules: [{ users: ["alice"] }] },
    'clientRules[0].users must have names from users, got "alice"',
  ],
  [{ clientRules: [{ clients: ["::1"], deny: ["a b"] }] }, "deny"],
  [{ clientRules: [{ clients: ["::1"], connectPorts: [0] }] }, "connectPorts"],
  [{ requestPorts: [65536] }, "requestPorts"],
];
for (const [options, what] of BAD) {
  Deno.test(`createProxy() refuses ${JSON.stringify(options)}`, () => {
    const error = assertThrows(() => createProxy(options));
    assert(error instanceof TypeError || error instanceof RangeError);
    assert(error.message.includes(what), error.message);
  });
}
