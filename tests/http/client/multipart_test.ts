import { assertEquals, assertRejects } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
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
