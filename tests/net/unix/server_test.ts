import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectUnix } from "../../../net/unix/client.ts";
import { serveUnix, type ServeUnixOptions } from "../../../net/unix/server.ts";
import { conformance } from "../../_support/conformance.ts";
import { needs, pythonWith } from "../../_support/peers.ts";

const windows = Deno.build.os === "windows";

/** A path in a folder of its own, gone afterwards. */
async function withPath(run: (path: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await run(`${dir}/app.sock`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function test(name: string, run: (path: string) => Promise<void>): void {
  Deno.test({ name, ignore: windows, fn: () => withPath(run) });
}

function serve(path: string, options: Partial<ServeUnixOptions> = {}) {
  return serveUnix({ path, lingerTimeout: 50, ...options }, async (conn) => {
    for await (const line of conn.lines()) await conn.write(`you said ${line}\n`);
  });
}

async function asks(path: string, line: string): Promise<string | null> {
  await using conn = await connectUnix({ path, lingerTimeout: 50 });
  await conn.write(`${line}\n`);
  return await conn.readLine({ timeout: 30_000 });
}

/** The file of a server that died without cleaning up. */
async function leaveStale(path: string): Promise<void> {
  const script = `const l = Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} });
    console.log("up"); await l.accept();`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", script],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGKILL");
  await reader.cancel();
  await child.status;
  assert((await Deno.lstat(path)).isSocket);
}

test("serveUnix() serves the user alone, and its file goes with it", async (path) => {
  await using server = await serve(path);
  assertEquals([server.url, server.addr.path], [`unix://${path}`, path]);
  assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
  assertEquals(await asks(path, "hello"), "you said hello");
  const report = await server.shutdown();
  assertEquals(report.forced, 0);
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  await using again = await serve(path, { mode: 0o660 });
  assertEquals((await Deno.lstat(again.addr.path)).mode! & 0o777, 0o660);
});

test("a stale socket file is taken over", async (path) => {
  await leaveStale(path);
  const dead = await assertRejects(() => connectUnix({ path }), NetError);
  assertEquals(dead.kind, "refused");
  await using _server = await serve(path);
  assertEquals(await asks(path, "new"), "you said new");
});

test("a socket that somebody listens on is never taken over, be its backlog full", async (path) => {
  await using _server = await serve(path);
  const error = await assertRejects(() => serve(path), NetError);
  assertEquals([error.kind, error.phase], ["address-in-use", "listen"]);
  assertEquals(error.message, `Cannot listen on unix:${path}: somebody listens there`);
  assertEquals(await asks(path, "mine"), "you said mine");
});

test("a file or folder that is no socket is never touched", async (path) => {
  await Deno.writeTextFile(path, "precious");
  const error = await assertRejects(() => serve(path), NetError, "no socket");
  assertEquals(error.kind, "address-in-use");
  assertEquals(await Deno.readTextFile(path), "precious");
  const link = `${path}.link`;
  await Deno.symlink(path, link);
  await assertRejects(() => serve(link), NetError, "no socket");
  await Deno.mkdir(`${path}.d`);
  await assertRejects(() => serve(`${path}.d`), NetError, "no socket");
});

test("of many servers that start at once on a stale file, one gets it", async (path) => {
  await leaveStale(path);
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => serve(path)));
  const won = results.filter((result) => result.status === "fulfilled");
  assertEquals(won.length, 1);
  assertEquals(await asks(path, "who"), "you said who");
  for (const result of results) {
    if (result.status === "rejected") assertEquals(result.reason.kind, "address-in-use");
    else await result.value.shutdown();
  }
});

test("a server that is closing has the address until it is closed", async (path) => {
  for (let i = 0; i < 10; i++) {
    const closing = (await serve(path)).shutdown();
    const next = await serve(path).catch((error: NetError) => error);
    await closing;
    if (next instanceof NetError) assertEquals(next.kind, "address-in-use");
    else {
      assertEquals(await asks(path, "who"), "you said who");
      await next.shutdown();
    }
  }
});

test("limits hold on Unix sockets too", async (path) => {
  await using server = await serve(path, { maxConnections: 1, whenFull: "refuse" });
  await using first = await connectUnix({ path, lingerTimeout: 50 });
  await first.write("x\n");
  assertEquals(await first.readLine({ timeout: 30_000 }), "you said x");
  await using second = await connectUnix({ path, lingerTimeout: 50 });
  const end = await second.readLine({ timeout: 30_000 }).catch((error: NetError) => error.kind);
  assert(end === null || end === "reset");
  assertEquals(server.stats().refused, 1);
});

