/** `serveHttp` on a Unix socket, on both transports. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { accessLog } from "../../../http/handlers/access_log.ts";
import { rateLimit } from "../../../http/handlers/rate_limit.ts";
import type {
  HttpServerEvent,
  ServeHttpOptions,
  ServeHttpUnixOptions,
} from "../../../http/server/options.ts";
import { reverseProxy } from "../../../http/proxy/reverse/reverse_proxy.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { encodeProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import { connectUnix } from "../../../net/unix/client.ts";
import { answer, rest, statuses } from "../../_support/raw_http.ts";
import {
  bodyOf,
  CLOSE,
  exchange,
  get,
  leaveStale,
  unixTest as test,
} from "../../_support/unix_http.ts";
import { until } from "../../_support/until.ts";

for (const hardened of [true, false]) {
  const on = hardened ? "hardened" : "Deno.serve";

  test(`serveHttp() listens on a Unix socket, ${on}`, async (path) => {
    let told: Deno.UnixAddr | undefined;
    const onListen = (addr: Deno.UnixAddr) => told = addr;
    const server = await serveHttp(
      { path, hardened, onListen },
      (request, info) => Response.json([request.url, info.remoteAddr]),
    );
    const addr = { transport: "unix", path } as const;
    assertEquals([server.hardened, server.url], [hardened, "http://localhost"]);
    assertEquals([server.addr, told], [addr, addr]);
    assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
    const text = await exchange(path, get("/a?b", `Host: app\r\n${CLOSE}`));
    assertEquals(JSON.parse(bodyOf(text)), ["http://app/a?b", addr]);
    await server.shutdown();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  });

  test(`a client of HTTP talks to a Unix socket, ${on}`, async (path) => {
    await using server = await serveHttp({ path, hardened }, async (request) => {
      const copy = request.clone();
      return Response.json([request.url, copy.url, new Request(request).url, await copy.text()]);
    });
    await using client = createClient({ unixSocket: path, baseUrl: server.url });
    const url = "http://localhost/x";
    const body = "y".repeat(100_000);
    assertEquals(await client.post("/x", { body }).json(), [url, url, url, body]);
  });

  test(`a stale socket file is taken over, one in use is not, ${on}`, async (path) => {
    await leaveStale(path);
    await using _server = await serveHttp({ path, hardened, mode: 0o660 }, () => new Response());
    assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o660);
    const used = await assertRejects(
      () => serveHttp({ path, hardened }, () => new Response()),
      NetError,
      "somebody listens there",
    );
    assertEquals([used.kind, used.phase], ["address-in-use", "listen"]);
    const lost = { path: `${path}/nowhere/app.sock`, hardened };
    await assertRejects(() => serveHttp(lost, () => new Response()), NetError);
    assertEquals(statuses(await exchange(path, get("/", `Host: a\r\n${CLOSE}`))), [200]);
  });

  for (
    const [host, status, options] of [
      ["localhost", 200, {}],
      ["127.0.0.1", 200, {}],
      ["app", 200, {}],
      ["evil.example", 421, {}],
      ["evil.example", 200, { trustProxy: 1 }],
      ["a.example", 200, { allowedHosts: ["a.example"] }],
      ["b.example", 421, { allowedHosts: ["a.example"] }],
      ["%2Ftmp%2Fapp.sock", 400, {}],
    ] as [string, number, Partial<ServeHttpUnixOptions>][]
  ) {
    const which = JSON.stringify(options);
    test(`the host ${host} gets ${status} on a Unix socket with ${which}, ${on}`, async (path) => {
      await using _server = await serveHttp({ path, hardened, ...options }, () => new Response());
      assertEquals(statuses(await exchange(path, get("/", `Host: ${host}\r\n${CLOSE}`))), [status]);
      // The target names the host, too.
      const good = "allowedHosts" in options ? "a.example" : "localhost";
      const whole = get(`http://${host}/`, `Host: ${good}\r\n${CLOSE}`);
      assertEquals(statuses(await exchange(path, whole)), [status]);
    });
  }

  test(`a request without Host gets 400 on a Unix socket, ${on}`, async (path) => {
    await using _server = await serveHttp({ path, hardened }, () => new Response());
    assertEquals(statuses(await exchange(path, get("/", CLOSE))), [400]);
  });

  for (
    const [trustProxy, client] of [
      [undefined, "unix:"],
      [1, "192.0.2.7"],
      [2, "192.0.2.6"],
      [["unix:"], "192.0.2.7"],
      [["unix:", "192.0.2.7"], "192.0.2.6"],
      [{ from: ["unix:"], header: "x-forwarded" }, "192.0.2.7"],
      [["0.0.0.0/0", "::/0"], "unix:"],
    ] as [ServeHttpOptions["trustProxy"], string][]
  ) {
    const which = JSON.stringify(trustProxy) ?? "none";
    test(`trustProxy ${which} takes ${client} for the client, ${on}`, async (path) => {
      await using _server = await serveHttp(
        { path, hardened, trustProxy, allowedHosts: "any" },
        (_request, { remoteAddr, forwarded }) =>
          new Response(
            "hostname" in remoteAddr
              ? `${remoteAddr.hostname} through ${forwarded?.peer.transport}`
              : "unix:",
          ),
      );
      const from = `Host: a\r\nX-Forwarded-For: unix:, 192.0.2.6, 192.0.2.7\r\n${CLOSE}`;
      const text = await exchange(path, get("/", from));
      assertEquals(bodyOf(text), client === "unix:" ? client : `${client} through unix`);
    });
  }

  test(`wrappers know clients without an address, ${on}`, async (path) => {
    const peers: string[] = [];
    const limited = rateLimit(() => new Response(), { limit: 2 });
    const handler = accessLog(limited, { log: ({ peer }) => peers.push(peer) });
    await using _server = await serveHttp({ path, hardened, trustProxy: 1 }, handler);
    const ask = async (lines: string) =>
      statuses(await exchange(path, get("/", `Host: a\r\n${lines}${CLOSE}`)))[0];
    const all = [];
    // Each client counts for itself, but those on the socket count as one.
    for (const lines of ["", "", "", "X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: u\r\n"]) {
      all.push(await ask(lines));
    }
    assertEquals(all, [200, 200, 429, 200, 429]);
    await until(() => peers.length === 5);
    const unix = `unix:${path}`;
    assertEquals(peers, [unix, unix, unix, "192.0.2.1", unix]);
  });

  test(`refusals on a Unix socket reach the log and onEvent, ${on}`, async (path) => {
    const peers: string[] = [];
    const events: HttpServerEvent<Deno.NetAddr | Deno.UnixAddr>[] = [];
    const handler = accessLog(() => new Response(), { log: ({ peer }) => peers.push(peer) });
    const onEvent = (event: typeof events[number]) => void events.push(event);
    await using _server = await serveHttp({ path, hardened, onEvent }, handler);
    assertEquals(statuses(await exchange(path, get("/", `Host: a.b\r\n${CLOSE}`))), [421]);
    await until(() => peers.length === 1);
    assertEquals(peers, [`unix:${path}`]);
    const [event] = events;
    assertEquals(event?.type === "refused" && event.remoteAddr, { transport: "unix", path });
  });

  test(`reverseProxy() calls a client on a Unix socket unknown, ${on}`, async (path) => {
    await using origin = serveHttp(
      { port: 0 },
      ({ headers }) =>
        new Response(`${headers.get("x-forwarded-for")} ${headers.get("forwarded")}`),
    );
    const handler = reverseProxy(origin.url, { forwarded: "both" });
    await using _server = await serveHttp({ path, hardened }, handler);
    const text = await exchange(path, get("/", `Host: a\r\n${CLOSE}`));
    assertStringIncludes(bodyOf(text), "unknown for=unknown;proto=http;host=");
  });

  test(`a shutdown lets requests on a Unix socket end, ${on}`, async (path) => {
    const started = Promise.withResolvers<void>();
    const server = await serveHttp({ path, hardened }, async (_request, { closing }) => {
      started.resolve();
      await new Promise((resolve) => closing.addEventListener("abort", resolve));
      return new Response("last");
    });
    const answering = exchange(path, get("/", `Host: a\r\n${CLOSE}`));
    await started.promise;
    const report = await server.shutdown();
    assertEquals([report.drained, report.forced], [1, 0]);
    assertEquals(bodyOf(await answering), "last");
  });
}

test("serveHttp() without hardened is Deno.serve on a Unix socket, unless an option needs more", async (path) => {
  for (const [options, hardened] of [[{}, false], [{ maxConnections: 5 }, true]] as const) {
    await using server = await serveHttp({ path, ...options }, () => new Response());
    assertEquals(server.hardened, hardened);
  }
});

test("a request of HTTP/1.0 without Host is for localhost on a hardened Unix socket", async (path) => {
  await using _server = await serveHttp(
    { path, hardened: true },
    ({ url }) => new Response(url),
  );
  assertEquals(bodyOf(await exchange(path, "GET /a HTTP/1.0\r\n\r\n")), "http://localhost/a");
});

test("Deno.upgradeWebSocket() works on Deno.serve on a Unix socket", async (path) => {
  await using _server = await serveHttp({ path, hardened: false }, (request) => {
    const { response, socket } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.close();
    return response;
  });
  await using conn = await connectUnix({ path, lingerTimeout: 0 });
  await conn.write(
    get(
      "/",
      "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ),
  );
  assertStringIncludes(await answer(conn), "101 Switching Protocols");
});

const header = (hostname: string) =>
  encodeProxyHeader({
    version: 1,
    source: { hostname, port: 50000 },
    destination: { hostname: "192.0.2.2", port: 443 },
  });

/** A request behind a header of the PROXY protocol. */
function introduced(hostname: string): Uint8Array {
  const request = new TextEncoder().encode(get("/", `Host: a\r\n${CLOSE}`));
  return new Uint8Array([...header(hostname), ...request]);
}

