import { assertEquals, assertRejects } from "@std/assert";
import { TerminalInput } from "../../../../examples/chat/telnet/input.ts";
import { memoryPair } from "../../../../net/connection/memory_pair.ts";
import { NetError } from "../../../../net/errors/errors.ts";

const IAC = [255, 253, 1];

for (
  const [name, bytes] of [
    ["Telnet commands", new Uint8Array(60_000).map((_, i) => IAC[i % 3]!)],
    ["a line without an end", new Uint8Array(60_000).fill(97)],
  ] as const
) {
  Deno.test(`TerminalInput reports ${name} that cost time, so that the rate limit counts them`, async () => {
    const [client, server] = memoryPair();
    const input = new TerminalInput(server, { charset: "utf-8", maxLine: 4096 });
    const written = client.write(bytes);
    const kinds = new Set<string>();
    while (!kinds.has("noise")) kinds.add((await input.next(performance.now() + 30_000)).type);
    await written;
    await client.write("\nhi\n");
    let text: string | undefined;
    while (text !== "hi") {
      const line = await input.next(performance.now() + 30_000);
      if (line.type === "line") text = line.text;
      kinds.add(line.type);
    }
    assertEquals(kinds.has("end"), false);
    client.abort();
    server.abort();
  });
}

Deno.test("TerminalInput ends the wait for a line although bytes come all the time", async () => {
  const [client, server] = memoryPair();
  const input = new TerminalInput(server, { charset: "utf-8", maxLine: 4096 });
  const bytes = new Uint8Array(64 * 1024).fill(97);
  const flood = assertRejects(async () => {
    while (true) await client.write(bytes);
  }, NetError);
  const due = performance.now() + 100;
  const error = await assertRejects(async () => {
    while ((await input.next(due)).type !== "end");
  }, NetError);
  assertEquals([error.kind, error.phase], ["timeout", "read"]);
  client.abort();
  server.abort();
  await flood;
});
