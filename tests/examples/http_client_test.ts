/** `examples/http_client.ts`: what it sends and prints. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../examples/http_client.ts";
import { recordingIo } from "../../tools/cli.ts";
import { temporaryFolder } from "../_support/repository.ts";
import { deadPort, echo, RawServer, serve } from "../_support/http_servers.ts";

async function run(...args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out, err: io.err };
}

Deno.test("http_client sends parameters, headers and every kind of body", async () => {
  await using server = echo();
  await using folder = await temporaryFolder();
  const file = `${folder.path}/notes.txt`;
  await Deno.writeTextFile(file, "from a file");
  const ask = async (...args: string[]) => {
    const { code, out, err } = await run(...args);
    assertEquals([code, err], [0, ""]);
    return JSON.parse(out);
  };
  const { url } = server;
  const got = await ask("GET", `${url}a?x=1`, "-p", "y=a b", "-p", "y=c", "-H", "X-Team: one: two");
  assertEquals([got.method, got.url], ["GET", "/a?x=1&y=a+b&y=c"]);
  assertEquals(got.headers["x-team"], "one: two");
  const json = await ask("POST", url, "-d", '{"name": "ada"}');
  assertEquals([json.body, json.headers["content-type"]], ['{"name":"ada"}', "application/json"]);
  const form = await ask("POST", url, "-F", "a=1", "-F", "a=2 3");
  assertEquals(form.body, "a=1&a=2+3");
  const upload = await ask("PUT", url, "-F", "a=1", "--upload", `notes=${file}`);
  assert(upload.headers["content-type"].startsWith("multipart/form-data"));
  for (const part of ['name="a"', 'filename="notes.txt"', "from a file"]) {
    assertStringIncludes(upload.body, part);
  }
  assertEquals((await ask("PATCH", url, "--body", file)).body, "from a file");
  assertEquals(
    (await ask("GET", url, "-u", "a:b:c")).headers.authorization,
    `Basic ${btoa("a:b:c")}`,
  );
  assertEquals((await ask("GET", url, "--bearer", "tok")).headers.authorization, "Bearer tok");
});

Deno.test("http_client takes a URL alone for a GET", async () => {
  await using server = echo();
  const { code, out } = await run(`${server.url}a`, "-p", "b=1");
  const { method, url } = JSON.parse(out);
  assertEquals([code, method, url], [0, "GET", "/a?b=1"]);
});

Deno.test("http_client --json prints status, headers, body and history as one value", async () => {
  await using server = serve(({ url }) =>
    url.endsWith("/old")
      ? new Response(null, { status: 302, headers: { location: "/new" } })
      : Response.json({ a: [1] }, { headers: { "x-a": "b" } })
  );
  const { code, out } = await run("GET", `${server.url.replace("//", "//u:secret@")}old`, "--json");
  const { status, headers, body, history, url } = JSON.parse(out);
  assertEquals([code, status, headers["x-a"], body], [0, 200, "b", { a: [1] }]);
  assertEquals([url, history.length], [`${server.url}new`, 1]);
  assert(!out.includes("secret"), out);
});

Deno.test("http_client --output saves the bytes as they are, and goes on where it was cut off", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/data.bin`;
  const data = crypto.getRandomValues(new Uint8Array(50_000));
  await using server = new RawServer((index, head) => {
    const from = Number(/^range: bytes=(\d+)-/im.exec(head)?.[1] ?? 0);
    const about = from === 0
      ? "HTTP/1.1 200 OK"
      : `HTTP/1.1 206 Partial Content\r\nContent-Range: bytes ${from}-49999/50000`;
    const text = `${about}\r\nETag: "1"\r\nContent-Length: ${
      50_000 - from
    }\r\nConnection: close\r\n\r\n`;
    const end = index === 0 ? 20_000 : data.length;
    return new Uint8Array([...new TextEncoder().encode(text), ...data.subarray(from, end)]);
  });
  const cut = await run("GET", server.url, "-o", file);
  assertEquals([cut.code, cut.out], [1, ""], cut.err);
  const whole = await run("GET", server.url, "-o", file, "--json");
  assertEquals([whole.code, whole.err], [0, ""]);
  assertEquals(JSON.parse(whole.out), {
    path: file,
    size: 50_000,
    resumedFrom: 20_000,
    resumptions: 0,
  });
  assertEquals(await Deno.readFile(file), data);
  const plain = await run("GET", server.url, "-o", file);
  assertEquals([plain.code, plain.out], [0, `50000 bytes in ${file}\n`]);
  const small = await run("GET", server.url, "-o", file, "--max-body=1KiB");
  assertEquals([small.code, small.out], [1, ""]);
  assertEquals(await Deno.readFile(file), data);
  for (const [method, ...more] of [["POST"], ["GET", "-i"]]) {
    const { code, err } = await run(method!, server.url, "-o", file, ...more);
    assertEquals(code, 2);
    assertStringIncludes(err, "--output");
  }
});

Deno.test("http_client fails in one line that says why, and shows no secret", async () => {
  await using server = serve(() => new Response("no\x1b[2J", { status: 404 }));
  await using silent = new RawServer("", "hold");
  const at = (url: string) => url.replace("//", "//u:secret@");
  const rows: [code: number, says: RegExp, args: string[]][] = [
    [1, /404/, ["GET", at(server.url)]],
    [1, /refused/, ["GET", at(`http://127.0.0.1:${deadPort()}/`)]],
    [1, /head|headers|answer/, ["GET", at(silent.url), "--headers-timeout=50ms"]],
    [2, /url/, ["GET", "ftp://h/"]],
    [2, /url/, ["ftp://h/"]],
    [2, /the URL after POST/, ["POST"]],
    [1, /404/, [at(server.url)]],
    [2, /url/, ["GET", "ftp://u:secret@h/"]],
    [2, /method/, ["CONNECT", "http://h/"]],
    [2, /method/, ["GET", "http://h/", "-d", "1"]],
    [2, /--data/, ["POST", "http://h/", "-d", "{"]],
    [2, /--user/, ["GET", "http://h/", "-u", "secret"]],
    [2, /--header/, ["GET", "http://h/", "-H", "no colon"]],
    [2, /--header/, ["GET", "http://h/", "-H", "X: a\r\nEvil: b"]],
    [1, /no-such-file/, ["POST", "http://h/", "--body", "/no-such-file"]],
  ];
  for (const [code, says, args] of rows) {
    const result = await run(...args);
    assertEquals([result.code, result.out], [code, ""], `${args}: ${result.err}`);
    assert(/^[^\n]*\n$/.test(result.err) && says.test(result.err), `${args}: ${result.err}`);
    assert(!result.err.includes("secret") && !result.err.includes("\x1b"), result.err);
  }
});
