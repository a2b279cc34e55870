/** The faults of `tools/fault_proxy.ts` beyond delays and ends: pieces, times, schedules. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { recordingIo } from "../../../tools/cli.ts";
import { type FaultProxyOptions, main, serveFaultProxy } from "../../../tools/fault_proxy.ts";

const echo = () =>
  serveTcp({ lingerTimeout: 0 }, async (conn) => {
    for await (const chunk of conn) await conn.write(chunk);
  });

const LONG = { timeout: 30_000 };

/** A client whose connection to an echo server has faults. */
async function through(options: Partial<FaultProxyOptions>) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(echo());
  const to = { hostname: "127.0.0.1", port: server.addr.port };
  const proxy = stack.use(await serveFaultProxy({ to, ...options }));
  const connect = async () =>
    stack.use(await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 }));
  return { proxy, connect, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("latency does not limit the bytes that are on their way", async () => {
  const size = 4 * 1024 * 1024;
  const sent = Promise.withResolvers<void>();
  await using server = serveTcp({ lingerTimeout: 0 }, async (conn) => {
    await conn.write(new Uint8Array(size));
    sent.resolve();
    await conn.readChunk(LONG);
  });
  const to = { hostname: "127.0.0.1", port: server.addr.port };
  await using proxy = await serveFaultProxy({ to, download: { latency: 60_000 } });
  await using client = await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 });
  // All bytes have left the server, and none has arrived.
  await sent.promise;
  assertEquals(
    (await assertRejects(() => client.readChunk({ timeout: 20 }), NetError)).kind,
    "timeout",
  );
  client.abort();
});

Deno.test("a slow line with latency holds only the bytes that fit on it", async () => {
  const line = { latency: 1000, bandwidth: 1024 * 1024 };
  let sent = 0;
  await using server = serveTcp({ lingerTimeout: 0 }, async (conn) => {
    const chunk = new Uint8Array(64 * 1024);
    try {
      for (; sent < 64 * 1024 * 1024; sent += chunk.length) await conn.write(chunk);
    } catch { /* The test has ended the connection. */ }
  });
  const to = { hostname: "127.0.0.1", port: server.addr.port };
  await using proxy = await serveFaultProxy({ to, download: line });
  await using client = await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 });
  await client.readChunk(LONG);
  // One MiB is on the line, and the buffers of the system take some.
  assert(sent < 32 * 1024 * 1024, `${sent}`);
  client.abort();
});

Deno.test("chunkVariation varies the size of the pieces", async () => {
  const values = [0, 1, 0.5];
  let turn = 0;
  const random = () => values[turn++ % 3]!;
  const upload = { chunkSize: 4, chunkVariation: 2, chunkDelay: 20 };
  const sizes: number[] = [];
  await using server = serveTcp({ lingerTimeout: 0 }, async (conn) => {
    for await (const chunk of conn) sizes.push(chunk.length);
    await conn.write("end\n");
  });
  const to = { hostname: "127.0.0.1", port: server.addr.port };
  await using proxy = await serveFaultProxy({ to, upload, random });
  await using client = await connectTcp({ port: proxy.addr.port, lingerTimeout: 0 });
  await client.write("abcdefghijkl");
  await client.closeWrite();
  assertEquals(await client.readLine(LONG), "end");
  assertEquals(sizes.reduce((sum, size) => sum + size), 12);
  assert(sizes.length >= 2 && Math.max(...sizes) <= 12);
});

Deno.test("closeAfter closes both directions after that many bytes", async () => {
  await using lab = await through({ download: { closeAfter: 3 } });
  const client = await lab.connect();
  await client.write("abcdef");
  assertEquals(new TextDecoder().decode(await client.readExact(3, LONG)), "abc");
  assertEquals(await client.readChunk(LONG), null);
});

Deno.test("closeAfterTime and resetAfterTime end an idle connection", async () => {
  await using closing = await through({ download: { closeAfterTime: 20 } });
  assertEquals(await (await closing.connect()).readChunk(LONG), null);
  await using resetting = await through({ upload: { resetAfterTime: 20 } });
  const client = await resetting.connect();
  const error = await assertRejects(() => client.readChunk(LONG), NetError);
  assertEquals(error.kind, "reset");
});

Deno.test("a change of faults starts their times for open connections", async () => {
  await using lab = await through({});
  const client = await lab.connect();
  await client.write("a\n");
  assertEquals(await client.readLine(LONG), "a");
  await lab.proxy.setFaults({ download: { closeAfterTime: 10 } });
  assertEquals(await client.readChunk(LONG), null);
});

Deno.test("discard loses the data, and the connection stays open", async () => {
  await using lab = await through({ upload: { discard: true } });
  const client = await lab.connect();
  await client.write("lost\n");
  assertEquals(
    (await assertRejects(() => client.readLine({ timeout: 50 }), NetError)).kind,
    "timeout",
  );
  await lab.proxy.setFaults({});
  await client.write("found\n");
  assertEquals(await client.readLine(LONG), "found");
});

Deno.test("closeDelay delays the end of a direction", async () => {
  await using lab = await through({ download: { closeDelay: 60_000 } });
  const client = await lab.connect();
  await client.write("a\n");
  await client.closeWrite();
  assertEquals(await client.readLine(LONG), "a");
  assertEquals(
    (await assertRejects(() => client.readChunk({ timeout: 50 }), NetError)).kind,
    "timeout",
  );
});

Deno.test("probability gives the faults to some connections alone", async () => {
  const values = [0.2, 0.7];
  let turn = 0;
  const random = () => values[turn++ % 2]!;
  await using lab = await through({ probability: 0.5, random, download: { truncateAfter: 0 } });
  const lines: (string | null)[] = [];
  for (let i = 0; i < 2; i++) {
    const client = await lab.connect();
    await client.write("a\n");
    lines.push(await client.readLine(LONG));
  }
  assertEquals(lines, [null, "a"]);
});

Deno.test("scheduled faults begin at their times, again after the interval", async () => {
  const states: boolean[] = [];
  await using lab = await through({
    schedule: [{ at: 0, refuse: true }, { at: 40 }],
    scheduleInterval: 80,
  });
  while (states.length < 4) {
    const found = await lab.connect().then(() => true, () => false);
    if (found !== states.at(-1)) states.push(found);
  }
  assertEquals(new Set(states).size, 2);
});

Deno.test("flags that are bad or without an effect are errors of usage", async () => {
  const to = ["--to", "127.0.0.1:9"];
  for (
    const args of [
      [],
      [...to, "--control", "0"],
      ["--to", "a*b:9"],
      [...to, "--upload", "{"],
      [...to, "--upload", '{"latencY":1}'],
      [...to, "--upload", "null"],
      [...to, "--download", "[]"],
      [...to, "--schedule", "5"],
      [...to, "--schedule", "null"],
      [...to, "--schedule", '[{"refuse":true}]'],
      [...to, "--probability", "2"],
      [...to, "--loss", "0.5"],
      [...to, "--udp", "--bandwidth", "1kb"],
      [...to, "--udp", "--upload", "{}"],
      [...to, "--udp", "--refuse"],
      ["--control", "0", "--latency", "1s"],
      ["--control", "0", "--udp"],
    ]
  ) {
    const io = recordingIo();
    assertEquals(await main(args, io), 2, args.join(" "));
    assertEquals(io.err.split("\n").length, 2);
  }
});
