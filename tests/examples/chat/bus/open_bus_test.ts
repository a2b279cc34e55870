import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../../../examples/chat.ts";
import { recordingIo } from "../../../../tools/cli.ts";
import { testCertificates } from "../../../_support/certificates.ts";
import { freePorts } from "../../../_support/ports.ts";
import { startRunnable } from "../../../_support/runnable.ts";
import { redis, RedisServer } from "../../../_support/redis.ts";
import { until } from "../../../_support/until.ts";
import { Browser } from "../_browser.ts";

/** Runs the chat with flags that make it end by itself. */
async function run(...args: string[]): Promise<{ code: number; err: string }> {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, err: io.err };
}

Deno.test("the chat refuses flags of a bus that make no sense, and names them", async () => {
  const URL = ["--bus", "redis://127.0.0.1:1"];
  for (
    const [args, text] of [
      [["--bus", "http://h"], "--bus"],
      [["--bus-wait", "1"], "--bus-wait"],
      [["--bus-ca", "x.pem"], "--bus-ca"],
      [[...URL, "--bus-ca", "x.pem"], "--bus-ca"],
      [["--bus", "rediss://127.0.0.1:1", "--bus-cert", "x.pem"], "--bus-cert"],
      [["--bus", "rediss://127.0.0.1:1", "--bus-key", "x.pem"], "--bus-key"],
    ] as const
  ) {
    const { code, err } = await run(...args);
    assertEquals(code, 2, err);
    assertStringIncludes(err, text);
    assertEquals(err.trimEnd().split("\n").length, 1, err);
  }
});

Deno.test("the chat names the permissions of its bus, and the file that it cannot read", {
  permissions: { read: true, net: ["127.0.0.1:1"] },
}, async () => {
  const missing = await run("--bus", "redis+cluster://127.0.0.1:1,[::1]:2,127.0.0.1:3");
  assertEquals(missing.code, 3, missing.err);
  assertStringIncludes(missing.err, "run again with --allow-net=[::1]:2,127.0.0.1:3\n");
  const file = await run("--bus", "redis://127.0.0.1:1", "--bus-password-file", "/no/such/file");
  assertEquals(file.code, 1);
  assertStringIncludes(file.err, "Cannot read /no/such/file: ");
});

Deno.test({
  name: `two chats on one bus are ready, and tell their metrics${redis.suffix}`,
  ignore: redis.ignore,
  async fn() {
    await using server = await RedisServer.start(["--requirepass", "secret"]);
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "secret\n");
    const flags = ["--bus", server.url, "--bus-password-file", file, "--port", "0"];
    const start = () =>
      startRunnable("chat", [...flags, "--web-port", "0"], {
        listeners: 2,
        timeout: 60_000,
        permissions: ["--allow-net=127.0.0.1", `--allow-read=${file}`],
      });
    await using one = await start();
    await using two = await start();
    for (const { urls } of [one, two]) {
      const response = await fetch(new URL("/readyz", urls[1]));
      assertEquals([response.status, await response.text()], [200, "ready\n"]);
    }
    const metrics = async () => await (await fetch(new URL("/metrics", two.urls[1]))).text();
    await until(async () => (await metrics()).includes("chat_bus_nodes 2"));
    assertStringIncludes(await metrics(), 'chat_bus_hop_seconds_bucket{le="+Inf"} 0');
    assertEquals((one.stderr + two.stderr).includes("secret"), false);
    for (const chat of [one, two]) {
      chat.signal("SIGTERM");
      assertEquals(await chat.exitCode(), 0);
    }
    await Deno.remove(file);
  },
});

Deno.test({
  name: `two chats on one bus with TLS share files${redis.suffix}`,
  ignore: redis.ignore,
  async fn() {
    const { ca, good, client } = await testCertificates();
    const folder = await Deno.makeTempDir();
    const path = (name: string) => `${folder}/${name}.pem`;
    const pems = { ca, cert: good.cert, key: good.key, own: client.cert, ownkey: client.key };
    for (const [name, text] of Object.entries(pems)) await Deno.writeTextFile(path(name), text);
    const [port = 0] = freePorts(1);
    await using _server = await RedisServer.start([
      ...["--tls-port", `${port}`, "--tls-ca-cert-file", path("ca")],
      ...["--tls-cert-file", path("cert"), "--tls-key-file", path("key")],
    ]);
    const flags = ["--bus", `rediss://127.0.0.1:${port}`, "--bus-ca", path("ca")];
    const start = () =>
      startRunnable(
        "chat",
        [
          ...flags,
          "--bus-cert",
          path("own"),
          "--bus-key",
          path("ownkey"),
          "--port",
          "0",
          "--web-port",
          "0",
        ],
        {
          listeners: 2,
          timeout: 60_000,
          permissions: ["--allow-net=127.0.0.1", `--allow-read=${folder}`],
        },
      );
    await using one = await start();
    await using two = await start();
    const [here, there] = [one.urls[1]!.origin, two.urls[1]!.origin];
    await using ann = new Browser(here);
    await using bob = new Browser(there);
    const { token } = await ann.join("Ann");
    await bob.join("Bob");
    const bytes = crypto.getRandomValues(new Uint8Array(50_001));
    const made = await fetch(`${here}/files`, {
      method: "POST",
      body: bytes,
      headers: { authorization: `Bearer ${token}`, "x-file-name": "noise.bin" },
    });
    const { id } = await made.json();
    ann.send({ type: "say", id: 1, text: "look", files: [id] });
    const message = await bob.next("message") as { files?: { id: string; name: string }[] };
    assertEquals(message.files?.map(({ id, name }) => [id, name]), [[id, "noise.bin"]]);
    const sent = await fetch(`${there}/files/${id}`);
    assertEquals(await sent.bytes(), bytes);
    const part = await fetch(`${there}/files/${id}`, { headers: { range: "bytes=7-5000" } });
    assertEquals([part.status, await part.bytes()], [206, bytes.slice(7, 5001)]);
    await Deno.remove(folder, { recursive: true });
  },
});
