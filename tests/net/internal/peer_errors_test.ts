import { assertEquals } from "@std/assert";
import { Alarm } from "../../../net/internal/timer.ts";
import { PeerErrors } from "../../../net/internal/peer_errors.ts";

Deno.test("PeerErrors looks soon after each datagram, even if a late look is planned", async () => {
  const seen: string[] = [];
  const several = Promise.withResolvers<void>();
  const source = {
    take() {
      seen.push("look");
      if (seen.length === 6) several.resolve();
      return undefined;
    },
    close() {},
  };
  const errors = new PeerErrors(source, () => {});
  // PeerErrors does not keep the process alive.
  const alive = new Alarm(() => {});
  alive.start(60_000);
  errors.sent();
  // The next look is planned in 160 ms.
  await several.promise;
  errors.sent();
  seen.length = 0;
  const later = Promise.withResolvers<void>();
  new Alarm(later.resolve).start(80);
  await later.promise;
  errors.close();
  alive.stop();
  assertEquals(seen[0], "look");
});
