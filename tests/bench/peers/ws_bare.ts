const sockets = new Set<WebSocket>();
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on ws://127.0.0.1:${port}`),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 30 });
  if (Deno.args[0] === "room") {
    socket.onopen = () => sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => {
      for (const other of sockets) if (other !== socket) other.send(data);
    };
  } else socket.onmessage = ({ data }) => socket.send(data);
  return response;
});
