/** Windows reports a refused datagram to the next read, as a reset of no particular peer. */

import { assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { bindUdp, connectUdp } from "../../../net/udp/socket.ts";

const HOST = "127.0.0.1";

/** Lets the first read of every socket of Deno fail as on Windows; disposing ends that. */
function resets(): Disposable {
  const open = Deno.listenDatagram;
  Deno.listenDatagram = ((options: Deno.UdpListenOptions & { transport: "udp" }) => {
    const conn = open(options);
    const receive = conn.receive.bind(conn);
    conn.receive = () => {
      conn.receive = receive;
      return Promise.reject(new Deno.errors.ConnectionReset("forcibly closed (os error 10054)"));
    };
    return conn;
  }) as typeof Deno.listenDatagram;
  return { [Symbol.dispose]: () => void (Deno.listenDatagram = open) };
}

Deno.test("bindUdp() goes on after a reset: a client that has left does not end a server", async () => {
  using _ = resets();
  await using server = await bindUdp({ hostname: HOST, backend: "deno" });
  await using client = await bindUdp({ hostname: HOST, backend: "node" });
  await client.send("hello", server.addr);
  const { data } = await server.receive({ timeout: 30_000 });
  assertEquals(new TextDecoder().decode(data), "hello");
});

Deno.test("connectUdp() takes a reset as the refusal of its peer, once", async () => {
  await using server = await bindUdp({ hostname: HOST, backend: "node" });
  using _ = resets();
  await using client = await connectUdp({
    hostname: HOST,
    port: server.addr.port,
    backend: "deno",
  });
  const error = await assertRejects(() => client.receive({ timeout: 30_000 }), NetError);
  assertEquals([error.kind, error.phase], ["refused", "read"]);
  await client.send("hello");
  const { data, from } = await server.receive({ timeout: 30_000 });
  await server.send(data, from);
  assertEquals(new TextDecoder().decode((await client.receive({ timeout: 30_000 })).data), "hello");
});
