/** `examples/http_client.ts`: what it sends and prints. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { main } from "../../examples/http_client.ts";
import { developmentCertificate } from "../../net/tls/certificate.ts";
import { type CliIo, recordingIo } from "../../tools/cli.ts";
import { temporaryFolder } from "../_support/repository.ts";
import { deadPort, echo, RawServer, serve } from "../_support/http_servers.ts";

async function run(...args: string[]) {
  return await runWith({}, ...args);
}

/** Runs the program on a terminal, or with other replacements of its process. */
async function runWith(replaced: Partial<CliIo>, ...args: string[]) {
  const io = recordingIo(replaced);
  const code = await main(args, io);
  return { code, out: io.out, err: io.err, bytes: io.outBytes };
}

const TERMINAL = { stdoutIsTerminal: true };

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
  for (const more of [["-i"], ["-O"]]) {
    const { code, err } = await run("GET", server.url, "-o", file, ...more);
    assertEquals(code, 2);
    assertStringIncludes(err, "--output");
  }
});

Deno.test("http_client --output works with every method, and -O takes the name of the server", async () => {
  await using folder = await temporaryFolder();
  await using server = serve(async (request) =>
    new Response(`${request.method} ${await request.text()}`, {
      status: request.url.endsWith("bad") ? 422 : 200,
    })
  );
  const file = `${folder.path}/a`;
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    const { code, out, err } = await run(method, server.url, "-d", "1", "-o", file);
    assertEquals([code, out, err], [0, `${method.length + 2} bytes in ${file}\n`, ""]);
    assertEquals(await Deno.readTextFile(file), `${method} 1`);
  }
  for (const more of [["POST", `${server.url}bad`, "-d", "1"], ["GET", `${server.url}bad`]]) {
    const { code, out, err } = await run(...more, "-o", file);
    assertEquals([code, await Deno.readTextFile(file)], [1, "DELETE 1"]);
    assert(out.startsWith(more[0]!) && err.includes("422"), out + err);
  }
  assertEquals((await run("POST", server.url, "-d", "1", "-o", folder.path)).code, 2);
  if (Deno.build.os !== "windows") {
    const { out } = await run("GET", server.url, "-o", "/dev/null");
    assertEquals(out, "4 bytes in /dev/null\n");
  }
  assertEquals((await run("GET", server.url, "-o", "-")).out, "GET ");
  assertEquals((await run("POST", server.url, "-O", "-d", "1")).code, 2);
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["a"]);
});

Deno.test("http_client writes the bytes of a body to a pipe, and safe text to a terminal", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  let [type, body]: [string, BodyInit] = ["application/octet-stream", bytes];
  await using server = serve(() => new Response(body, { headers: { "content-type": type } }));
  const piped = await run(server.url);
  assertEquals([piped.code, piped.bytes], [0, bytes]);
  const shown = await runWith(TERMINAL, server.url);
  assertEquals([shown.code, shown.out.split(";")[0]], [0, "256 bytes of application/octet-stream"]);
  assertEquals((await runWith(TERMINAL, server.url, "-o", "-")).bytes, bytes);
  [type, body] = ["text/plain; charset=latin1", Uint8Array.of(0xe9, 0x1b, 10, 0x61)];
  assertEquals((await runWith(TERMINAL, server.url)).out, "é\\x1B\na\n");
  [type, body] = ["application/json", '{"a":[1,"\\u001b"]}'];
  assertEquals(
    (await runWith(TERMINAL, server.url)).out,
    '{\n  "a": [\n    1,\n    "\\u001b"\n  ]\n}\n',
  );
  assertEquals((await run(server.url)).out, body);
  body = "{broken";
  assertEquals((await runWith(TERMINAL, server.url)).out, "{broken\n");
  const { out } = await runWith({ ...TERMINAL }, server.url, "-i");
  assertStringIncludes(out, "200 OK\ncontent-length: 7\n");
  assert(out.endsWith("\n\n{broken\n"), out);
});

