/** An echo server on node:tls. Takes certificate and key. */
import { readFileSync } from "node:fs";
import { createServer } from "node:tls";

const [, , cert, key] = process.argv;
const options = { cert: readFileSync(cert), key: readFileSync(key), noDelay: true };
const server = createServer(options, (socket) => {
  socket.on("data", (chunk) => {
    if (!socket.write(chunk)) {
      socket.pause();
      socket.once("drain", () => socket.resume());
    }
  });
  socket.on("error", () => socket.destroy());
});
server.on("tlsClientError", () => {});
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on tcp://127.0.0.1:${server.address().port}`);
});
