/** Early hints and trailers of `serveHttp`, in both directions. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { delay } from "@std/async/delay";
import { type HttpHandler, type HttpInfo, serveHttp } from "../../../http/server/server.ts";
import { takeOver } from "../../../http/server/take_over.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { findProgram, needs } from "../../_support/peers.ts";
import { exchange, statuses } from "../../_support/raw_http.ts";
import { runPeer } from "../../_support/runnable.ts";

const HEAD = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
const ASKS = `${HEAD}TE: trailers\r\n\r\n`;

function serve(handler: HttpHandler) {
  return serveHttp({ hardened: true }, handler);
}

/** A body of two chunks. */
function stream(): ReadableStream<Uint8Array> {
  return ReadableStream.from(["one", "two"]).pipeThrough(new TextEncoderStream());
}

Deno.test("sendEarlyHints() sends 103 ahead of the response, as often as it is called", async () => {
  const sent: boolean[] = [];
  await using server = serve(async (_request, info) => {
    sent.push(await info.sendEarlyHints({ link: "</a.css>; rel=preload; as=style" }));
    sent.push(await info.sendEarlyHints([["Link", "</b>"], ["Link", "</c>"]]));
    return new Response("page");
  });
  const text = await exchange(server.addr.port, `${HEAD}\r\n`);
  assertEquals(sent, [true, true]);
  assert(
    text.startsWith(
      "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload; as=style\r\n\r\n" +
        "HTTP/1.1 103 Early Hints\r\nlink: </b>, </c>\r\n\r\nHTTP/1.1 200 OK\r\n",
    ),
    text,
  );
  assertEquals(await (await fetch(server.url)).text(), "page");
});

Deno.test("sendEarlyHints() returns false if it cannot send", async () => {
  const told: Record<string, boolean> = {};
  const late: Promise<boolean>[] = [];
  const handler = async (request: Request, info: HttpInfo) => {
    const path = new URL(request.url).pathname;
    if (path === "/late") {
      return new Response(
        new ReadableStream({
          async start(controller) {
            await delay(20);
            told[path] = await info.sendEarlyHints({ link: "</a>" });
            controller.close();
          },
        }),
      );
    }
    if (path === "/after") setTimeout(() => late.push(info.sendEarlyHints({ link: "</a>" })), 0);
    told[path] = await info.sendEarlyHints({ link: "</a>" });
    return new Response("page");
  };
  await using server = serve(handler);
  await using bare = serveHttp({ hardened: false }, handler);
  const ask = (path: string, version: string, port = server.addr.port) =>
    exchange(port, `GET ${path} HTTP/${version}\r\nHost: h\r\nConnection: close\r\n\r\n`);
  assertEquals(statuses(await ask("/old", "1.0")), [200]);
  assertEquals(statuses(await ask("/late", "1.1")), [200]);
  assertEquals(statuses(await ask("/after", "1.1")), [103, 200]);
  await ask("/deno", "1.1", bare.addr.port);
  await delay(10);
  assertEquals(told, { "/old": false, "/late": false, "/after": true, "/deno": false });
  assertEquals(await Promise.all(late), [false]);
});

for (const hardened of [false, true]) {
  Deno.test(`early hints and trailers reject fields without a meaning there (hardened: ${hardened})`, async () => {
    await using server = serveHttp({ hardened }, async (_request, info) => {
      for (const name of ["Content-Length", "Transfer-Encoding", "Connection", "a b", ""]) {
        await assertRejects(() => info.sendEarlyHints([[name, "1"]]), TypeError);
      }
      await assertRejects(() => info.sendEarlyHints({ a: "b\r\nc: d" }), TypeError);
      for (const name of ["Content-Length", "Set-Cookie", "trailer", "Host", "a b", ""]) {
        assertThrows(() => info.sendTrailers([name], () => ({})), TypeError);
      }
      assertThrows(() => info.sendTrailers([], () => ({})), TypeError, "no field is named");
      return new Response("all refused");
    });
    assertEquals(await (await fetch(server.url)).text(), "all refused");
  });
}

Deno.test("100 comes before 101 (RFC 9110 §7.8)", async () => {
  await using server = serve((request) => {
    const taking = takeOver(request, "echo")!;
    taking.taken.then(({ connection }) => connection.close());
    return taking.response;
  });
  const text = await exchange(
    server.addr.port,
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\nExpect: 100-continue\r\n\r\n",
  );
  assertEquals(statuses(text), [100, 101]);
});