test("serveHttp() reads the PROXY header on a Unix socket of trusted peers", async (path) => {
  await using _server = await serveHttp(
    { path, proxyProtocol: { trusted: ["unix:"] } },
    (_request, { remoteAddr }) =>
      new Response("hostname" in remoteAddr ? remoteAddr.hostname : "unix:"),
  );
  assertEquals(bodyOf(await exchange(path, introduced("192.0.2.1"))), "192.0.2.1");
  // After a header without a client the peer counts. A missing header closes the connection.
  const unknown = `PROXY UNKNOWN\r\n${get("/", `Host: a\r\n${CLOSE}`)}`;
  assertEquals(bodyOf(await exchange(path, unknown)), "unix:");
  assertEquals(statuses(await exchange(path, get("/"))), []);
});

test("no block of addresses includes a Unix peer, whose PROXY header is a bad request", async (path) => {
  const proxyProtocol = { trusted: ["0.0.0.0/0", "::/0"] };
  await using _server = await serveHttp({ path, proxyProtocol }, () => new Response());
  assertEquals(statuses(await exchange(path, introduced("192.0.2.1"))), [400]);
  assertEquals(statuses(await exchange(path, get("/", `Host: a\r\n${CLOSE}`))), [200]);
});

for (const trusted of [undefined, ["unix:"]]) {
  const who = trusted === undefined ? "all clients as one" : "those that a PROXY header names";
  test(`maxConnectionsPerAddress counts ${who} on a Unix socket`, async (path) => {
    const refused: string[] = [];
    await using _server = await serveHttp({
      path,
      maxConnectionsPerAddress: 1,
      ...trusted && { proxyProtocol: { trusted } },
      onEvent: (event) => event.type === "connection-refused" && refused.push(event.type),
    }, () => new Response());
    await using first = await connectUnix({ path, lingerTimeout: 0 });
    const begin = (hostname: string) => trusted === undefined ? "" : header(hostname);
    await first.write(begin("192.0.2.1"));
    await first.write(get("/"));
    assertEquals(statuses(await answer(first)), [200]);
    await using second = await connectUnix({ path, lingerTimeout: 0 });
    await second.write(begin("192.0.2.1")).catch(() => {});
    assertEquals(statuses(await rest(second)), []);
    assertEquals(refused, ["connection-refused"]);
    if (trusted === undefined) return;
    assertEquals(statuses(await exchange(path, introduced("192.0.2.9"))), [200]);
  });
}

