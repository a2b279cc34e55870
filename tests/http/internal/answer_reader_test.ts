import { assertEquals, assertRejects } from "@std/assert";
import { AnswerReader } from "../../../http/internal/answer_reader.ts";
import { Http1Error } from "../../../http/http1/codec.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";

/** Returns a reader of these bytes, after which the server ends unless told otherwise. */
async function answered(text: string, method: "GET" | "CONNECT" = "GET", ends = true) {
  const [conn, server] = memoryPair();
  await server.write(text);
  if (ends) await server.closeWrite();
  const aborter = new AbortController();
  return {
    conn,
    aborter,
    reader: new AnswerReader(conn, method, aborter.signal),
    async [Symbol.asyncDispose]() {
      await Promise.all([conn.close(), server.close()]);
    },
  };
}

Deno.test("AnswerReader skips interim responses, and gives back the bytes behind the head", async () => {
  const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n";
  for (const [status, method] of [[101, "GET"], [200, "CONNECT"]] as const) {
    const text = `${interim}HTTP/1.1 ${status} Yes\r\nA: b\r\n\r\nlater\nmore`;
    await using peers = await answered(text, method);
    const head = await peers.reader.head();
    assertEquals([head.status, head.fields.get("a")], [status, "b"]);
    peers.reader.release();
    assertEquals(await peers.conn.readLine(), "later");
    assertEquals(await peers.conn.readLine(), "more");
  }
});

Deno.test("AnswerReader rejects a response that is missing, cut, malformed or only interim", async () => {
  const rows: [text: string, truncated: boolean][] = [
    ["", true],
    ["\r\n", true],
    ["HTTP/1.1 200", true],
    ["HTTP/1.0 100 Continue\r\n\r\n", true],
    ["nonsense\r\n\r\n", false],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(200), false],
  ];
  for (const [text, truncated] of rows) {
    await using peers = await answered(text);
    const error = await assertRejects(() => peers.reader.head(), Http1Error);
    assertEquals(error.truncated, truncated, text.slice(0, 40));
  }
});

Deno.test("AnswerReader recognises a server that speaks TLS", async () => {
  const alert = "\x15\x03\x03\x00\x02\x02\x32";
  await using peers = await answered(alert);
  await assertRejects(() => peers.reader.head(), Http1Error, "It speaks TLS: use a URL with wss:");
});

Deno.test("AnswerReader keeps at most 1 KiB of a body, and waits for no more than an abort", async () => {
  const head = "HTTP/1.1 403 No\r\nContent-Length: 5000\r\n\r\n";
  await using long = await answered(head + "é".repeat(2500), "CONNECT");
  await long.reader.head();
  assertEquals(await long.reader.beginning(), "é".repeat(512));
  await using cut = await answered(`${head}part`);
  await cut.reader.head();
  assertEquals(await cut.reader.beginning(), "part");
  await using silent = await answered(head, "GET", false);
  await silent.reader.head();
  const reading = silent.reader.beginning();
  silent.aborter.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
});

Deno.test("AnswerReader tells whether a response was repaired", async () => {
  for (const [end, repaired] of [["\r\n", false], ["\n", true]] as const) {
    await using peers = await answered(`HTTP/1.1 101 Yes${end}A: b${end}${end}`);
    await peers.reader.head();
    assertEquals(peers.reader.repaired, repaired);
  }
});
