/** The refusals of the server itself, as the wrappers see them. */

import { assertEquals, assertMatch } from "@std/assert";
import { type AccessEntry, accessLog } from "../../../http/handlers/access_log.ts";
import { basicAuth } from "../../../http/handlers/auth.ts";
import { compress } from "../../../http/handlers/compress.ts";
import { cors } from "../../../http/handlers/cors.ts";
import { rateLimit } from "../../../http/handlers/rate_limit.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { exchange } from "../../_support/raw_http.ts";

const ok = () => new Response("ok");

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";

  Deno.test(`wrappers see the refusals of the server, on ${where}`, async () => {
    const entries: AccessEntry[] = [];
    const inner = basicAuth(compress(rateLimit(ok)), { users: {} });
    const handler = accessLog(
      cors(inner, { origins: ["http://app.test"], exposeHeaders: ["x-a"] }),
      { log: (entry) => entries.push(entry) },
    );
    {
      await using server = serveHttp({ hardened, maxBody: 10, allowedHosts: ["a"] }, handler);
      const ask = (head: string, body = "") =>
        exchange(
          server.addr.port,
          `${head}Origin: http://app.test\r\nUser-Agent: u\r\nConnection: close\r\n\r\n${body}`,
        );
      const texts = [
        await ask("POST /up?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n", "hello world"),
        await ask("GET /path HTTP/1.1\r\nHost: other\r\n"),
      ];
      for (const text of texts) {
        assertMatch(text, /access-control-allow-origin: http:\/\/app\.test\r\n/i);
        assertMatch(text, /access-control-expose-headers: x-a\r\n/i);
        assertMatch(text, /vary: origin\r\n/i);
        assertMatch(text, /x-request-id: [0-9a-f-]{36}\r\n/i);
      }
    }
    const seen = entries.map((
      { method, path, status, userAgent },
    ) => [method, path, status, userAgent]);
    assertEquals(seen, [["POST", "/up", 413, "u"], ["GET", "/path", 421, "u"]]);
  });
}

/** Heads that a hardened server refuses before it has read a request, and the status. */
const REFUSED_HEADS: Record<string, [head: string, status: number]> = {
  "too many fields": [`GET /path HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(101)}`, 431],
  "a field that is too long": [
    `GET /path HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(40_000)}\r\n`,
    431,
  ],
  "a malformed field": ["GET /path HTTP/1.1\r\nHost: a\r\nX : y\r\n", 400],
  "no Host": ["GET /path HTTP/1.1\r\n", 400],
  "an expectation": ["GET /path HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n", 417],
};

for (const [what, [head, status]] of Object.entries(REFUSED_HEADS)) {
  Deno.test(`wrappers see the refusal of a head with ${what}`, async () => {
    const entries: AccessEntry[] = [];
    const handler = accessLog(cors(ok, { origins: ["http://app.test"] }), {
      log: (entry) => entries.push(entry),
    });
    {
      await using server = serveHttp({ hardened: true }, handler);
      // The fields precede the limit, because further bytes may not be read.
      const [first, ...rest] = head.split("\r\n");
      const fields = ["Origin: http://app.test", "User-Agent: u", ...rest];
      const text = await exchange(server.addr.port, `${first}\r\n${fields.join("\r\n")}\r\n`);
      assertMatch(text, new RegExp(`^HTTP/1\\.1 ${status} `));
      assertMatch(text, /access-control-allow-origin: http:\/\/app\.test\r\n/i);
      assertMatch(text, /x-request-id: [0-9a-f-]{36}\r\n/i);
    }
    const seen = entries.map(({ method, path, status, userAgent }) => {
      return { method, path, status, userAgent };
    });
    assertEquals(seen, [{ method: "GET", path: "/path", status, userAgent: "u" }]);
  });
}

Deno.test("wrappers see the refusal of a late head", async () => {
  const entries: AccessEntry[] = [];
  const handler = accessLog(ok, { log: (entry) => entries.push(entry) });
  {
    await using server = serveHttp({ headTimeout: 200 }, handler);
    // The first line is whole, the second is not.
    const text = await exchange(server.addr.port, "GET /half HTTP/1.1\r\nHos");
    assertMatch(text, /x-request-id/);
    // Of nothing but half a line, nothing is known.
    assertMatch(await exchange(server.addr.port, "GET /ha"), /^HTTP\/1\.1 408 /);
  }
  assertEquals(entries.map(({ path, status }) => [path, status]), [["/half", 408]]);
});
