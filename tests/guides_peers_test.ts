import { assertEquals } from "@std/assert";
import type { ConnectFtpOptions } from "@portside/kit/net/ftp";
import type { ConnectImapOptions } from "@portside/kit/net/imap";
import type { ConnectPop3Options } from "@portside/kit/net/pop3";
import type { ConnectSmtpOptions } from "@portside/kit/net/smtp";
import { testCertificates } from "./_support/certificates.ts";
import { needsDovecot, startDovecot } from "./_support/dovecot.ts";
import { startPyftpdlib } from "./_support/ftp.ts";
import { needsPython } from "./_support/peers.ts";
import { read, temporaryFolder } from "./_support/repository.ts";
import { PLAIN, post } from "./_support/smtp_server.ts";

const GUIDES = ["from-python", "from-node"];

/** The login that the test servers know. */
const ANN = { hostname: "127.0.0.1", username: "ann", password: "secret", timeout: 20_000 };

/** Returns a function of a guide: the code block that contains it, as a module. */
async function functionOf<F>(guide: string, name: string): Promise<F> {
  const blocks = Array.from(
    read(`docs/guides/${guide}.md`).matchAll(/^```ts\n([\s\S]*?)^```$/gm),
    ([, code]) => code!,
  );
  const code = blocks.find((block) => block.includes(`async function ${name}(`));
  if (code === undefined) throw new Error(`${guide} has no function ${name}`);
  const module = code.replaceAll(
    /from "(@portside[^"]+)"/g,
    (_, specifier) => `from ${JSON.stringify(import.meta.resolve(specifier))}`,
  );
  const url = `data:application/typescript,${encodeURIComponent(`${module}\nexport { ${name} };`)}`;
  return (await import(url))[name];
}

for (const guide of GUIDES) {
  Deno.test(`${guide}: the report is sent, and the refused recipient is a result`, async () => {
    await using server = post();
    const send = await functionOf<(server: ConnectSmtpOptions) => Promise<string[]>>(
      guide,
      "sendReport",
    );
    const rejected = await send({ ...PLAIN, hostname: "127.0.0.1", port: server.port });
    assertEquals(rejected, ["nobody@b.test"]);
    assertEquals(server.mail.map((text) => /^Subject: .*$/m.exec(text)?.[0]), ["Subject: Report"]);
  });

  Deno.test({
    name: `${guide}: messages are saved by POP3 and then deleted, and removed by IMAP`,
    ...needsDovecot(),
    async fn() {
      await using server = await startDovecot();
      await using folder = await temporaryFolder();
      const { ca } = await testCertificates();
      const login = { ...ANN, caCerts: [ca] };
      for (const subject of ["one", "two"]) {
        await server.deliver("ann", `Subject: ${subject}\r\n\r\n${subject}\r\n`);
      }
      const save = await functionOf<
        (server: ConnectPop3Options, folder: string) => Promise<number>
      >(guide, "saveAll");
      assertEquals(await save({ ...login, port: server.pop3s }, folder.path), 2);
      const saved = Array.from(Deno.readDirSync(folder.path), ({ name }) => name).toSorted();
      assertEquals(saved, ["1.eml", "2.eml"]);
      assertEquals(await save({ ...login, port: server.pop3s }, folder.path), 0);

      await server.deliver("ann", "Subject: three\r\n\r\nthree\r\n");
      const remove = await functionOf<(server: ConnectImapOptions) => Promise<string[]>>(
        guide,
        "removeUnread",
      );
      assertEquals(await remove({ ...login, port: server.imaps }), ["three"]);
      assertEquals(await remove({ ...login, port: server.imaps }), []);
    },
  });

  Deno.test({
    name: `${guide}: a folder comes by FTP over TLS`,
    ...needsPython("pyftpdlib", "OpenSSL"),
    async fn() {
      await using server = await startPyftpdlib("starttls");
      await using folder = await temporaryFolder();
      await Deno.mkdir(`${server.folder}/reports`);
      await Deno.writeTextFile(`${server.folder}/reports/a.txt`, "a report");
      const { ca } = await testCertificates();
      const fetchReports = await functionOf<
        (server: ConnectFtpOptions, folder: string) => Promise<number>
      >(guide, "fetchReports");
      assertEquals(
        await fetchReports({ ...ANN, port: server.port, caCerts: [ca] }, folder.path),
        1,
      );
      assertEquals(await Deno.readTextFile(`${folder.path}/a.txt`), "a report");
    },
  });
}
