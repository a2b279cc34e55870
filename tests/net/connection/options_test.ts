import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Connection, type ConnectionOptions } from "../../../net/connection/connection.ts";
import type { FrameFormat } from "../../../net/connection/frame_codec.ts";
import { decodeFrameLength, encodeFrame } from "../../../net/connection/frame_codec.ts";
import { memoryPair, type MemoryPairOptions } from "../../../net/connection/memory_pair.ts";
import type {
  ChunkOptions,
  FrameOptions,
  LineOptions,
  ReadOptions,
} from "../../../net/connection/options.ts";
import { checkEveryOption } from "../../_support/options.ts";

const CONNECTION = {
  idleTimeout: "time",
  readTimeout: "time",
  writeTimeout: "time",
  lingerTimeout: "time",
  sendQueue: "none",
} as const;

const READ = { timeout: "time", signal: "none" } as const;

/** Reads that are given up at once, so that no option makes them wait. */
const gone = { signal: AbortSignal.abort() };

Deno.test("Connection and memoryPair() check every option", async () => {
  await checkEveryOption<ConnectionOptions>("Connection", CONNECTION, (options) => {
    const [a, b] = memoryPair();
    b.abort();
    new Connection(a.detach().transport, options).abort();
  });
  const kinds = { ...CONNECTION, capacity: "count", faults: "none" } as const;
  await checkEveryOption<MemoryPairOptions>("memoryPair", kinds, (options) => {
    memoryPair(options).forEach((conn) => conn.abort());
  });
});

Deno.test("all reads check every option", async () => {
  const [conn, peer] = memoryPair();
  await using _conn = conn;
  await using _peer = peer;
  await checkEveryOption<ReadOptions>("read", READ, (options) => {
    return conn.read(new Uint8Array(1), { ...gone, ...options });
  });
  await checkEveryOption<ReadOptions>("readExact", READ, (options) => {
    return conn.readExact(1, { ...gone, ...options });
  });
  const chunk = { ...READ, inMessage: "none", lent: "none" } as const;
  await checkEveryOption<ChunkOptions>("readChunk", chunk, (options) => {
    return conn.readChunk({ ...gone, ...options });
  });
  const line = { ...READ, max: "count", fatal: "none" } as const;
  await checkEveryOption<LineOptions>("readLine", line, (options) => {
    return conn.readLine({ ...gone, ...options });
  });
  await checkEveryOption<LineOptions>("lines", line, (options) => {
    return conn.lines({ ...gone, ...options }).next();
  });
  const frame = { ...READ, max: "count", lengthBytes: "none", littleEndian: "none" } as const;
  await checkEveryOption<FrameOptions>("readFrame", frame, (options) => {
    return conn.readFrame({ ...gone, ...options });
  });
});

Deno.test("reads check their options also while bytes are buffered", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  await a.write("some bytes");
  const timeout = "5s" as unknown as number;
  const message = 'timeout must be a number of milliseconds of at least 0, got string "5s"';
  const into = new Uint8Array(1);
  b.unread((await b.readChunk())!);
  for (
    const read of [
      () => b.read(into, { timeout }),
      () => b.readChunk({ timeout }),
      () => b.readExact(1, { timeout }),
      () => b.readLine({ timeout }),
      () => b.readFrame({ timeout }),
    ]
  ) await assertRejects(read, TypeError, message);
  await assertRejects(
    () => b.readExact(-1),
    RangeError,
    "size must be an integer of at least 0, got -1",
  );
  assertEquals(b.stats().unreadBytes, 10);
});

Deno.test("encodeFrame() and decodeFrameLength() check every option", async () => {
  const kinds = { lengthBytes: "none", littleEndian: "none" } as const;
  await checkEveryOption<FrameFormat>("encodeFrame", kinds, (format) => {
    encodeFrame("x", format);
  });
  await checkEveryOption<FrameFormat>("decodeFrameLength", kinds, (format) => {
    decodeFrameLength(new Uint8Array(4), format);
  });
  assertThrows(
    () => encodeFrame("x", { lengthBytes: 3 as 4 }),
    RangeError,
    "lengthBytes must be 1, 2 or 4, got 3",
  );
});