const CONFLICTS: readonly [name: string, value: unknown][] = [
  ["hostname", "127.0.0.1"],
  ["port", 0],
  ["sharePort", false],
  ["backlog", 5],
  ["cert", "c"],
  ["key", "k"],
  ["certFile", "c"],
  ["clientAuth", "require"],
  ["engine", "node"],
  ["reloadInterval", 0],
];
for (const [name, value] of CONFLICTS) {
  test(`path excludes ${name}`, async (path) => {
    const options = { path, [name]: value } as ServeHttpUnixOptions;
    await assertRejects(
      async () => await serveHttp(options, () => new Response()),
      TypeError,
      `Cannot use path and ${name}`,
    );
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  });
}

test("bad paths and modes are rejected before anything is touched", async (path) => {
  const start = (options: ServeHttpUnixOptions) => serveHttp(options, () => new Response());
  for (const hardened of [true, false]) {
    await assertRejects(() => start({ path: "", hardened }), TypeError);
    await assertRejects(() => start({ path: "a\0b", hardened }), TypeError);
    await assertRejects(() => start({ path, mode: 0o1777, hardened }), RangeError);
    await assertRejects(() => start({ path, mode: 1.5, hardened }), RangeError);
    await Deno.writeTextFile(path, "precious");
    await assertRejects(() => start({ path, hardened }), NetError, "no socket");
    assertEquals(await Deno.readTextFile(path), "precious");
    await Deno.remove(path);
  }
  await assertRejects(() => start({ path, hardened: false, maxHead: 9 }), TypeError, "maxHead");
  const mode = { port: 0, mode: 0o600 } as ServeHttpOptions;
  assertThrows(() => serveHttp(mode, () => new Response()), TypeError, "mode without path");
});