test("wrong paths are told apart", async (path) => {
  const folder = await assertRejects(() => serve(`${path}/none/app.sock`), NetError);
  assertEquals([folder.kind, folder.phase], ["address-unavailable", "listen"]);
  await assertRejects(() => serve(`${path}${"x".repeat(200)}`), NetError, "SUN_LEN");
  await assertRejects(() => serve(""), TypeError);
  await assertRejects(() => serve("a\0b"), TypeError);
  await assertRejects(() => serve(path, { mode: 0o1777 }), RangeError, "mode");
  await assertRejects(() => connectUnix({ path: "a\0b" }), TypeError);
  const none = await assertRejects(() => connectUnix({ path }), NetError);
  assertEquals([none.kind, none.code], ["refused", "ENOENT"]);
  const stop = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => connectUnix({ path, signal: stop }), Error, "enough");
});

Deno.test({
  name: "a missing permission for a Unix socket names a flag",
  ignore: windows,
  permissions: { read: false, write: false, net: false },
  async fn() {
    for (const run of [() => serve("/tmp/x.sock"), () => connectUnix({ path: "/tmp/x.sock" })]) {
      const error = await assertRejects(run, NetError);
      assertEquals(error.kind, "permission");
      assert(error.permission?.startsWith("--allow-"), error.message);
    }
  },
});

if (!windows) {
  conformance("serveUnix", async (options) => {
    const dir = await Deno.makeTempDir();
    const path = `${dir}/app.sock`;
    const { promise, resolve } = Promise.withResolvers<Connection>();
    const server = await serveUnix({ path, idleTimeout: 0, ...options }, async (conn) => {
      resolve(conn);
      await conn.closed;
    });
    const client = await connectUnix({ path, ...options });
    const peer = await promise;
    await Deno.remove(dir, { recursive: true });
    return [client, peer, server];
  });
}

const python = pythonWith();

Deno.test({
  name: `Python's socket talks to serveUnix()${needs("python3").suffix}`,
  ignore: windows || python === undefined,
  fn: () =>
    withPath(async (path) => {
      await using _server = await serve(path);
      const script = `import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1])
s.sendall(b"hi\\n"); print(s.makefile().readline(), end="")`;
      const { stdout } = await new Deno.Command(python!, { args: ["-c", script, path] }).output();
      assertEquals(new TextDecoder().decode(stdout), "you said hi\n");
    }),
});

test("serveUnix() takes the client from a PROXY header, and counts by it", async (path) => {
  const refused: unknown[] = [];
  await using _server = await serveUnix({
    path,
    lingerTimeout: 50,
    proxyProtocol: { trusted: ["unix:"] },
    maxConnectionsPerAddress: 1,
    onEvent: (event) => event.type === "refused" && refused.push(event.remoteAddr),
  }, async (conn, { remoteAddr }) => {
    const who = "hostname" in remoteAddr ? remoteAddr.hostname : "unix:";
    for await (const _ of conn.lines()) await conn.write(`${who}\n`);
  });
  const from = async (hostname: string) => {
    const conn = await connectUnix({ path, lingerTimeout: 50 });
    await conn.write(`PROXY TCP4 ${hostname} 192.0.2.9 1 2\r\nhello\n`);
    return { conn, line: await conn.readLine({ timeout: 30_000 }).catch(() => null) };
  };
  const [one, two, three] = [await from("192.0.2.1"), await from("192.0.2.1"), await from("::1")];
  assertEquals([one.line, two.line, three.line], ["192.0.2.1", null, null]);
  assertEquals(refused, [{ transport: "tcp", hostname: "192.0.2.1", port: 1 }]);
  for (const { conn } of [one, two, three]) await conn.close();
});

for (const what of ["a socket", "a file", "a folder", "a link"] as const) {
  test(`a server leaves ${what} that has taken the place of its socket`, async (path) => {
    await using first = await serve(path);
    await Deno.remove(path);
    const second = what === "a socket" ? await serve(path) : undefined;
    if (what === "a file") await Deno.writeTextFile(path, "mine");
    if (what === "a folder") await Deno.mkdir(path);
    if (what === "a link") await Deno.symlink("/nonexistent", path);
    const before = await Deno.lstat(path);
    await first.shutdown();
    const after = await Deno.lstat(path);
    assertEquals([after.dev, after.ino, after.mode], [before.dev, before.ino, before.mode]);
    const names = await Array.fromAsync(Deno.readDir(path.replace(/[^/]*$/, "")));
    assertEquals(names.length, 1);
    if (second === undefined) return;
    assertEquals(await asks(path, "still here"), "you said still here");
    await second.shutdown();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  });
}

test("a server whose socket file is gone shuts down", async (path) => {
  await using server = await serve(path);
  await Deno.remove(path);
  await server.shutdown();
});

test("another file stays with permission for the folder and for nothing else", async (path) => {
  const folder = path.replace(/\/[^/]*$/, "");
  const run = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      `--allow-net=unix:${path}`,
      new URL("_replaced_socket.ts", import.meta.url).pathname,
      path,
    ],
    stderr: "inherit",
  });
  const { stdout } = await run.output();
  assertEquals(new TextDecoder().decode(stdout), "somebody else's\n");
  assertEquals(await Deno.readTextFile(path), "somebody else's");
});
