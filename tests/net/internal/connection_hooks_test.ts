import { assert, assertEquals, assertThrows } from "@std/assert";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import type { NetError } from "../../../net/errors/errors.ts";
import { hooks, type ReadListener } from "../../../net/internal/connection_hooks.ts";

/** Keeps the result of one read. */
class Kept implements ReadListener {
  readonly #result = Promise.withResolvers<string | null>();
  readonly result: Promise<string | null> = this.#result.promise;

  arrived(bytes: Uint8Array<ArrayBuffer> | null): void {
    this.#result.resolve(bytes && new TextDecoder().decode(bytes));
  }

  failed(error: unknown): void {
    this.#result.reject(error);
  }
}

Deno.test("hooks.read() gives what arrives to the listener, and null at the end", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  await using _server = server;
  const first = new Kept();
  assertEquals(hooks.read(server, first, false, Infinity), undefined);
  assertThrows(() => hooks.read(server, first, false, Infinity), TypeError, "another read");
  await client.write("one");
  assertEquals(await first.result, "one");
  const last = new Kept();
  assertEquals(hooks.read(server, last, false, 10_000), undefined);
  await client.closeWrite();
  assertEquals(await last.result, null);
  assertEquals(hooks.read(server, last, false, Infinity), null);
});

Deno.test("hooks.read() returns what is there", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  await using _server = server;
  server.unread(new TextEncoder().encode("early"));
  const bytes = hooks.read(server, new Kept(), false, Infinity);
  assertEquals(new TextDecoder().decode(bytes!), "early");
});

Deno.test("hooks.read() fails in time, and loses no byte", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  await using _server = server;
  const late = new Kept();
  assertEquals(hooks.read(server, late, true, 1), undefined);
  const error: NetError = await late.result.then(() => assert(false), (error) => error);
  assertEquals([error.kind, server.open], ["timeout", true]);
  await client.write("late");
  assertEquals(await server.readExact(4), new TextEncoder().encode("late"));
});

Deno.test("hooks.read() fails after the connection has been closed from within", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  const cut = new Kept();
  assertEquals(hooks.read(server, cut, false, Infinity), undefined);
  server.abort();
  const error: NetError = await cut.result.then(() => assert(false), (error) => error);
  assertEquals(error.kind, "closed");
  assertThrows(() => hooks.read(server, cut, false, Infinity), Error, "closed on this side");
});

Deno.test("hooks.whenClosed() tells the listener once, with the reason", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  const told: unknown[] = [];
  hooks.whenClosed(server, {
    connectionClosed: (connection, reason) => void told.push(connection, reason?.message),
  });
  server.abort(new Error("enough"));
  server.abort();
  assertEquals(told, []);
  await server.closed;
  await Promise.resolve();
  assertEquals(told.length, 2);
  assert(told[0] === server);
  assert(String(told[1]).includes("enough"), String(told[1]));
});

Deno.test("hooks.whenClosed() tells all listeners, the latest one first, even a late one", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  const told: string[] = [];
  const listen = (name: string) => {
    hooks.whenClosed(server, { connectionClosed: () => void told.push(name) });
  };
  for (const name of ["a", "b", "c"]) listen(name);
  server.abort();
  await Promise.resolve();
  assertEquals(told, ["c", "b", "a"]);
  listen("late");
  await Promise.resolve();
  assertEquals(told, ["c", "b", "a", "late"]);
});
