import { WsRoom } from "../../../ws/room.ts";
import { serveWebSocket } from "../../../ws/server/server.ts";

const room = new WsRoom();
const options = {
  maxConnections: 0,
  hardened: Deno.args[1] === "hardened",
  onListen: ({ port }: Deno.NetAddr) => console.log(`listening on ws://127.0.0.1:${port}`),
};
serveWebSocket(options, async (conn) => {
  if (Deno.args[0] === "room") {
    room.join(conn);
    for await (const message of conn) room.broadcast(message, { except: conn });
  } else {
    for await (const message of conn) await conn.send(message);
  }
});
