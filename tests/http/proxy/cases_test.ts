import { assertEquals, assertMatch } from "@std/assert";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { mergeChunks, runCase, undated } from "./_support.ts";
import { CASES } from "./cases.ts";
import { WIRE_CASES } from "./wire_cases.ts";

for (const one of [...CASES, ...WIRE_CASES]) {
  Deno.test(`a proxy: ${one.name}`, async () => {
    const proxy = serveProxy({ allowPrivate: true, connectPorts: "any", name: "t" });
    try {
      const { requests, fill, ...seen } = await runCase(one, proxy.addr.port, async () => {
        await proxy.shutdown({ deadline: 0 });
      });
      const [up, dated] = one.merged
        ? [mergeChunks(seen.up), mergeChunks(seen.down)]
        : [seen.up, seen.down];
      if (typeof one.up === "string") assertEquals(up, fill(one.up));
      else assertEquals(requests.toSorted(), one.up.map(fill).sort());
      assertEquals(seen.connections, one.connections ?? seen.connections);
      const down = undated(dated);
      // Of each response, but for what informs or opens a tunnel.
      const responses = dated.match(/HTTP\/1\.1 [2-9](?!.*established)/g) ?? [];
      assertEquals(dated.match(/^Date: /gm)?.length ?? 0, responses.length, dated);
      if (typeof one.down === "number") assertPage(down, one.down);
      else {assertEquals(
          down.replace(/(?<=message\/http\r\nContent-Length: )\d+/, "{n}")
            // A page of the proxy between two responses.
            .replace(/(?<=charset=utf-8\r\nContent-Length: )\d+/, "{n}")
            .replace(/(?<=\r\n\r\n)\d{3} [^\n]*\n/, "{page}"),
          fill(one.down),
        );}
    } finally {
      await proxy.shutdown({ deadline: 0 });
    }
  });
}

/** A page is plain, says its status, and holds nothing that was sent. */
function assertPage(down: string, status: number): void {
  const page = new RegExp(
    `^HTTP/1\\.1 ${status} [A-Za-z -]+\\r\\nContent-Type: text/plain; charset=utf-8\\r\\n` +
      `Content-Length: (\\d+)\\r\\nCache-Control: no-store\\r\\nConnection: close\\r\\n\\r\\n(${status} .*\\n)$`,
  );
  assertMatch(down, page);
  const [, length, text] = page.exec(down)!;
  assertEquals(Number(length), text!.length);
}
