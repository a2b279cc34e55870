import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { type HttpServer, serveHttp } from "../../../http/server/server.ts";
import { until } from "../../_support/until.ts";
import { testAlone } from "../../_support/alone.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";
import { serverSuite } from "./_suite.ts";

serverSuite("Deno.serve", {});
serverSuite("the hardened transport", { hardened: true });

Deno.test("serveHttp() hardened answers 500 if no part of a response has been sent", async () => {
  const locked = new Response("a");
  locked.body!.getReader();
  const bad: Record<string, () => Response> = {
    "/locked": () => locked,
    "/fails": () => new Response(new ReadableStream({ pull: () => Promise.reject(new Error()) })),
    "/text": () => new Response(ReadableStream.from<unknown>(["no bytes"]) as ReadableStream),
  };
  await using server = serveHttp({ hardened: true }, (request) => {
    return bad[new URL(request.url).pathname]!();
  });
  for (const path of Object.keys(bad)) {
    const response = await fetch(server.url + path);
    assertEquals(await response.json(), { title: "Internal Server Error", status: 500 }, path);
  }
});

Deno.test("serveHttp() hardened answers before a body that is malformed and not read", async () => {
  await using server = serveHttp({ hardened: true }, () => new Response("unread"));
  const text = await exchange(
    server.addr.port,
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  );
  assertStringIncludes(text, "unread");
});

/** Returns the number of open files and sockets of this process. */
const descriptors = () => Array.from(Deno.readDirSync("/proc/self/fd")).length;

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";
  testAlone(import.meta.url, {
    name: `serveHttp() on ${where} keeps no connection whose body nobody reads to its end`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using server = serveHttp({ hardened, bodyTimeout: 100 }, async (request) => {
        if (request.url.endsWith("/begins")) await request.body!.getReader().read();
        return new Response("enough");
      });
      const before = descriptors();
      const leave = async (path: string) => {
        await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
        await conn.write(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc`);
        assertStringIncludes(await answer(conn), "enough");
      };
      await Promise.all(Array.from({ length: 20 }, (_, i) => leave(i % 2 ? "/begins" : "/leaves")));
      const end = performance.now() + 10_000;
      while (descriptors() > before && performance.now() < end) await delay(20);
      assertEquals(descriptors(), before);
    },
  });
}

Deno.test("serveHttp() rejects options that are out of range", () => {
  const handler = () => new Response();
  for (
    const options of [
      { port: -1 },
      { port: 65536 },
      { maxBody: -1 },
      { bodyTimeout: NaN },
      { handlerTimeout: -5 },
      { maxRequests: 1.5 },
      { minBodyRate: 0 },
    ]
  ) assertThrows(() => serveHttp(options, handler), RangeError);
  assertThrows(() => serveHttp({ cert: "x" }, handler), TypeError, "both cert and key");
  assertThrows(() => serveHttp({ allowedHosts: ["a/b"] }, handler), TypeError, '"a/b"');
});

Deno.test("serveHttp() reports that a port is in use", async () => {
  await using server = serveHttp({}, () => new Response());
  const { port } = server.addr;
  const error = assertThrows(() => serveHttp({ port }, () => new Response()), NetError);
  assertEquals([error.kind, error.phase], ["address-in-use", "listen"]);
});

for (const hardened of [false, true]) {
  Deno.test(`no server listens after an onListen that throws (hardened: ${hardened})`, async () => {
    let port = 0;
    const onListen = (addr: Deno.NetAddr) => {
      port = addr.port;
      throw new Error("mine");
    };
    assertThrows(() => serveHttp({ hardened, onListen }, () => new Response()), Error, "mine");
    // The system may finish handshakes, and reset the connections, until the socket is closed.
    await until(async () => {
      const error = await assertRejects(() => connectTcp({ port }), NetError);
      return error.kind === "refused";
    });
  });
}

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";

  Deno.test(`serveHttp() on loopback answers for this machine only, on ${where}`, async () => {
    const status = async (server: HttpServer, host: string) =>
      statuses(
        await exchange(
          server.addr.port,
          `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        ),
      )[0];
    const local = [
      "localhost",
      "LOCALHOST:1",
      "app.localhost",
      "127.0.0.1:8",
      "[::1]:8",
      "192.0.2.1",
      "box",
    ];
    const others = [
      "example.com",
      "localhost.example.com",
      "127.0.0.1.nip.io",
      "rebind.test.",
      "a.b",
    ];
    {
      await using server = serveHttp({ hardened }, () => new Response());
      for (const host of local) assertEquals(await status(server, host), 200, host);
      for (const host of others) assertEquals(await status(server, host), 421, host);
      const text = await exchange(
        server.addr.port,
        "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n",
      );
      assertStringIncludes(text, "set allowedHosts to the public name, or trustProxy");
    }
    await using named = serveHttp(
      { hardened, allowedHosts: ["example.com"] },
      () => new Response(),
    );
    assertEquals(await status(named, "example.com:8"), 200);
    assertEquals(await status(named, "localhost"), 421);
    await using open = serveHttp({ hardened, allowedHosts: "any" }, () => new Response());
    for (const host of [...local, ...others]) assertEquals(await status(open, host), 200, host);
    await using wide = serveHttp({ hardened, hostname: "0.0.0.0" }, () => new Response());
    for (const host of others) assertEquals(await status(wide, host), 200, host);
  });
}
