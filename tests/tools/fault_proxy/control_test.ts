/** `tools/fault_proxy/control.ts`: the HTTP interface of Toxiproxy. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectTcp } from "../../../net/tcp/client.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { type FaultControl, serveFaultControl } from "../../../tools/fault_proxy.ts";
import { startRunnable } from "../../_support/runnable.ts";

// deno-lint-ignore no-explicit-any -- The tests compare the JSON as it is.
type Json = any;

async function call(
  control: FaultControl,
  method: string,
  path: string,
  body?: unknown,
  headers: HeadersInit = {},
): Promise<{ status: number; body: Json }> {
  const init = { method, headers, ...body !== undefined && { body: JSON.stringify(body) } };
  const response = await fetch(control.url + path, init);
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

const echo = () =>
  serveTcp({ lingerTimeout: 0 }, async (conn) => {
    for await (const chunk of conn) await conn.write(chunk);
  });

const portOf = (listen: string) => Number(listen.split(":").at(-1));

Deno.test("proxies are created, listed, changed, disabled and deleted", async () => {
  await using server = echo();
  await using control = serveFaultControl();
  const upstream = `127.0.0.1:${server.addr.port}`;
  const created = await call(control, "POST", "/proxies", {
    name: "db",
    // Another test must not take the port while it is free.
    listen: "127.0.0.93:0",
    upstream,
  });
  assertEquals(created.status, 201);
  const { listen } = created.body;
  assertEquals(created.body, { name: "db", listen, upstream, enabled: true, toxics: [] });
  assertEquals((await call(control, "GET", "/proxies")).body, { db: created.body });
  assertEquals((await call(control, "GET", "/proxies/db")).body, created.body);
  {
    await using client = await connectTcp({
      hostname: "127.0.0.93",
      port: portOf(listen),
      lingerTimeout: 0,
    });
    await client.write("a\n");
    assertEquals(await client.readLine(), "a");
  }
  const disabled = await call(control, "POST", "/proxies/db", { enabled: false });
  assertEquals([disabled.status, disabled.body.enabled, disabled.body.listen], [
    200,
    false,
    listen,
  ]);
  await assertRejects(
    () => connectTcp({ hostname: "127.0.0.93", port: portOf(listen) }),
    NetError,
    "refused",
  );
  const enabled = await call(control, "PATCH", "/proxies/db", { ...created.body, enabled: true });
  assertEquals([enabled.body.enabled, enabled.body.listen], [true, listen]);
  await (await connectTcp({ hostname: "127.0.0.93", port: portOf(listen) })).close();
  assertEquals((await call(control, "DELETE", "/proxies/db")).status, 204);
  await assertRejects(
    () => connectTcp({ hostname: "127.0.0.93", port: portOf(listen) }),
    NetError,
    "refused",
  );
  assertEquals((await call(control, "GET", "/proxies")).body, {});
});

Deno.test("toxics are added, changed and removed, and /reset removes all of them", async () => {
  await using server = echo();
  await using control = serveFaultControl();
  const upstream = `127.0.0.1:${server.addr.port}`;
  const { body: { proxies } } = await call(control, "POST", "/populate", [
    { name: "a", listen: ":0", upstream },
    { name: "b", listen: "127.0.0.1:0", upstream, enabled: false },
  ]);
  assertEquals(proxies.map(({ enabled }: Json) => enabled), [true, false]);
  const toxics = "/proxies/a/toxics";
  const added = await call(control, "POST", toxics, {
    type: "latency",
    attributes: { latency: 100 },
  });
  assertEquals(added, {
    status: 200,
    body: {
      name: "latency_downstream",
      type: "latency",
      stream: "downstream",
      toxicity: 1,
      attributes: { latency: 100, jitter: 0 },
    },
  });
  const changed = await call(control, "PATCH", `${toxics}/latency_downstream`, {
    attributes: { jitter: 5 },
    toxicity: 0.5,
  });
  assertEquals([changed.body.attributes, changed.body.toxicity], [
    { latency: 100, jitter: 5 },
    0.5,
  ]);
  assertEquals((await call(control, "GET", `${toxics}/latency_downstream`)).body, changed.body);
  assertEquals((await call(control, "GET", toxics)).body, [changed.body]);
  assertEquals((await call(control, "DELETE", `${toxics}/latency_downstream`)).status, 204);
  await call(control, "POST", toxics, { name: "x", type: "bandwidth", attributes: { rate: 1 } });
  assertEquals((await call(control, "POST", "/reset")).status, 204);
  const { body } = await call(control, "GET", "/proxies");
  assertEquals([body.a.toxics, body.b.enabled], [[], true]);
  assertEquals((await call(control, "GET", "/version")).body, { version: "2.9.0+portside" });
});

/** What a client notices of each toxic. */
const EFFECTS: readonly [Json, (read: () => Promise<Uint8Array | null>) => Promise<void>][] = [
  [{ type: "limit_data", attributes: { bytes: 3 } }, async (read) => {
    assertEquals(new TextDecoder().decode((await read())!), "abc");
    assertEquals(await read(), null);
  }],
  [{ type: "timeout", attributes: { timeout: 20 } }, async (read) => {
    assertEquals(await read(), null);
  }],
  [{ type: "reset_peer", attributes: { timeout: 20 } }, async (read) => {
    let end: unknown;
    while (end === undefined) await read().catch((error) => end = error.kind);
    assertEquals(end, "reset");
  }],
  [{ type: "slicer", attributes: { average_size: 1, delay: 100 } }, async (read) => {
    assert((await read())!.length < 6);
  }],
];

