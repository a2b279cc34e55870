import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Item, Mailbox } from "../../../examples/mail/mailbox.ts";
import { type Call, COMMANDS } from "../../../examples/mail/show.ts";
import { defineCli, recordingIo } from "../../../tools/cli.ts";
import { temporaryFolder } from "../../_support/repository.ts";

const cli = defineCli({ name: "mail", summary: "Shows mail.", flags: {}, permissions: {} });

const MESSAGE = [
  "From: Ann <ann@a.test>",
  "To: bob@b.test",
  "Date: 1 Jul 2003 10:52:37 +0200",
  "Subject: a\x1b[2Jb",
  "Content-Type: multipart/mixed; boundary=x",
  "",
  "--x",
  "Content-Type: text/html",
  "",
  "<p>one<p>two",
  "--x",
  "Content-Type: application/x; name=a.bin",
  "",
  "12",
  "--x",
  "Content-Type: application/x",
  "",
  "345",
  "--x--",
].join("\r\n");

/** Runs a command on a mailbox with one message. */
async function run(command: string, call: Partial<Call> = {}, message = MESSAGE) {
  const bytes = new TextEncoder().encode(message);
  const item: Item = { id: "7", size: bytes.length, head: bytes };
  const calls: string[] = [];
  const mailbox: Mailbox = {
    folders: () => Promise.resolve(["INBOX", "Sent"]),
    list: (limit) => Promise.resolve([item].slice(0, limit)),
    message: () => Promise.resolve(new Blob([bytes]).stream()),
    remove: (id) => Promise.resolve(void calls.push(`remove ${id}`)),
    async *watch() {
      yield item;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(void calls.push("closed")),
  };
  const io = recordingIo();
  const open = () => Promise.resolve(mailbox);
  const code = await cli.run([], io, async (_values, ctx) => {
    const given = { open, id: undefined, limit: 10, output: ".", json: false, ...call };
    await COMMANDS[command]!({ ...given, ctx });
  });
  return { code, out: io.out, err: io.err, calls };
}

Deno.test("folders and list print a line each, or JSON", async () => {
  assertEquals((await run("folders")).out, "INBOX\nSent\n");
  assertEquals((await run("folders", { json: true })).out.split("\n")[0], '{"folder":"INBOX"}');
  const line = "    7  2003-07-01 08:52  Ann <ann@a.test>          a\\x1B[2Jb\n";
  const { out, calls } = await run("list");
  assertEquals([out, calls], [line, ["closed"]]);
  assertEquals((await run("watch")).out, line);
  const json = JSON.parse((await run("list", { json: true })).out);
  assertEquals([json.id, json.from, json.to, json.date], [
    "7",
    "Ann <ann@a.test>",
    "bob@b.test",
    "2003-07-01T08:52:37.000Z",
  ]);
  // A header that says nothing.
  assertEquals((await run("list", {}, "X: y\r\n\r\n")).out.trim(), "7");
});

Deno.test("show prints the header, the names of the files, and HTML as text", async () => {
  const { out, calls } = await run("show", { id: "7" });
  assertEquals(out.split("\n").slice(0, 5), [
    "from: Ann <ann@a.test>",
    "to: bob@b.test",
    "date: 2003-07-01T08:52:37.000Z",
    "subject: a\\x1B[2Jb",
    "attachments: a.bin, (no name)",
  ]);
  assertStringIncludes(out, "one\n\ntwo");
  assertEquals(calls, ["closed"]);
  const json = JSON.parse((await run("show", { id: "7", json: true })).out);
  assertEquals([json.subject, json.attachments], ["a\x1b[2Jb", ["a.bin", "(no name)"]]);
});

Deno.test("save writes each file once, and never over another one", async () => {
  await using folder = await temporaryFolder();
  const output = `${folder.path}/mail`;
  const { code, out } = await run("save", { id: "7", output });
  const paths = out.trimEnd().split("\n");
  assertEquals([code, paths.length, paths[0]], [0, 2, `${output}/a.bin`]);
  assertEquals(await Promise.all(paths.map((path) => Deno.readTextFile(path))), ["12", "345"]);
  const again = await run("save", { id: "7", output });
  assertEquals(again.code, 1, again.err);
  const json = await run("save", { id: "7", output: `${output}2`, json: true });
  assertEquals(JSON.parse(json.out.split("\n")[0]!), { path: `${output}2/a.bin`, bytes: 2 });
  const none = await run("save", { id: "7", output: `${output}3` }, "Subject: a\r\n\r\nb");
  assertEquals([none.code, none.out], [0, ""]);
  assertStringIncludes(none.err, "the message has no attachments");
});

Deno.test("a command for one message needs its number, before it connects", async () => {
  for (const command of ["show", "save", "delete"]) {
    const { code, err, calls } = await run(command);
    assertEquals([code, calls], [2, []]);
    assertStringIncludes(err, "Missing argument: the message, by its number in the list");
    for (const id of ["0", "-1", "1.5", "a", "12345678901"]) {
      assertStringIncludes((await run(command, { id })).err, `Bad value for the message: "${id}"`);
    }
  }
  const deleted = await run("delete", { id: "7" });
  assertEquals([deleted.out, deleted.calls], ["deleted 7\n", ["remove 7", "closed"]]);
  assertEquals((await run("delete", { id: "7", json: true })).out, '{"deleted":"7"}\n');
});

Deno.test("save asks for the permission for its folder, and names the flag: 3", {
  permissions: { write: false },
}, async () => {
  const { code, err } = await run("save", { id: "7", output: "some" });
  assertEquals([code, err], [
    3,
    "mail: Permission is missing: run again with --allow-write=some\n",
  ]);
});
