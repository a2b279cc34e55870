import { assertEquals } from "@std/assert";
import { ConnectionQuota } from "../../../net/internal/connection_quota.ts";

Deno.test("ConnectionQuota is full at its limit, and not after a release", () => {
  const quota = new ConnectionQuota(1);
  assertEquals(quota.isFull, false);
  quota.active++;
  assertEquals(quota.isFull, true);
  quota.release(undefined);
  assertEquals([quota.isFull, quota.active], [false, 0]);
});

Deno.test("ConnectionQuota limits each network separately", () => {
  const quota = new ConnectionQuota(0, 1);
  assertEquals([quota.count("a"), quota.count("a"), quota.count("b")], [true, false, true]);
  quota.active += 2;
  quota.release("a");
  assertEquals([quota.count("a"), quota.count("b")], [true, false]);
});

Deno.test("ConnectionQuota has no limit if it is 0, and 1024 connections by default", () => {
  const unlimited = new ConnectionQuota(0);
  unlimited.active = 100_000;
  assertEquals([unlimited.isFull, unlimited.count("a"), unlimited.count("a")], [false, true, true]);
  const usual = new ConnectionQuota();
  usual.active = 1023;
  assertEquals(usual.isFull, false);
  usual.active++;
  assertEquals(usual.isFull, true);
});
