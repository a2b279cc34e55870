/** Signals of calls, and downloads into a function. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectFtp, type FtpCallOptions, type FtpClient } from "../../../net/ftp/client.ts";
import { fileServer, PLAIN, say } from "../../_support/ftp_script.ts";
import { lineServer } from "../../_support/line_server.ts";

const CALLS: Record<string, (ftp: FtpClient, options: FtpCallOptions) => Promise<unknown>> = {
  pwd: (ftp, options) => ftp.pwd(options),
  cd: (ftp, options) => ftp.cd("a", options),
  list: (ftp, options) => ftp.list("a", options),
  rawListing: (ftp, options) => ftp.rawListing("a", options),
  stat: (ftp, options) => ftp.stat("a", options),
  size: (ftp, options) => ftp.size("a", options),
  modified: (ftp, options) => ftp.modified("a", options),
  rename: (ftp, options) => ftp.rename("a", "b", options),
  delete: (ftp, options) => ftp.delete("a", options),
  mkdir: (ftp, options) => ftp.mkdir("a/b", { ...options, recursive: true }),
  rmdir: (ftp, options) => ftp.rmdir("a", { ...options, recursive: true }),
  command: (ftp, options) => ftp.command("XYZ", options),
  site: (ftp, options) => ftp.site("XYZ", options),
  status: (ftp, options) => ftp.status(options),
  hash: (ftp, options) => ftp.hash("a", options),
  noop: (ftp, options) => ftp.noop(options),
  download: (ftp, options) => ftp.download("a", options),
  downloadTo: (ftp, options) => ftp.downloadTo("a", () => {}, options),
  upload: (ftp, options) => ftp.upload("a", "x", options),
};

/** A server that says nothing after the login. `asked` is called for the first command then. */
function silentServer(asked: () => void) {
  let isSilent = false;
  return lineServer("220 ready\r\n", (line) => {
    if (isSilent) {
      asked();
      return "";
    }
    isSilent = line === "TYPE I";
    return line === "FEAT" ? "211-x\r\n MLST size*;\r\n XMD5\r\n211 end\r\n" : "230 ok\r\n";
  });
}

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`${name}(): a signal ends the wait for a reply, with its reason`, async () => {
    for (const reason of [new Error("enough"), "a text"]) {
      const stop = new AbortController();
      await using server = silentServer(() => stop.abort(reason));
      await using ftp = await connectFtp({ ...PLAIN, port: server.port, timeout: 100 });
      const calling = call(ftp, { signal: stop.signal });
      assertEquals(await calling.then(() => undefined, (error) => error), reason);
      ftp.abort();
    }
  });
}

Deno.test("a signal ends a call that waits for its turn, and the session goes on", async () => {
  const go = Promise.withResolvers<void>();
  await using server = fileServer(say("hello"), {
    SIZE: async () => {
      await go.promise;
      return "213 5\r\n";
    },
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const first = ftp.size("a");
  const stop = new AbortController();
  const waiting = Object.values(CALLS).map((call) => call(ftp, { signal: stop.signal }));
  const results = waiting.map((call) => call.then(() => undefined, (error) => error));
  const { length } = server.heard;
  stop.abort("enough");
  assertEquals(await Promise.all(results), waiting.map(() => "enough"));
  go.resolve();
  assertEquals(await first, 5);
  assertEquals(await ftp.size("b"), 5);
  assertEquals(server.heard.slice(length).filter((line) => !line.startsWith("SIZE")), []);
});

Deno.test("a listing that a signal ends leaves the session open", async () => {
  const stop = new AbortController();
  await using server = fileServer(
    async (conn, command) => {
      await say("type=file;size=5; a\r\n")(conn);
      if (command === "MLSD") return;
      stop.abort(new Error("enough"));
      await conn.read(new Uint8Array(1)).catch(() => {});
    },
    { ABOR: () => "226 done\r\n" },
    "426 broken off\r\n",
  );
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  await assertRejects(() => ftp.list("a", { signal: stop.signal }), Error, "enough");
  assertEquals(await ftp.size("a"), 5);
});

Deno.test("duplicate(): a signal ends connecting, and does not end the session later", async () => {
  let sessions = 0;
  const stop = new AbortController();
  await using server = fileServer(say("hello"), {
    USER: () => {
      if (++sessions < 3) return "230 in\r\n";
      stop.abort(new Error("enough"));
      return "";
    },
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  await using other = await ftp.duplicate({ signal: stop.signal });
  await assertRejects(() => ftp.duplicate({ signal: stop.signal }), Error, "enough");
  assertEquals(await other.size("a"), 5);
});

Deno.test("downloadTo() passes all bytes, and waits for the function", async () => {
  const content = new Uint8Array(3_000_000).map((_, i) => i * 31 ^ i >> 7);
  await using server = fileServer(async (conn) => {
    for (let at = 0; at < content.length;) at += await conn.write(content.subarray(at));
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const found = new Uint8Array(content.length);
  const memory = new Set<ArrayBuffer>();
  let [size, busy, chunks] = [0, 0, 0];
  const bytes = await ftp.downloadTo("a", async (chunk) => {
    assertEquals(++busy, 1);
    memory.add(chunk.buffer);
    chunks++;
    await Promise.resolve();
    found.set(chunk, size);
    size += chunk.length;
    busy--;
  });
  assertEquals([bytes, size, found], [content.length, content.length, content]);
  assert(memory.size < chunks / 2, `${memory.size} buffers for ${chunks} chunks`);
  assertEquals(await ftp.size("a"), 5);
});

Deno.test("downloadTo() ends with the error of the function, and the session goes on", async () => {
  await using server = fileServer(
    async (conn) => {
      await say("hello")(conn);
      await conn.read(new Uint8Array(1)).catch(() => {});
    },
    { ABOR: () => "226 done\r\n" },
    "426 broken off\r\n",
  );
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const full = new Error("the disk is full");
  const failing = ftp.downloadTo("a", () => Promise.reject(full));
  assertEquals(await failing.then(() => undefined, (error) => error), full);
  const stop = new AbortController();
  const hanging = ftp.downloadTo("a", () => {
    stop.abort("enough");
    return new Promise(() => {});
  }, { signal: stop.signal });
  assertEquals(await hanging.then(() => undefined, (error) => error), "enough");
  assertEquals(await ftp.size("a"), 5);
});

Deno.test("downloadTo() rejects if the server does not confirm the file", async () => {
  await using server = fileServer(say("hello"), {}, "451 the disk has failed\r\n");
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  await assertRejects(() => ftp.downloadTo("a", () => {}), NetError, "451 the disk has failed");
  await assertRejects(() => ftp.downloadTo("a", "b" as never), TypeError, "sink must be");
});

Deno.test("a signal ends a transfer whose confirmation does not come", async () => {
  for (const way of ["download", "upload"]) {
    const stop = new AbortController();
    await using server = fileServer(
      async (conn, command) => {
        if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
        else await say("hello")(conn);
        setTimeout(() => stop.abort("enough"), 50);
      },
      {},
      "",
    );
    await using ftp = await connectFtp({ ...PLAIN, port: server.port, timeout: 1000 });
    const options = { signal: stop.signal };
    const working = way === "upload"
      ? ftp.upload("a", "x", options)
      : ftp.downloadTo("a", () => {}, options);
    assertEquals(await working.then(() => undefined, (error) => error), "enough");
    ftp.abort();
  }
});
