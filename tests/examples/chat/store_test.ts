import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../../examples/chat.ts";
import { openArchive } from "../../../examples/chat/archive/sqlite_archive.ts";
import { recordingIo } from "../../../tools/cli.ts";
import { runRunnable, startRunnable } from "../../_support/runnable.ts";
import { message, messages, user } from "./archive/entries.ts";

/** Registers a test with a folder of its own and a store of Ann and Bob in it. */
function test(name: string, body: (folder: string, store: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const store = `${folder}/chat.db`;
      {
        await using archive = openArchive(store);
        await archive.saveUsers([user(), user({ name: "Bob" })]);
        await archive.append([...messages(1, 3), message(4, { user: 2, name: "Bob" })]);
      }
      await body(folder, store);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Runs the chat with arguments that make it end by itself. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out, err: io.err };
}

async function texts(store: string): Promise<string[]> {
  await using archive = openArchive(store);
  return (await archive.history("#lobby", { limit: 99 })).messages.map(({ text }) => text);
}

test("--backup writes a copy while the chat runs", async (folder, store) => {
  const running = openArchive(store);
  await running.append([message(5)]);
  const copy = `${folder}/copy.db`;
  assertEquals(await run("--store", store, "--backup", copy), {
    code: 0,
    out: `backup written to ${copy}\n`,
    err: "",
  });
  await running.append([message(6)]);
  await running[Symbol.asyncDispose]();
  assertEquals((await Deno.stat(copy)).mode! & 0o777, 0o600);
  assertEquals((await texts(copy)).length, 5);
  assertEquals((await texts(store)).length, 6);
  const again = await run("--store", store, "--backup", copy);
  assertEquals(again.code, 1);
  assertMatch(again.err, /^chat: --backup: Cannot write the backup ".*copy\.db": it exists\n$/);
  const nowhere = await run("--store", store, "--backup", `${folder}/no/copy.db`);
  assertEquals(nowhere.code, 1);
  assertMatch(
    nowhere.err,
    /^chat: --backup: Cannot write the backup "[^\n]*": the folder "[^"]*\/no" does not exist; make it first\n$/,
  );
});

test("--export and --import move a store, by a file", async (folder, store) => {
  const [file, copy] = [`${folder}/chat.jsonl`, `${folder}/copy.db`];
  const { code, out } = await run("--store", store, "--export", file, "--json");
  assertEquals([code, JSON.parse(out)], [0, { export: file, lines: 9 }]);
  assertEquals(await run("--store", copy, "--import", file), {
    code: 0,
    out: "2 users and 4 messages imported\n",
    err: "",
  });
  assertEquals(await texts(copy), await texts(store));
  assertEquals((await run("--store", copy, "--export", "-")).out, await Deno.readTextFile(file));
  const again = await run("--store", copy, "--import", file);
  assertEquals(again.code, 1);
  assertMatch(again.err, /an import needs a new store, and it has content\n$/);
  const exists = await run("--store", store, "--export", file);
  assertEquals(exists.code, 1);
  assertMatch(exists.err, /^chat: [^\n]*exists[^\n]*\n$/);
});

test("--import names the bad line, and imports nothing", async (folder, store) => {
  const [file, copy] = [`${folder}/chat.jsonl`, `${folder}/copy.db`];
  const { out } = await run("--store", store, "--export", "-");
  const bytes = new TextEncoder().encode(out.replace("text 3", "text ?"));
  bytes[bytes.indexOf(0x3f)] = 0xff;
  await Deno.writeFile(file, bytes);
  const encoding = await run("--store", copy, "--import", file);
  assertEquals(encoding.code, 1);
  assertMatch(encoding.err, /^chat: --import: Cannot import line \d+: [^\n]* not UTF-8\n$/);
  await Deno.writeTextFile(file, out.replace('"seq":3', '"seq":true'));
  const field = await run("--store", copy, "--import", file);
  assertEquals(field.code, 1);
  assertMatch(field.err, /^chat: --import: Cannot import line 7: seq must be an integer[^\n]*\n$/);
  const missing = await run("--store", copy, "--import", `${folder}/no`);
  assertEquals(missing.code, 1);
  assertMatch(missing.err, /^chat: [^\n]*no[^\n]*\n$/);
  const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  assertEquals(left.filter((name) => name.startsWith("copy")), []);
});

