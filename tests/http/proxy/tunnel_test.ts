import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import net from "node:net";
import {
  createProxy,
  type ProxyEntry,
  type ProxyServer,
  serveProxy,
  type ServeProxyOptions,
} from "../../../http/proxy/proxy.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { resettable } from "../../../net/connection/resettable.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { Cut, textOf, Wire } from "../../_support/stress/wire.ts";

const OPEN = { allowPrivate: true, connectPorts: "any", name: "t" } as const;
/** How a peer sees the end of a connection that was cut. */
const CUT = Deno.build.os === "windows" ? "end" : "reset";

/** A client, a proxy and a server that the test plays. */
class Ends implements AsyncDisposable {
  client!: Wire;
  host = "";
  readonly #entries: ProxyEntry[] = [];
  readonly #proxy: ProxyServer;
  readonly #server: net.Server;
  readonly #accepted = Promise.withResolvers<Wire>();
  readonly #wires: Wire[] = [];

  private constructor(options: ServeProxyOptions) {
    const onEntry = (entry: ProxyEntry) => this.#entries.push(entry);
    this.#proxy = serveProxy({ ...OPEN, ...options, onEntry });
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => {
      const wire = new Wire(socket);
      this.#wires.push(wire);
      this.#accepted.resolve(wire);
    });
  }

  static async open(options: ServeProxyOptions = {}): Promise<Ends> {
    const ends = new Ends(options);
    const server = ends.#server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    ends.host = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
    ends.client = await Wire.connect(ends.#proxy.addr.port);
    ends.#wires.push(ends.client);
    return ends;
  }

  /** Waits for the proxy's connection to the server. */
  accept(): Promise<Wire> {
    return this.#accepted.promise;
  }

  /** Opens a tunnel; returns the server's end. */
  async connect(): Promise<Wire> {
    await this.client.write(`CONNECT ${this.host} HTTP/1.1\r\nHost: ${this.host}\r\n\r\n`);
    const server = await this.accept();
    assertMatch((await this.client.head())!, /^HTTP\/1\.1 200 /);
    return server;
  }

  /** Shuts the proxy down; returns what it says of the last request. */
  async shutdown(): Promise<ProxyEntry> {
    await this.#proxy.shutdown({ deadline: 100 });
    return this.#entries.at(-1)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wire of this.#wires) wire.close();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#proxy[Symbol.asyncDispose]();
  }
}

/** Reads to the end; returns what came, and how it ended. */
async function toEnd(wire: Wire): Promise<[text: string, end: string]> {
  try {
    return [textOf(await wire.rest()), "end"];
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
    return [textOf(error.partial), error.how];
  }
}

Deno.test("a half-closed tunnel lives while bytes flow", async () => {
  await using ends = await Ends.open({ halfCloseTimeout: 200 });
  const server = await ends.connect();
  ends.client.end();
  assertEquals(await toEnd(server), ["", "end"]);
  const reading = toEnd(ends.client);
  for (let i = 0; i < 12; i++) {
    await server.write("0123456789");
    await delay(60);
  }
  server.end();
  assertEquals(await reading, ["0123456789".repeat(12), "end"]);
  assertEquals((await ends.shutdown()).error, undefined);
});

Deno.test("a half-closed tunnel that is silent ends with a reset of both sides", async () => {
  await using ends = await Ends.open({ halfCloseTimeout: 200 });
  const server = await ends.connect();
  ends.client.end();
  await server.write("part");
  assertEquals(await toEnd(ends.client), ["part", CUT]);
  const { error } = await ends.shutdown();
  assertEquals(error, "the half-closed tunnel was silent for too long");
});

Deno.test("a tunnel that is silent ends with a reset of both sides", async () => {
  await using ends = await Ends.open({ tunnelTimeout: 150 });
  const server = await ends.connect();
  await server.write("part");
  assertEquals(await toEnd(ends.client), ["part", CUT]);
  assertEquals(await toEnd(server), ["", CUT]);
  assertEquals((await ends.shutdown()).error, "the tunnel was idle for too long");
});

Deno.test("a reset of the server resets the client of a tunnel", async () => {
  await using ends = await Ends.open();
  const server = await ends.connect();
  await server.write("part");
  assertEquals(textOf((await ends.client.read())!), "part");
  server.reset();
  assertEquals(await toEnd(ends.client), ["", CUT]);
  assertEquals((await ends.shutdown()).error, "the tunnel was reset");
});

Deno.test("a reset of the client resets the server of a tunnel", async () => {
  await using ends = await Ends.open();
  const server = await ends.connect();
  await ends.client.write("part");
  assertEquals(textOf((await server.read())!), "part");
  ends.client.reset();
  assertEquals(await toEnd(server), ["", CUT]);
  assertEquals((await ends.shutdown()).error, "the tunnel was reset");
});

Deno.test("a reset while the proxy writes does not become an orderly end", async () => {
  await using ends = await Ends.open();
  const server = await ends.connect();
  // The client does not read, so the proxy is in the middle of a write when it is reset.
  const writing = server.write(new Uint8Array(32 * 1024 * 1024)).catch(() => {});
  await delay(200);
  ends.client.reset();
  const [, end] = await toEnd(server);
  await writing;
  assertEquals(end, CUT);
});

Deno.test("a shutdown that cuts a tunnel resets both sides", async () => {
  await using ends = await Ends.open();
  const server = await ends.connect();
  await server.write("part");
  assertEquals(textOf((await ends.client.read())!), "part");
  const ending = Promise.all([toEnd(ends.client), toEnd(server)]);
  await ends.shutdown();
  assertEquals((await ending).map(([, end]) => end), [CUT, CUT]);
});

