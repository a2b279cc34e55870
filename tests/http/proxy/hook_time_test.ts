/** The time of the hooks of a proxy. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { type ProxyEntry, type ProxyOptions, serveProxy } from "../../../http/proxy/proxy.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";
import { Origin } from "./_support.ts";

const OPEN = { allowPrivate: true, connectPorts: "any" } as const;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const get = (host: string, lines = "") =>
  `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
const CLOSE = "Connection: close\r\n";

/** Each hook, with what it does when it is asked. */
const HOOKS: readonly [
  name: string,
  options: (work: (signal: AbortSignal) => Promise<undefined>) => ProxyOptions,
][] = [
  ["onRequest", (work) => ({ onRequest: ({ signal }) => work(signal) })],
  ["onResponse", (work) => ({ onResponse: (_response, { signal }) => work(signal) })],
  ["upstream", (work) => ({ upstream: async ({ signal }) => (await work(signal)) ?? "direct" })],
];

for (const [name, options] of HOOKS) {
  Deno.test(`${name} of a proxy that takes too long is a 504, and its signal is aborted`, async () => {
    await using origin = new Origin({ replies: [OK, OK] });
    const entries: ProxyEntry[] = [];
    const signals: AbortSignal[] = [];
    await using proxy = serveProxy({
      ...OPEN,
      hookTimeout: 50,
      onEntry: (entry) => entries.push(entry),
      ...options((signal) => {
        signals.push(signal);
        return signals.length === 1 ? new Promise(() => {}) : Promise.resolve(undefined);
      }),
    });
    // The connection of the client goes on.
    await using client = await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 });
    await client.write(get(origin.host));
    const late = await answer(client);
    assertEquals(statuses(late), [504]);
    assert(!late.includes(name), late);
    assert(signals[0]!.reason instanceof NetError && signals[0]!.reason.kind === "timeout");
    await client.write(get(origin.host, CLOSE));
    assertEquals(statuses(await answer(client)), [200]);
    await until(() => entries.length === 2);
    assertEquals(entries.map(({ status, error }) => [status, error]), [
      [504, `${name} took more than 50 ms`],
      [200, undefined],
    ]);
    assertEquals(signals[1]!.aborted, false);
  });

  Deno.test(`${name} of a proxy may take its time without a limit, and reject late`, async () => {
    await using origin = new Origin({ replies: [OK] });
    const asked = Promise.withResolvers<void>();
    const work = Promise.withResolvers<undefined>();
    await using proxy = serveProxy({
      ...OPEN,
      hookTimeout: 0,
      ...options(() => {
        asked.resolve();
        return work.promise;
      }),
    });
    const answering = exchange(proxy.addr.port, get(origin.host, CLOSE));
    await asked.promise;
    work.resolve(undefined);
    assertEquals(statuses(await answering), [200]);
  });

  const ways = name === "onResponse" ? ["GET", "POST"] : ["GET", "POST", "CONNECT"];
  for (const method of ways) {
    Deno.test(`a client that leaves during ${name} of a ${method} aborts its signal`, async () => {
      await using origin = new Origin({ replies: [OK] });
      const asked = Promise.withResolvers<AbortSignal>();
      const entries: ProxyEntry[] = [];
      await using proxy = serveProxy({
        ...OPEN,
        hookTimeout: 0,
        onEntry: (entry) => entries.push(entry),
        ...options((signal) => {
          asked.resolve(signal);
          return new Promise(() => {});
        }),
      });
      const client = await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 });
      const target = method === "CONNECT" ? origin.host : `http://${origin.host}/`;
      const body = method === "POST" ? "Content-Length: 2\r\n\r\nhi" : "\r\n";
      await client.write(`${method} ${target} HTTP/1.1\r\nHost: ${origin.host}\r\n${body}`);
      const signal = await asked.promise;
      await client.close();
      await until(() => entries.length === 1);
      assert(signal.reason instanceof NetError && signal.reason.kind === "reset");
      assertEquals(entries[0]!.error, "the client has gone");
    });
  }

  Deno.test(`a shutdown that cuts a client aborts the signal of ${name}`, async () => {
    await using origin = new Origin({ replies: [OK] });
    const asked = Promise.withResolvers<AbortSignal>();
    await using proxy = serveProxy({
      ...OPEN,
      ...options((signal) => {
        asked.resolve(signal);
        return new Promise(() => {});
      }),
    });
    await using client = await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 });
    await client.write(get(origin.host));
    const signal = await asked.promise;
    assertEquals((await proxy.shutdown({ deadline: 0 })).forced, 1);
    await until(() => signal.aborted);
    assert(signal.reason instanceof NetError && signal.reason.kind === "reset");
  });
}

Deno.test("a hook that rejects after its time harms nobody", async () => {
  const work = Promise.withResolvers<undefined>();
  await using proxy = serveProxy({ ...OPEN, hookTimeout: 20, onRequest: () => work.promise });
  const text = await exchange(proxy.addr.port, get("127.0.0.1:1", CLOSE));
  assertEquals(statuses(text), [504]);
  work.reject(new Error("late"));
});

Deno.test("hookTimeout is checked before anything is opened", () => {
  assertThrows(() => serveProxy({ hookTimeout: -1 }), RangeError, "hookTimeout");
});
