/** TLS on transports that take their time, or take little at once. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Connection } from "../../../net/connection/connection.ts";
import type { Transport } from "../../../net/connection/transport.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { type MemoryTransport, memoryTransports } from "../../../net/internal/memory_transports.ts";
import { upgradeTls, upgradeTlsServer } from "../../../net/tls/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";

const certs = await testCertificates();

/** Establishes TLS on a pair. `write` replaces how the server's transport writes. */
async function overWrites(
  write: (raw: MemoryTransport, data: Uint8Array) => Promise<number>,
): Promise<[client: Connection, server: Connection]> {
  const [a, raw] = memoryTransports({ capacity: 1024 * 1024 });
  const transport: Transport = {
    localAddr: raw.localAddr,
    remoteAddr: raw.remoteAddr,
    read: (buffer) => raw.read(buffer),
    write: (data) => write(raw, data),
    closeWrite: () => raw.closeWrite(),
    close: () => raw.close(),
  };
  const [client, server] = [new Connection(a), new Connection(transport)];
  await Promise.all([
    upgradeTls(client, { serverName: "localhost", caCerts: [certs.ca] }),
    upgradeTlsServer(server, certs.good),
  ]);
  return [client, server];
}

Deno.test("a transport that takes few bytes at once gets all output in order", async () => {
  const [client, server] = await overWrites((raw, data) => raw.write(data.subarray(0, 997)));
  await using _client = client;
  await using _server = server;
  const sent = crypto.getRandomValues(new Uint8Array(60_000));
  const writing = [
    server.write(sent),
    server.write("and\n"),
    server.write(sent),
    server.write("end\n"),
  ];
  assertEquals(await client.readExact(sent.length), sent);
  assertEquals(await client.readLine(), "and");
  assertEquals(await client.readExact(sent.length), sent);
  assertEquals(await client.readLine(), "end");
  await Promise.all(writing);
});

Deno.test("a transport may read what it writes until its promise settles, and not later", async () => {
  const given: Uint8Array[] = [];
  const sizes: number[] = [];
  const [client, server] = await overWrites(async (raw, data) => {
    given.push(data);
    sizes.push(data.length);
    await Promise.resolve();
    return await raw.write(data);
  });
  await using _client = client;
  await using _server = server;
  const sent = crypto.getRandomValues(new Uint8Array(60_000));
  for (let i = 0; i < 3; i++) {
    await server.write(sent);
    assertEquals(await client.readExact(sent.length), sent);
  }
  assert(sizes.at(-1)! > sent.length);
  assertEquals(given.filter(({ length }) => length > sent.length), []);
});

Deno.test("a failed write of the transport rejects the writes that wait for it", async () => {
  let fails = false;
  const [client, server] = await overWrites((raw, data) =>
    fails ? Promise.reject(new Deno.errors.BrokenPipe("broken pipe")) : raw.write(data)
  );
  await using _client = client;
  fails = true;
  const writes = [server.write(new Uint8Array(60_000)), server.write("more")];
  for (const write of writes) {
    const error = await assertRejects(() => write, NetError);
    assertEquals([error.kind, error.phase], ["reset", "write"]);
  }
  client.abort();
  await server.closed;
});