Deno.test("an upgraded connection that the server resets is reset", async () => {
  await using ends = await Ends.open();
  const { client, host } = ends;
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  await client.write(`GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${upgrade}\r\n`);
  const server = await ends.accept();
  await server.head();
  await server.write(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\nhello`);
  assertMatch((await client.head())!, /^HTTP\/1\.1 101 /);
  assertEquals(textOf((await client.read())!), "hello");
  await client.write("hi");
  assertEquals(textOf((await server.read())!), "hi");
  server.reset();
  assertEquals(await toEnd(client), ["", CUT]);
});

const LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart";
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n";
const CLOSE = "HTTP/1.0 200 OK\r\n\r\npart";
const TRUNCATED: [name: string, reply: string, how: "reset" | "close" | "hang"][] = [
  ["chunks that the server resets", CHUNKED, "reset"],
  ["chunks that the server ends", CHUNKED, "close"],
  ["chunks that the server does not go on with", CHUNKED, "hang"],
  ["a length that the server resets", LENGTH, "reset"],
  ["a length that the server ends", LENGTH, "close"],
  ["a length that the server does not go on with", LENGTH, "hang"],
  ["a body without framing that the server resets", CLOSE, "reset"],
  ["a body without framing that the server does not go on with", CLOSE, "hang"],
];
for (const [name, reply, how] of TRUNCATED) {
  for (const minor of [0, 1]) {
    Deno.test(`a client of HTTP/1.${minor} can tell that it did not get all: ${name}`, async () => {
      await using ends = await Ends.open({ bodyTimeout: 200 });
      const { client, host } = ends;
      await client.write(`GET http://${host}/ HTTP/1.${minor}\r\nHost: ${host}\r\n\r\n`);
      const server = await ends.accept();
      await server.head();
      await server.write(reply);
      const head = (await client.head())!;
      const part = textOf((await client.read())!);
      assertEquals(part.match(/[a-z]+/)?.[0], "part");
      if (how === "reset") server.reset();
      else if (how === "close") server.end();
      const [, end] = await toEnd(client);
      // What has a length or chunks tells by itself.
      if (!/^(?:Content-Length|Transfer-Encoding):/m.test(head)) assertEquals(end, CUT);
      assert((await ends.shutdown()).error !== undefined);
    });
  }
}

for (const minor of [0, 1]) {
  Deno.test(`a client of HTTP/1.${minor} gets a body without framing to its end`, async () => {
    await using ends = await Ends.open();
    const { client, host } = ends;
    await client.write(`GET http://${host}/ HTTP/1.${minor}\r\nHost: ${host}\r\n\r\n`);
    const server = await ends.accept();
    await server.head();
    await server.write(`${CLOSE}ed`);
    server.end();
    await client.head();
    if (minor === 0) assertEquals(await toEnd(client), ["parted", "end"]);
    else assertEquals(textOf(await client.chunks()), "parted");
    assertEquals((await ends.shutdown()).error, undefined);
  });
}

Deno.test("a body without framing is cut if the server resets while it is sent a request", async () => {
  await using ends = await Ends.open();
  const { client, host } = ends;
  const size = 32 * 1024 * 1024;
  await client.write(`POST http://${host}/ HTTP/1.0\r\nContent-Length: ${size}\r\n\r\n`);
  const writing = client.write(new Uint8Array(size)).catch(() => {});
  const server = await ends.accept();
  await server.head();
  await server.write(CLOSE);
  await client.head();
  assertEquals(textOf((await client.read())!), "part");
  // The proxy is in the middle of a write.
  await delay(200);
  server.reset();
  const [, end] = await toEnd(client);
  assertEquals(end, CUT);
  client.close();
  await writing;
});

Deno.test("a client of HTTP/1.0 that does not read is reset", async () => {
  await using ends = await Ends.open({ bodyTimeout: 300 });
  const { client, host } = ends;
  await client.write(`GET http://${host}/ HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
  const server = await ends.accept();
  await server.head();
  await server.write("HTTP/1.0 200 OK\r\n\r\n");
  await server.write(new Uint8Array(32 * 1024 * 1024)).catch(() => {});
  assertEquals((await toEnd(client))[1], CUT);
});

for (const resetOnAbort of [true, false]) {
  Deno.test(`a tunnel of a client over TLS ${resetOnAbort ? "is reset" : "ends"} when the server resets`, async () => {
    const { good, ca } = await testCertificates();
    using proxy = createProxy(OPEN);
    await using server = serveTls({ port: 0, ...good, resetOnAbort }, proxy.handle);
    using origin = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using client = await connectTls({
      hostname: "127.0.0.1",
      port: server.addr.port,
      caCerts: [ca],
    });
    const host = `127.0.0.1:${origin.addr.port}`;
    await client.write(`CONNECT ${host} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const far = resettable(await origin.accept());
    for (let line; (line = await client.readLine()) !== "";) assert(line !== null);
    await far.write(new TextEncoder().encode("part"));
    assertEquals(textOf(await client.readExact(4)), "part");
    far.reset?.();
    const error = await client.readChunk().catch((error) => error);
    // Deno's own TLS cannot be reset: its end is an orderly one of TCP.
    if (resetOnAbort && CUT === "reset") assert(error instanceof NetError, `${error}`);
    else assert(error === null || error instanceof NetError, `${error}`);
  });
}
