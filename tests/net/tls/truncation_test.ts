/**
 * A FIN without close_notify is no end (RFC 8446 §6.1, RFC 5246 §7.2.1): somebody in the middle can
 * send one at any time. Both engines, both sides, and a cut behind every record.
 */

import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { type Direction, RecordRelay } from "../../_support/record_relay.ts";

const { ca, good: { cert, key } } = await testCertificates();
const ENGINES = ["deno", "node"] as const;
/** Three full records of 16 KiB and a bit. */
const SIZE = 50_000;

/** Reads to the end, and tells how much there was and how it ended. */
async function readAll(conn: Connection): Promise<{ size: number; end: string }> {
  let size = 0;
  try {
    for await (const chunk of conn) size += chunk.length;
    return { size, end: "clean" };
  } catch (error) {
    assert(error instanceof NetError, `${error}`);
    return { size, end: error.kind };
  }
}

type Outcome = { size: number; end: string; passed: number };
type Engine = typeof ENGINES[number];

/** Sends `SIZE` bytes one way through a relay that cuts behind `most` records. */
async function transfer(direction: Direction, reader: Engine, most: number): Promise<Outcome> {
  const received = Promise.withResolvers<{ size: number; end: string }>();
  const engines = direction === "down" ? ["deno", reader] as const : [reader, "deno"] as const;
  const limits = { lingerTimeout: 0 };
  const onEvent = (event: { type: string; error?: unknown }) => {
    if (event.type !== "handshake-error") return;
    received.resolve({ size: 0, end: `${(event.error as NetError).kind} in the handshake` });
  };
  const serving = { cert, key, engine: engines[0], onEvent, ...limits };
  await using server = serveTls(serving, async (conn) => {
    if (direction === "up") return received.resolve(await readAll(conn));
    await conn.write(new Uint8Array(SIZE)).catch(() => {});
    await conn.closeWrite().catch(() => {});
    await conn.readChunk().catch(() => {});
  });
  await using relay = new RecordRelay(server.addr.port, direction, most);
  const dialled = { port: relay.port, caCerts: [ca], engine: engines[1], ...limits };
  let outcome: { size: number; end: string };
  try {
    await using conn = await connectTls(dialled);
    if (direction === "down") outcome = await readAll(conn);
    else {
      await conn.write(new Uint8Array(SIZE)).catch(() => {});
      await conn.closeWrite().catch(() => {});
      outcome = await received.promise;
    }
  } catch (error) {
    assert(error instanceof NetError, `${error}`);
    outcome = direction === "up"
      ? await received.promise
      : { size: 0, end: `${error.kind} in the ${error.phase}` };
  }
  return { ...outcome, passed: relay.passed };
}

for (const direction of ["down", "up"] as const) {
  const side = direction === "down" ? "client" : "server";
  for (const engine of ENGINES) {
    Deno.test(`a cut behind any record is told apart from an end: ${side} on ${engine}`, async () => {
      const whole = await transfer(direction, engine, Infinity);
      assertEquals([whole.size, whole.end], [SIZE, "clean"]);
      for (let most = 0; most < whole.passed; most++) {
        const { size, end } = await transfer(direction, engine, most);
        const told = `behind record ${most} of ${whole.passed}: ${size} bytes, ${end}`;
        assert(end.startsWith("truncated"), told);
        assert(size <= SIZE, told);
      }
    });
  }
}
