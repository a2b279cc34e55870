/** curl sends and fetches attached files. @module */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { findProgram, needs } from "../../../_support/peers.ts";
import { idsOf, startFiles } from "./_files.ts";

const curl = needs("curl");

async function run(args: readonly string[]): Promise<string> {
  const command = new Deno.Command(findProgram("curl")!, { args: ["-sS", "-m", "30", ...args] });
  const { stdout, stderr } = await command.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test({
  name: `curl sends a file, and resumes its download${curl.suffix}`,
  ignore: curl.ignore,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "chat_files_" });
    try {
      const { web } = startFiles();
      await using _ = web;
      const bytes = crypto.getRandomValues(new Uint8Array(60_000));
      await Deno.writeFile(`${folder}/a`, bytes);
      const auth = ["-H", "Authorization: Bearer t1", "-H", "x-file-name: a.bin"];
      for (const more of [["--data-binary", `@${folder}/a`], ["-X", "POST", "-T", `${folder}/a`]]) {
        const made = JSON.parse(await run([...auth, ...more, `${web.url}/files`]));
        assertEquals([made.name, made.size], ["a.bin", bytes.length]);
        await Deno.writeFile(`${folder}/b`, bytes.subarray(0, 1234));
        await run(["-C", "-", "-o", `${folder}/b`, `${web.url}/files/${made.id}`]);
        assertEquals(await Deno.readFile(`${folder}/b`), bytes);
        const head = await run(["-I", `${web.url}/files/${made.id}`]);
        assertMatch(head, /content-length: 60000/i);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `curl is told why a large file is refused, also without Content-Length${curl.suffix}`,
  ignore: curl.ignore,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "chat_files_" });
    try {
      const { web, blobs } = startFiles({ maxFile: 1_000_000 });
      await using _ = web;
      await Deno.writeFile(`${folder}/a`, new Uint8Array(5_000_000));
      const auth = ["-H", "Authorization: Bearer t1"];
      for (const more of [[], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]]) {
        const upload = ["--data-binary", `@${folder}/a`, `${web.url}/files`];
        assertStringIncludes(await run([...auth, ...more, ...upload]), '"code":"file-too-large"');
      }
      assertEquals(await idsOf(blobs), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
