/** What `scan` prints, in a process with servers of its own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { recordingIo } from "../../../tools/cli.ts";
import { main } from "../../../tools/scan.ts";
import { testCertificates } from "../../_support/certificates.ts";

const HOST = "127.0.0.1";

/** A server that sends a text to each client, or speaks TLS. */
function serve(banner: string, tls?: Deno.TlsCertifiedKeyPem) {
  const listener = tls === undefined
    ? Deno.listen({ hostname: HOST, port: 0 })
    : Deno.listenTls({ hostname: HOST, port: 0, ...tls });
  const serving = (async () => {
    for await (const conn of listener) {
      await conn.write(new TextEncoder().encode(banner)).catch(() => {});
      conn.close();
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

async function run(...args: string[]) {
  const io = recordingIo();
  const code = await main([HOST, ...args], io);
  assertEquals([code, io.err], [0, ""]);
  return io.out;
}

Deno.test("the table shows greetings, and csv quotes them and makes no formula of them", async () => {
  await using formula = serve('=cmd("a",1)\r\n');
  await using silent = serve("\r\nsecond line\r\n");
  const ports = `${formula.port},${silent.port}`;
  const table = await run("-p", ports, "--banner");
  assertEquals(table.match(/^ +says .*$/gm), ['      says =cmd("a",1)']);
  const csv = (await run("-p", ports, "--banner", "-o", "csv")).trimEnd().split("\n").slice(1);
  assertEquals(
    csv.map((line) => line.split(",open,")[1]!.replace(/^.*?,\d[^,]*,,/, "")).toSorted(),
    ["", `"'=cmd(""a"",1)"`],
  );
});

Deno.test("the table says how long a certificate is valid", async () => {
  const { good, expired, notYetValid } = await testCertificates();
  await using a = serve("", good);
  await using b = serve("", expired);
  await using c = serve("", notYetValid);
  const table = await run("-p", [a, b, c].map(({ port }) => port).join(), "--tls", "-t", "30s");
  for (const says of [/, \d+ days left$/m, /, expired on [-\d]+ \d\d:\d\d UTC$/m]) {
    assertMatch(table, says);
  }
  assertMatch(table, /, not valid before [-\d]+ \d\d:\d\d UTC$/m);
  const csv = await run("-p", `${b.port}`, "--tls", "-o", "csv", "-t", "30s");
  assertMatch(csv, /\n127\.0\.0\.1,127\.0\.0\.1,\d+,open,.*TLSv1\.[23]/);
});

Deno.test("a terminal shows the progress, and its line is gone at the end", async () => {
  const io = recordingIo({ stderrIsTerminal: true });
  assertEquals(await main([HOST, "-p", "1-20"], io), 0);
  const [first, ...more] = io.err.split("\r\x1b[K").slice(1);
  assertMatch(first!, /^\d+ %, \d+ ports\/s, \d+ s left, \d+ open$/);
  assertEquals(more.at(-1), "");
  const json = recordingIo({ stderrIsTerminal: true });
  assertEquals(await main([HOST, "-p", "1", "--json"], json), 0);
  assert(!json.err.includes("\r"), json.err);
});
