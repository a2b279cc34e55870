/** Attached files in the chat itself: upload, message, and what becomes of both. @module */

import { assertEquals } from "@std/assert";
import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { openFiles } from "../../../../examples/chat/files/open_files.ts";
import { Browser, lobby, type Message, serve } from "../_browser.ts";

/** A chat with files, and a user in it. */
async function start() {
  const archive = openArchive(":memory:");
  const opened = await openFiles({ records: archive, maxFile: 1000, maxTotal: 0 });
  const chat = lobby({ archive, maxFile: 1000 });
  const userOf = (token: string) => chat.userOf(token);
  const web = serve(chat, { files: { files: opened.files, userOf } });
  const ann = new Browser(web.url);
  const welcome = await ann.join("Ann");
  return {
    web,
    ann,
    welcome,
    async upload(token = welcome.token): Promise<string> {
      const headers = { authorization: `Bearer ${token}`, "x-file-name": "a.txt" };
      const response = await fetch(`${web.url}/files`, { method: "POST", headers, body: "hello" });
      return (await response.json()).id;
    },
    async statusOf(id: string): Promise<number> {
      const { status, body } = await fetch(`${web.url}/files/${id}`);
      await body?.cancel();
      return status;
    },
    async [Symbol.asyncDispose]() {
      await ann[Symbol.asyncDispose]();
      await web[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
      await archive[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a message with a file reaches everyone, and takes the file along when it is deleted", async () => {
  await using chat = await start();
  assertEquals((chat.welcome.limits as { maxFile: number }).maxFile, 1000);
  await using bob = new Browser(chat.web.url);
  await bob.join("Bob");
  const id = await chat.upload();
  chat.ann.send({ type: "say", id: 1, text: "", files: [id] });
  const own = await chat.ann.next("message");
  const expected = [{ id, name: "a.txt", type: "text/plain; charset=utf-8", size: 5 }];
  assertEquals([own.files, own.own], [expected, true]);
  assertEquals((await bob.next("message")).files, expected);
  assertEquals(await chat.statusOf(id), 200);
  chat.ann.send({ type: "delete", id: 2, target: own.seq });
  await bob.next("delete");
  assertEquals(await chat.statusOf(id), 404);
});

Deno.test("nobody attaches the file of another user, and no message is empty", async () => {
  await using chat = await start();
  await using bob = new Browser(chat.web.url);
  const { token } = await bob.join("Bob");
  const id = await chat.upload(token);
  const refusal = async (files: string[]): Promise<Message> => {
    chat.ann.send({ type: "say", id: 1, text: " ", files });
    return await chat.ann.next("error");
  };
  for (const files of [[id], ["f".repeat(32)]]) {
    const { code, id: line } = await refusal(files);
    assertEquals([code, line], ["no-such-file", 1]);
  }
  chat.ann.send({ type: "say", id: 2, text: "mine?", files: [id] });
  assertEquals((await chat.ann.next("message")).files, undefined);
});

Deno.test("a stranger cannot send files", async () => {
  await using chat = await start();
  const headers = { authorization: "Bearer secret-99" };
  const response = await fetch(`${chat.web.url}/files`, { method: "POST", headers, body: "x" });
  await response.body?.cancel();
  assertEquals(response.status, 401);
});
