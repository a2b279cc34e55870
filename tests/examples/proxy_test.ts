/** `examples/proxy.ts`: what its flags do, and what it logs. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../examples/proxy.ts";
import { serveHttp } from "../../http/server/server.ts";
import { recordingIo } from "../../tools/cli.ts";
import { startRunnable } from "../_support/runnable.ts";
import { exchange, statuses } from "../_support/raw_http.ts";
import { echo } from "../_support/http_servers.ts";

const get = (url: string, lines = "") =>
  `GET ${url} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${lines}\r\n`;
const login = (text: string) => `Proxy-Authorization: Basic ${btoa(text)}\r\n`;

Deno.test("proxy refuses flags that contradict each other or mean nothing, without a secret", async () => {
  const rows: [flag: string, args: string[]][] = [
    ["--hostname", ["--hostname=0.0.0.0"]],
    ["--auth", ["--auth=secret"]],
    ["--auth", ["--auth=:secret"]],
    ["--connect-port", ["--connect-port=65536"]],
    ["--allow", ["--allow=10.0.0.0/33"]],
    ["--deny", ["--deny=a b"]],
    ["--upstream", ["--upstream=http://u:secret@h"]],
    ["--upstream", ["--upstream=socks4://u:secret@h:1"]],
    ["--upstream", ["--upstream=socks5://u:secret@h"]],
    ["--upstream", ["--upstream=a b=http://u:secret@h:1"]],
    ["--upstream", ["--upstream=secret"]],
    ["--upstream", ["--upstream==secret@direct"]],
    ["--allow-client", ["--allow-client=localhost"]],
    ["--deny-client", ["--deny-client=10.0.0.0/33"]],
    ["--request-port", ["--request-port=0"]],
    ["--accept-proxy-protocol", ["--accept-proxy-protocol=a"]],
    ["--bind", ["--bind=localhost"]],
    ["--bind", ["--bind=127.0.0.1", "--bind=127.0.0.2"]],
    ["--send-proxy-protocol", ["--send-proxy-protocol=3"]],
  ];
  for (const [flag, args] of rows) {
    const io = recordingIo();
    assertEquals([await main(args, io), io.out], [2, ""], io.err);
    assertMatch(io.err, new RegExp(`^proxy: Bad value for ${flag}: [^\\n]*\\n$`));
    assert(!io.err.includes("secret"), io.err);
  }
});

Deno.test("proxy wants the login, denies what it is told, and logs one line a request", async () => {
  await using origin = echo();
  await using server = await startRunnable("proxy", [
    ...["--port=0", "--json", "--auth=ada:secret", "--auth=bob:secret2"],
    ...["--allow=127.0.0.0/8", "--deny=127.0.0.9", "--connect-port=444"],
  ]);
  const { port } = server;
  const ask = async (request: string) => await exchange(port, request);
  const known = login("bob:secret2");
  assertEquals(statuses(await ask(get(origin.url))), [407]);
  assertEquals(statuses(await ask(get(origin.url, login("ada:wrong")))), [407]);
  const passed = await ask(get(`${origin.url}a?b`, known));
  assertEquals(statuses(passed), [200]);
  assertStringIncludes(passed, '"url":"/a?b"');
  assert(!passed.includes("secret") && !/proxy-authorization/i.test(passed), passed);
  assertEquals(statuses(await ask(get("http://127.0.0.9/", known))), [403]);
  assertEquals(statuses(await ask(get("http://10.0.0.1/", known))), [403]);
  for (const [to, status] of [["127.0.0.1:443", 403], ["127.0.0.1:444", 502]] as const) {
    const text = await ask(`CONNECT ${to} HTTP/1.1\r\nHost: h\r\n${known}\r\n`);
    assertEquals(statuses(text), [status]);
  }
  server.signal("SIGINT");
  assertEquals(await server.exitCode(), 0, server.stderr);
  const lines = server.stderr.trimEnd().split("\n").map((line) => JSON.parse(line).properties);
  const told = lines.filter((one) => one?.total !== undefined);
  assertEquals(told.map(({ status, user }) => [status, user]), [
    ...[[407, undefined], [407, undefined], [200, "bob"]],
    ...[[403, "bob"], [403, "bob"], [403, "bob"], [502, "bob"]],
  ]);
  const one = told[2];
  assertEquals([one.method, one.target], ["GET", `${origin.url}a?b`]);
  for (const key of ["received", "sent", "connect", "firstByte", "total"]) {
    assert(Number.isFinite(one[key]), `${key}: ${one[key]}`);
  }
  // A time that there was not is left out: it is no text.
  assertEquals(["connect" in told[0], "firstByte" in told[0]], [false, false]);
  assert(!server.stderr.includes("secret"), server.stderr);
  const counts = lines.find((one) => one?.requests !== undefined);
  assertEquals([counts.requests, counts.denied, counts.failed], [7, 5, 1]);
});

Deno.test("proxy passes requests on by target, and tells each server the client", async () => {
  await using origin = serveHttp(
    { allowedHosts: "any", proxyProtocol: { trusted: ["127.0.0.1"] } },
    ({ url, headers }, { remoteAddr: { hostname, port } }) =>
      new Response(`${hostname}:${port} ${url} ${headers.get("proxy-authorization")}`),
  );
  const { host } = new URL(origin.url);
  await using server = await startRunnable("proxy", [
    ...["--port=0", "--allow-private", "--accept-proxy-protocol=127.0.0.1"],
    ...["--send-proxy-protocol=v1", "--deny-client=192.0.2.9"],
    ...[`--upstream=http://ada:secret@${host}`, "--upstream=127.0.0.0/8=direct"],
  ]);
  const ask = (client: string, url: string) =>
    exchange(server.port, `PROXY TCP4 ${client} 192.0.2.2 5000 80\r\n${get(url)}`);
  assertEquals(statuses(await ask("192.0.2.9", origin.url)), [403]);
  const direct = await ask("192.0.2.1", `${origin.url}/a`);
  assertStringIncludes(direct, `192.0.2.1:5000 ${origin.url}/a null`);
  const passed = await ask("192.0.2.2", "http://a.test/b");
  assertStringIncludes(passed, `192.0.2.2:5000 http://a.test/b Basic ${btoa("ada:secret")}`);
  assertEquals(await exchange(server.port, "GET / HTTP/1.1\r\n\r\n"), "");
  server.signal("SIGINT");
  assertEquals(await server.exitCode(), 0, server.stderr);
  assertMatch(server.stderr, /WARN.*no PROXY header \(from 127\.0\.0\.1:\d+\)/);
  assertStringIncludes(server.stderr, "192.0.2.9:5000 GET");
  assert(!server.stderr.includes("secret"), server.stderr);
});
