import { assertEquals } from "@std/assert";
import { BusBlobs } from "../../../../examples/chat/bus/bus_blobs.ts";
import { BusKeys } from "../../../../examples/chat/bus/keys.ts";
import { Redis } from "../../../../examples/chat/bus/redis.ts";
import { parseBusTarget } from "../../../../examples/chat/bus/target.ts";
import { redis, RedisServer } from "../../../_support/redis.ts";

Deno.test({
  name: `files in Redis are there when they are complete, and in parts${redis.suffix}`,
  ignore: redis.ignore,
  async fn() {
    await using server = await RedisServer.start();
    await using stack = new AsyncDisposableStack();
    const client = new Redis({ target: parseBusTarget(server.url)!, timeout: 30_000 });
    stack.defer(() => client.close());
    const blobs = new BusBlobs((args) => client.command(args), new BusKeys("a"));
    const get = async (id: string, start: number, end: number) => {
      const body = await blobs.read(id, { start, end });
      return body === undefined ? undefined : [...new Uint8Array(body as Uint8Array<ArrayBuffer>)];
    };
    const bytes = Array.from({ length: 10 }, (_, i) => 250 + i & 255);
    const writer = await blobs.create("x");
    const piece = Uint8Array.from(bytes.slice(0, 4));
    await writer.write(piece);
    // The buffer belongs to the caller.
    piece.fill(0);
    await writer.write(Uint8Array.from(bytes.slice(4)));
    assertEquals(await get("x", 0, 10), undefined);
    await writer.commit();
    for (const [start, end] of [[0, 10], [1, 10], [2, 3], [3, 9], [4, 5], [5, 5]] as const) {
      assertEquals(await get("x", start, end), bytes.slice(start, end));
    }
    const other = await blobs.create("y");
    await other.write(Uint8Array.of(1));
    await other.abort();
    assertEquals(await get("y", 0, 1), undefined);
    // Another chat on the same server has other files.
    const others = new BusBlobs((args) => client.command(args), new BusKeys("b"));
    assertEquals(await others.read("x", { start: 0, end: 1 }), undefined);
    await blobs.remove("x");
    await blobs.remove("x");
    assertEquals(await get("x", 0, 1), undefined);
  },
});
