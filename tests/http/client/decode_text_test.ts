import { assertEquals } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { serve } from "../../_support/http_servers.ts";

Deno.test("a byte order mark wins over the label, and quotes around a label do not matter", async () => {
  const rows: [string, number[], string][] = [
    ["text/plain; charset=utf-16", [0xfe, 0xff, 0, 0x61], "a"],
    ["text/plain; charset=utf-16", [0xff, 0xfe, 0x61, 0], "a"],
    ["text/plain; charset=utf-16", [0x61, 0], "a"],
    ["text/plain; charset=utf-16be", [0, 0x61], "a"],
    ["text/plain; charset=iso-8859-1", [0xef, 0xbb, 0xbf, 0xc3, 0xa9], "é"],
    ["text/plain; charset=iso-8859-1", [0xe9], "é"],
    ["text/plain; charset='iso-8859-1'", [0xe9], "é"],
    ["text/plain; charset=''", [0x61], "a"],
    ["text/plain; charset=gb18030", [0xc4, 0xe3], "你"],
    ["text/plain", [0xef, 0xbb, 0xbf, 0x61], "a"],
    ["text/plain; charset=nonsense", [0xc3, 0xa9], "é"],
    ["text/plain", [0xff, 0xfe], ""],
    ["text/plain", [], ""],
  ];
  let row = rows[0]!;
  await using server = serve(() =>
    new Response(new Uint8Array(row[1]), { headers: { "content-type": row[0] } })
  );
  await using client = createClient();
  for (row of rows) {
    assertEquals(await client.get(server.url).text(), row[2], JSON.stringify(row));
    assertEquals(await (await client.get(server.url)).text(), row[2], JSON.stringify(row));
  }
});

Deno.test("JSON is read without its byte order mark", async () => {
  const texts = [
    [0xef, 0xbb, 0xbf, 0x37],
    [0xff, 0xfe, 0x37, 0],
    [0xfe, 0xff, 0, 0x37],
    [0x37],
  ];
  let text = texts[0]!;
  await using server = serve(() => new Response(new Uint8Array(text)));
  await using client = createClient();
  for (text of texts) {
    assertEquals(await client.get(server.url).json(), 7);
    assertEquals(await (await client.get(server.url)).json(), 7);
  }
});
