import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { fuzzRuns } from "../../_support/fuzz_runs.ts";
import { bytesOf, decodeAll, type Message } from "../../_support/http1.ts";
import { oddResponse } from "../../_support/odd_responses.ts";
import { Origin } from "./_support.ts";
import { exchange } from "../../_support/raw_http.ts";

const OPEN = { allowPrivate: true, connectPorts: "any", name: "t" } as const;
const RUNS = fuzzRuns(150);

const noise = fc.string({ unit: "binary", maxLength: 8 }).map((text) =>
  text.replace(/[^\0-\xff]/gu, "")
);
const framing = fc.constantFrom(
  ...["Content-Length: 3\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", ""],
  ...["Content-Length: 3\r\n\r\nabc", "Content-Length: +3\r\n", "Transfer-Encoding: gzip\r\n"],
);
const more = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom("A: b\r\n", "\r\n", "abc", "3\r\nabc\r\n", "0\r\n\r\n"),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom("\n", "\r", " ", "Connection: keep-alive, a\r\n", "Via: x"),
    },
    { weight: 1, arbitrary: noise },
  ),
  { maxLength: 8 },
).map((parts) => parts.join(""));

Deno.test("a proxy sends on nothing but well-formed requests, whatever it gets", async () => {
  await using proxy = serveProxy({ ...OPEN, headTimeout: 60, bodyTimeout: 60, idleTimeout: 60 });
  await fc.assert(
    fc.asyncProperty(
      framing,
      more,
      fc.constantFrom("GET", "POST", "HEAD"),
      async (lines, rest, method) => {
        const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        await using origin = new Origin({ replies: new Array(5).fill(ok) });
        const head =
          `${method} http://${origin.host}/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n`;
        const down = await exchange(proxy.addr.port, bytesOf(head + lines + rest));
        for (const heard of origin.heard) {
          const { error, messages } = decodeAll("request", [bytesOf(heard)]);
          assertEquals(error, undefined, heard);
          // One was asked for, and what follows "close" is not a request.
          assert(messages.length <= 1, heard);
        }
        const { error } = decodeAll("response", [bytesOf(down)], {
          methods: [method],
          finish: true,
        });
        assert(error === undefined || error.truncated, down);
      },
    ),
    RUNS,
  );
});

Deno.test("a proxy sends back nothing but well-formed responses, whole or cut", async () => {
  await using proxy = serveProxy({ ...OPEN, responseTimeout: 5000 });
  await fc.assert(
    fc.asyncProperty(framing, more, fc.boolean(), async (lines, rest, interim) => {
      const early = interim ? "HTTP/1.1 103 Early\r\n\r\n" : "";
      const atEnd = `${early}HTTP/1.1 200 OK\r\n${lines}${rest}`;
      await using origin = new Origin({ replies: [{ atEnd, end: true }, { end: true }] });
      const ask = `GET http://${origin.host}/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
      const down = await exchange(proxy.addr.port, bytesOf(ask));
      const theirs = decodeAll("response", [bytesOf(atEnd)], {
        methods: ["GET"],
        finish: true,
        limits: { tolerant: true },
      });
      const ours = decodeAll("response", [bytesOf(down)], { methods: ["GET"], finish: true });
      assert(ours.error === undefined || ours.error.truncated, down);
      const [theirLast, ourLast] = [theirs.messages.at(-1), ours.messages.at(-1)!];
      if (theirLast?.whole) {
        assertEquals([ourLast.first, ourLast.body, ourLast.whole], [
          "200 OK",
          theirLast.body,
          true,
        ]);
      } else assert(!ourLast.whole || ourLast.first.startsWith("502"), down);
    }),
    RUNS,
  );
});

/** What a proxy takes away or adds. */
const ITS_OWN = /^(?:connection|transfer-encoding|keep-alive|date|via|x-a)$/i;

/** Fields that a proxy passes on; those that `Connection` may name are left out. */
function passedOn({ first, lines }: Message): [string, string][] {
  // RFC 9110 §8.6: 204 has no length, although some servers send one.
  const gone = first.startsWith("204") ? "content-length" : "";
  return lines.filter(([name]) => !ITS_OWN.test(name) && name.toLowerCase() !== gone);
}

Deno.test("a proxy sends odd responses back well-formed, with the same content", async () => {
  await using proxy = serveProxy({ ...OPEN, responseTimeout: 5000 });
  const { port } = proxy.addr;
  let repaired = 0;
  await fc.assert(
    fc.asyncProperty(oddResponse, async (atEnd) => {
      await using origin = new Origin({ replies: [{ atEnd, end: true }, { atEnd, end: true }] });
      const ask = `GET http://${origin.host}/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
      const down = await exchange(port, bytesOf(ask), { latin1: true });
      const options = { methods: ["GET"], finish: true };
      const limits = { tolerant: true };
      const theirs = decodeAll("response", [bytesOf(atEnd)], { ...options, limits });
      // Strict decoders know statuses up to 599.
      const known = down.replace(/^HTTP\/1\.1 [6-9]/gm, "HTTP/1.1 5");
      const ours = decodeAll("response", [bytesOf(known)], options);
      assert(ours.error === undefined || ours.error.truncated, `${ours.error?.message} ${down}`);
      const [theirLast, ourLast] = [theirs.messages.at(-1), ours.messages.at(-1)!];
      if (!theirLast?.whole) {
        assert(!ourLast.whole || ourLast.first.startsWith("502"), down);
        return;
      }
      assertEquals(ourLast.first.slice(1), theirLast.first.slice(1));
      assertEquals([ourLast.whole, ourLast.body], [true, theirLast.body]);
      assertEquals(passedOn(ourLast), passedOn(theirLast));
      if (theirs.repaired) repaired++;
    }),
    fuzzRuns(400),
  );
  assert(repaired > 20, `${repaired} were repaired`);
});
