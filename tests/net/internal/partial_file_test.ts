import { assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { PartialFile } from "../../../net/internal/partial_file.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (note: unknown) => typeof note === "number" ? note : undefined;

Deno.test("a partial file goes on if its note has the expected form", async () => {
  const folder = await Deno.makeTempDir();
  const paths = { path: `${folder}/x.part`, target: `${folder}/x` };
  const run = async (reader: typeof read | undefined, text: string) => {
    using file = await PartialFile.open(paths, reader);
    const found = [file.state, file.size];
    if (file.state === undefined) await file.restart(7);
    await file.append(bytes(text));
    return found;
  };
  assertEquals(await run(read, "hel"), [undefined, 0]);
  assertEquals(await run(read, "lo"), [7, 3]);
  assertEquals(await run(undefined, "new"), [undefined, 0]);
  await Deno.writeTextFile(`${paths.path}.json`, "{");
  assertEquals(await run(read, "other"), [undefined, 0]);
  using file = await PartialFile.open(paths, read);
  let content = "";
  await file.feed((piece) => content += new TextDecoder().decode(piece));
  await file.finish(paths.target);
  assertEquals([content, await Deno.readTextFile(paths.target)], ["other", "other"]);
  assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["x"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a partial file appends at its end, whatever came before", async () => {
  const folder = await Deno.makeTempDir();
  const paths = { path: `${folder}/x.part`, target: `${folder}/x` };
  using file = await PartialFile.open(paths, undefined);
  file.appendSync(bytes("gone"));
  await file.restart(7);
  file.appendSync(bytes("one "));
  await file.append(bytes("two "));
  await file.feed(() => {});
  await file.append(bytes("three "));
  await file.rewind(8);
  file.appendSync(bytes("four"));
  assertEquals(file.size, 12);
  await file.finish(paths.target);
  assertEquals(await Deno.readTextFile(paths.target), "one two four");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a partial file follows no link, and replaces no folder", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/victim`, "precious");
  await Deno.symlink(`${folder}/victim`, `${folder}/x.part`);
  await Deno.mkdir(`${folder}/y`);
  for (const name of ["x", "y"]) {
    const paths = { path: `${folder}/${name}.part`, target: `${folder}/${name}` };
    const error = await assertRejects(() => PartialFile.open(paths, read), NetError);
    assertEquals(error.kind, "usage");
  }
  assertEquals(await Deno.readTextFile(`${folder}/victim`), "precious");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a link that comes into the place of a partial file after the check is not followed", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/x.part`;
  await Deno.writeTextFile(`${folder}/victim`, "precious");
  const { lstat } = Deno;
  let isFirst = true;
  Object.assign(Deno, {
    lstat: async (at: string) => {
      const found = await lstat(at).catch((error) => error);
      if (isFirst) await Deno.symlink(`${folder}/victim`, path);
      isFirst = false;
      return found instanceof Error ? Promise.reject(found) : found;
    },
  });
  try {
    const opening = PartialFile.open({ path, target: `${folder}/x` }, read);
    assertEquals((await assertRejects(() => opening, NetError)).kind, "usage");
  } finally {
    Object.assign(Deno, { lstat });
  }
  assertEquals(await Deno.readTextFile(`${folder}/victim`), "precious");
  await Deno.remove(folder, { recursive: true });
});
