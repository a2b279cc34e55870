import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { json, readJson } from "../../../http/handlers/json.ts";
import { router } from "../../../http/handlers/router.ts";
import { type HttpServer, serveHttp, type ServeHttpOptions } from "../../../http/server/server.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { findProgram, needs, needsPython, pythonWith } from "../../_support/peers.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { runPeer } from "../../_support/runnable.ts";
import { rest, statuses } from "../../_support/raw_http.ts";

const app = router({
  "GET /hello": () => json({ message: "Hello, World!" }),
  "POST /json": async (request) => json(await readJson(request)),
  "PUT /size": async (request) => json({ size: (await request.bytes()).length }),
  "GET /text": () => new Response("a line that is worth compressing\n".repeat(1000)),
});

/** Both transports. */
const TRANSPORTS = [["Deno.serve", false], ["the hardened transport", true]] as const;

function serve(hardened: boolean, options: ServeHttpOptions = {}): HttpServer {
  return serveHttp({ port: 0, hardened, ...options }, app);
}

/** Runs a peer that must succeed. Returns its output. */
async function run(program: string, args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await runPeer(findProgram(program) ?? program, args, input);
  assertEquals(code, 0, stdout + stderr);
  return stdout;
}

for (const [transport, hardened] of TRANSPORTS) {
  const peerTest = (program: string, what: string, fn: () => Promise<void>) => {
    const { ignore, suffix } = needs(program);
    Deno.test({ name: `${what} on ${transport}${suffix}`, ignore, fn });
  };

  peerTest("curl", "curl is served", async () => {
    await using server = serve(hardened);
    await using folder = await temporaryFolder();
    const file = `${folder.path}/body`;
    await Deno.writeFile(file, new Uint8Array(3_000_000));
    const { url } = server;
    const curl = (...args: string[]) => run("curl", ["-sS", "--max-time", "10", ...args]);
    const show = ["-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n"];
    assertEquals(await curl(`${url}/hello`), '{"message":"Hello, World!"}');
    assertEquals(await curl("-0", `${url}/hello`), '{"message":"Hello, World!"}');
    assertEquals(await curl(...show, `${url}/hello`, ...show, `${url}/hello`), "200 1\n200 0\n");
    const head = await curl("-I", `${url}/hello`);
    assertEquals(statuses(head), [200]);
    assert(!head.includes("message"));
    // More than a megabyte: curl asks first whether it may (Expect: 100-continue).
    assertEquals(await curl("-T", file, `${url}/size`), '{"size":3000000}');
    assertEquals(
      await curl("-T", file, "-H", "Transfer-Encoding: chunked", `${url}/size`),
      '{"size":3000000}',
    );
    assertEquals(await curl("--json", '{"a":[1]}', `${url}/json`), '{"a":[1]}');
    const broken = await curl("--json", '{"a":\n!}', `${url}/json`);
    assertStringIncludes(broken, "line 2");
    assertEquals(await curl(...show, "-X", "DELETE", `${url}/hello`), "405 1\n");
    assertStringIncludes(await curl("-i", "-X", "OPTIONS", `${url}/hello`), "GET");
    assertEquals((await curl("--compressed", `${url}/text`)).length, 33_000);
    assertEquals(await curl(...show, "-H", "Host:", `${url}/hello`), "400 1\n");
    assertEquals(await curl(...show, "-H", "Host: a b", `${url}/hello`), "400 1\n");
  });

  peerTest("curl", "curl is told that its body is too large", async () => {
    await using server = serve(hardened, { maxBody: 1000 });
    const args = ["-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}"];
    for (const more of [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]]) {
      const body = ["-X", "PUT", "--data-binary", "@-", ...more];
      assertEquals(
        await run("curl", [...args, ...body, `${server.url}/size`], "x".repeat(5000)),
        "413",
      );
    }
  });

  peerTest("curl", "curl is served over TLS", async () => {
    const { ca, good } = await testCertificates();
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(`${folder.path}/ca.pem`, ca);
    await using server = serve(hardened, { cert: good.cert, key: good.key });
    const args = ["-sS", "--max-time", "10", "--cacert", `${folder.path}/ca.pem`];
    const show = ["-o", "/dev/null", "-w", "%{http_code} %{http_version}"];
    const url = `${server.url.replace("127.0.0.1", "localhost")}/hello`;
    const version = hardened ? "1.1" : "2";
    assertEquals(await run("curl", [...args, ...show, url]), `200 ${version}`);
    assertEquals(await run("curl", [...args, ...show, "--http1.1", url]), "200 1.1");
  });

  peerTest("wrk", "wrk finds no error", async () => {
    await using server = serve(hardened);
    const out = await run("wrk", ["-t", "1", "-c", "20", "-d", "1s", `${server.url}/hello`]);
    assert(!/Non-2xx|Socket errors/.test(out), out);
    const requests = Number(/(\d+) requests in/.exec(out)?.[1]);
    assert(requests > 100, out);
    assert(server.stats().requests >= requests, out);
  });

  peerTest("h2load", "h2load finds no error with HTTP/1.1", async () => {
    await using server = serve(hardened);
    const out = await run("h2load", ["--h1", "-n", "500", "-c", "10", `${server.url}/hello`]);
    assertStringIncludes(out, "500 succeeded, 0 failed, 0 errored, 0 timeout");
  });

  peerTest("nc", "nc that half-closes gets its answer", async () => {
    await using server = serve(hardened);
    const { port } = server.addr;
    const out = await run(
      "nc",
      ["-N", "-w", "5", "127.0.0.1", `${port}`],
      "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    assertEquals(statuses(out), [200]);
    assertStringIncludes(out, "Hello, World!");
  });

  const python = needsPython("requests");
  Deno.test({
    name: `requests is served on ${transport}${python.suffix}`,
    ignore: python.ignore,
    fn: async () => {
      await using server = serve(hardened, { maxBody: 100_000 });
      const out = await run(pythonWith("requests")!, ["-c", REQUESTS, server.url]);
      assertEquals(JSON.parse(out), {
        hello: "Hello, World!",
        json: { ä: [1, null] },
        chunked: 30_000,
        large: 413,
        none: 404,
        wrong: 405,
        allow: true,
        text: 33_000,
        head: [200, 0],
        session: 20,
      });
    },
  });
}

