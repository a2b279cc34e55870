import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { serveHttp } from "../../../http/server/server.ts";
import { json } from "../../../http/handlers/json.ts";
import { problem } from "../../../http/problem.ts";
import { HttpResponse } from "../../../http/client/response.ts";
import { OUTPUT_SIZE } from "../../../http/internal/output_buffers.ts";
import {
  prepareStaticBodies,
  soleContentType,
  staticBody,
  useStaticBodies,
} from "../../../http/internal/static_response.ts";
import { exchange } from "../../_support/raw_http.ts";

const headers = (init: Record<string, string>) => ({ headers: init });
const TYPE = { "content-type": "text/html; charset=utf-8" };

function changed(response: Response, name: string, value: string): Response {
  response.headers.append(name, value);
  return response;
}

function opened(response: Response): Response {
  void response.body;
  return response;
}

class Titled extends Response {
  override get status(): number {
    return 299;
  }
}

/** Responses of all kinds. The sent bytes must not depend on the way of reading. */
const RESPONSES: Record<string, () => Response | Promise<Response>> = {
  "text": () => new Response("hello"),
  "text that is empty": () => new Response(""),
  "text that is not ASCII": () => new Response("grüße, 世界, \ud83d\ude00"),
  "text with half a surrogate pair": () => new Response("a\ud83db"),
  "text whose length in bytes has one digit more": () => new Response("ü".repeat(5)),
  "text with a type that is not ASCII": () =>
    new Response("ü", headers({ "content-type": "a/\xe9" })),
  "text with a type": () => new Response("<p>", { headers: TYPE }),
  "text with an empty type": () => new Response("a", headers({ "content-type": "" })),
  "text without a type": () => {
    const response = new Response("a");
    response.headers.delete("content-type");
    return response;
  },
  "text with a status": () => new Response("no", { status: 404 }),
  "text with a reason": () => new Response("no", { status: 200, statusText: "Fine" }),
  "text with headers": () => new Response("a", headers({ "x-b": "1", "X-A": "\xe9", ...TYPE })),
  "text with a date": () => new Response("a", headers({ date: "Thu, 01 Jan 1970 00:00:00 GMT" })),
  "text with a wrong length": () => new Response("abc", headers({ "content-length": "7" })),
  "text that ends the connection": () => new Response("a", headers({ connection: "close" })),
  "text with fields of the connection": () =>
    new Response("a", headers({ "keep-alive": "9", "transfer-encoding": "x", upgrade: "y" })),
  "text with cookies": () =>
    changed(changed(new Response("a"), "set-cookie", "a=1"), "set-cookie", "b=2"),
  "text whose headers were changed": () => changed(new Response("a"), "x-a", "1"),
  "text whose headers were looked at": () => {
    const response = new Response("a");
    response.headers.get("x-a");
    return response;
  },
  "text whose stream was opened": () => opened(new Response("a")),
  "text that was cloned": () => {
    const response = new Response("a");
    response.clone();
    return response;
  },
  "a clone": () => new Response("a", { headers: TYPE }).clone(),
  "text just below the size of a buffer": () => new Response("x".repeat(OUTPUT_SIZE - 150)),
  "text of the size of a buffer": () => new Response("x".repeat(OUTPUT_SIZE)),
  "text that is larger in bytes than a buffer": () => new Response("ü".repeat(OUTPUT_SIZE * 0.6)),
  "text of a megabyte": () => new Response("0123456789abcdef".repeat(65536)),
  "text of a megabyte that is not ASCII": () => new Response("0123456789äöü".repeat(65536)),
  "bytes": () => new Response(new Uint8Array([104, 0, 255])),
  "bytes that are none": () => new Response(new Uint8Array()),
  "bytes in a larger buffer": () => new Response(new Uint8Array(9).fill(65).subarray(2, 5)),
  "bytes of an ArrayBuffer": () => new Response(new Uint8Array([65, 66]).buffer),
  "bytes with a type": () => new Response(new Uint8Array([65]), { headers: TYPE }),
  "bytes just above the size of a buffer": () => new Response(new Uint8Array(OUTPUT_SIZE).fill(65)),
  "bytes of 64 KiB": () => new Response(new Uint8Array(65536).fill(65)),
  "bytes of a megabyte": () => new Response(new Uint8Array(1 << 20).fill(66)),
  "bytes of a megabyte with long headers": () =>
    new Response(new Uint8Array(1 << 20).fill(66), headers({ "x-a": "y".repeat(OUTPUT_SIZE) })),
  "JSON": () => json({ message: "Hello, World!" }),
  "JSON with a status": () => json({ a: "ü" }, { status: 201 }),
  "JSON with headers": () => json([1], headers({ "cache-control": "no-store" })),
  "JSON by Response.json()": () => Response.json({ a: 1 }),
  "a problem": () => problem(429, headers({ "retry-after": "3" })),
  "parameters": () => new Response(new URLSearchParams({ a: "b c" })),
  "a form": () => {
    const form = new FormData();
    form.set("a", "b");
    return new Response(form, headers({ "content-type": "x/y" }));
  },
  "a blob": () => new Response(new Blob(["abc"], { type: "a/b" })),
  "no body": () => new Response(),
  "no body with a length": () => new Response(null, headers({ "content-length": "7" })),
  "nothing": () => new Response(null, { status: 204 }),
  "what has not changed": () => new Response(null, { status: 304, headers: { etag: '"a"' } }),
  "a redirect": () => Response.redirect("http://a/b", 307),
  "an upgrade that is wanted": () => new Response("a", { status: 426, headers: { upgrade: "b" } }),
  "an unknown status": () => new Response("a", { status: 599 }),
  "a stream": () =>
    new Response(ReadableStream.from(["ab", "cd"].map((x) => new TextEncoder().encode(x)))),
  "a stream with a length": () =>
    new Response(ReadableStream.from([new Uint8Array([65])]), headers({ "content-length": "1" })),
  "an error response": () => Response.error(),
  "a subclass": () => new Titled("a"),
  "an HttpResponse": () =>
    new HttpResponse("a", {
      status: 203,
      statusText: "Else",
      headers: new Headers({ "x-a": "b" }),
      url: "",
      shownUrl: "",
      redirected: false,
      history: [],
    }),
  "a body of its own": () =>
    Object.defineProperty(new Response("a"), "body", { value: new Response("own").body }),
  "headers of its own": () =>
    Object.defineProperty(new Response("a"), "headers", { value: new Headers({ "x-a": "own" }) }),
  "a used body": async () => {
    const response = new Response("a");
    await response.text();
    return response;
  },
  "a body whose stream is locked": () => {
    const response = new Response("a");
    response.body!.getReader();
    return response;
  },
};

