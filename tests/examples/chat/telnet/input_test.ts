import { assertEquals } from "@std/assert";
import { TerminalInput } from "../../../../examples/chat/telnet/input.ts";
import { memoryPair } from "../../../../net/connection/memory_pair.ts";

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
