import { assertEquals, assertRejects } from "@std/assert";
import { PartialFetch } from "../../../examples/ftp/partial_fetch.ts";
import { CliError } from "../../../tools/cli.ts";
import { temporaryFolder } from "../../_support/repository.ts";

const VERSION = { server: "a.test:21 ann", file: "/x", size: 5, modified: "20300101000000" };
const bytes = (text: string) => new TextEncoder().encode(text);
/** The SHA-256 of `hello`. */
const HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

Deno.test("a PartialFetch goes on with the same version, checks the hash and takes the name", async () => {
  await using folder = await temporaryFolder();
  const target = `${folder.path}/a`;
  {
    await using first = await PartialFetch.open(target, VERSION, true);
    first.append(bytes("hel"));
  }
  await using again = await PartialFetch.open(target, VERSION, true);
  assertEquals(again.size, 3);
  again.append(bytes("lo"));
  await again.verify(undefined);
  await again.verify({ algorithm: "SHA-256", value: HELLO });
  const error = await assertRejects(
    () => again.verify({ algorithm: "SHA-256", value: "00" }),
    CliError,
  );
  assertEquals(
    error.message,
    `Cannot get ${target}: its SHA-256 is ${HELLO}, and 00 on the server`,
  );
  await again.finish(new Date(0));
  assertEquals(await Deno.readTextFile(target), "hello");
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["a"]);
});

Deno.test("a PartialFetch begins again for another version, and leaves nothing if it is empty", async () => {
  await using folder = await temporaryFolder();
  const target = `${folder.path}/a`;
  const sizeWith = async (version: typeof VERSION, resume = true) => {
    await using fetching = await PartialFetch.open(target, version, resume);
    const { size } = fetching;
    fetching.append(bytes("abc"));
    return size;
  };
  assertEquals(await sizeWith(VERSION), 0);
  assertEquals(await sizeWith({ ...VERSION, modified: "20300101000001" }), 0);
  assertEquals(await sizeWith({ ...VERSION, modified: "20300101000001" }), 3);
  // Six bytes are more than the file has.
  assertEquals(await sizeWith({ ...VERSION, modified: "20300101000001" }), 0);
  assertEquals(await sizeWith({ ...VERSION, modified: "20300101000001" }, false), 0);
  {
    await using _empty = await PartialFetch.open(`${folder.path}/b`, VERSION, true);
  }
  const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
  assertEquals(names.filter((name) => name.startsWith("b")), []);
});
