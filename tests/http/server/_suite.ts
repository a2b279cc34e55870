import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { json, readJson } from "../../../http/handlers/json.ts";
import { ProblemError } from "../../../http/problem.ts";
import {
  type HttpServer,
  type HttpServerEvent,
  serveHttp,
  type ServeHttpOptions,
} from "../../../http/server/server.ts";
import { answer, exchange, rest, statuses } from "../../_support/raw_http.ts";

const echo = async (request: Request) =>
  json({ method: request.method, url: request.url, body: await request.text() });

/** Tests for every transport of `serveHttp`. */
export function serverSuite(transport: string, base: ServeHttpOptions): void {
  const test = (name: string, run: () => Promise<void>) =>
    Deno.test(`serveHttp() on ${transport} ${name}`, run);
  const serve = (
    options: ServeHttpOptions,
    handler: Parameters<typeof serveHttp>[1],
  ): HttpServer => serveHttp({ ...base, ...options }, handler);

  /** One answer; `Deno.serve` does not close by itself while a body is owed. */
  const ask = async (server: HttpServer, text: string) => {
    await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    await conn.write(text);
    return await answer(conn);
  };

  test("answers GET and POST", async () => {
    await using server = serve({}, echo);
    const got = await fetch(`${server.url}/a/b?q=1`);
    assertEquals(await got.json(), { method: "GET", url: `${server.url}/a/b?q=1`, body: "" });
    const posted = await fetch(server.url, { method: "POST", body: "x".repeat(100_000) });
    assertEquals((await posted.json()).body.length, 100_000);
  });

  test("answers pipelined requests in their order", async () => {
    await using server = serve({}, async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/1") await delay(20);
      return new Response(pathname);
    });
    const head = (path: string, last = "") => `GET ${path} HTTP/1.1\r\nHost: h\r\n${last}\r\n`;
    const text = await exchange(
      server.addr.port,
      head("/1") + head("/2") + head("/3", "Connection: close\r\n"),
    );
    assertEquals(statuses(text), [200, 200, 200]);
    assertEquals(text.match(/\/[123](?=$|HTTP)/g), ["/1", "/2", "/3"]);
  });

  for (
    const [what, lines] of Object.entries({
      "no Host": "GET / HTTP/1.1\r\n",
      "an empty Host": "GET / HTTP/1.1\r\nHost:\r\n",
      "two Hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
      "a Host with a blank": "GET / HTTP/1.1\r\nHost: a b\r\n",
      "a Host with a path and a query": "GET / HTTP/1.1\r\nHost: localhost/?x=1\r\n",
      "a Host with a user": "GET / HTTP/1.1\r\nHost: u@h\r\n",
      "a Host with a fragment": "GET / HTTP/1.1\r\nHost: h#f\r\n",
      "a Host with a port beyond ports": "GET / HTTP/1.1\r\nHost: h:99999\r\n",
      "a Host that is half an address": "GET / HTTP/1.1\r\nHost: [::1\r\n",
      "a Host that is no address": "GET / HTTP/1.1\r\nHost: 1.2.3.4.5\r\n",
      "a target with a user": "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n",
      "both lengths":
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
      "two lengths": "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
      "a folded header": "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n",
      "200 headers": `GET / HTTP/1.1\r\nHost: h\r\n${"A: b\r\n".repeat(200)}`,
    })
  ) {
    test(`refuses ${what} with 400 before the handler sees it`, async () => {
      let handled = 0;
      await using server = serve({}, () => (handled++, new Response()));
      const text = await exchange(server.addr.port, `${lines}Connection: close\r\n\r\n`);
      const [status] = statuses(text);
      assert(status === 400 || (status === 431 && what === "200 headers"), text);
      assertEquals(handled, 0);
    });
  }

  test("takes the host of a whole URL as target", async () => {
    await using server = serve({}, (request) => new Response(`url ${request.url}`));
    const text = await exchange(
      server.addr.port,
      "GET http://there/x HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n",
    );
    assertStringIncludes(text, "url http://there/x");
  });

  test("leaves the target as it was sent, with a body and without", async () => {
    await using server = serve({}, (request) => new Response(`url ${request.url}`));
    for (const more of ["", "Content-Length: 1\r\n"]) {
      const text = await exchange(
        server.addr.port,
        `POST /a/../b/%2e//c?d HTTP/1.1\r\nHost: h\r\n${more}Connection: close\r\n\r\n${
          more && "x"
        }`,
      );
      assertStringIncludes(text, "url http://h/a/../b/%2e//c?d");
    }
  });

  test("refuses a target of another scheme with 400", async () => {
    await using server = serve({}, () => new Response());
    for (const target of ["https://h/", "ftp://h/", "h", "*"]) {
      const text = await exchange(
        server.addr.port,
        `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
      );
      assertEquals(statuses(text), [400], target);
    }
  });

  test("refuses methods that no Request has, or would take for others, with 501", async () => {
    let handled = 0;
    await using server = serve({}, () => (handled++, new Response()));
    for (const method of ["TRACE", "trace", "Track", "get", "Post"]) {
      for (const body of ["", "Content-Length: 1\r\n"]) {
        const text = await exchange(
          server.addr.port,
          `${method} / HTTP/1.1\r\nHost: h\r\n${body}Connection: close\r\n\r\n${body && "x"}`,
        );
        assertEquals(statuses(text), [501], `${method} ${body}`);
      }
    }
    assertEquals(handled, 0);
  });

  test("refuses CONNECT with 501", async () => {
    await using server = serve({}, () => new Response());
    const text = await exchange(
      server.addr.port,
      "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nConnection: close\r\n\r\n",
    );
    assertEquals(statuses(text), [501]);
  });

  test("answers 421 to hosts that are not allowed", async () => {
    await using server = serve({ allowedHosts: ["Here.example", "::1"] }, () => new Response("ok"));
    const named = (host: string) =>
      exchange(server.addr.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assertEquals(statuses(await named("here.example.:80")), [200]);
    assertEquals(statuses(await named("[0::1]")), [200]);
    assertEquals(statuses(await named("rebound.example")), [421]);
  });

  test("answers HEAD without the body of GET", async () => {
    await using server = serve({}, () => new Response("body!"));
    const text = await exchange(
      server.addr.port,
      "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    assertEquals(statuses(text), [200]);
    assertStringIncludes(text.toLowerCase(), "content-length: 5");
    assert(!text.includes("body!"), text);
  });

  test("keeps a connection behind bodies, however they come", async () => {
    await using server = serve({}, echo);
    await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    const head = "POST / HTTP/1.1\r\nHost: h\r\n";
    const counted = `${head}Content-Length: 3\r\n\r\n`;
    const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;
    const asked = "Expect: 100-continue\r\n\r\n";
    for (
      const [first, ...more] of [
        [`${counted}abc`],
        [counted.replace("\r\n\r\n", `\r\n${asked}`), "abc"],
        [`${chunked}3\r\nabc\r\n0\r\n\r\n`],
        [chunked.replace("\r\n\r\n", `\r\n${asked}`), "3\r\nabc\r\n0\r\n\r\n"],
      ]
    ) {
      await conn.write(first!);
      for (const part of more) {
        assertStringIncludes(await answer(conn), "HTTP/1.1 100 Continue");
        await conn.write(part);
      }
      const text = await answer(conn);
      assertEquals(statuses(text), [200], text);
      assertStringIncludes(text, '"body":"abc"');
    }
  });

  test("refuses an announced body above maxBody with 413 at once", async () => {
    let handled = 0;
    await using server = serve({ maxBody: 10 }, () => (handled++, new Response()));
    const text = await ask(
      server,
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n",
    );
    assertEquals(statuses(text), [413]);
    assertEquals(handled, 0);
  });

  test("ends the reading of a chunked body above maxBody with 413", async () => {
    await using server = serve({ maxBody: 10 }, echo);
    const text = await ask(
      server,
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n",
    );
    assertEquals(statuses(text), [413]);
    assertStringIncludes(text, "application/problem+json");
  });

  test("takes a body of exactly maxBody", async () => {
    await using server = serve({ maxBody: 10 }, echo);
    const response = await fetch(server.url, { method: "POST", body: "1234567890" });
    assertEquals((await response.json()).body, "1234567890");
  });

  test("answers 408 to a body that stalls", async () => {
    await using server = serve({ bodyTimeout: 50 }, echo);
    const text = await ask(
      server,
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
    );
    assertEquals(statuses(text), [408]);
  });

  test("answers 408 to a body that drips, however steadily", async () => {
    await using server = serve({ bodyTimeout: 200, minBodyRate: 1000 }, echo);
    await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    await conn.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    const drip = setInterval(() => conn.trySend("x"), 10);
    try {
      assertEquals(statuses(await answer(conn)), [408]);
    } finally {
      clearInterval(drip);
    }
  });

  test("does not count the time in which a handler does not read", async () => {
    await using server = serve({ bodyTimeout: 500 }, async (request) => {
      const reader = request.body!.getReader();
      let [size, reads] = [0, 0];
      for (let read; !(read = await reader.read()).done;) {
        size += read.value.length;
        if (reads++ < 2) await delay(600);
      }
      assert(reads > 2, `${reads} reads`);
      return json(size);
    });
    const response = await fetch(server.url, { method: "POST", body: new Uint8Array(300_000) });
    assertEquals(await response.json(), 300_000);
  });

  test("tells a body that was cut short from a whole one", async () => {
    const seen = Promise.withResolvers<unknown>();
    await using server = serve({}, async (request) => {
      await request.text().then(seen.resolve, seen.reject);
      return new Response();
    });
    const failure = assertRejects(() => seen.promise, NetError);
    await exchange(
      server.addr.port,
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
      { halfClose: true },
    );
    assertEquals((await failure).kind, "truncated");
  });

  test("keeps the connection unless Connection lists close", async () => {
    let connection = "";
    await using server = serve({}, () => new Response("", { headers: { connection } }));
    await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    for (connection of ["x-close", "close-not", "keep-alive"]) {
      await conn.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
      assertStringIncludes(await answer(conn), " 200 OK", connection);
    }
    connection = "x,\tCLOSE";
    await conn.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assertStringIncludes(await answer(conn), " 200 OK");
    if (base.hardened) assertEquals(await conn.readChunk(), null);
  });

  test("answers a client that has half-closed", async () => {
    await using server = serve({}, () => new Response("still here"));
    const text = await exchange(server.addr.port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", {
      halfClose: true,
    });
    assertStringIncludes(text, "still here");
  });

  test("answers 503 when a handler takes too long, and aborts its signal", async () => {
    const aborted = Promise.withResolvers<unknown>();
    await using server = serve({ handlerTimeout: 30 }, (_request, info) => {
      info.signal.addEventListener("abort", () => aborted.resolve(info.signal.reason));
      return new Promise(() => {});
    });
    const response = await fetch(server.url);
    assertEquals(response.status, 503);
    assertEquals((await response.json()).detail, "The server did not answer in time");
    assertEquals((await aborted.promise as NetError).kind, "timeout");
  });

  test("does not count a slow upload as a slow handler", async () => {
    await using server = serve({ handlerTimeout: 100 }, async (request) => {
      const { length } = await request.bytes();
      if (length === 10) return new Response(String(length));
      return new Promise(() => {});
    });
    const upload = (size: number) =>
      fetch(server.url, {
        method: "POST",
        body: ReadableStream.from(async function* () {
          for (let i = 0; i < size; i++) {
            await delay(30);
            yield new Uint8Array(1);
          }
        }()),
      });
    const whole = await upload(10);
    assertEquals([whole.status, await whole.text()], [200, "10"]);
    // The time after the body belongs to the handler.
    const late = await upload(3);
    assertEquals(late.status, 503);
    await late.body?.cancel();
  });

  test("answers 503 with Retry-After beyond maxRequests", async () => {
    const release = Promise.withResolvers<void>();
    const inside = Promise.withResolvers<void>();
    await using server = serve({ maxRequests: 1 }, async () => {
      inside.resolve();
      await release.promise;
      return new Response("first");
    });
    const first = fetch(server.url);
    await inside.promise;
    const second = await fetch(server.url);
    assertEquals(second.status, 503);
    assertEquals(second.headers.get("retry-after"), "1");
    await second.body?.cancel();
    release.resolve();
    assertEquals(await (await first).text(), "first");
    assertEquals(server.stats().refused, 1);
  });

  test("answers 500 without a word of why when a handler throws", async () => {
    const events: HttpServerEvent[] = [];
    const options: ServeHttpOptions = { onEvent: (event) => void events.push(event) };
    await using server = serve(options, (request) => {
      if (request.url.endsWith("/later")) return Promise.reject(new Error("secret"));
      throw new Error("secret");
    });
    for (const path of ["/now", "/later"]) {
      const response = await fetch(server.url + path);
      assertEquals(response.status, 500);
      assertEquals(await response.json(), { title: "Internal Server Error", status: 500 });
    }
    assertEquals(events.map(({ type }) => type), ["error", "error"]);
    assertEquals(server.stats().failed, 2);
  });

  test("answers 500 when a handler returns something else", async () => {
    await using server = serve({}, () => "text" as unknown as Response);
    const response = await fetch(server.url);
    assertEquals(response.status, 500);
    await response.body?.cancel();
  });

  test("keeps to the status of a body beyond its limits where a framework makes it 500", async () => {
    await using server = serve({ maxBody: 10, bodyTimeout: 100 }, async (request) => {
      const status = request.url.endsWith("/own") ? 422 : 500;
      return await request.text().then(
        (text) => new Response(text, { status }),
        (cause) => {
          if (request.url.endsWith("/throws")) throw new Error("of the framework", { cause });
          return new Response("of the framework", { status });
        },
      );
    });
    const post = (path: string, body: string) =>
      ask(server, `POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    const large = "b\r\n12345678901\r\n0\r\n\r\n";
    assertEquals(statuses(await post("/", large)), [413]);
    assertEquals(statuses(await post("/", "5\r\n123")), [408]);
    assertEquals(statuses(await post("/throws", large)), [413]);
    assertEquals(statuses(await post("/own", large)), [422]);
    assertEquals(statuses(await post("/", "1\r\na\r\n0\r\n\r\n")), [500]);
  });

  test("answers 500 for a response that cannot be sent", async () => {
    const used = new Response("once");
    await used.text();
    await using server = serve(
      {},
      (request) => request.url.endsWith("/error") ? Response.error() : used,
    );
    for (const path of ["/error", "/used"]) {
      const response = await fetch(server.url + path);
      assertEquals(response.status, 500, path);
      assertEquals(await response.json(), { title: "Internal Server Error", status: 500 });
    }
    assertEquals(server.stats().failed, 2);
  });

  test("ends the connection where a body fails", async () => {
    const chunks = (...list: unknown[]) => ReadableStream.from(list) as ReadableStream<Uint8Array>;
    await using server = serve({}, (request) => {
      if (request.url.endsWith("/text")) return new Response(chunks("no bytes"));
      const failing = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(3)),
        pull: () => Promise.reject(new Error("secret")),
      });
      return new Response(failing);
    });
    for (const path of ["/text", "/fails"]) {
      const text = await exchange(
        server.addr.port,
        `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
      );
      assert(!text.includes("secret") && !text.includes("\r\n0\r\n"), text);
    }
  });

  test("gives the body back as it comes, small and large", async () => {
    await using server = serve({}, (request) => new Response(request.body));
    for (const size of [0, 5, 70_000, 3_000_000]) {
      const body = new Uint8Array(size).map((_, i) => i % 251);
      const response = await fetch(server.url, { method: "POST", body });
      assertEquals(await response.bytes(), body);
    }
    const chunked = await exchange(
      server.addr.port,
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
        "5\r\nhello\r\n0\r\n\r\n",
    );
    assertStringIncludes(chunked, "hello");
  });

  test("lets a handler read the body behind its answer", async () => {
    const read = Promise.withResolvers<string>();
    await using server = serve({}, (request) => {
      setTimeout(() => request.text().then(read.resolve, read.reject), 20);
      return new Response("accepted", { status: 202 });
    });
    const text = await ask(server, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    assertEquals(statuses(text), [202]);
    assertEquals(await read.promise, "hello");
  });

  test("sends the head of an answer whose body has nothing yet", async () => {
    const more = Promise.withResolvers<void>();
    await using server = serve({}, () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await more.promise;
            controller.enqueue(new TextEncoder().encode("late"));
            controller.close();
          },
        }),
      ));
    const response = await fetch(server.url);
    assertEquals(response.status, 200);
    more.resolve();
    assertEquals(await response.text(), "late");
  });

  test("takes nothing behind a malformed body for a request", async () => {
    await using server = serve({}, () => new Response("unread"));
    const text = await exchange(
      server.addr.port,
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" +
        "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    assert(statuses(text).length <= 1, text);
    assert(server.stats().requests <= 1);
  });

  test("sends the ProblemError that a handler throws", async () => {
    await using server = serve({}, () => {
      throw new ProblemError(409, { detail: "taken", headers: { "x-a": "b" } });
    });
    const response = await fetch(server.url);
    assertEquals([response.status, response.headers.get("x-a")], [409, "b"]);
    assertEquals(await response.json(), { title: "Conflict", status: 409, detail: "taken" });
  });

  test("lets readJson name the place of a fault", async () => {
    await using server = serve({}, async (request) => json(await readJson(request)));
    const headers = { "content-type": "application/json" };
    const response = await fetch(server.url, { method: "POST", headers, body: '{"a":\n tru}' });
    assertEquals(response.status, 400);
    assertEquals((await response.json()).line, 2);
  });

  test("streams a response, and stops it when the client goes", async () => {
    const cancelled = Promise.withResolvers<void>();
    await using server = serve({}, () => {
      return new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(1000)),
          cancel: () => cancelled.resolve(),
        }),
      );
    });
    const response = await fetch(server.url);
    const reader = response.body!.getReader();
    assert((await reader.read()).value!.length > 0);
    await reader.cancel();
    await cancelled.promise;
  });

  test("aborts info.signal when the client goes while the handler works", async () => {
    const inside = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<unknown>();
    await using server = serve({}, async (_request, info) => {
      info.signal.addEventListener("abort", () => aborted.resolve(info.signal.reason));
      inside.resolve();
      await aborted.promise;
      return new Response();
    });
    const conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    await conn.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    await inside.promise;
    await conn.close();
    assertEquals((await aborted.promise as NetError).kind, "reset");
    await server.shutdown();
  });

  test("finishes what runs when it shuts down, and reports", async () => {
    const inside = Promise.withResolvers<void>();
    await using server = serve({}, async (_request, info) => {
      inside.resolve();
      await new Promise((resolve) => info.closing.addEventListener("abort", resolve));
      return new Response("done");
    });
    const answer = fetch(server.url);
    await inside.promise;
    const report = server.shutdown({ deadline: 5000 });
    assertEquals(await (await answer).text(), "done");
    assertEquals(await report, { drained: 1, forced: 0, refused: 0 });
    await assertRejects(() => fetch(server.url), TypeError);
  });

  test("cuts what is left at the deadline", async () => {
    const inside = Promise.withResolvers<void>();
    await using server = serve({}, () => {
      inside.resolve();
      return new Promise(() => {});
    });
    const answer = assertRejects(() => fetch(server.url), TypeError);
    await inside.promise;
    assertEquals(await server.shutdown({ deadline: 20 }), { drained: 0, forced: 1, refused: 0 });
    await answer;
    await server.finished;
  });

  test("shuts down with silent and idle connections at once", async () => {
    await using server = serve({}, () => new Response("a"));
    await using silent = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    await using idle = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
    await idle.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert(await idle.readChunk() !== null);
    assertEquals((await server.shutdown({ deadline: 3_600_000 })).forced, 0);
    assertEquals(await rest(silent), "");
  });

  test("shuts down when its signal is aborted", async () => {
    const controller = new AbortController();
    await using server = serve({ signal: controller.signal }, () => new Response());
    controller.abort();
    await server.finished;
  });

  test("brings the deadline forward by a second call", async () => {
    const inside = Promise.withResolvers<void>();
    await using server = serve({}, () => (inside.resolve(), new Promise(() => {})));
    const answer = assertRejects(() => fetch(server.url), TypeError);
    await inside.promise;
    const first = server.shutdown({ deadline: 0.5 * 3_600_000 });
    const second = server.shutdown({ deadline: 1 });
    assertEquals(await first, await second);
    await answer;
  });
}
