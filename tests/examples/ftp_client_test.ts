/** `examples/ftp_client.ts` against pyftpdlib. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async/delay";
import { main } from "../../examples/ftp_client.ts";
import { recordingIo } from "../../tools/cli.ts";
import { testCertificates } from "../_support/certificates.ts";
import { startPyftpdlib } from "../_support/ftp.ts";
import { fileServer, say } from "../_support/ftp_script.ts";
import { lineServer } from "../_support/line_server.ts";
import { needsPython } from "../_support/peers.ts";
import { freePorts } from "../_support/ports.ts";

const python = needsPython("pyftpdlib", "OpenSSL");

Deno.test({
  name: `ftp_client lists, stores, fetches, resumes, mirrors and removes${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using server = await startPyftpdlib("starttls");
    const here = await Deno.makeTempDir();
    await Deno.writeTextFile(`${here}/ca.pem`, (await testCertificates()).ca);
    await Deno.writeTextFile(`${here}/password`, "secret\n");
    await Deno.writeTextFile(`${here}/a.txt`, "hello, file");
    const run = async (...args: string[]) => {
      const io = recordingIo();
      const who = ["--port", `${server.port}`, "--ca", `${here}/ca.pem`, "--user", "ann"];
      const code = await main([...args, ...who, "--password-file", `${here}/password`], io);
      return { code, out: io.out, err: io.err };
    };
    const good = async (...args: string[]) => {
      const { code, out, err } = await run(...args, "--log-level", "warning");
      assertEquals([code, err], [0, ""], args.join(" "));
      return out;
    };
    await good("mkdir", "docs/old");
    await good("put", `${here}/a.txt`, "docs/a b.txt");
    assertMatch(
      await good("ls", "docs"),
      / +11 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}a b\.txt\n.* old\/\n/,
    );
    const listed = JSON.parse(await good("ls", "docs", "--json"));
    assertEquals(listed.map(({ name }: { name: string }) => name).sort(), ["a b.txt", "old"]);
    const back = `${here}/back.txt`;
    assertEquals(await good("get", "docs/a b.txt", back), `11 bytes in ${back}\n`);
    assertEquals(await Deno.readTextFile(`${here}/back.txt`), "hello, file");
    // An earlier run was interrupted: the same version goes on, another one starts again.
    const { modified } = listed.find(({ name }: { name: string }) => name === "a b.txt");
    const owner = `ann@127.0.0.1:${server.port}`;
    const note = { server: owner, file: "docs/a b.txt", size: 11, modified };
    for (
      const [known, expected] of [
        [note, "HELLO, file"],
        [{ ...note, modified: "2001-01-01T00:00:00.000Z" }, "hello, file"],
        [{ ...note, size: 12 }, "hello, file"],
        [{ ...note, server: "ann@127.0.0.2:21" }, "hello, file"],
        [{ ...note, server: undefined }, "hello, file"],
      ] as const
    ) {
      await Deno.writeTextFile(`${here}/rest.txt.part`, "HELLO");
      await Deno.writeTextFile(`${here}/rest.txt.part.json`, JSON.stringify(known));
      const resumed = await good("get", "docs/a b.txt", `${here}/rest.txt`, "--resume", "--json");
      assertEquals(JSON.parse(resumed).bytes, 11);
      assertEquals(await Deno.readTextFile(`${here}/rest.txt`), expected);
      await assertRejects(() => Deno.stat(`${here}/rest.txt.part`), Deno.errors.NotFound);
      await assertRejects(() => Deno.stat(`${here}/rest.txt.part.json`), Deno.errors.NotFound);
    }
    assertEquals((await Deno.stat(`${here}/rest.txt`)).mtime?.toJSON(), modified);
    // A link in the place of the part would lead to a file of somebody else.
    await Deno.writeTextFile(`${here}/victim`, "precious");
    await Deno.symlink(`${here}/victim`, `${here}/linked.part`);
    const linked = await run("get", "docs/a b.txt", `${here}/linked`);
    assertEquals(linked.code, 1);
    assertMatch(linked.err, /linked\.part: it exists and is no file\n$/);
    assertEquals(await Deno.readTextFile(`${here}/victim`), "precious");
    const planned = "1 file to transfer (11 B), 0 unchanged, 0 to delete\n";
    const transferred = "1 file transferred (11 B), 0 unchanged, 0 deleted\n";
    assertEquals(await good("mirror", "docs", `${here}/mirror`, "--dry-run"), planned);
    assertEquals(await good("mirror", "docs", `${here}/mirror`), transferred);
    assertEquals(await Deno.readTextFile(`${here}/mirror/a b.txt`), "hello, file");
    assertEquals(JSON.parse(await good("mirror", "docs", `${here}/mirror`, "--json")).skipped, 1);
    await Deno.writeTextFile(`${server.folder}/docs/odd\nname`, "");
    const most = await run("mirror", "docs", `${here}/most`);
    assertEquals([most.code, await Deno.readTextFile(`${here}/most/a b.txt`)], [4, "hello, file"]);
    const again = await run("mirror", "docs", `${here}/most`, "--json", "--connections", "3");
    const { skipped, refused, left } = JSON.parse(again.out);
    assertEquals([again.code, skipped, refused.length, left.length], [4, 1, 1, 1]);
    assertMatch(
      most.err,
      /docs\/odd[^\n]*550[^]*The transfer is incomplete: 2 could not be transferred\n$/,
    );
    await Deno.remove(`${server.folder}/docs/odd\nname`);
    await good("mv", "docs/a b.txt", "docs/a c.txt");
    await good("mv", "docs/a c.txt", "docs/a b.txt");
    assertStringIncludes(await good("site", "CHMOD", "600", "docs/a b.txt"), "success");
    assertStringIncludes(await good("status"), "FTP server");
    const hash = await run("hash", "docs/a b.txt");
    assertEquals([hash.code, hash.out], [1, ""]);
    assertStringIncludes(hash.err, "cannot compute hashes");
    await good("rm", "docs/a b.txt");
    await good("rm", "-r", "docs");
    const gone = await run("get", "docs/a b.txt", `${here}/x`);
    assertEquals(gone.code, 1);
    assertMatch(gone.err, /^ftp-client: Cannot fetch docs\/a b\.txt on [^\n]*550[^\n]*\n$/);
    assert(
      !Array.from(Deno.readDirSync(here), ({ name }) => name).some((name) => name.startsWith("x")),
    );
    assertEquals((await run("fly")).code, 2);
    assertEquals((await run("get")).code, 2);
    const traced = await run("ls", "--log-level", "debug");
    assertStringIncludes(traced.err, "PASS ***");
    assert(!traced.err.includes("secret"));
    await Deno.remove(here, { recursive: true });
  },
});

Deno.test("ftp_client names the host that it may not reach, for its data have ports of their own", {
  permissions: { net: ["127.0.0.1:1"], read: true, env: true },
}, async () => {
  const io = recordingIo();
  assertEquals(await main(["ls", "--server", "192.0.2.1"], io), 3);
  assertEquals(
    io.err,
    "ftp-client: Permission is missing: run again with --allow-net=192.0.2.1\n",
  );
});

Deno.test({
  name:
    `ftp_client leaves nothing behind of a file that it was interrupted in storing${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using server = await startPyftpdlib("none");
    const here = await Deno.makeTempDir();
    await Deno.writeTextFile(`${here}/password`, "secret");
    const stop = new AbortController();
    const io = recordingIo({
      onSignal(listener) {
        stop.signal.addEventListener("abort", () => listener("SIGINT"));
        return () => {};
      },
    });
    const plain = ["--tls", "none", "--allow-plaintext-login", "--port", `${server.port}`];
    const who = ["--user", "ann", "--password-file", `${here}/password`];
    const storing = main(["put", "/dev/zero", "big", ...plain, ...who], io);
    const stored = () => Array.from(Deno.readDirSync(server.folder), ({ name }) => name);
    while (stored().length === 0) await delay(5);
    stop.abort();
    assertEquals([await storing, stored()], [130, []], io.err);
    await Deno.remove(here, { recursive: true });
  },
});

Deno.test("ftp_client keeps an earlier download if the session ends before the next one", async () => {
  const answers: Record<string, string> = { USER: "331 who\r\n", PASS: "230 in\r\n" };
  await using server = lineServer("220 ready\r\n", (line) => {
    const [command = ""] = line.split(" ");
    return command === "SIZE" ? undefined : answers[command] ?? "200 ok\r\n";
  });
  const here = await Deno.makeTempDir();
  await Deno.writeTextFile(`${here}/x.part`, "HELLO");
  const io = recordingIo();
  const plain = ["--resume", "--tls", "none", "--port", `${server.port}`];
  assertEquals(await main(["get", "x", `${here}/x`, ...plain], io), 1, io.err);
  assertEquals(await Deno.readTextFile(`${here}/x.part`), "HELLO");
  await Deno.remove(here, { recursive: true });
});

Deno.test("ftp_client --verify discards a file whose hash differs, and hash prints it", async () => {
  const sum = "5d41402abc4b2a76b9719d911017c592";
  let said = sum;
  await using server = fileServer(async (conn, command) => {
    if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
    else await say("hello")(conn);
  }, {
    FEAT: () => "211-x\r\n XMD5\r\n211 end\r\n",
    XMD5: () => `250 ${said}\r\n`,
  });
  const here = await Deno.makeTempDir();
  const run = async (...args: string[]) => {
    const io = recordingIo();
    const plain = ["--tls", "none", "--port", `${server.port}`];
    return { code: await main([...args, ...plain], io), out: io.out, err: io.err };
  };
  assertEquals((await run("hash", "x")).out, `${sum}  MD5  x\n`);
  assertEquals((await run("get", "x", `${here}/x`, "--verify")).code, 0);
  assertEquals((await run("put", `${here}/x`, "y", "--verify")).code, 0);
  said = "0".repeat(32);
  for (const args of [["get", "x", `${here}/z`], ["put", `${here}/x`, "y"]]) {
    const { code, err } = await run(...args, "--verify");
    assertEquals([code, err.includes(said)], [1, true], err);
  }
  assertEquals(Array.from(Deno.readDirSync(here), ({ name }) => name).includes("z"), false);
  await Deno.remove(here, { recursive: true });
});

Deno.test("ftp_client ls prints the rest of a listing with a line that is not understood", async () => {
  let listing = "type=file;size=5; a\r\nwho am I?\r\ntype=file;size=7; b\r\n";
  await using server = fileServer((conn) => say(listing)(conn));
  const run = async (...args: string[]) => {
    const io = recordingIo();
    const code = await main(["ls", "--tls", "none", "--port", `${server.port}`, ...args], io);
    return { code, out: io.out, err: io.err };
  };
  const { code, out, err } = await run();
  assertEquals([code, out.match(/[ab]$/gm)], [4, ["a", "b"]]);
  assertStringIncludes(err, "Not understood: who am I?");
  assertStringIncludes(err, "1 line is not understood");
  const json = await run("--json");
  assertEquals([json.code, JSON.parse(json.out).length], [4, 2]);
  listing = "who am I?\r\n";
  const none = await run();
  assertEquals([none.code, none.out], [1, ""]);
  assertStringIncludes(none.err, 'a form that is not known: "who am I?"');
});

Deno.test("ftp_client get --map-names stores a reserved name", async () => {
  await using server = fileServer(say("hello"));
  const here = await Deno.makeTempDir();
  const before = Deno.cwd();
  const io = recordingIo();
  try {
    Deno.chdir(here);
    const plain = ["--tls", "none", "--port", `${server.port}`];
    assertEquals(await main(["get", "docs/a:b.", "--map-names", ...plain], io), 0, io.err);
  } finally {
    Deno.chdir(before);
  }
  assertEquals(Array.from(Deno.readDirSync(here), ({ name }) => name), ["a%3Ab%2E"]);
  await Deno.remove(here, { recursive: true });
});

Deno.test("ftp_client: --encoding, --active and --plain-data are those of connectFtp", async () => {
  await using server = fileServer(say("-rw-r--r-- 1 a b 3 Jan 01 2020 a\r\n"), {
    FEAT: () => "211-x\r\n UTF8\r\n211 end\r\n",
    EPRT: () => "500 no\r\n",
    PORT: () => "500 no\r\n",
  });
  const run = async (...args: string[]) => {
    const io = recordingIo();
    return [await main(["ls", "--tls", "none", "--port", `${server.port}`, ...args], io), io.err];
  };
  assertEquals(await run("--encoding", "gbk"), [0, ""]);
  assert(server.heard.includes("OPTS UTF8 OFF"));
  assertEquals((await run("--active"))[0], 1);
  assert(server.heard.some((line) => line.startsWith("PORT 127,0,0,1,")));
  assertEquals((await run("--encoding", "klingon"))[0], 2);
  assertEquals((await run("--pin", "x"))[0], 2);
});

Deno.test("ftp_client says what is wrong with a command before it connects", async () => {
  const run = async (...args: string[]) => {
    const io = recordingIo();
    return [await main([...args, "--port", `${freePorts(1)[0]}`], io), io.err] as const;
  };
  for (
    const args of [
      ["get"],
      ["put"],
      ["mirror", "x"],
      ["mirror-up"],
      ["mkdir"],
      ["rm"],
      ["mv"],
      ["mv", "x"],
      ["hash"],
      ["site"],
      ["mirror", "x", "y", "--any-name", "--map-names"],
    ]
  ) {
    assertEquals((await run(...args))[0], 2, args.join());
  }
  for (const command of ["put", "mirror-up"]) {
    const [code, said] = await run(command, "/nowhere/at/all", "x");
    assertEquals(code, 1);
    assertStringIncludes(said, '"/nowhere/at/all": no such file');
  }
});

Deno.test("ftp_client asks at once for all that fetching takes", {
  permissions: { read: ["/tmp/there"], net: ["127.0.0.1"], env: true },
}, async () => {
  const io = recordingIo();
  assertEquals(await main(["get", "x", "/tmp/there"], io), 3);
  assertEquals(await main(["mirror", "x", "/tmp/there"], io), 3);
  assertEquals(
    io.err,
    "ftp-client: Permission is missing: run again with " +
      "--allow-read=/tmp/there.part,/tmp/there.part.json " +
      "--allow-write=/tmp/there,/tmp/there.part,/tmp/there.part.json\n" +
      "ftp-client: Permission is missing: run again with --allow-write=/tmp/there\n",
  );
});
