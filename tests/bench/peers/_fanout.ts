/** Rooms on a port: the first line of a connection names its room, further ones are for everyone there. @module */

import type { Connection } from "../../../net/connection/connection.ts";
import { serveTcp } from "../../../net/tcp/server.ts";

/** A line for a room, with its number once it has one. */
export interface Line {
  readonly room: string;
  readonly text: string;
  readonly seq?: number;
}

/** The rooms of one thread. */
export interface FanOut {
  /** The address of the port. */
  readonly url: string;
  /** Sends lines to all connections in their rooms. */
  tell(lines: readonly Line[]): void;
}

/** Serves rooms. All lines of one turn of the event loop go to `onLines` together. */
export function serveFanOut(onLines: (lines: readonly Line[]) => void): FanOut {
  const rooms = new Map<string, Set<Connection>>();
  const encoder = new TextEncoder();
  let heard: Line[] = [];
  const hear = (line: Line) => {
    if (heard.push(line) > 1) return;
    setImmediate(() => {
      const lines = heard;
      heard = [];
      onLines(lines);
    });
  };
  const server = serveTcp(
    { hostname: "127.0.0.1", port: 0, maxConnections: 0, idleTimeout: 0 },
    async (conn) => {
      const room = await conn.readLine();
      if (room === null) return;
      const members = rooms.get(room) ?? new Set();
      rooms.set(room, members.add(conn));
      conn.trySend("joined\n");
      for await (const text of conn.lines()) hear({ room, text });
      members.delete(conn);
    },
  );
  return {
    url: server.url,
    tell(lines) {
      for (const { room, text, seq } of lines) {
        const bytes = encoder.encode(`${seq} ${text}\n`);
        for (const member of rooms.get(room) ?? []) member.trySend(bytes);
      }
    },
  };
}
