import { assertEquals, assertThrows } from "@std/assert";
import { main } from "../../../examples/http_client.ts";
import { checkOutput, type SaveValues } from "../../../examples/http/save.ts";
import { CliError, recordingIo } from "../../../tools/cli.ts";
import { RawServer, serve } from "../../_support/http_servers.ts";
import { temporaryFolder } from "../../_support/repository.ts";

Deno.test("checkOutput() names the flags that exclude each other", () => {
  const rows: [values: Partial<SaveValues>, method: string, says: string][] = [
    [{ output: "a", remoteName: true }, "GET", '--output: "a" (expected no --remote-name with it)'],
    [{ output: "a", include: true }, "GET", '--output: "a" (expected no --include with it)'],
    [{ remoteName: true, include: true }, "GET", '--remote-name: "" (expected no --include'],
    [{ remoteName: true }, "PUT", '--remote-name: "PUT" (expected the method GET)'],
  ];
  const none: SaveValues = { output: undefined, remoteName: false, include: false };
  for (const [values, method, says] of rows) {
    assertThrows(
      () => checkOutput({ ...none, ...values }, method),
      CliError,
      `Bad value for ${says}`,
    );
  }
});

Deno.test("save() shows its progress on a terminal, and removes the line", async () => {
  await using folder = await temporaryFolder();
  await using server = serve(() => new Response("12345"));
  const io = recordingIo({ stderrIsTerminal: true });
  assertEquals(await main(["GET", server.url, "-o", `${folder.path}/a`], io), 0);
  const progress = io.err.split("\r").filter((line) => line !== "");
  assertEquals(progress.at(-1), "\x1b[K");
  assertEquals(progress.at(-2), "5 of 5 bytes\x1b[K");
});

Deno.test("save() leaves nothing of a body that was cut off, and the old file as it was", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/a`;
  await Deno.writeTextFile(file, "old");
  await using server = new RawServer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly");
  const io = recordingIo();
  assertEquals(await main(["POST", server.url, "-d", "1", "-o", file], io), 1, io.err);
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["a"]);
  assertEquals(await Deno.readTextFile(file), "old");
  // A response without a body makes an empty file.
  await using empty = serve(() => new Response(null, { status: 204 }));
  assertEquals(await main(["POST", empty.url, "-d", "1", "-o", file], recordingIo()), 0);
  assertEquals(await Deno.readTextFile(file), "");
});
