import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { bindUdp, connectUdp, type UdpSocket } from "../../../net/udp/socket.ts";

const linux = Deno.build.os === "linux";
/** Nobody else uses this address, so nobody takes a port that a test has freed. */
const HOST = "127.0.0.94";

/** Returns a port of `hostname` on which nobody listens. */
async function freePort(hostname: string): Promise<number> {
  await using socket = await bindUdp({ hostname });
  return socket.addr.port;
}

async function assertRefused(work: Promise<unknown>, port: number, hostname = HOST): Promise<void> {
  const error = await assertRejects(() => work, NetError);
  const at = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  assertEquals([error.kind, error.code, error.address], ["refused", "ECONNREFUSED", at]);
}

/** Reads until the next datagram, over the late reports of earlier refusals. */
async function receiveText(socket: UdpSocket): Promise<string> {
  const { data } = await socket.receive({ timeout: 30_000 });
  return new TextDecoder().decode(data);
}

for (const backend of ["deno", "node"] as const) {
  const test = (name: string, run: () => Promise<void>) =>
    Deno.test({ name: `connectUdp(), ${backend}: ${name}`, ignore: !linux, fn: run });

  test("a request to a dead port is refused, in spite of its time limit", async () => {
    const port = await freePort(HOST);
    await using socket = await connectUdp({ hostname: HOST, port, backend });
    await assertRefused(socket.request("x", undefined, { timeout: 60_000, resends: 0 }), port);
    await assertRefused(socket.request("x", undefined, { timeout: 60_000 }), port);
  });

  test("a waiting receive() is refused", async () => {
    const port = await freePort(HOST);
    await using socket = await connectUdp({ hostname: HOST, port, backend });
    const receiving = socket.receive({ timeout: 60_000 });
    await socket.send("x");
    await assertRefused(receiving, port);
  });

  test("a later receive() is refused, once", async () => {
    const port = await freePort(HOST);
    await using socket = await connectUdp({ hostname: HOST, port, backend });
    await socket.send("x");
    await assertRefused(socket.receive({ timeout: 60_000 }), port);
    const late = await assertRejects(() => socket.receive({ timeout: 20 }), NetError);
    assertEquals(late.kind, "timeout");
  });

  test("a later send() is refused, once", async () => {
    const port = await freePort(HOST);
    await using socket = await connectUdp({ hostname: HOST, port, backend });
    await socket.send("x");
    await assertRefused(socket.send("y"), port);
    await socket.send("z");
    assertEquals(socket.stats().sent, 2);
  });

  test("iteration ends with the error, and the socket stays usable", async () => {
    const port = await freePort(HOST);
    await using socket = await connectUdp({ hostname: HOST, port, backend });
    const iterating = (async () => {
      for await (const _ of socket);
    })();
    await socket.send("x");
    await assertRefused(iterating, port);
    await using server = await bindUdp({ hostname: HOST, port });
    const asking = socket.request("ping", undefined, { timeout: 30_000 });
    const { data, from } = await server.receive({ timeout: 30_000 });
    await server.send(data, from);
    assertEquals(new TextDecoder().decode((await asking).data), "ping");
    await server.send("more", from);
    assertEquals(await receiveText(socket), "more");
  });

  test("many datagrams to a dead port do not end the socket", async () => {
    const port = await freePort(HOST);
    await using socket = await connectUdp({ hostname: HOST, port, backend });
    const sent = await Promise.allSettled(Array.from({ length: 50 }, () => socket.send("x")));
    assert(sent.some(({ status }) => status === "fulfilled"));
    await using server = await bindUdp({ hostname: HOST, port });
    const asking = socket.request("ping", undefined, { timeout: 30_000 });
    const { data, from } = await server.receive({ timeout: 30_000 });
    await server.send(data, from);
    assertEquals(new TextDecoder().decode((await asking).data), "ping");
  });

  test("the kernel drops the datagrams of strangers", async () => {
    await using server = await bindUdp({ hostname: HOST });
    await using stranger = await bindUdp();
    await using socket = await connectUdp({ hostname: HOST, port: server.addr.port, backend });
    await stranger.send("stranger", socket.addr);
    await server.send("friend", socket.addr);
    assertEquals(await receiveText(socket), "friend");
    assertEquals(socket.stats().strangers, 0);
  });

  test("IPv6 is refused, too", async () => {
    const port = await freePort("::1");
    await using socket = await connectUdp({ hostname: "::1", port, backend });
    await assertRefused(socket.request("x", undefined, { timeout: 60_000 }), port, "::1");
  });

  test("a socket that is closed while it waits reports that", async () => {
    const port = await freePort(HOST);
    const socket = await connectUdp({ hostname: HOST, port, backend });
    await socket.send("x");
    socket.close();
    const error = await assertRejects(() => socket.receive(), NetError);
    assertEquals(error.kind, "closed");
  });
}

Deno.test("connectUdp() without the permission ffi waits for the time limit", {
  permissions: { net: true, ffi: false },
}, async () => {
  const port = await freePort(HOST);
  await using socket = await connectUdp({ hostname: HOST, port });
  const error = await assertRejects(
    () => socket.request("x", undefined, { timeout: 5, resends: 1 }),
    NetError,
  );
  assertEquals(error.kind, "timeout");
});

Deno.test("many connected sockets share the C library and release it", async () => {
  await using server = await bindUdp({ hostname: HOST });
  const { port } = server.addr;
  for (let round = 0; round < 2; round++) {
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => connectUdp({ hostname: HOST, port })),
    );
    for (const socket of sockets) socket.close();
  }
});
