/** `trustProxy`: the client behind reverse proxies. */

import { assertEquals, assertThrows } from "@std/assert";
import { accessLog } from "../../../http/handlers/access_log.ts";
import { rateLimit } from "../../../http/handlers/rate_limit.ts";
import { type HttpInfo, serveHttp, type ServeHttpOptions } from "../../../http/server/server.ts";
import { exchange } from "../../_support/raw_http.ts";

type Trust = ServeHttpOptions["trustProxy"];

/** Returns the information that a handler gets for a request with some header lines. */
async function told(trustProxy: Trust, lines: readonly string[], hardened: boolean) {
  let info: Pick<HttpInfo, "remoteAddr" | "forwarded"> | undefined;
  await using server = serveHttp(
    { hardened, trustProxy },
    (_request, { remoteAddr, forwarded }) => {
      info = { remoteAddr, forwarded };
      return new Response();
    },
  );
  const head = ["GET / HTTP/1.1", "Host: localhost", "Connection: close", ...lines];
  await exchange(server.addr.port, `${head.join("\r\n")}\r\n\r\n`);
  const { remoteAddr: { hostname, port }, forwarded } = info!;
  const local = hostname === "127.0.0.1";
  return [
    local ? "peer" : port === 0 ? hostname : `${hostname} ${port}`,
    forwarded?.proto,
    forwarded?.host,
  ];
}

const FROM = ["127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"];
const standard = { from: FROM, header: "forwarded" } as const;

