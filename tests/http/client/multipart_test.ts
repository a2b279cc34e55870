import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { pathToFileURL } from "node:url";
import { createClient } from "../../../http/client/client.ts";
import { encodeMultipart, type MultipartParts } from "../../../http/client/multipart.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { serve } from "../../_support/http_servers.ts";

Deno.test("files of a form go up as they are, by name, with safe names", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/ä "x".txt`;
  await Deno.writeTextFile(path, "of the disk");
  await using server = serve(async (request) => {
    const form = await request.formData();
    const rows = await Promise.all(
      Array.from(
        form,
        async ([name, value]) =>
          value instanceof File
            ? [name, value.name, value.type, await value.text()]
            : [name, value],
      ),
    );
    return Response.json(rows);
  });
  await using client = createClient();
  const rows = await client.post(server.url, {
    multipart: {
      a: ["1", 2],
      "b\r\nX: y": true,
      disk: { path },
      memory: new File(["of memory"], "m.bin", { type: "image/png" }),
      stream: { stream: new Blob(["of a stream"]).stream(), filename: "s" },
    },
  }).json();
  assertEquals(rows, [
    ["a", "1"],
    ["a", "2"],
    ["b%0D%0AX: y", "true"],
    ["disk", "ä %22x%22.txt", "application/octet-stream", "of the disk"],
    ["memory", "m.bin", "image/png", "of memory"],
    ["stream", "s", "application/octet-stream", "of a stream"],
  ]);
  const missing = client.post(server.url, { multipart: { disk: { path: `${folder.path}/none` } } });
  await assertRejects(() => missing, Deno.errors.NotFound);
  await assertRejects(
    () => client.post(server.url, { multipart: { a: { path, type: "a\r\nb: c" } } }),
    TypeError,
  );
  assertEquals(client.stats().active, 0);
});

async function encoded(parts: MultipartParts): Promise<string> {
  const { type, open } = encodeMultipart(parts);
  const boundary = type.slice(type.indexOf("=") + 1);
  return (await new Response(open()).text()).replaceAll(boundary, "B");
}

Deno.test("a file is told by the last part of its path, whatever characters it has", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["report #3.pdf", "why?.txt", "100%.txt", "a b.txt", "日本.txt", "a\nb"]) {
    const path = `${folder.path}/${name}`;
    await Deno.writeTextFile(path, "x");
    for (const one of [path, pathToFileURL(path)]) {
      const told = /filename="(.*)"/.exec(await encoded({ f: { path: one } }))?.[1];
      assertEquals(told, name.replace("\n", "%0A"));
    }
  }
});

Deno.test("null and undefined add no part, and what is no part is refused", async () => {
  assertEquals(
    await encoded({ a: null, b: undefined, c: [null, "x", undefined], d: 7n }),
    '--B\r\nContent-Disposition: form-data; name="c"\r\n\r\nx\r\n' +
      '--B\r\nContent-Disposition: form-data; name="d"\r\n\r\n7\r\n--B--\r\n',
  );
  for (const bad of [{}, new Uint8Array(2), () => 1, Symbol(), { path: 7 }, { stream: "x" }]) {
    const parts = { "a\nb": bad } as unknown as MultipartParts;
    assertThrows(() => encodeMultipart(parts), TypeError, 'The part "a\\nb" must be a string');
  }
});
