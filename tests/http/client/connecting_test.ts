import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createClient, type HttpClientOptions } from "../../../http/client/client.ts";
import { HttpRequestError, HttpTimeoutError } from "../../../http/client/errors.ts";
import { RawServer, serve } from "../../_support/http_servers.ts";

Deno.test("publicOnly reaches no special address: not by a name, a spelling or a redirect", async () => {
  await using server = serve(() => new Response("secret"));
  const { port } = server;
  await using client = createClient({ publicOnly: true, retry: false });
  const hosts = [
    "127.0.0.1",
    "localhost",
    "0x7f.1",
    "[::ffff:127.0.0.1]",
    "[::1]",
    "0",
    "2130706433",
  ];
  for (const host of hosts) {
    const error = await assertRejects(
      () => client.get(`http://${host}:${port}/`),
      HttpRequestError,
      "it is no public address",
      host,
    );
    assertEquals([error.kind, error.sent], ["permission", "no"]);
  }
});

Deno.test("allow and resolve are options of the client, and see each address in one spelling", async () => {
  await using server = serve(() => new Response("here"));
  const { port } = server;
  const seen: string[] = [];
  await using client = createClient({
    retry: false,
    resolve: (name) =>
      name === "mapped.test" ? ["::ffff:7f00:1"] : ["0:0:0:0:0:0:0:1", "127.0.0.1"],
    allow: ({ address }) => {
      seen.push(address);
      return address === "127.0.0.1";
    },
  });
  for (const host of ["mapped.test", "two.test", "[::ffff:127.0.0.1]"]) {
    assertEquals(await client.get(`http://${host}:${port}/`).text(), "here");
  }
  assertEquals(seen, ["127.0.0.1", "::1", "127.0.0.1", "127.0.0.1"]);
});

Deno.test({
  name: "a missing permission is named, whoever resolves the name",
  permissions: { net: ["127.0.0.1:1"] },
  fn: async () => {
    for (const options of [{}, { publicOnly: true }, { allow: () => true }]) {
      await using client = createClient({ retry: false, proxy: false, ...options });
      const error = await assertRejects(
        () => client.get("http://localhost:9/?key=secret"),
        HttpRequestError,
        "run again with --allow-net=localhost:9",
      );
      assertEquals(
        [error.kind, error.permission, error.sent],
        ["permission", "--allow-net=localhost:9", "no"],
      );
    }
  },
});

Deno.test("connectTimeout limits connecting without a dialer", async () => {
  await using client = createClient({
    retry: false,
    connectTimeout: 50,
    resolve: () => new Promise(() => {}),
  });
  const error = await assertRejects(() => client.get("http://slow.test/"), HttpTimeoutError);
  assertEquals([error.stage, error.limit, error.sent], ["connect", 50, "no"]);
});

Deno.test("options that choose the address exclude each other", () => {
  const proxy = "http://127.0.0.1:1";
  const allow = () => true;
  const rows: HttpClientOptions[] = [
    { proxy, publicOnly: true },
    { proxy, allow },
    { proxy, resolve: () => [] },
    { unixSocket: "/x", allow },
    { unixSocket: "/x", proxy },
    { http2: true, allow },
    { http2: true, publicOnly: true },
    { http2: true, minVersion: "TLSv1.3" },
  ];
  for (const options of rows) {
    assertThrows(() => createClient(options), TypeError, "must not be set");
  }
  createClient({ proxy: false, connectTimeout: 5, allow }).close();
});

Deno.test("a response names its connection, its times and its trailers", async () => {
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
    "2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n";
  await using server = new RawServer(chunked, "hold");
  await using client = createClient();
  const first = await client.get(server.url);
  assertEquals(first.trailers, undefined);
  assertEquals(await first.text(), "ok");
  assertEquals(first.trailers?.get("x-sum"), "7");
  assertEquals(first.remoteAddr, {
    transport: "tcp",
    hostname: "127.0.0.1",
    port: Number(new URL(server.url).port),
  });
  assertEquals([first.reused, first.tls], [false, undefined]);
  const { timings } = first;
  assert(timings !== undefined && timings.connect !== undefined);
  const { queue, resolve, connect, tls, sent, firstByte, total } = timings;
  assertEquals([resolve, tls], [undefined, undefined]);
  const order = [queue, connect, sent!, firstByte!, total!];
  assertEquals(order.toSorted((a, b) => a - b), order);
});

Deno.test("a reused connection has no times for connecting", async () => {
  await using server = serve(() => new Response("ok"));
  await using client = createClient({ maxPerHost: 1 });
  await client.get(server.url).text();
  const [second, third] = await Promise.all([client.get(server.url), client.get(server.url)]);
  assertEquals([second.reused, third.reused], [true, true]);
  assertEquals([second.timings?.connect, third.timings?.connect], [undefined, undefined]);
  assert(third.timings!.queue > 0);
});