for (
  const [trust, lines, ...expected] of [
    [undefined, ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2"], "peer"],
    [FROM, [], "peer"],
    [FROM, ["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"],
    [
      FROM,
      ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.example:8"],
      "192.0.2.1",
      "https",
      "a.example:8",
    ],
    // The fields of the client precede those that the proxies add.
    [FROM, ["X-Forwarded-For: 198.51.100.9, 192.0.2.1"], "192.0.2.1"],
    [FROM, ["X-Forwarded-For: 198.51.100.9", "X-Forwarded-For: 192.0.2.1, 10.1.2.3"], "192.0.2.1"],
    [FROM, ["X-Forwarded-For: 10.9.9.9,10.1.2.3"], "10.9.9.9"],
    [FROM, ["X-Forwarded-For: 192.0.2.1:4711"], "192.0.2.1 4711"],
    [FROM, ["X-Forwarded-For: [2001:db9::1]:80"], "2001:db9::1 80"],
    [FROM, ["X-Forwarded-For: 2001:DB9:0::1"], "2001:db9::1"],
    [FROM, ["X-Forwarded-For: ::ffff:192.0.2.1"], "192.0.2.1"],
    [FROM, ["X-Forwarded-For: 192.0.2.1, 2001:db8::7"], "192.0.2.1"],
    [FROM, ["X-Forwarded-For: 192.0.2.1, unknown"], "peer"],
    [FROM, ["X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1"], "10.0.0.1"],
    [FROM, ["X-Forwarded-For: 0300.0.2.1"], "peer"],
    [FROM, ["X-Forwarded-For: 192.0.2.1:99999"], "192.0.2.1"],
    [FROM, ["X-Forwarded-For: "], "peer"],
    [FROM, ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http, HTTPS"], "192.0.2.1", "https"],
    [
      FROM,
      ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: a b"],
      "192.0.2.1",
    ],
    [FROM, ["Forwarded: for=192.0.2.1"], "peer"],
    [["10.0.0.0/8"], ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"], "peer"],
    [1, ["X-Forwarded-For: 198.51.100.9, 192.0.2.1"], "192.0.2.1"],
    [2, ["X-Forwarded-For: 198.51.100.9, 192.0.2.1, 10.0.0.1"], "192.0.2.1"],
    [2, ["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"],
    [{ hops: 1, header: "forwarded" }, ["Forwarded: for=192.0.2.1"], "192.0.2.1"],
    [
      standard,
      ["Forwarded: for=192.0.2.1;proto=https;host=a.example"],
      "192.0.2.1",
      "https",
      "a.example",
    ],
    [standard, ['Forwarded: For="[2001:db9::1]:4711"'], "2001:db9::1 4711"],
    [
      standard,
      ["Forwarded: for=198.51.100.9, for=192.0.2.1;by=x, for=10.0.0.1;proto=http"],
      "192.0.2.1",
    ],
    [
      standard,
      ["Forwarded: for=192.0.2.1, for=_hidden;proto=https, for=10.0.0.1"],
      "10.0.0.1",
      "https",
    ],
    [standard, ['Forwarded: for="192.0.2.1, 10.0.0.1"'], "peer"],
    // A quotation that the client opens does not hide the text that the proxy appends.
    [standard, ['Forwarded: for=192.0.2.66;x=", for="[2001:db9::1]"'], "2001:db9::1"],
    [standard, ['Forwarded: for=192.0.2.66;x="\\, for="[2001:db9::1]"'], "2001:db9::1"],
    [FROM, ['X-Forwarded-For: 192.0.2.66 ", 192.0.2.1'], "192.0.2.1"],
    [standard, ["Forwarded: proto=https"], "peer", "https"],
    [standard, ["X-Forwarded-For: 192.0.2.1"], "peer"],
  ] as [Trust, string[], string, string?, string?][]
) {
  Deno.test(`trustProxy ${JSON.stringify(trust)} finds ${expected} in ${lines.join(" | ")}`, async () => {
    const [client, proto, host] = expected;
    for (const hardened of [false, true]) {
      assertEquals(await told(trust, lines, hardened), [client, proto, host]);
    }
  });
}

for (const hardened of [false, true]) {
  Deno.test(`accessLog() and rateLimit() see the client, ${hardened ? "hardened" : "on Deno.serve"}`, async () => {
    const peers: string[] = [];
    const statuses: number[] = [];
    {
      const handler = accessLog(rateLimit(() => new Response(), { limit: 1 }), {
        log: ({ peer }) => peers.push(peer),
      });
      await using server = serveHttp({ hardened, trustProxy: 1, maxBody: 1 }, handler);
      for (const client of ["192.0.2.1", "192.0.2.2", "192.0.2.1"]) {
        const response = await fetch(server.url, { headers: { "x-forwarded-for": client } });
        await response.body?.cancel();
        statuses.push(response.status);
      }
      // A refusal of the server itself is one of the client, too.
      const headers = { "x-forwarded-for": "192.0.2.3" };
      const refused = await fetch(server.url, { method: "POST", body: "too long", headers });
      await refused.body?.cancel();
      statuses.push(refused.status);
      const six = await fetch(server.url, { headers: { "x-forwarded-for": "2001:db8::1" } });
      await six.body?.cancel();
      statuses.push(six.status);
      // The public name is the proxy's business.
      const text = "GET / HTTP/1.1\r\nHost: public.example\r\nConnection: close\r\n\r\n";
      assertEquals((await exchange(server.addr.port, text)).slice(9, 12), "200");
    }
    assertEquals(statuses, [200, 200, 429, 413, 200]);
    // The proxy does not say the port, so there is none.
    assertEquals(peers.slice(0, 5), [
      ...["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3", "[2001:db8::1]"],
    ]);
  });
}

Deno.test("serveHttp() rejects a malformed trustProxy", () => {
  for (const trustProxy of [0, -1, 1.5, NaN, { hops: 0 }]) {
    assertThrows(() => serveHttp({ trustProxy }, () => new Response()), RangeError);
  }
  for (
    const trustProxy of [
      {},
      { hops: 1, from: FROM },
      ["10.0.0.0/99"],
      ["localhost"],
      { hops: 1, header: "x-real-ip" },
    ]
  ) {
    assertThrows(
      () => serveHttp({ trustProxy: trustProxy as Trust }, () => new Response()),
      TypeError,
    );
  }
});