Deno.test("http_client shows the body of an error, and fails", async () => {
  await using server = serve(() => Response.json({ error: "no name" }, { status: 422 }));
  for (const json of [[], ["--json"]]) {
    const { code, out, err } = await run("GET", server.url, ...json);
    assertEquals(code, 1);
    assertStringIncludes(out, '"error":"no name"');
    assert(/^[^\n]*422 Unprocessable Entity\n$/.test(err), err);
  }
  // Only the beginning is read for the details of a problem, but all of it is printed.
  await using large = serve(() => new Response("x".repeat(200_000), { status: 500 }));
  const { code, out } = await run("GET", large.url);
  assertEquals([code, out.length], [1, 200_000]);
});

Deno.test("http_client --json tells every cookie, and bodies of any kind", async () => {
  const rows: [BodyInit, string, Record<string, unknown>][] = [
    ["x", "text/plain", { body: "x" }],
    ["{x", "application/json", { body: "{x" }],
    ["0", "application/json", { body: 0 }],
    [Uint8Array.of(1, 0), "text/plain", { bodyBase64: "AQA=" }],
    ["PK", "application/zip", { bodyBase64: "UEs=" }],
  ];
  for (const [body, type, expected] of rows) {
    const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
    headers.set("content-type", type);
    await using server = serve(() => new Response(body, { headers }));
    const { headers: told, body: text, bodyBase64 } = JSON.parse(
      (await run("GET", server.url, "--json")).out,
    );
    assertEquals(told["set-cookie"], ["a=1", "b=2"]);
    const got = { ...text !== undefined && { body: text }, ...bodyBase64 && { bodyBase64 } };
    assertEquals(got, expected);
  }
});

Deno.test("http_client takes what curl and HTTPie users type", async () => {
  await using server = echo();
  const ask = async (...args: string[]) => {
    const { code, out, err } = await run(...args);
    assertEquals([code, err], [0, ""]);
    const { method, url, body } = JSON.parse(out);
    return `${method} ${url} ${body}`;
  };
  const { url, port } = server;
  assertEquals(await ask(`127.0.0.1:${port}/a`), "GET /a ");
  assertEquals(await ask(`:${port}/a`), "GET /a ");
  assertEquals(await ask(`localhost:${port}`), "GET / ");
  assertEquals(await ask(url, "-d", "1"), "POST / 1");
  assertEquals(await ask(url, "-F", "a=1", "-X", "PUT"), "PUT / a=1");
  assertEquals(await ask("delete", url), "DELETE / ");
  assertEquals(await ask("-X", "PATCH", url), "PATCH / ");
  assertStringIncludes((await run("HEAD", url)).out, "200 OK\ncontent-");
});

Deno.test("http_client goes through a proxy and a Unix socket, and shows a certificate", async () => {
  const asked: string[] = [];
  await using proxy = new RawServer((_, head) => {
    asked.push(head.split("\r\n")[0]!);
    return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
  });
  const viaProxy = await run("GET", "http://a.test/x", "--proxy", proxy.url);
  assertEquals([viaProxy.out, asked], ["ok", ["GET http://a.test/x HTTP/1.1"]]);
  const rows: [RegExp, string[]][] = [
    [/--cert/, ["--cert", "a.pem"]],
    [/--key/, ["--key", "a.pem"]],
    [/--proxy/, ["--proxy", "gopher://a:secret@b/"]],
  ];
  for (const [says, args] of rows) {
    const { code, err } = await run("GET", "http://a.test/", ...args);
    assertEquals(code, 2);
    assert(says.test(err) && !err.includes("secret"), err);
  }
  if (Deno.build.os === "windows") return;
  await using folder = await temporaryFolder();
  const path = `${folder.path}/s`;
  await using _server = Deno.serve({ path, onListen() {} }, () => new Response("of the socket"));
  assertEquals((await run("http://any/", "--unix-socket", path)).out, "of the socket");
});

