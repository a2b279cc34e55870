import type { HttpInfo, ServeHttpOptions } from "../../../http/server/server.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { checkEveryOption, type OptionKind } from "../../_support/options.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";

const handler = () => new Response();

const OPTIONS: Record<keyof Required<ServeHttpOptions>, OptionKind> = {
  hostname: "text",
  port: "none",
  backlog: "count",
  sharePort: "none",
  whenFull: "none",
  noDelay: "none",
  keepAlive: "none",
  deadPeerTimeout: "time",
  onListen: "none",
  maxBody: "count",
  bodyTimeout: "time",
  minBodyRate: "count",
  handlerTimeout: "time",
  maxRequests: "count",
  allowedHosts: "none",
  trustProxy: "integer",
  hardened: "none",
  maxConnections: "count",
  maxConnectionsPerAddress: "count",
  proxyProtocol: "none",
  headTimeout: "time",
  idleTimeout: "time",
  writeTimeout: "time",
  maxHead: "count",
  maxHeaders: "count",
  signal: "none",
  onEvent: "none",
  cert: "text",
  key: "text",
  certFile: "text",
  keyFile: "text",
  sni: "none",
  clientAuth: "none",
  clientCa: "none",
  minVersion: "none",
  inspect: "none",
  engine: "none",
  handshakeTimeout: "time",
  reloadInterval: "time",
};

Deno.test("serveHttp() checks every option", async () => {
  for (const hardened of [false, true]) {
    await checkEveryOption<ServeHttpOptions>("serveHttp", OPTIONS, async (options) => {
      await using _server = serveHttp({ hardened, ...options }, handler);
    });
  }
});

Deno.test("serveHttp() checks the options in options", () => {
  const rows: [options: object, message: string][] = [
    [{ trustProxy: { hops: 0 } }, "trustProxy.hops must be an integer of at least 1, got 0"],
    [{ trustProxy: { hop: 1 } }, 'trustProxy has no option "trustProxy.hop"'],
    [{ trustProxy: {} }, "trustProxy must have either hops or from"],
    [{ trustProxy: { hops: 1, from: ["::1"] } }, "trustProxy must have either hops or from"],
    [{ trustProxy: ["nowhere"] }, "trustProxy[0] must be an IP address"],
    [{ allowedHosts: [1] }, 'allowedHosts must be an array of hosts, or "any", got an array'],
    [{ proxyProtocol: {} }, "proxyProtocol.trusted must be"],
    [
      { handlerTimout: 5 },
      'serveHttp has no option "handlerTimout"; did you mean "handlerTimeout"?',
    ],
  ];
  for (const [options, message] of rows) {
    const error = assertThrows(
      () => serveHttp(options as ServeHttpOptions, handler),
      Error,
      message,
    );
    assertEquals(error instanceof TypeError || error instanceof RangeError, true, message);
  }
});

Deno.test("serveHttp() rejects a missing handler, and a handler in place of options", async () => {
  const none = undefined as never;
  assertThrows(() => serveHttp({}, none), TypeError, "handler must be a function, got undefined");
  assertThrows(
    () => serveHttp(handler as never, none),
    TypeError,
    "the options of serveHttp must be an object",
  );
  assertThrows(
    () => serveHttp(none, handler),
    TypeError,
    "the options of serveHttp must be an object",
  );
  await assertRejects(() => serveHttp({ path: "/a" }, none), TypeError, "handler must be");
});

Deno.test("serveHttp() checks every option of a Unix socket", async () => {
  const path = "/nowhere/app.sock";
  const start = (options: object) => serveHttp({ path, ...options }, handler);
  await assertRejects(() => start({ mode: -1 }), RangeError, "mode must be an integer from 0");
  await assertRejects(() => start({ maxBody: "5" }), TypeError, "maxBody must be");
  await assertRejects(() => start({ maxbody: 5 }), TypeError, 'did you mean "maxBody"?');
  await assertRejects(() => start({ path: 5 }), RangeError, "path must be the path of a socket");
});

Deno.test("shutdown() of an HTTP server checks its options", async () => {
  await using server = serveHttp({}, handler);
  await checkEveryOption<{ deadline: number }>(
    "shutdown",
    { deadline: "time" },
    (options) => {
      // A deadline that fits would end the server.
      if ([1.5, Infinity, 3e9].includes(options.deadline!)) return;
      return server.shutdown(options);
    },
  );
});

Deno.test("serveHttp() uses options that are inherited or getters of a class", async () => {
  class Settings {
    get maxBody() {
      return 3;
    }
  }
  for (const hardened of [false, true]) {
    for (const settings of [new Settings(), Object.create({ maxBody: 3 })]) {
      const options: ServeHttpOptions = Object.assign(settings, { hardened });
      await using server = serveHttp(
        options,
        async (request) => new Response(await request.text()),
      );
      const response = await fetch(server.url, { method: "POST", body: "four" });
      await response.body?.cancel();
      assertEquals(response.status, 413, `hardened: ${hardened}`);
    }
  }
});

Deno.test("sendTrailers() checks its arguments", async () => {
  for (const hardened of [false, true]) {
    const errors: string[] = [];
    const test = (_request: Request, info: HttpInfo) => {
      for (
        const [make, options] of [[undefined, {}], [() => ({}), { optional: 1 }], [() => ({}), {
          option: true,
        }]] as const
      ) {
        try {
          info.sendTrailers(["a"], make as never, options as never);
        } catch (error) {
          errors.push((error as Error).message);
        }
      }
      return new Response();
    };
    await using server = serveHttp({ hardened }, test);
    await (await fetch(server.url)).body?.cancel();
    assertEquals(errors, [
      "make must be a function, got undefined",
      "optional must be true or false, got 1",
      'sendTrailers has no option "option"; did you mean "optional"?',
    ]);
  }
});
