/** Answers every line, on node:net. */
import { createServer } from "node:net";

const server = createServer((socket) => {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) socket.write(`you said ${line}\n`);
  });
  socket.on("error", () => socket.destroy());
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 511 }, () => {
  console.log(`listening on tcp://127.0.0.1:${server.address().port}`);
});
