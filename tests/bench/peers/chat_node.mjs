/** A plain chat on node:net: one write per message and peer, as everybody writes it first. */
import { createServer } from "node:net";

/** Each socket with the name of its user. */
const users = new Map();

function broadcast(from, message) {
  for (const socket of users.keys()) {
    if (socket !== from) socket.write(message);
  }
}

function receive(socket, line) {
  const name = users.get(socket);
  if (name === undefined) {
    users.set(socket, line);
    broadcast(socket, `${line} joined\n`);
  } else broadcast(socket, `${name}: ${line}\n`);
}

const server = createServer((socket) => {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) receive(socket, line.replace(/\r$/, ""));
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    const name = users.get(socket);
    users.delete(socket);
    if (name !== undefined) broadcast(socket, `${name} left\n`);
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on tcp://127.0.0.1:${server.address().port}`);
});
