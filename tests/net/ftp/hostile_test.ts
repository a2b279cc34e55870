/** A server that stalls, resets, ends and lies at every step of a session. */

import { assert, assertEquals } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectFtp, type FtpClient } from "../../../net/ftp/client.ts";
import { resettable } from "../../../net/connection/resettable.ts";
import { fileServer, PLAIN, textOf } from "../../_support/ftp_script.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { type Answer, beginTls } from "../../_support/line_server.ts";

/** The faults of one reply. */
const FAULTS: Readonly<Record<string, Answer>> = {
  stall: () => "",
  end: () => undefined,
  reset: (_, conn) => {
    conn.abort();
    return undefined;
  },
  "half a line": async (_, conn) => (await conn.write("2"), ""),
  "half a reply": async (_, conn) => (await conn.write("250-more\r\n"), ""),
  garbage: () => "\x00\xff<html>\r\n",
  "an endless line": () => `250 ${"x".repeat(20_000)}`,
  "an endless reply": () => "250-x\r\n".repeat(3000),
  "good-bye": () => "421 going down\r\n",
  refusal: () => "550 no\r\n",
  "temporary refusal": () => "450 not now\r\n",
  "two replies": () => "250 done\r\n250 and again\r\n",
  "a code of no class": () => "799 what\r\n",
  started: () => "150 started\r\n",
};

/** The steps of a session, as commands. */
const STEPS = [
  ...[
    "AUTH",
    "PBSZ",
    "PROT",
    "USER",
    "PASS",
    "FEAT",
    "OPTS",
    "TYPE",
    "EPSV",
    "PASV",
    "MLSD",
    "RETR",
  ],
  ...["STOR", "REST", "SIZE", "MDTM", "PWD", "CWD", "LIST", "MKD", "RNFR", "RNTO", "DELE", "QUIT"],
];

/** Everything that a session does. */
async function everything(ftp: FtpClient): Promise<string[]> {
  const results: string[] = [];
  const steps: (() => Promise<unknown>)[] = [
    () => ftp.list("d"),
    async () => await textOf(await ftp.download("a", { offset: 1 })),
    () => ftp.upload("b", "hello", { atomic: true }),
    () => ftp.size("a"),
    () => ftp.modified("a"),
    () => ftp.rawListing("d"),
    () => ftp.mkdir("new", { recursive: true }),
    () => ftp.delete("a"),
    () => ftp.noop(),
  ];
  for (const step of steps) {
    try {
      await step();
      results.push("ok");
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      results.push(error.kind);
    }
  }
  return results;
}

const KINDS = new Set([
  "ok",
  "reply",
  "timeout",
  "truncated",
  "reset",
  "closed",
  "limit",
  "protocol",
  "tls",
  "unsupported",
]);

for (const step of STEPS) {
  Deno.test(`whatever a server answers to ${step}, every call ends with a result or a NetError`, async () => {
    const { ca } = await testCertificates();
    for (const [fault, answer] of Object.entries(FAULTS)) {
      await using server = fileServer(async (conn, command) => {
        if (command.startsWith("STOR")) { while (await conn.read(new Uint8Array(9)) !== null); }
        else if (command.startsWith("RETR")) await conn.write(new TextEncoder().encode("hello"));
      }, { AUTH: (_, conn) => beginTls(conn, "234 go\r\n"), [step]: answer });
      const isTls = ["AUTH", "PBSZ", "PROT"].includes(step);
      const encryption = isTls ? { tls: "starttls" as const, caCerts: [ca] } : {};
      const options = {
        ...PLAIN,
        ...encryption,
        username: "ann",
        password: "secret",
        port: server.port,
      };
      let results: string[];
      try {
        await using ftp = await connectFtp({ ...options, timeout: 150, connectTimeout: 150 });
        results = await everything(ftp);
        // A session that is open has no reply under way.
        if (ftp.open && step !== "QUIT") assertEquals(results.at(-1), "ok", `${step}: ${fault}`);
      } catch (error) {
        assert(error instanceof NetError, `${step}: ${fault}: ${error}`);
        results = [error.kind];
      }
      assert(results.every((kind) => KINDS.has(kind)), `${step}: ${fault}: ${results}`);
    }
  });
}

Deno.test("whatever happens to a data connection, no file is taken for complete", async () => {
  const part = new TextEncoder().encode("hel");
  const faults: Record<string, [(conn: Deno.Conn) => Promise<void>, done: string]> = {
    "a stall": [
      (conn) => conn.write(part).then(() => conn.read(new Uint8Array(1))).then(() => {}),
      "",
    ],
    "a reset": [(conn) => {
      const raw = resettable(conn);
      return conn.write(part).then(() => raw.reset?.());
    }, "226 done\r\n"],
    "a refusal at the end": [(conn) => conn.write(part).then(() => {}), "451 disk\r\n"],
    "no reply at the end": [(conn) => conn.write(part).then(() => {}), ""],
    "good-bye at the end": [(conn) => conn.write(part).then(() => {}), "421 bye\r\n"],
    "nothing at all": [() => Promise.resolve(), "550 gone\r\n"],
  };
  for (const [fault, [data, done]] of Object.entries(faults)) {
    await using server = fileServer(data, {}, done);
    const ftp = await connectFtp({ ...PLAIN, port: server.port, timeout: 200 });
    const result = await ftp.download("x").then(textOf).catch((error) => error);
    // A reset may come before the bytes, and the server says that all is well.
    assert(
      result instanceof NetError || (fault === "a reset" && result === "hel"),
      `${fault}: ${result}`,
    );
    const listed = await ftp.list().catch((error) => error);
    assert(listed instanceof NetError, fault);
    await ftp.close();
  }
});

Deno.test("whatever a server says before the greeting is over, connecting fails in time", async () => {
  const greetings = [
    "",
    "220-hello\r\n",
    "garbage\r\n",
    "500 no\r\n",
    "421 full\r\n",
    "120 soon\r\n",
    "2",
  ];
  for (const greeting of greetings) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      const conn = await listener.accept();
      if (greeting !== "") await conn.write(new TextEncoder().encode(greeting));
      return conn;
    })();
    const options = { ...PLAIN, port: listener.addr.port, timeout: 150 };
    const error = await connectFtp(options).then(() => undefined, (error) => error);
    assert(error instanceof NetError, JSON.stringify(greeting));
    (await serving).close();
  }
});