Deno.test("toxics take effect on connections", async () => {
  await using server = echo();
  await using control = serveFaultControl();
  const upstream = `127.0.0.1:${server.addr.port}`;
  for (const [toxic, check] of EFFECTS) {
    const name = toxic.type;
    const { body } = await call(control, "POST", "/proxies", { name, listen: ":0", upstream });
    assertEquals((await call(control, "POST", `/proxies/${name}/toxics`, toxic)).status, 200);
    await using client = await connectTcp({ port: portOf(body.listen), lingerTimeout: 0 });
    await client.write("abcdef").catch(() => {});
    await check(() => client.readChunk({ timeout: 20_000 }));
    client.abort();
  }
});

Deno.test("of several toxics, the smallest limit counts; one of probability 0 does nothing", async () => {
  const rows: [bytes: number, toxicity: number][] = [[5, 1], [4, 1], [1, 0], [3, 1]];
  await using server = echo();
  await using control = serveFaultControl();
  const upstream = `127.0.0.1:${server.addr.port}`;
  const { body } = await call(control, "POST", "/proxies", { name: "a", listen: ":0", upstream });
  const received = async (): Promise<string> => {
    await using client = await connectTcp({ port: portOf(body.listen), lingerTimeout: 0 });
    await client.write("abcdef").catch(() => {});
    let text = "";
    for await (const chunk of client) text += new TextDecoder().decode(chunk);
    return text;
  };
  const results: string[] = [];
  for (const [i, [bytes, toxicity]] of rows.entries()) {
    const toxic = { name: `${i}`, type: "limit_data", toxicity, attributes: { bytes } };
    assertEquals((await call(control, "POST", "/proxies/a/toxics", toxic)).status, 200);
    results.push(await received());
  }
  assertEquals(results, ["abcde", "abcd", "abcd", "abc"]);
});

Deno.test("each bad request has the status and the message of Toxiproxy", async () => {
  await using control = serveFaultControl({ maxProxies: 1 });
  const proxy = { name: "p", listen: ":0", upstream: "127.0.0.1:9" };
  const expected: [string, string, unknown, number, string][] = [
    ["POST", "/proxies", { upstream: "a:1" }, 400, "missing required field: name"],
    ["POST", "/proxies", { name: "a" }, 400, "missing required field: upstream"],
    [
      "POST",
      "/proxies",
      { ...proxy, upstream: "x" },
      400,
      "bad request body: upstream must be host:port",
    ],
    ["POST", "/proxies", [], 400, ""],
    ["POST", "/proxies", proxy, 201, ""],
    ["POST", "/proxies", proxy, 409, "proxy already exists"],
    ["POST", "/proxies", { ...proxy, name: "q" }, 503, "too many proxies"],
    ["GET", "/proxies/none", undefined, 404, "proxy not found"],
    ["POST", "/proxies/p/toxics", { type: "magic" }, 400, "invalid toxic type"],
    ["POST", "/proxies/p/toxics", { type: "latency", stream: "up" }, 400, ""],
    ["POST", "/proxies/p/toxics", { type: "latency", toxicity: 2 }, 400, ""],
    ["POST", "/proxies/p/toxics", { type: "latency", attributes: { latency: -1 } }, 400, ""],
    ["POST", "/proxies/p/toxics", { type: "latency" }, 200, ""],
    ["POST", "/proxies/p/toxics", { type: "latency" }, 409, "toxic already exists"],
    ["GET", "/proxies/p/toxics/none", undefined, 404, "toxic not found"],
    ["POST", "/populate", {}, 400, "bad request body: expected a list"],
    ["GET", "/nothing", undefined, 404, ""],
  ];
  for (const [method, path, body, status, error] of expected) {
    const found = await call(control, method, path, body);
    assertEquals(found.status, status, `${method} ${path} ${JSON.stringify(found.body)}`);
    if (error !== "") assertEquals(found.body, { error, status });
  }
});

