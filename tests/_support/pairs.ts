/** Two connected ends of each kind of transport, for suites that hold for all of them. @module */

import type { Connection, ConnectionOptions } from "../../net/connection/connection.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import { connectTls } from "../../net/tls/client.ts";
import { serveTls } from "../../net/tls/server.ts";
import { connectUnix } from "../../net/unix/client.ts";
import { serveUnix } from "../../net/unix/server.ts";
import { testCertificates } from "./certificates.ts";
import type { MakePair } from "./conformance.ts";

/** An implementation of TLS. */
export type Engine = "deno" | "node";

/** A handler that keeps its connection, and the connection once it is there. */
function keeper() {
  const { promise, resolve } = Promise.withResolvers<Connection>();
  const handler = async (conn: Connection) => {
    resolve(conn);
    await conn.closed;
  };
  return { accepted: promise, handler };
}

/** A client and a server of TCP. */
export async function tcpPair(options?: ConnectionOptions): ReturnType<MakePair> {
  const { accepted, handler } = keeper();
  const server = serveTcp({ idleTimeout: 0, ...options }, handler);
  const client = await connectTcp({ port: server.addr.port, ...options });
  return [client, await accepted, server];
}

/** A client and a server of TLS, each on its engine. */
export function tlsPair(clientEngine: Engine, serverEngine: Engine): MakePair {
  return async (options) => {
    const { ca, good: { cert, key } } = await testCertificates();
    const { accepted, handler } = keeper();
    const serving = { cert, key, engine: serverEngine, idleTimeout: 0, ...options };
    const server = serveTls(serving, handler);
    const { port } = server.addr;
    const client = await connectTls({ port, caCerts: [ca], engine: clientEngine, ...options });
    return [client, await accepted, server];
  };
}

/** A client and a server of a Unix socket. */
export async function unixPair(options?: ConnectionOptions): ReturnType<MakePair> {
  const folder = await Deno.makeTempDir();
  const { accepted, handler } = keeper();
  const server = await serveUnix({ path: `${folder}/socket`, idleTimeout: 0, ...options }, handler);
  const client = await connectUnix({ path: `${folder}/socket`, ...options });
  const conn = await accepted;
  await Deno.remove(folder, { recursive: true });
  return [client, conn, server];
}
