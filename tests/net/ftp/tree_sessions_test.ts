/** Trees whose sessions are lost, and trees with mapped names. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectFtp } from "../../../net/ftp/client.ts";
import { downloadTree, uploadTree } from "../../../net/ftp/tree.ts";
import { fileServer, PLAIN, say } from "../../_support/ftp_script.ts";
import type { Answer } from "../../_support/line_server.ts";

const FILES = 12;
const LISTING = Array.from({ length: FILES }, (_, i) => `type=file;size=5; f${i}\r\n`).join("");

/** A server that ends sessions: `loses` decides by the command, and by the number of times it came. */
function losing(loses: (line: string, times: number) => string | undefined) {
  const times = new Map<string, number>();
  let sessions = 0;
  const ending = (line: string): string | undefined => {
    const count = (times.get(line) ?? 0) + 1;
    times.set(line, count);
    return loses(line, count);
  };
  const end = async (conn: Connection, said: string) => {
    if (said !== "") await conn.write(said);
    conn.abort();
    return undefined;
  };
  const through = (reply: string): Answer => (line, conn) => {
    const said = ending(line);
    return said === undefined ? reply : end(conn, said);
  };
  const server = fileServer(async (conn, command) => {
    if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
    else await say(command.startsWith("MLSD") ? LISTING : "hello")(conn);
  }, {
    USER: () => (sessions++, "230 in\r\n"),
    PWD: () => '257 "/home" is it\r\n',
    REST: through("350 go on\r\n"),
    SIZE: through("213 5\r\n"),
    TYPE: through("200 ok\r\n"),
    RNTO: through("250 ok\r\n"),
    MKD: through("257 ok\r\n"),
  });
  return { server, sessions: () => sessions };
}

const RENAME = /^RNTO .*f3$/;

