/** Servers and other users that try to make a mirror lose files. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectFtp } from "../../../net/ftp/client.ts";
import { parseFtpListing } from "../../../net/ftp/listing.ts";
import { downloadTree, uploadTree } from "../../../net/ftp/tree.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { fileServer, PLAIN, say } from "../../_support/ftp_script.ts";
import { beginTls } from "../../_support/line_server.ts";

const WITHOUT_MLSD = () => "211-Features\r\n SIZE\r\n211 End\r\n";

/** Takes the bytes of an upload, and sends a listing. */
function listing(text: string): (conn: Deno.Conn, command: string) => Promise<void> {
  return async (conn, command) => {
    if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
    else await say(text)(conn);
  };
}

const names = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

Deno.test("a refused listing is not an empty one, whatever the name of its directory", async () => {
  for (const refusal of ["550 Permission denied", "550 No such file or directory"]) {
    await using server = fileServer(say(""), {
      FEAT: WITHOUT_MLSD,
      LIST: () => `${refusal}\r\n`,
    });
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/precious`, "");
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const mirror = downloadTree(ftp, "/empty, no files", folder, { delete: true });
    await assertRejects(() => mirror, ReplyError);
    assertEquals(names(folder), ["precious"]);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a listing that is refused after some lines is not an empty one", async () => {
  const data = say("-rw-r--r-- 1 a b 5 Jan  5  2026 precious\r\n");
  await using server = fileServer(data, { FEAT: WITHOUT_MLSD }, "450 No files\r\n");
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  await assertRejects(() => ftp.list(), ReplyError, "No files");
});

Deno.test("a file named -a does not pass for the flag of LIST", async () => {
  await using server = fileServer(
    (conn, command) => {
      const shown = command === "LIST -a" ? ["-a"] : ["-a", "b"];
      return say(shown.map((name) => `-rw-r--r-- 1 a b 5 Jan  5  2026 ${name}\r\n`).join(""))(conn);
    },
    { FEAT: WITHOUT_MLSD },
  );
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  assertEquals((await ftp.list()).map(({ name }) => name), ["-a", "b"]);
});

Deno.test("a name with a line break does not make a directory of a link", () => {
  const { entries } = parseFtpListing([
    "-rw-r--r-- 1 eve eve 0 Jan  5  2026 a",
    "drwxr-xr-x 2 eve eve 0 Jan  5  2026 b",
    "lrwxrwxrwx 1 eve eve 0 Jan  5  2026 b -> /home/ann",
  ]);
  assertEquals(entries.map(({ name, type }) => [name, type]), [["a", "file"], ["b", "link"]]);
});

Deno.test("a mirror reports a name that a listing has twice, and goes on", async () => {
  await using server = fileServer((conn, command) =>
    say(command === "MLSD /d" ? "type=file; a\r\ntype=dir; a\r\ntype=file; b\r\n" : "hello")(conn)
  );
  const folder = await Deno.makeTempDir();
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const { files, left } = await downloadTree(ftp, "/d", folder, { connections: 2 });
  assertEquals([files, left.map(({ kind, path }) => [kind, path])], [2, [["name", '/d: "a"']]]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("maxFiles limits directories without files as well", async () => {
  await using server = fileServer(say("type=dir; a\r\ntype=dir; b\r\n"));
  const folder = await Deno.makeTempDir();
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const error = await assertRejects(
    () => downloadTree(ftp, "d", `${folder}/d`, { maxFiles: 5 }),
    NetError,
  );
  assertEquals(error.kind, "limit");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("fewer bytes than listed are no complete file if the server does not tell the size", async () => {
  for (const [listed, arrives] of [[9, false], [4, true]] as const) {
    await using server = fileServer(
      (conn, command) =>
        say(command.startsWith("MLSD") ? `type=file;size=${listed}; a\r\n` : "hello")(conn),
      { SIZE: () => "502 no\r\n" },
    );
    const folder = await Deno.makeTempDir();
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const { files, left } = await downloadTree(ftp, "d", folder);
    assertEquals([files, left.length], arrives ? [1, 0] : [0, 1]);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an upload of which the server has stored a part is deleted and not renamed", async () => {
  const said: string[] = [];
  const note = (answer: string) => (line: string) => {
    said.push(line.split(" ")[0]!);
    return answer;
  };
  await using server = fileServer(listing(""), {
    FEAT: () => "211-Features\r\n MLST type*;\r\n SIZE\r\n211 End\r\n",
    SIZE: note("213 5\r\n"),
    RNFR: note("350 go on\r\n"),
    DELE: note("250 gone\r\n"),
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  await ftp.upload("a", "hello", { atomic: true });
  const error = await assertRejects(() => ftp.upload("a", "hello!", { atomic: true }), NetError);
  assertEquals(error.kind, "truncated");
  assert(ftp.open);
  assertEquals(said, ["SIZE", "RNFR", "SIZE", "DELE"]);
});

Deno.test("delete comes before the transfers, where names can mean one file", async () => {
  const said: string[] = [];
  const note = (answer: string) => (line: string) => {
    said.push(line.split(" ")[0]!);
    return answer;
  };
  await using server = fileServer(listing("type=file;size=2; readme\r\n"), {
    DELE: note("250 gone\r\n"),
    RNTO: note("250 renamed\r\n"),
  });
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/README`, "new");
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  await uploadTree(ftp, folder, "d", { delete: true });
  assertEquals(said, ["DELE", "RNTO"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a signal ends a transfer whose command is never answered, with its reason", async () => {
  for (const step of ["EPSV", "REST", "RETR"]) {
    const asked = Promise.withResolvers<void>();
    await using server = fileServer(say("hello"), {
      [step]: () => {
        asked.resolve();
        return "";
      },
    });
    // The time to wait for the server afterwards is that for a reply, at most 5 seconds.
    const ftp = await connectFtp({ ...PLAIN, port: server.port, timeout: 500 });
    const stop = new AbortController();
    const reason = new Error("enough");
    const fetching = ftp.download("a", { offset: 1, signal: stop.signal });
    void asked.promise.then(() => stop.abort(reason));
    assertEquals(await fetching.then(() => undefined, (error) => error), reason);
    assert(!ftp.open);
    await ftp.close();
  }
});

Deno.test("a signal ends the handshake of a data connection", async () => {
  const { ca } = await testCertificates();
  const stop = new AbortController();
  const reason = new Error("enough");
  await using server = fileServer(
    async (conn, command) => {
      if (!command.startsWith("RETR")) return;
      await conn.read(new Uint8Array(1000));
      stop.abort(reason);
      await conn.read(new Uint8Array(1)).catch(() => {});
    },
    {
      AUTH: (_, conn) => beginTls(conn, "234 go\r\n"),
      ABOR: () => "226 done\r\n",
    },
    "426 broken off\r\n",
  );
  await using ftp = await connectFtp({
    tls: "starttls",
    caCerts: [ca],
    port: server.port,
    timeout: 500,
  });
  const fetching = ftp.download("a", { signal: stop.signal });
  assertEquals(await fetching.then(() => undefined, (error) => error), reason);
});
