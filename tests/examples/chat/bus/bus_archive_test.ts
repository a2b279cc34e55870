import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { BusArchive } from "../../../../examples/chat/bus/bus_archive.ts";
import { parseBusTarget } from "../../../../examples/chat/bus/target.ts";
import { redis, RedisServer } from "../../../_support/redis.ts";
import type { ArchiveFixture } from "../archive/archives.ts";
import { testArchive } from "../archive/conformance.ts";
import { NOBODY } from "./_bus.ts";

/** The server of the tests of this file, each of which has a chat of its own. */
let server: RedisServer | undefined;

Deno.test.beforeAll(async () => {
  if (!redis.ignore) server = await RedisServer.start();
});
Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());

/** Returns an archive on Redis, whose copy in memory is made again at each opening. */
async function onRedis(): Promise<ArchiveFixture> {
  const { url } = server!;
  const name = crypto.randomUUID();
  const open = async () => {
    const archive = await BusArchive.open({
      redis: { target: parseBusTarget(url)!, timeout: 30_000 },
      name,
      lease: 0,
      wait: 0,
      maxUsers: 0,
      copy: () => openArchive(":memory:"),
    });
    await archive.follow(NOBODY);
    return archive;
  };
  let archive = await open();
  return {
    archive,
    async reopen() {
      await archive[Symbol.asyncDispose]();
      return archive = await open();
    },
    [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose](),
  };
}

testArchive("an archive on Redis Streams", onRedis, redis);