for (const connections of [1, 3]) {
  for (const said of ["", "421 I go home\r\n"]) {
    const what = said === "" ? "a session that breaks" : "a session that ends with 421";
    Deno.test(`an upload over ${connections}: ${what} is replaced`, async () => {
      const folder = await Deno.makeTempDir();
      for (let i = 0; i < FILES; i++) await Deno.writeTextFile(`${folder}/f${i}`, "hello");
      const { server, sessions } = losing((line, times) =>
        RENAME.test(line) && times === 1 ? said : undefined
      );
      await using _ = server;
      await using ftp = await connectFtp({ ...PLAIN, port: server.port });
      const { files, left } = await uploadTree(ftp, folder, "d", { connections });
      assertEquals([files, left], [FILES, []]);
      assert(sessions() > 1);
      // The new session begins in the same directory.
      assert(server.heard.includes("CWD /home"));
      await Deno.remove(folder, { recursive: true });
    });

    Deno.test(`an upload over ${connections}: a file that costs each session is left out`, async () => {
      const folder = await Deno.makeTempDir();
      for (let i = 0; i < FILES; i++) await Deno.writeTextFile(`${folder}/f${i}`, "hello");
      const { server } = losing((line) => RENAME.test(line) ? said : undefined);
      await using _ = server;
      await using ftp = await connectFtp({ ...PLAIN, port: server.port });
      const report = await uploadTree(ftp, folder, "/d", { connections, onRefused: () => {} });
      assertEquals([report.files, report.left.map(({ path, kind }) => [path, kind])], [FILES - 1, [
        [`${folder}/f3`, "connection"],
      ]]);
      await Deno.remove(folder, { recursive: true });
    });
  }

  Deno.test(`a tree over ${connections}: sessions that are all lost end it`, async () => {
    const folder = await Deno.makeTempDir();
    for (let i = 0; i < FILES; i++) await Deno.writeTextFile(`${folder}/f${i}`, "hello");
    const { server, sessions } = losing((line) => line.startsWith("RNTO") ? "" : undefined);
    await using _ = server;
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    await assertRejects(() => uploadTree(ftp, folder, "/d", { connections }), NetError);
    assert(sessions() <= 12 + connections, `${sessions()}`);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("a tree goes on if only one of two lost sessions can be replaced", async () => {
  const folder = await Deno.makeTempDir();
  for (let i = 0; i < FILES; i++) await Deno.writeTextFile(`${folder}/f${i}`, "hello");
  const both = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<void>();
  let [renames, logins] = [0, 0];
  await using server = fileServer(async (conn, command) => {
    if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
    else await say(LISTING)(conn);
  }, {
    USER: async (_, conn) => {
      const login = ++logins;
      // The first replacement becomes ready after the second one has been refused.
      if (login === 3) await refused.promise;
      if (login !== 4) return "230 in\r\n";
      void conn.closed.then(() => refused.resolve());
      return "421 too many sessions\r\n";
    },
    RNTO: async (_, conn) => {
      if (++renames > 2) return "250 ok\r\n";
      if (renames === 2) both.resolve();
      await both.promise;
      conn.abort();
      return undefined;
    },
  });
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const { files, left } = await uploadTree(ftp, folder, "/d", { connections: 2 });
  assertEquals([files, left, logins], [FILES, [], 4]);
  await Deno.remove(folder, { recursive: true });
});

for (const stalls of ["MFMT", "SIZE"]) {
  Deno.test(`a tree ends at once if the signal aborts while the server does not answer ${stalls}`, async () => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/f`, "hello");
    const stop = new AbortController();
    await using server = fileServer(async (conn, command) => {
      if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
      else await say(command.startsWith("MLSD") ? "type=file;size=6; g\r\n" : "hello")(conn);
    }, {
      FEAT: () => "211-Features\r\n MLST type*;size*;\r\n MFMT\r\n211 End\r\n",
      [stalls]: () => {
        stop.abort("enough");
        return "";
      },
    });
    await using ftp = await connectFtp({ ...PLAIN, port: server.port });
    const options = { signal: stop.signal };
    const tree = stalls === "MFMT"
      ? uploadTree(ftp, folder, "/d", options)
      : downloadTree(ftp, "/d", folder, options);
    assertEquals(await tree.then(() => "", (error) => error), "enough");
    ftp.abort();
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("a tree whose listing breaks off is listed again", async () => {
  const folder = await Deno.makeTempDir();
  let lists = 0;
  await using server = fileServer(
    (conn, command) => say(command.startsWith("MLSD") ? LISTING : "hello")(conn),
    {
      EPSV: (_, conn) => {
        if (++lists > 1) return "500 no\r\n";
        conn.abort();
        return undefined;
      },
    },
  );
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const { files, left } = await downloadTree(ftp, "/d", folder);
  assertEquals([files, left], [FILES, []]);
  assert(!ftp.open);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("mapNames stores reserved names, and the way back gives them again", async () => {
  const names = ["a:b", "CON", "com1.txt", "dot.", "blank ", "100%", "100%25", "q?", "a", "ü💀"];
  const listing = names.map((name) => `type=file;size=5; ${name}\r\n`).join("");
  await using server = fileServer(async (conn, command) => {
    if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
    else await say(command.startsWith("MLSD /d") ? listing : "hello")(conn);
  }, { SIZE: () => "213 5\r\n" });
  const folder = await Deno.makeTempDir();
  await using ftp = await connectFtp({ ...PLAIN, port: server.port });
  const options = { mapNames: true, delete: true };
  await Deno.writeTextFile(`${folder}/surplus`, "");
  for (let run = 0; run < 2; run++) {
    const { files, left, deleted } = await downloadTree(ftp, "/d", folder, options);
    assertEquals([files, left, deleted], [names.length, [], run === 0 ? 1 : 0]);
  }
  assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), [
    "%43ON",
    "%63om1.txt",
    "100%25",
    "100%2525",
    "a",
    "a%3Ab",
    "blank%20",
    "dot%2E",
    "q%3F",
    "ü💀",
  ]);
  const { files, left } = await uploadTree(ftp, folder, "/up", { mapNames: true });
  assertEquals([files, left], [names.length, []]);
  const stored = server.heard.filter((line) => line.startsWith("RNTO /up/"));
  assertEquals(stored.map((line) => line.slice(9)).sort(), names.toSorted());
  // Both names are the same one on the server.
  await Deno.writeTextFile(`${folder}/a:b`, "");
  const twice = await uploadTree(ftp, folder, "/up", { mapNames: true });
  assertEquals(twice.left.map(({ kind }) => kind), ["name"]);
  const both = { mapNames: true, anyName: true };
  await assertRejects(() => downloadTree(ftp, "/d", folder, both), TypeError, "anyName must be");
  await Deno.remove(folder, { recursive: true });
});
