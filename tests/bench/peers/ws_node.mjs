const [, , what, path] = process.argv;
const { WebSocketServer } = await import(path);

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("listening", () => console.log(`listening on ws://127.0.0.1:${server.address().port}`));
server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("pong", () => socket.silent = false);
  socket.on("message", (data, binary) => {
    if (what === "room") {
      for (const other of server.clients) if (other !== socket) other.send(data, { binary });
    } else socket.send(data, { binary });
  });
});
// As its documentation has it: npm ws sends none by itself.
setInterval(() => {
  for (const socket of server.clients) {
    if (socket.silent) socket.terminate();
    else {
      socket.silent = true;
      socket.ping();
    }
  }
}, 30_000);
