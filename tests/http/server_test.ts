import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { NetError } from "../../net/errors.ts";
import { serveHttp } from "../../http/server.ts";
import { exchange } from "../_support/raw_http.ts";
import { serverSuite } from "./_server_suite.ts";

serverSuite("Deno.serve", {});
serverSuite("the hardened transport", { hardened: true });

Deno.test("serveHttp() hardened answers 500 while nothing of an answer has been sent", async () => {
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

Deno.test("serveHttp() rejects options that are nonsense", () => {
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

Deno.test("serveHttp() says that a port is taken", async () => {
  await using server = serveHttp({}, () => new Response());
  const { port } = server.addr;
  const error = assertThrows(() => serveHttp({ port }, () => new Response()), NetError);
  assertEquals([error.kind, error.phase], ["address-in-use", "listen"]);
});
