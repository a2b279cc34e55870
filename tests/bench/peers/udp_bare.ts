/** A UDP echo server on `Deno.listenDatagram`. @module */

const socket = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
console.log(`listening on tcp://127.0.0.1:${(socket.addr as Deno.NetAddr).port}`);
for await (const [data, from] of socket) await socket.send(data, from);