Deno.test("trailers follow the body, streamed or whole, and are announced", async () => {
  const bodies: Record<string, () => BodyInit | null> = {
    "a stream": stream,
    "a text": () => "onetwo",
    "nothing": () => null,
  };
  for (const [what, body] of Object.entries(bodies)) {
    let made = 0;
    await using server = serve((_request, info) => {
      const will = info.sendTrailers(["X-Digest", "X-Other"], async () => {
        await delay(5);
        made++;
        return { "x-digest": "abc" };
      });
      assert(will);
      assert(info.sendTrailers(["Server-Timing"], () => [["server-timing", "db;dur=1"]]));
      return new Response(body(), {
        headers: { "content-length": "6", trailer: "of-the-handler" },
      });
    });
    const text = await exchange(server.addr.port, ASKS);
    const [head = "", rest = ""] = text.split(/(?<=\r\n\r\n)/, 2);
    assertStringIncludes(head, "\r\ntrailer: x-digest, x-other, server-timing\r\n");
    assertStringIncludes(head, "\r\ntransfer-encoding: chunked\r\n");
    assert(!/content-length|of-the-handler/.test(head), head);
    const all = text.slice(head.length);
    assert(
      all.endsWith("0\r\nx-digest: abc\r\nserver-timing: db;dur=1\r\n\r\n"),
      `${what}: ${all}`,
    );
    assertEquals(rest === "", false);
    assertEquals(made, 1);
  }
});

Deno.test("only clients that ask for trailers receive them, unless they are optional", async () => {
  const told: boolean[] = [];
  await using server = serve((request, info) => {
    const optional = new URL(request.url).pathname === "/optional";
    told.push(info.sendTrailers(["x-t"], () => ({ "x-t": "1" }), { optional }));
    return new Response("text");
  });
  const ask = async (request: string) =>
    (await exchange(server.addr.port, request)).includes("x-t: 1");
  const optional = (text: string) => text.replace("GET /", "GET /optional");
  assertEquals(await ask(ASKS), true);
  assertEquals(await ask(ASKS.replace("TE: trailers", "TE: gzip;q=0.5, Trailers")), true);
  assertEquals(await ask(`${HEAD}\r\n`), false);
  assertEquals(await ask(ASKS.replace("trailers", '"trailers"')), false);
  assertEquals(await ask(optional(`${HEAD}\r\n`)), true);
  assertEquals(await ask(optional(ASKS.replace("1.1", "1.0"))), false);
  assertEquals(told, [true, true, false, false, true, false]);
  assertEquals(await (await fetch(`${server.url}/optional`)).text(), "text");
  await using bare = serveHttp({ hardened: false }, (_request, info) => {
    return new Response(String(info.sendTrailers(["x-t"], () => ({}), { optional: true })));
  });
  assertEquals(await (await fetch(bare.url)).text(), "false");
});

Deno.test("responses without a body have no trailers", async () => {
  let made = 0;
  await using server = serve((request, info) => {
    info.sendTrailers(["x-t"], () => (made++, {}));
    return new Response(null, { status: request.method === "HEAD" ? 200 : 204 });
  });
  for (const method of ["HEAD", "DELETE"]) {
    const text = await exchange(server.addr.port, ASKS.replace("GET", method));
    assert(!/trailer|chunked|x-t/.test(text), text);
  }
  assertEquals(made, 0);
});

Deno.test("an error while trailers are made aborts the response", async () => {
  const make: Record<string, () => HeadersInit | Promise<HeadersInit>> = {
    "/throws": () => {
      throw new Error("no digest");
    },
    "/rejects": () => Promise.reject(new Error("no digest")),
    "/other": () => ({ "x-other": "1" }),
  };
  for (const path of Object.keys(make)) {
    await using server = serve((_request, info) => {
      info.sendTrailers(["x-t"], make[path]!);
      return new Response("text");
    });
    const text = await exchange(server.addr.port, ASKS);
    assertStringIncludes(text, "4\r\ntext\r\n");
    assert(!text.includes("\r\n0\r\n"), text);
    assertEquals(server.stats().failed, 1);
  }
});

Deno.test("a client that leaves while trailers are made is noticed", async () => {
  const making = Promise.withResolvers<void>();
  await using server = serve((request, info) => {
    info.sendTrailers(["x-t"], () => {
      making.resolve();
      return new Promise<HeadersInit>((resolve) => {
        request.signal.addEventListener("abort", () => setTimeout(() => resolve({}), 5));
      });
    });
    return new Response("text");
  });
  const conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
  await conn.write(ASKS);
  await making.promise;
  await conn.close();
  const end = performance.now() + 10_000;
  while (server.stats().active > 0 && performance.now() < end) await delay(5);
  assertEquals(server.stats().active, 0);
});

const POST =
  "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";

