import { assertRejects, assertThrows } from "@std/assert";
import type { ClosePoolOptions, PoolOptions, PoolTarget } from "../../../net/pool/options.ts";
import { createPool } from "../../../net/pool/pool.ts";
import { checkEveryOption } from "../../_support/options.ts";

Deno.test("createPool() checks every option", async () => {
  await checkEveryOption<PoolOptions>("createPool", {
    maxPerHost: "count",
    maxTotal: "count",
    minIdle: "count",
    idleTimeout: "time",
    maxAge: "time",
    acquireTimeout: "time",
    maxWaiting: "count",
    check: "none",
  }, async (options) => {
    await using _pool = createPool(options);
  });
});

Deno.test("close() of a pool checks every option", async () => {
  await checkEveryOption<ClosePoolOptions>("close", { deadline: "time" }, (options) => {
    return createPool().close(options);
  });
});

Deno.test("acquire() checks the target before it waits or connects", async () => {
  await using pool = createPool();
  const wrong: [object, string][] = [
    [undefined as never, "the options of acquire must be an object, got undefined"],
    [{ port: "80" }, 'port must be an integer from 1 to 65535, got string "80"'],
    [{ port: 80, tls: "yes" }, 'tls must be true or false, got string "yes"'],
    [{ port: 80, serverName: "a.test" }, 'acquire has no option "serverName"'],
    [{ port: 80, tls: true, serverName: "" }, "serverName must be"],
    [{}, "port must be an integer from 1 to 65535, got undefined"],
  ];
  for (const [target, message] of wrong) {
    await assertRejects(() => pool.acquire(target as PoolTarget), TypeError, message);
  }
  assertThrows(
    () => createPool({ check: true as never }),
    TypeError,
    "check must be a function, got true",
  );
});
