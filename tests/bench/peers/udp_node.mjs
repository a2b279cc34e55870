/** A UDP echo server on node:dgram. */
import { createSocket } from "node:dgram";

const socket = createSocket("udp4");
socket.on("message", (data, from) => socket.send(data, from.port, from.address));
socket.bind(0, "127.0.0.1", () => {
  console.log(`listening on tcp://127.0.0.1:${socket.address().port}`);
});
