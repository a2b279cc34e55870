/** `examples/fetch_all.ts`: many URLs, some of which fail. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../examples/fetch_all.ts";
import { recordingIo } from "../../tools/cli.ts";
import { deadPort, serve } from "../_support/http_servers.ts";

Deno.test("fetch_all says what came of each in the order given, whatever comes first", async () => {
  const last = Promise.withResolvers<void>();
  await using server = serve(async ({ url }) => {
    // The first waits for the last.
    if (url.endsWith("/slow")) await last.promise;
    if (url.endsWith("/quick")) last.resolve();
    return url.endsWith("/none") ? new Response("no", { status: 404 }) : new Response("12345");
  });
  const { url } = server;
  const dead = `http://127.0.0.1:${deadPort()}/`;
  const urls = [`${url}slow`, dead, `${url}none`, `${url}quick`];
  const plain = recordingIo();
  assertEquals(await main([...urls, "--retries=0"], plain), 1);
  const lines = plain.out.trimEnd().split("\n");
  assertEquals(lines.length, 4);
  assertEquals([lines[0], lines[3]], [`200 5 bytes ${url}slow`, `200 5 bytes ${url}quick`]);
  assertMatch(lines[1]!, /^failed \(refused\): .*connection refused/i);
  assertMatch(lines[2]!, /404/);
  assertEquals(plain.err, "");

  const json = recordingIo();
  assertEquals(await main([...urls, "--retries=0", "--json"], json), 1);
  const rows = json.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(rows.map(({ url, ok }) => [url, ok]), [
    [urls[0], true],
    [urls[1], false],
    [urls[2], false],
    [urls[3], true],
  ]);
  assertEquals(await main([url], recordingIo()), 0);
});

Deno.test("fetch_all shows how far it is on a terminal alone", async () => {
  await using server = serve(() => new Response("x"));
  const io = recordingIo({ stderrIsTerminal: true });
  let shown = "";
  const code = await main([server.url, server.url], {
    ...io,
    stderr: (text) => void (shown += text),
  });
  assertEquals(code, 0);
  assertMatch(shown, /1\/2.*2\/2/s);
});

Deno.test("fetch_all shows no password of a URL", async () => {
  await using server = serve(() => new Response("x"));
  const secret = (url: string) => url.replace("//", "//u:secret@");
  for (const more of [[], ["--json"]]) {
    const io = recordingIo();
    const urls = [secret(server.url), secret(`http://127.0.0.1:${deadPort()}/`)];
    assertEquals(await main([...urls, "--retries=0", ...more], io), 1);
    assert(!`${io.out}${io.err}`.includes("secret"), `${io.out}${io.err}`);
  }
});