Deno.test("info.trailers has the fields after the body of a request", async () => {
  await using server = serve(async (request, info) => {
    const asked = new URL(request.url).pathname === "/before" ? info.trailers : undefined;
    const text = await request.text();
    const trailers = await (asked ?? info.trailers);
    assertEquals(await info.trailers, trailers);
    return Response.json({ text, trailers: [...trailers] });
  });
  const fields = "X-Digest: a\r\nx-digest: b\r\nHost: evil\r\nAuthorization: Basic x\r\n" +
    "Content-Length: 9\r\nTransfer-Encoding: chunked\r\nCookie: a=b\r\nX-Last: ü\r\n";
  for (const path of ["/", "/before"]) {
    const text = await exchange(
      server.addr.port,
      POST.replace("/", path) + `2\r\nhi\r\n0\r\n${fields}\r\n`,
    );
    const { trailers } = JSON.parse(text.slice(text.indexOf("{")));
    assertEquals(trailers.map(([name]: [string]) => name), ["x-digest", "x-last"]);
    assertEquals(trailers[0][1], "a, b");
  }
  const none = await exchange(server.addr.port, `${POST}2\r\nhi\r\n0\r\n\r\n`);
  assertStringIncludes(none, '"trailers":[]');
  assertStringIncludes(await exchange(server.addr.port, `${HEAD}\r\n`), '"trailers":[]');
});

Deno.test("info.trailers rejects if the body is not read to its end", async () => {
  const outcomes: unknown[] = [];
  await using server = serve(async (request, info) => {
    const { pathname } = new URL(request.url);
    info.trailers.then(
      (trailers) => outcomes.push([...trailers]),
      (error) => outcomes.push(error.name),
    );
    if (pathname === "/reads") await request.text().catch(() => {});
    return new Response();
  });
  const ask = (path: string, body: string, halfClose = false) =>
    exchange(server.addr.port, POST.replace("/", path) + body, { halfClose });
  await ask("/leaves", "5\r\nhe");
  await ask("/reads", "5\r\nhe", true);
  await ask("/reads", "zz\r\n");
  await ask("/reads", `1\r\na\r\n0\r\n${"X: y\r\n".repeat(2000)}\r\n`);
  await delay(5);
  assertEquals(outcomes, ["NetError", "NetError", "ProblemError", "ProblemError"]);
});

const node = needs("node");
Deno.test({
  name: `Node sees early hints and trailers, and sends trailers${node.suffix}`,
  ignore: node.ignore,
  fn: async () => {
    await using server = serve(async (request, info) => {
      await info.sendEarlyHints({ link: "</a>; rel=preload" });
      const text = await request.text();
      const sent = (await info.trailers).get("x-sent");
      info.sendTrailers(["x-size"], () => ({ "x-size": `${text.length} ${sent}` }));
      return new Response(stream());
    });
    const { code, stdout, stderr } = await runPeer(findProgram("node")!, [
      "-e",
      `
      const request = require("node:http").request(${JSON.stringify(server.url)}, {
        method: "POST",
        headers: { te: "trailers", trailer: "x-sent", "transfer-encoding": "chunked" },
      }, async (response) => {
        let body = "";
        for await (const chunk of response) body += chunk;
        console.log(JSON.stringify({ hints, body, trailers: response.trailers }));
      });
      const hints = [];
      request.on("information", ({ statusCode, headers }) => hints.push([statusCode, headers.link]));
      request.write("12345");
      request.addTrailers({ "x-sent": "yes" });
      request.end();
      `,
    ]);
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stdout), {
      hints: [[103, "</a>; rel=preload"]],
      body: "onetwo",
      trailers: { "x-size": "5 yes" },
    });
  },
});

const curl = needs("curl");
Deno.test({
  name: `curl shows early hints and trailers${curl.suffix}`,
  ignore: curl.ignore,
  fn: async () => {
    await using server = serve(async (_request, info) => {
      await info.sendEarlyHints({ link: "</a>" });
      info.sendTrailers(["x-t"], () => ({ "x-t": "last" }), { optional: true });
      return new Response("body");
    });
    const args = ["-sSi", "--max-time", "10", server.url];
    const { code, stdout, stderr } = await runPeer(findProgram("curl")!, args);
    assertEquals(code, 0, stderr);
    assertEquals(statuses(stdout), [103, 200]);
    assertStringIncludes(stdout, "link: </a>");
    assertStringIncludes(stdout, "body");
    assertStringIncludes(stdout, "x-t: last");
  },
});

Deno.test("sendTrailers() returns false after the handler has returned", async () => {
  let sent: boolean | undefined;
  await using server = serve((_request, info) => {
    const body = new ReadableStream({
      pull(controller) {
        sent = info.sendTrailers(["x-late"], () => ({ "x-late": "1" }), { optional: true });
        controller.enqueue(new TextEncoder().encode("ok"));
        controller.close();
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-length": "2" } });
  });
  const text = await exchange(
    server.addr.port,
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
  );
  assertEquals(text.split("\r\n\r\n")[1], "ok");
  assertEquals(sent, false);
});
