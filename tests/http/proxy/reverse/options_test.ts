import {
  reverseProxy,
  type ReverseProxyOptions,
} from "../../../../http/proxy/reverse/reverse_proxy.ts";
import { checkEveryOption } from "../../../_support/options.ts";
import { assertThrows } from "@std/assert";

const TARGET = "http://127.0.0.1:1";

Deno.test("reverseProxy() checks every option", async () => {
  await checkEveryOption<ReverseProxyOptions>("reverseProxy", {
    policy: "none",
    maxFails: "count",
    failTimeout: "time",
    maxConnections: "count",
    maxIdle: "count",
    keepAliveTimeout: "time",
    connectTimeout: "time",
    responseTimeout: "time",
    bodyTimeout: "time",
    tunnelTimeout: "time",
    host: "none",
    forwarded: "none",
    name: "none",
    stripPrefix: "none",
    rewrite: "none",
    tls: "none",
    onError: "none",
  }, (options) => reverseProxy(TARGET, options).close());
});

Deno.test("reverseProxy() checks its targets, and shows no login", () => {
  for (const target of [undefined, 5, {}, [5], "?", "http://alice:hidden@host"]) {
    const error = assertThrows(() => reverseProxy(target as string), Error, "target must be ");
    if (error.message.includes("hidden")) throw new Error("The message shows the login");
  }
  assertThrows(() => reverseProxy([]), TypeError, "target must have at least one entry");
  assertThrows(() => reverseProxy([TARGET, TARGET]), TypeError, "the same target twice");
  assertThrows(
    () => reverseProxy(TARGET, { tls: { caCert: [] } as object }),
    TypeError,
    '"tls.caCert"',
  );
});