const REQUESTS = `
import json, requests, sys
url, out = sys.argv[1], {}
with requests.Session() as session:
    session.trust_env = False
    get = lambda path, **more: session.get(url + path, timeout=10, **more)
    out["hello"] = get("/hello").json()["message"]
    out["json"] = session.post(url + "/json", json={"ä": [1, None]}, timeout=10).json()
    body = (b"x" * 1000 for _ in range(30))
    out["chunked"] = session.put(url + "/size", data=body, timeout=10).json()["size"]
    try:
        out["large"] = session.put(url + "/size", data=b"x" * 200000, timeout=10).status_code
    except requests.ConnectionError:
        out["large"] = 413  # It was still sending when the server had said no.
    out["none"] = get("/none").status_code
    wrong = session.delete(url + "/hello", timeout=10)
    out["wrong"], out["allow"] = wrong.status_code, "GET" in wrong.headers["Allow"]
    out["text"] = len(get("/text").text)
    head = session.head(url + "/hello", timeout=10)
    out["head"] = [head.status_code, len(head.content)]
    out["session"] = sum(get("/hello").ok for _ in range(20))
print(json.dumps(out))
`;

const h2load = needs("h2load");
Deno.test({
  name: `h2load finds no error with HTTP/2${h2load.suffix}`,
  ignore: h2load.ignore,
  fn: async () => {
    const { good } = await testCertificates();
    await using server = serve(false, { cert: good.cert, key: good.key });
    const args = ["-n", "500", "-c", "5", "-m", "10", `${server.url}/hello`];
    assertStringIncludes(
      await run("h2load", args),
      "500 succeeded, 0 failed, 0 errored, 0 timeout",
    );
  },
});

Deno.test("slow clients lose their connections, and delay no other client", async () => {
  await using server = serve(true, {
    headTimeout: 1000,
    idleTimeout: 1000,
    bodyTimeout: 1000,
    maxConnections: 60,
    maxConnectionsPerAddress: 60,
  });
  const { port } = server.addr;
  const slow = [
    "",
    "GET /hello HTTP/1.1\r\nHost: h\r\nX-",
    "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
    "PUT /size HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc",
    "PUT /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nab",
  ];
  const ends = Array.from({ length: 40 }, async (_, i) => {
    await using conn = await connectTcp({ port, readTimeout: 5000 });
    await conn.write(slow[i % slow.length]!);
    // Each sends a little more, so that it is never silent.
    const drip = setInterval(() => conn.write("a").catch(() => {}), 40);
    try {
      return await rest(conn);
    } finally {
      clearInterval(drip);
    }
  });
  for (let i = 0; i < 10; i++) {
    const response = await fetch(`${server.url}/hello`);
    assertEquals((await response.json()).message, "Hello, World!");
  }
  for (const [i, text] of (await Promise.all(ends)).entries()) {
    const told = statuses(text);
    const kind = i % slow.length;
    if (kind === 2) assertEquals(told[0], 200, text);
    // Bytes that a client sends after a refusal make the system reset the connection, sometimes
    // before the refusal is read.
    else assert(told.length === 0 || told[0] === 408 || (kind < 2 && told[0] === 400), text);
  }
  assertEquals(server.stats().active, 0);
});