Deno.test("http_client fails in one line that says why, and shows no secret", async () => {
  await using server = serve(() => new Response(null, { status: 404 }));
  await using silent = new RawServer("", "hold");
  await using large = serve(() => new Response("large"));
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
    [2, /--data/, ["POST", "http://h/", "-d", "{"]],
    [2, /--user/, ["GET", "http://h/", "-u", "secret"]],
    [2, /--header/, ["GET", "http://h/", "-H", "no colon"]],
    [2, /--header/, ["GET", "http://h/", "-H", "X: a\r\nEvil: b"]],
    [1, /no-such-file/, ["POST", "http://h/", "--body", "/no-such-file"]],
    [2, /--data.*--body/, ["http://h/", "-d", "@file"]],
    [2, /--request.*METHOD/, ["GET", "http://h/", "-X", "PUT"]],
    [2, /Content-Length must be 1/, [server.url, "-d", "1", "-H", "Content-Length: 9"]],
    [2, /--digest.*--user/, ["http://h/", "--digest"]],
    [2, /--bearer.*--user/, ["http://h/", "--bearer", "secret", "-u", "a:secret"]],
    [2, /--unix-socket.*--proxy/, ["http://h/", "--unix-socket", "s", "-x", "127.0.0.1:1"]],
    [2, /--http2.*--pin/, ["https://h/", "--http2", "--pin", `sha256/${"A".repeat(43)}=`]],
    [1, /set --max-body/, ["GET", `${large.url}`, "--max-body=1"]],
    [1, /within 50 ms \(total\)/, ["GET", silent.url, "-t", "50ms", "-o", "never-made"]],
  ];
  for (const [code, says, args] of rows) {
    const result = await run(...args);
    assertEquals([result.code, result.out], [code, ""], `${args}: ${result.err}`);
    assert(/^[^\n]*\n$/.test(result.err) && says.test(result.err), `${args}: ${result.err}`);
    assert(!result.err.includes("secret") && !result.err.includes("\x1b"), result.err);
  }
});

Deno.test("http_client names a key that does not fit, and both permissions of a file", async () => {
  await using folder = await temporaryFolder();
  const [one, two] = [await developmentCertificate(), await developmentCertificate()];
  await Deno.writeTextFile(`${folder.path}/cert.pem`, one.cert);
  await Deno.writeTextFile(`${folder.path}/key.pem`, two.key);
  const files = ["--cert", `${folder.path}/cert.pem`, "--key", `${folder.path}/key.pem`];
  const { code, err } = await run("https://127.0.0.1:1/", ...files);
  assertEquals(code, 2);
  assert(/^http-client: Cannot use --cert, --key or --ca: [^\n]*\n$/.test(err), err);
  await using server = echo();
  const program = new URL("../../examples/http_client.ts", import.meta.url).pathname;
  const { code: missing, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "--allow-net", program, server.url, "-o", "some/file"],
    stdin: "null",
  }).output();
  assertEquals([missing, new TextDecoder().decode(stderr)], [
    3,
    "http-client: Permission is missing: run again with --allow-read=some --allow-write=some\n",
  ]);
});

Deno.test("http_client --verbose shows interim responses and trailers", async () => {
  await using server = new RawServer(
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n" +
      "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n",
  );
  const { out, err } = await run(server.url, "-v");
  assertEquals(out, "ok");
  assertEquals(err.split("\n").filter((line) => line.startsWith("<")), [
    "< 103",
    "< link: </a.css>",
    "< ",
    "< 200",
    "< transfer-encoding: chunked",
    "< ",
    "< x-sum: 42",
  ]);
});

Deno.test("http_client --connect-timeout goes through a proxy, too", async () => {
  await using proxy = new RawServer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const { out, err } = await run("http://h/", "-x", proxy.url, "--connect-timeout", "10s");
  assertEquals([out, err, proxy.heard[0]!.split("\r\n")[0]], ["ok", "", "GET http://h/ HTTP/1.1"]);
});