Deno.test("the number of toxics and the length of names and addresses have limits", async () => {
  await using control = serveFaultControl({ maxToxics: 2 });
  const proxy = { name: "p", listen: ":0", upstream: "127.0.0.1:9" };
  const long = "n".repeat(201);
  assertEquals((await call(control, "POST", "/proxies", proxy)).status, 201);
  const toxic = (name: string) =>
    call(control, "POST", "/proxies/p/toxics", { name, type: "latency" });
  const statuses = [];
  for (const name of ["a", "n".repeat(200), "b", long]) statuses.push((await toxic(name)).status);
  assertEquals(statuses, [200, 200, 503, 400]);
  // A removed toxic leaves its place, and an empty name is the usual one.
  assertEquals((await call(control, "DELETE", "/proxies/p/toxics/a")).status, 204);
  assertEquals((await toxic("")).body.name, "latency_downstream");
  const upstream = `${"h".repeat(300)}:1`;
  for (const wrong of [{ name: long }, { upstream }, { listen: upstream }]) {
    const { status } = await call(control, "POST", "/proxies", { ...proxy, ...wrong });
    assertEquals(status, 400);
    const path = "name" in wrong ? "/proxies" : "/proxies/p";
    assertEquals((await call(control, "POST", path, wrong)).status, 400);
  }
});

Deno.test("/metrics counts the bytes of each proxy and direction, as Toxiproxy does", async () => {
  await using server = echo();
  await using control = serveFaultControl();
  const upstream = `127.0.0.1:${server.addr.port}`;
  const name = 'a "quoted\\\nname';
  const { body } = await call(control, "POST", "/proxies", { name, listen: ":0", upstream });
  const path = `/proxies/${encodeURIComponent(name)}`;
  const limit = { type: "limit_data", stream: "downstream", attributes: { bytes: 3 } };
  await call(control, "POST", `${path}/toxics`, limit);
  await using client = await connectTcp({ port: portOf(body.listen), lingerTimeout: 0 });
  await client.write("hello");
  assertEquals(new TextDecoder().decode(await client.readExact(3)), "hel");
  assertEquals(await client.readChunk({ timeout: 20_000 }), null);
  const response = await fetch(`${control.url}/metrics`);
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const lines = (await response.text()).split("\n").filter((line) => !line.startsWith("# HELP"));
  const labels = (direction: string) =>
    `{direction="${direction}",listener="${body.listen}",proxy="a \\"quoted\\\\\\nname",` +
    `upstream="${upstream}"}`;
  assertEquals(lines, [
    "# TYPE toxiproxy_proxy_received_bytes_total counter",
    `toxiproxy_proxy_received_bytes_total${labels("upstream")} 5`,
    `toxiproxy_proxy_received_bytes_total${labels("downstream")} 5`,
    "# TYPE toxiproxy_proxy_sent_bytes_total counter",
    `toxiproxy_proxy_sent_bytes_total${labels("upstream")} 5`,
    `toxiproxy_proxy_sent_bytes_total${labels("downstream")} 3`,
    "",
  ]);
});

Deno.test("web pages cannot control the proxies", async () => {
  await using control = serveFaultControl();
  const page = await call(control, "POST", "/reset", undefined, { origin: "http://evil.test" });
  assertEquals(page.status, 403);
  // DNS rebinding: the name of the page leads to this machine.
  await using client = await connectTcp({ port: control.addr.port, lingerTimeout: 0 });
  await client.write("GET /version HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
  assertEquals((await client.readLine())?.split(" ")[1], "421");
});

Deno.test("the shutdown ends the proxies", async () => {
  const control = serveFaultControl();
  // Another test must not take the port.
  const hostname = "127.0.0.94";
  const wanted = { name: "a", listen: `${hostname}:0`, upstream: "127.0.0.1:9" };
  const { body } = await call(control, "POST", "/proxies", wanted);
  await control.shutdown();
  await control.finished;
  await assertRejects(
    () => connectTcp({ hostname, port: portOf(body.listen) }),
    NetError,
    "refused",
  );
});

Deno.test("fault-proxy --control serves the interface", async () => {
  await using program = await startRunnable("fault-proxy", ["--control", "0"], { listeners: 1 });
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(program.stdout)![0];
  assertEquals(await (await fetch(`${url}/version`)).json(), { version: "2.9.0+portside" });
  program.signal("SIGTERM");
  assertEquals(await program.exitCode(), 0);
});

Deno.test("a client that sends its body slowly delays no other change", async () => {
  await using control = serveFaultControl();
  await using slow = await connectTcp({ port: control.addr.port, lingerTimeout: 0 });
  await slow.write("POST /proxies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{");
  // The server has read the head before it answers this one.
  assertEquals((await call(control, "GET", "/version")).status, 200);
  assertEquals((await call(control, "POST", "/reset")).status, 204);
});
