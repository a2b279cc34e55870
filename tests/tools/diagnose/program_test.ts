import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { recordingIo } from "../../../tools/cli.ts";
import { main, type WatchedPath, watchPath } from "../../../tools/diagnose.ts";
import { needs } from "../../_support/peers.ts";
import { writeCertificate } from "../../_support/x509_writer.ts";
import { freePorts } from "../../_support/ports.ts";

async function run(...args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out, err: io.err };
}

Deno.test("diagnose rejects wrong flags before it does anything", async () => {
  const rows: [args: string[], message: RegExp][] = [
    [["pings", "127.0.0.1"], /Unexpected argument: "127\.0\.0\.1" \("pings" is not a command; see/],
    [["-4", "-6", "127.0.0.1"], /--ipv4 and --ipv6 exclude each other/],
    [["--cert", "x", "127.0.0.1"], /--cert and --key must be given together/],
    [["--pin", "abc", "127.0.0.1"], /Bad value for --pin: "abc"/],
    [["-H", "no colon", "127.0.0.1"], /Bad value for --header: "no colon"/],
    [["-H", "a b: c", "127.0.0.1"], /Bad value for --header: "a b: c"/],
    [["--proxy", "ftp://secret@x/", "127.0.0.1"], /Bad value for --proxy must be a URL/],
    [["--watch", "tls", "127.0.0.1"], /--watch is for ping and trace/],
    [["--report", "a.txt", "127.0.0.1"], /Bad value for --report: "a\.txt"/],
    [["-c", "5000", "127.0.0.1"], /count must be an integer from 1 to 1000/],
    [["-i", "100ms", "--watch", "ping", "127.0.0.1"], /Bad value for -i/],
  ];
  for (const [args, message] of rows) {
    const { code, out, err } = await run(...args);
    assertEquals([code, out], [2, ""], err);
    assertMatch(err, message);
    assert(!err.includes("secret"));
  }
});

Deno.test("diagnose --report writes Markdown or HTML, also without names", async () => {
  const folder = await Deno.makeTempDir();
  const [port] = freePorts(1);
  try {
    for (const name of ["a.md", "a.html"]) {
      const file = `${folder}/${name}`;
      const { code } = await run("tcp", `tcp://localhost:${port}`, "-4", "--report", file);
      assertEquals(code, 1);
      const text = await Deno.readTextFile(file);
      assertStringIncludes(text, "refuses connections: nothing listens there");
      assertStringIncludes(text, `Diagnosis of tcp://localhost:${port}`);
    }
    const missing = await run("tcp", `tcp://127.0.0.1:${port}`, "--report", `${folder}/no/a.md`);
    assertEquals(missing.code, 1);
    assertMatch(missing.err, /^diagnose: [^\n]+\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const ping = needs("ping");
Deno.test({
  name: `diagnose ping --watch shows a table, or JSON${ping.suffix}`,
  ignore: ping.ignore,
  async fn() {
    const args = ["ping", "127.0.0.1", "--watch", "-c", "2", "-i", "200ms"];
    const { code, out } = await run(...args);
    assertEquals(code, 0);
    assertMatch(out, /^127\.0\.0\.1, 2 rounds, times in milliseconds\n {4}address {10}loss/);
    assertMatch(out, /\n {2}1 127\.0\.0\.1 +0% +2 /);
    const found: WatchedPath = JSON.parse((await run(...args, "--json")).out);
    assertEquals([found.rounds, found.reached, found.hops[0]?.sent], [2, true, 2]);
  },
});

const traceroute = needs("traceroute");
Deno.test({
  name: `diagnose trace --watch shows the way to this machine${traceroute.suffix}`,
  ignore: traceroute.ignore,
  async fn() {
    const { code, out } = await run("trace", "127.0.0.1", "--watch", "-c", "2", "-i", "200ms");
    assertEquals(code, 0, out);
    assertMatch(out, /\n {2}1 127\.0\.0\.1 +0% +2 /);
  },
});

Deno.test({
  name: `watchPath() ends at its signal, and checks its options first${ping.suffix}`,
  ignore: ping.ignore,
  async fn() {
    const stop = new AbortController();
    let rounds = 0;
    for await (const path of watchPath("127.0.0.1", { mode: "ping", signal: stop.signal })) {
      rounds = path.rounds;
      stop.abort();
    }
    assertEquals(rounds, 1);
    await assertRejects(
      async () => {
        for await (const _ of watchPath("127.0.0.1", { interval: 1 }));
      },
      RangeError,
      "interval",
    );
    await assertRejects(async () => {
      for await (const _ of watchPath("-x")) { /* no round */ }
    }, TypeError);
  },
});

Deno.test("diagnose shows a certificate with malformed dates", async () => {
  const root = await writeCertificate({ cn: "Root", ca: true });
  const own = await writeCertificate({ by: root, names: [{ ip: "127.0.0.1" }], badDer: true });
  // A proper server would reject the certificate.
  const server = tls.createServer({ cert: own.pem, key: own.key }, (socket) => {
    socket.on("error", () => {}).resume();
  });
  server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { code, out } = await run("tls", `127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.close();
  await once(server, "close");
  assertEquals(code, 1);
  assertMatch(out, /certificate has malformed dates/);
  assertMatch(out, /signed by Root, \? to \?/);
});
