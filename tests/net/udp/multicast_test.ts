import { assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { bindUdp } from "../../../net/udp/socket.ts";

for (const backend of ["deno", "node"] as const) {
  Deno.test(`joinMulticast(), ${backend}: a refusal has its own kind and phase`, async () => {
    await using socket = await bindUdp({ backend });
    const group = "224.0.0.94";
    // No machine has this address (RFC 5737).
    const error = await assertRejects(
      () => socket.joinMulticast(group, { interface: "203.0.113.94" }),
      NetError,
    );
    assertEquals([error.kind, error.phase], ["multicast", "multicast"]);
    assertEquals([error.address, error.retryable], [group, false]);
    const start = `Cannot join the multicast group ${group}: the system refuses (`;
    assertEquals(error.message.slice(0, start.length), start);
  });

  Deno.test(`joinMulticast(), ${backend}: what is unsupported or closed says so`, async () => {
    const socket = await bindUdp({ backend });
    const unsupported = await assertRejects(
      () => socket.joinMulticast("ff02::94", { timeToLive: 1 }),
      NetError,
    );
    assertEquals([unsupported.kind, unsupported.phase], ["unsupported", "multicast"]);
    socket.close();
    const closed = await assertRejects(() => socket.joinMulticast("224.0.0.94"), NetError);
    assertEquals([closed.kind, closed.phase], ["closed", "multicast"]);
  });
}