Deno.test("http_client --cookie-jar keeps cookies in the format of curl, for nobody else", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/jar`;
  await using server = serve((request) =>
    new Response(request.headers.get("cookie"), {
      status: request.url.endsWith("bad") ? 401 : 200,
      headers: { "set-cookie": `id=${request.url.split("/").at(-1)}; Max-Age=60` },
    })
  );
  const other = `${folder.path}/notes`;
  await Deno.writeTextFile(other, "# no\ncookies\n");
  assertEquals((await run(server.url, "-c", other)).code, 2);
  assertEquals(await Deno.readTextFile(other), "# no\ncookies\n");
  assertEquals((await run(`${server.url}1`, "-c", file)).out, "");
  assertEquals((await run(`${server.url}bad`, "-c", file)).out, "id=1");
  assertEquals((await run(server.url, "-c", file)).out, "id=bad");
  assertStringIncludes(await Deno.readTextFile(file), "127.0.0.1\tFALSE\t/\tFALSE\t");
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
});

Deno.test("http_client --timings shows a waterfall, and --json has the numbers", async () => {
  await using server = echo();
  const { out, err, code } = await run("GET", server.url, "--timings");
  assertEquals([code, JSON.parse(out).method], [0, "GET"]);
  const rows = err.trimEnd().split("\n");
  assertEquals(
    rows.map((row) => row.split(" ")[0]),
    ["queue", "resolve", "connect", "tls", "send", "wait", "body", "total"],
  );
  for (const row of rows) assert(/^[a-z]+ +\d+\.\d ms /.test(row), row);
  assertStringIncludes(rows.at(-1)!, `127.0.0.1:${server.port}`);
  const { timings } = JSON.parse((await run(server.url, "--timings", "--json")).out);
  assert(timings.total >= timings.firstByte && timings.connect >= 0, JSON.stringify(timings));
  assertEquals((await run(server.url, "--timings", "-o", "x")).code, 2);
});

Deno.test("http_client --verbose shows heads without secrets, and GET may have a body", async () => {
  await using server = new RawServer(
    "HTTP/1.1 200 OK\r\nSet-Cookie: id=secret\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
  );
  const { out, err } = await run("GET", `${server.url}a?b=1`, "-d", "1", "-v", "-u", "ada:secret");
  for (const field of ["Cookie: secret", "Authorization: secret", "X-Api-Key: secret= a"]) {
    const { err } = await run("GET", server.url, "-v", "-H", field);
    assertStringIncludes(err, `${field.split(":")[0]!.toLowerCase()}: …\n`);
    assert(!err.includes("secret"), err);
  }
  assertEquals(out, "ok");
  assert(server.heard[0]!.startsWith("GET /a?b=1 ") && server.heard[0]!.endsWith("\r\n\r\n1"));
  for (
    const line of ["> GET /a?b=1 (", "> authorization: Basic …", "< 200", "< set-cookie: id …"]
  ) {
    assertStringIncludes(err, line);
  }
  assert(!err.includes("secret") && !err.includes(btoa("ada:secret")), err);
});

Deno.test("http_client --digest never sends the password", async () => {
  const heard: string[] = [];
  await using server = serve((request) => {
    const authorization = request.headers.get("authorization");
    heard.push(authorization?.split(",")[0] ?? "none");
    const headers = { "www-authenticate": 'Digest realm="here", nonce="n", qop="auth"' };
    return new Response("ok", authorization === null ? { status: 401, headers } : {});
  });
  const { code, out } = await run(server.url, "-u", "ada:secret", "--digest");
  assertEquals([code, out, heard], [0, "ok", ["none", 'Digest username="ada"']]);
});

Deno.test("http_client speaks HTTP/2 with --http2, and trusts --ca", async () => {
  await using folder = await temporaryFolder();
  const { cert, key, ca } = await developmentCertificate();
  await Deno.writeTextFile(`${folder.path}/ca.pem`, ca);
  await using server = Deno.serve({ port: 0, cert, key, onListen() {} }, (_, { completed }) => {
    completed.catch(() => {});
    return new Response("over TLS");
  });
  const url = `https://localhost:${server.addr.port}/`;
  for (const more of [[], ["--http2"]]) {
    const { code, out, err } = await run(url, "--ca", `${folder.path}/ca.pem`, ...more);
    assertEquals([code, out, err], [0, "over TLS", ""]);
  }
  assertEquals((await run(url)).code, 1);
  const fingerprint = new X509Certificate(cert).fingerprint256;
  assertEquals((await run(url, "--pin", fingerprint)).out, "over TLS");
  const wrong = await run(url, "--pin", fingerprint.replace(/^../, "00"));
  assertEquals([wrong.code, wrong.out], [1, ""]);
  assertStringIncludes(wrong.err, "pin");
  const malformed = await run(url, "--pin", "nonsense");
  assertEquals(malformed.code, 2, malformed.err);
});
