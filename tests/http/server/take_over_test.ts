import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { accessLog } from "../../../http/handlers/access_log.ts";
import {
  type HttpHandler,
  type HttpInfo,
  serveHttp,
  type ServeHttpOptions,
} from "../../../http/server/server.ts";
import { type TakenOver, takeOver } from "../../../http/server/take_over.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";

const HEAD = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n";

/** Echoes bytes where that is asked for. */
const echo: HttpHandler = (request) => {
  const taking = takeOver(request, "Echo", { "x-more": "1" });
  if (taking === undefined) return new Response("no echo", { status: 426 });
  taking.taken.then(run).catch(() => {});
  return taking.response;
};

async function run({ connection }: TakenOver): Promise<void> {
  for await (const chunk of connection) await connection.write(chunk);
  await connection.close();
}

function serve(options: ServeHttpOptions = {}, handler = echo) {
  return serveHttp({ hardened: true, ...options }, handler);
}

function dial({ addr }: { addr: Deno.NetAddr }): Promise<Connection> {
  return connectTcp({ port: addr.port, lingerTimeout: 0 });
}

/** The lines of the next head. */
async function head(conn: Connection): Promise<string> {
  let text = "";
  for (let line; (line = await conn.readLine({ timeout: 30_000 }));) text += `${line}\n`;
  return text;
}

Deno.test("takeOver() switches protocols, and loses nothing behind the head", async () => {
  await using server = serve();
  for (const size of [1, 7, 1000]) {
    await using conn = await dial(server);
    const all = `${HEAD}\r\nearly\n`;
    for (let at = 0; at < all.length; at += size) await conn.write(all.slice(at, at + size));
    assertEquals(
      await head(conn),
      "HTTP/1.1 101 Switching Protocols\nconnection: Upgrade\nupgrade: Echo\nx-more: 1\n",
    );
    await conn.write("late\n");
    assertEquals([await conn.readLine(), await conn.readLine()], ["early", "late"]);
  }
});

Deno.test("takeOver() returns undefined for requests that could be smuggled", async () => {
  await using server = serve();
  const none = [
    `${HEAD}Content-Length: 5\r\n\r\nhello`,
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    HEAD.replace("1.1", "1.0") + "\r\n",
    HEAD.replace("Connection: Upgrade\r\n", "") + "\r\n",
    HEAD.replace("echo", "other") + "\r\n",
  ];
  for (const text of none) {
    await using conn = await dial(server);
    await conn.write(text);
    assertMatch(await head(conn), /^HTTP\/1\.1 426 /, text);
  }
  await using open = serveHttp({ hardened: false }, echo);
  const response = await fetch(open.url);
  assertEquals([response.status, await response.text()], [426, "no echo"]);
});

Deno.test("takeOver() finds its protocol in a list of several", async () => {
  await using server = serve();
  for (const [upgrade, status] of [["h2c,\tECHO", 101], [", echo,", 101], ["echo/1", 426]]) {
    await using conn = await dial(server);
    await conn.write(HEAD.replace("echo", `${upgrade}`) + "\r\n");
    assertMatch(await head(conn), new RegExp(`^HTTP/1\\.1 ${status} `), `${upgrade}`);
  }
});

Deno.test("another response withdraws takeOver(), and the connection still speaks HTTP", async () => {
  let taken: Promise<TakenOver> | undefined;
  await using server = serve({}, (request) => {
    const taking = takeOver(request, "echo");
    if (taking === undefined) return new Response("still here");
    assertThrows(() => takeOver(request, "echo"), TypeError, "taken over");
    taken = taking.taken;
    throw new Error("no");
  });
  await using conn = await dial(server);
  await conn.write(`${HEAD}\r\n`);
  assertMatch(await head(conn), /^HTTP\/1\.1 500 /);
  await assertRejects(() => taken!, NetError, "answered otherwise");
});

Deno.test("takeOver() works inside wrappers, but its response fits no other request", async () => {
  let kept: Response | undefined;
  await using server = serve(
    {},
    accessLog((request: Request) => {
      if (kept !== undefined) return kept;
      const taking = takeOver(request, "echo")!;
      taking.taken.then(run).catch(() => {});
      return kept = taking.response;
    }),
  );
  await using first = await dial(server);
  await first.write(`${HEAD}\r\n`);
  assertMatch(await head(first), /^HTTP\/1\.1 101 /);
  await using second = await dial(server);
  await second.write(`${HEAD}\r\n`);
  assertMatch(await head(second), /^HTTP\/1\.1 500 /);
});

Deno.test("a connection that was taken over counts until it is closed", async () => {
  const server = serve({ maxRequests: 1 });
  await using conn = await dial(server);
  await conn.write(`${HEAD}\r\n`);
  await head(conn);
  assertEquals(server.stats().active, 1);
  await using other = await dial(server);
  await other.write(`${HEAD}\r\n`);
  assertMatch(await head(other), /^HTTP\/1\.1 503 /);
  const stopping = server.shutdown({ deadline: 5000 });
  await conn.write("still\n");
  assertEquals(await conn.readLine(), "still");
  await conn.close();
  assertEquals(await stopping, { drained: 1, forced: 0, refused: 1 });
});

Deno.test("a shutdown cuts a connection that was taken over at its deadline", async () => {
  const server = serve();
  await using conn = await dial(server);
  await conn.write(`${HEAD}\r\n`);
  await head(conn);
  const report = await server.shutdown({ deadline: 50 });
  assertEquals([report.drained, report.forced], [0, 1]);
  assertEquals(await conn.readLine({ timeout: 30_000 }).catch(() => null), null);
});

Deno.test("no interim response is sent after takeOver()", async () => {
  await using server = serve({}, (request, info) => {
    const taking = takeOver(request, "echo")!;
    taking.taken.then(async ({ connection }) => {
      const sent = await info.sendEarlyHints({ link: "</a.css>; rel=preload" });
      await connection.write(`${sent}\n`);
      await connection.close();
    });
    return taking.response;
  });
  await using conn = await dial(server);
  await conn.write(`${HEAD}\r\n`);
  assertMatch(await head(conn), /^HTTP\/1\.1 101 /);
  assertEquals(await conn.readLine({ timeout: 30_000 }), "false");
  assertEquals(await conn.readLine({ timeout: 30_000 }), null);
});

Deno.test("info.completed of a taken request settles with its connection, whenever it is asked", async () => {
  let info: HttpInfo<Deno.NetAddr> | undefined;
  await using server = serveHttp({ hardened: true }, (request, given) => {
    info = given;
    if (request.url.endsWith("/early")) void given.completed;
    return echo(request, given);
  });
  for (const path of ["/early", "/late"]) {
    const conn = await dial(server);
    await conn.write(`${HEAD.replace("GET /", `GET ${path}`)}\r\n`);
    await head(conn);
    const { completed } = info!;
    const first = await Promise.race([completed.then(() => "over"), Promise.resolve("open")]);
    assertEquals([first, server.stats().active], ["open", 1], path);
    await conn.close();
    await completed;
    await info!.completed;
    assertEquals(server.stats().active, 0, path);
  }
});
