/** The same journey through five real FTP servers, with TLS and without. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connectFtp, type ConnectFtpOptions } from "../../../net/ftp/client.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { type FtpPeer, startPyftpdlib, startVsftpd } from "../../_support/ftp.ts";
import { CHECKS, type Difference, travel } from "../../_support/ftp_journey.ts";
import {
  needsFtpServer,
  startGnuFtpd,
  startProftpd,
  startPureFtpd,
} from "../../_support/ftp_servers.ts";
import { type Availability, needs, needsPython, needsRoot } from "../../_support/peers.ts";

interface Row {
  readonly server: string;
  readonly needs: Availability;
  readonly tls: "none" | "starttls" | "implicit";
  readonly start: () => Promise<FtpPeer>;
  readonly isAnonymous?: boolean;
  readonly differs?: readonly Difference[];
}

const python = needsPython("pyftpdlib", "OpenSSL");
const vsftpd = needsRoot("vsftpd", needs("vsftpd"));
const [pro, pure, gnu] = [
  needsFtpServer("proftpd"),
  needsFtpServer("pure-ftpd"),
  needsFtpServer("ftpd"),
];

const ROWS: readonly Row[] = [
  ...(["none", "starttls"] as const).flatMap((tls): Row[] => [
    {
      server: "pyftpdlib",
      needs: python,
      tls,
      start: () => startPyftpdlib(tls),
      differs: ["bytes"],
    },
    {
      server: "vsftpd",
      needs: vsftpd,
      tls,
      start: () => startVsftpd({ plain: tls === "none" }),
      isAnonymous: true,
    },
    { server: "ProFTPD", needs: pro, tls, start: () => startProftpd({ tls: tls !== "none" }) },
    {
      server: "Pure-FTPd",
      needs: pure,
      tls,
      start: () => startPureFtpd(tls !== "none"),
      differs: ["odd names"],
    },
  ]),
  {
    server: "pyftpdlib",
    needs: python,
    tls: "implicit",
    start: () => startPyftpdlib("implicit"),
    differs: ["bytes"],
  },
  {
    server: "vsftpd",
    needs: vsftpd,
    tls: "implicit",
    start: () => startVsftpd({ implicit: true }),
    isAnonymous: true,
  },
  {
    server: "GNU ftpd",
    needs: gnu,
    tls: "none",
    start: startGnuFtpd,
    isAnonymous: true,
    differs: ["links"],
  },
];

Deno.test("the journey has at least 60 checks", () => {
  assert(CHECKS.length >= 60, `${CHECKS.length}`);
  assertEquals(new Set(CHECKS.map(([name]) => name)).size, CHECKS.length);
});

/** An upload that breaks off must not look complete to the server. */
async function breakOff(options: ConnectFtpOptions, lines: string[]): Promise<void> {
  await using ftp = await connectFtp(options);
  for (const cause of ["source", "signal"]) {
    const stop = new AbortController();
    const enough = new Error("enough");
    const source = async function* () {
      for (let i = 0; i < 5; i++) yield new Uint8Array(10_000);
      if (cause === "source") throw enough;
      stop.abort(enough);
      await new Promise(() => {});
    };
    lines.length = 0;
    const uploading = ftp.upload("up/cut.bin", source(), { signal: stop.signal });
    assertEquals(await assertRejects(() => uploading), enough);
    await ftp.noop();
    const stored = lines.findIndex((line) => line.startsWith("STOR"));
    // 225 is the reply to ABOR where nothing of the file had come. ProFTPD answers ABOR first.
    assert(lines.slice(stored).some((line) => /^4|^225/.test(line)), lines.join("\n"));
    // pyftpdlib removes it; vsftpd leaves it to the client.
    await ftp.delete("up/cut.bin").catch(() => {});
  }
}

for (const { server, needs, tls, start, isAnonymous = false, differs } of ROWS) {
  Deno.test({
    name: `${server}, TLS ${tls}: ${CHECKS.length} checks${needs.suffix}`,
    ignore: needs.ignore,
    async fn() {
      await using peer = await start();
      await Deno.mkdir(`${peer.folder}/up`, { recursive: true });
      const { ca } = await testCertificates();
      const login: ConnectFtpOptions = isAnonymous ? {} : { username: "ann", password: "secret" };
      const encryption: ConnectFtpOptions = tls === "none"
        ? { tls, allowPlaintextLogin: true }
        : { tls, caCerts: [ca] };
      const lines: string[] = [];
      const trace = ({ text }: { text: string }) => void lines.push(text);
      const options = { ...login, ...encryption, port: peer.port, timeout: 10_000, trace };
      await breakOff(options, lines);
      assertEquals(await travel(options, peer.folder, differs), []);
      assert(!lines.join().includes("secret"));
      if (isAnonymous) return;
      const stranger = { ...options, password: "no" };
      assertEquals((await assertRejects(() => connectFtp(stranger), ReplyError)).code, "530");
    },
  });
}

Deno.test({
  name:
    `ProFTPD demands the TLS session of the control connection, and the error says so${pro.suffix}`,
  ignore: pro.ignore,
  async fn() {
    await using peer = await startProftpd({ tls: true, reuse: true });
    const { ca } = await testCertificates();
    const login = { username: "ann", password: "secret", caCerts: [ca] };
    await using ftp = await connectFtp({ ...login, port: peer.port, timeout: 10_000 });
    const works = [() => ftp.list("up"), () => ftp.upload("up/x", new Uint8Array(1e6))];
    for (const work of works) {
      const error = await assertRejects(work, ReplyError);
      assertEquals([error.code, error.retryable], ["425", false]);
      assertMatch(error.message, /resume the TLS session .* NoSessionReuseRequired \(ProFTPD\)/);
    }
    assertEquals(await ftp.pwd(), "/");
  },
});