test("--forget deletes users by id and by name", async (_folder, store) => {
  assertEquals(await run("--store", store, "--forget", "ANN", "--forget=2"), {
    code: 0,
    out: "3 messages of Ann (1) deleted\n1 messages of Bob (2) deleted\n",
    err: "",
  });
  assertEquals(await texts(store), []);
  const bytes = new TextDecoder("latin1").decode(await Deno.readFile(store));
  assert(!/text \d|Bob/.test(bytes), "the file still has a deleted text");
  const unknown = await run("--store", store, "--forget", "eve");
  assertEquals([unknown.code, unknown.err], [1, 'chat: --forget: the store has no user "eve"\n']);
});

test("--forget asks for an id if several users had the name", async (_folder, store) => {
  {
    await using archive = openArchive(store);
    await archive.append([message(5, { user: 2 })]);
  }
  const { code, err } = await run("--store", store, "--forget", "ann");
  assertEquals(code, 2);
  assertMatch(err, /2 users had the name "ann"; choose by id, [^\n]*--forget 2 --forget 1\n$/);
  assertEquals((await texts(store)).length, 5);
});

test("commands need a store, and each other's absence", async (folder, store) => {
  for (const name of ["backup", "export", "import", "forget"]) {
    const { code, err } = await run(`--${name}`, `${folder}/x`);
    assertEquals(code, 2);
    assertMatch(
      err,
      new RegExp(`^chat: Bad value for --${name}: [^\n]*--store FILE beside it\\)\n$`),
    );
    if (name === "import") continue;
    const missing = await run("--store", `${folder}/no.db`, `--${name}`, `${folder}/x`);
    assertEquals(missing.code, 1);
    assertMatch(missing.err, /^chat: --store: [^\n]*no\.db": the file does not exist\n$/);
  }
  const both = await run("--store", store, "--backup=a", "--export=b");
  assertEquals(both.code, 2);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "chat.db",
    "chat.db-lock",
  ]);
});

test(
  "a store that cannot be used ends the chat with one line that names --store",
  async (folder, store) => {
    await Deno.writeTextFile(`${folder}/notes`, "notes\n".repeat(1000));
    for (
      const [path, exitCode, reason] of [
        [folder, 2, /it is a folder/],
        [`${folder}/no/chat.db`, 2, /the folder "[^"]*no" does not exist/],
        [`${folder}/notes`, 1, /it is not a store of the chat/],
        [":memory:", 2, /expected the name of a file/],
      ] as const
    ) {
      const { code, out, err } = await run("--store", path, "--port=0", "--web-port=0");
      assertEquals([code, out], [exitCode, ""], err);
      assertMatch(err, reason);
      assertMatch(err, /^chat: [^\n]*--store[^\n]*\n$/);
    }
    await using _owner = openArchive(store);
    const { code, err } = await run("--store", store, "--port=0", "--web-port=0");
    assertEquals(code, 1);
    assertMatch(err, /^chat: --store: [^\n]*another process uses it; stop that process first\n$/);
  },
);

test("the chat says where it keeps messages", async (folder, store) => {
  for (
    const [args, line] of [
      [[], /messages are kept in memory only; --store FILE keeps them on disk/],
      [["--store", store], /messages are kept in \S*chat\.db, 4 messages and changes so far/],
      [["--store", `${folder}/new.db`], /messages are kept in \S*new\.db, a new store/],
    ] as const
  ) {
    await using server = await startRunnable("chat", ["--port=0", "--no-web", ...args], {
      permissions: ["-A"],
    });
    server.signal("SIGTERM");
    assertEquals(await server.exitCode(), 0, server.stderr);
    assertMatch(server.stderr, line);
  }
});

test("the chat names the permissions that --store needs: 3", async (folder, store) => {
  const { code, stderr } = await runRunnable("chat", ["--store", store]);
  assertEquals([code, stderr], [
    3,
    `chat: Permission is missing: run again with --allow-read=${folder} --allow-write=${folder}\n`,
  ]);
});

test("the chat removes what --keep-messages does not keep", async (_folder, store) => {
  const args = ["--port=0", "--no-web", "--store", store, "--keep-messages=1"];
  await using server = await startRunnable("chat", args, { permissions: ["-A"] });
  await server.until(({ stderr }) => stderr.includes("removed 3 messages"), "messages are removed");
  server.signal("SIGTERM");
  assertEquals(await server.exitCode(), 0, server.stderr);
  assertEquals(await texts(store), ["text 4"]);
});
