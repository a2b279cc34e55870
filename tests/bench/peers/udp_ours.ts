/** A UDP echo server on `bindUdp`, with all of its default limits. @module */

import { bindUdp } from "../../../net/udp/socket.ts";

await using socket = await bindUdp({ port: 0 });
console.log(`listening on tcp://127.0.0.1:${socket.addr.port}`);
for await (const { data, from } of socket) await socket.send(data, from);
