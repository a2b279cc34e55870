/**
 * What other proxies accept of the odd responses: Squid, tinyproxy, and the proxy of this package.
 * `ODD=1 deno test -A tests/http/proxy/responses_peers_test.ts` prints the counts and what each one
 * accepts alone.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { startSquid, startTinyproxy } from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { exchange } from "../../_support/raw_http.ts";
import { bytesOf, decodeAll } from "../../_support/http1.ts";
import { ResponseRows } from "./_response_rows.ts";
import { RESPONSES } from "./responses.ts";

const ROWS = RESPONSES.filter(([, , , , method]) => method !== "CONNECT");
/** What the tolerant decoder accepts. */
const OURS = new Set(
  ROWS.filter(([, , strict, tolerant = strict]) => !tolerant.startsWith("!")).map(([name]) => name),
);

/** What Squid accepts and the tolerant decoder refuses, and why. */
const REFUSED: Record<string, string> = {
  "CR: in value": "A bare CR ends a line for some programs",
  "CR: at the end of a value": "A bare CR ends a line for some programs",
  "fold: first, framing": "Others take the dropped line for the framing",
  "fold: first, chunked": "Others take the dropped line for the framing",
  "length: comma alone": "Not a number: others wait for more",
  "length: vertical tab": "Not a number: others ignore the length",
  "coding: vertical tab": "Not a known coding: others ignore it",
  "coding: form feed": "Not a known coding: others ignore it",
  "coding: with length": "Two framings on a connection that may be used again",
  "coding: with other length": "Two framings on a connection that may be used again",
  "coding: HTTP/1.0 keep-alive with length": "Two framings on a connection that may be used again",
  "coding: with length, close in quotes": "Two framings on a connection that may be used again",
  "coding: with bad length, close": "A length that is not a number",
  "coding: with different lengths, close": "Different lengths",
  "chunk: 1100 digits": "A bound on what is discarded",
  "chunk: extension of 9000": "A bound on what is discarded",
  "trailer: NUL": "A NUL ends the text for some programs",
  "trailer: bare CR": "A bare CR ends a line for some programs",
};

/** Asks a proxy for all rows; returns the names of those of which the content came whole. */
async function accepted(port: number): Promise<Set<string>> {
  const names = new Set<string>();
  await using rows = new ResponseRows(ROWS.map(([, text]) => text));
  const left = [...ROWS.entries()];
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let next; (next = left.shift()) !== undefined;) {
      const [i, [name, , strict, tolerant, method = "GET"]] = next;
      const ask = `${method} http://${rows.host}/${i} HTTP/1.1\r\nHost: ${rows.host}\r\n` +
        "Connection: close\r\n\r\n";
      const down = await exchange(port, ask, { latin1: true, millis: 10_000 });
      const { messages } = decodeAll("response", [bytesOf(down)], {
        methods: [method],
        finish: true,
        limits: { tolerant: true, maxHead: 256 * 1024 },
      });
      const last = messages.at(-1);
      // A page of the proxy itself, and what Squid makes of what is no HTTP/1.1 at all.
      const own = /^(?:x-squid-error|x-transformed-from)$/i;
      if (last === undefined || !last.whole || last.lines.some(([one]) => own.test(one))) continue;
      if (/^50[0-9] /.test(last.first)) continue;
      // Another body is another reading.
      const text = tolerant ?? strict;
      const body = text.slice(text.lastIndexOf("\n\n") + 2);
      if (OURS.has(name) && !name.startsWith("trailer") && last.body !== body) continue;
      names.add(name);
    }
  }));
  return names;
}

function show(what: string, names: Set<string>): void {
  if (Deno.env.get("ODD") === undefined) return;
  console.log(`${what} accepts ${names.size} of ${ROWS.length} odd responses`);
  console.log("  beyond the tolerant decoder:", [...names].filter((name) => !OURS.has(name)));
}

Deno.test("the proxy accepts the odd responses that a tolerant decoder accepts", async () => {
  await using proxy = serveProxy({ allowPrivate: true, connectPorts: "any" });
  const names = await accepted(proxy.addr.port);
  show("The proxy", names);
  // RFC 9110 §15.2.2: nobody asked for another protocol.
  const expected = [...OURS].filter((name) => !name.startsWith("interim: 101"));
  assertEquals([...names].sort(), expected.sort());
});

const squid = needs("squid");
Deno.test({
  name: `the tolerant decoder accepts what Squid accepts, but for what is dangerous${squid.suffix}`,
  ignore: squid.ignore,
  fn: async () => {
    await using peer = await startSquid("cache deny all\nserver_persistent_connections off");
    const names = await accepted(peer.port);
    show("Squid", names);
    assert(names.size > 50 && names.size < OURS.size, `Squid accepts ${names.size}`);
    const more = [...names].filter((name) => !OURS.has(name) && REFUSED[name] === undefined);
    assertEquals(more, []);
  },
});

const tinyproxy = needs("tinyproxy");
Deno.test({
  name: `tinyproxy accepts some of the odd responses${tinyproxy.suffix}`,
  ignore: tinyproxy.ignore,
  fn: async () => {
    await using peer = await startTinyproxy(5);
    const names = await accepted(peer.port);
    show("tinyproxy", names);
    assert(names.size > 20, `tinyproxy accepts ${names.size}`);
  },
});