const REQUESTS: Record<string, string> = {
  "GET": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "HEAD": "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a last GET": "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  "GET of HTTP/1.0": "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
};
const LAST = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

Deno.test("static bodies are read without a stream on this version of Deno", () => {
  assert(prepareStaticBodies());
  const response = json({ a: 1 });
  assertEquals([soleContentType(response), staticBody(response)], ["application/json", '{"a":1}']);
});

for (const [name, make] of Object.entries(RESPONSES)) {
  Deno.test(`a response is sent the same however it is read: ${name}`, async () => {
    await using server = serveHttp(
      { hardened: true },
      (request) => request.url.endsWith("/last") ? new Response("last") : make(),
    );
    for (const [what, request] of Object.entries(REQUESTS)) {
      const ask = async (use: boolean) => {
        useStaticBodies(use);
        const text = await exchange(server.addr.port, request + LAST);
        return text.replaceAll(/^date: .* GMT\r\n/gm, "date\r\n").replaceAll(
          /-{4,}\d+/g,
          "boundary",
        );
      };
      try {
        const expected = await ask(false);
        assertEquals(await ask(true), expected, what);
      } finally {
        useStaticBodies(true);
      }
    }
  });
}

Deno.test("a sent body is used", async () => {
  for (const use of [false, true]) {
    useStaticBodies(use);
    try {
      const made: Record<string, Response> = {
        "/text": new Response("a"),
        "/bytes": new Response(new Uint8Array(3)),
        "/json": Response.json({}),
        "/status": new Response("a", { status: 201 }),
        "/none": new Response(null),
      };
      await using server = serveHttp({ hardened: true }, (request) => {
        return made[new URL(request.url).pathname]!;
      });
      for (const [path, response] of Object.entries(made)) {
        const first = await fetch(server.url + path);
        await first.body?.cancel();
        assertEquals(first.ok, true);
        assertEquals(response.bodyUsed, path !== "/none", path);
        const second = await fetch(server.url + path);
        await second.body?.cancel();
        assertEquals(second.status, path === "/none" ? 200 : 500, path);
      }
    } finally {
      useStaticBodies(true);
    }
  }
});

Deno.test("responses that are sent at the same time keep their bytes apart", async () => {
  const text = (n: number) => `${n} `.repeat(200 + n * 7);
  await using server = serveHttp({ hardened: true }, (request) => {
    return new Response(text(Number(new URL(request.url).pathname.slice(1))));
  });
  await Promise.all(Array.from({ length: 300 }, async (_, n) => {
    const response = await fetch(`${server.url}/${n % 60}`);
    assertEquals(await response.text(), text(n % 60));
  }));
});

Deno.test("a response has the date of its second", async () => {
  await using server = serveHttp({ hardened: true }, () => new Response("a"));
  const text = await exchange(server.addr.port, LAST);
  assertStringIncludes(text, "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ndate: ");
  assertMatch(
    text,
    /\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\ncontent-length: 1\r\n/,
  );
});
