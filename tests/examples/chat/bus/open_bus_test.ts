import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../../../examples/chat.ts";
import { recordingIo } from "../../../../tools/cli.ts";
import { startRunnable } from "../../../_support/runnable.ts";
import { redis, RedisServer } from "../../../_support/redis.ts";
import { until } from "../../../_support/until.ts";

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
