/** The way of a message through all clients of mail, every byte of it. */

import { assert, assertEquals } from "@std/assert";
import { compose } from "../../../examples/mail/compose.ts";
import { connectImap } from "../../../net/imap/client.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsDovecot, startDovecot } from "../../_support/dovecot.ts";
import { needsPostfix, startPostfix } from "../../_support/postfix.ts";
import { ANN } from "../../_support/smtp_server.ts";

const found = [needsDovecot(), needsPostfix()];
const peers = found.find(({ ignore }) => ignore) ?? found[0]!;

Deno.test({
  name: "sent over STARTTLS to Postfix, seen by IDLE, the same bytes by IMAP, POP3 and in the " +
    `Maildir, deleted by POP3${peers.suffix}`,
  ignore: peers.ignore,
  async fn() {
    await using dovecot = await startDovecot();
    await using postfix = await startPostfix(dovecot);
    const folder = await Deno.makeTempDir();
    await Deno.writeFile(`${folder}/random.bin`, crypto.getRandomValues(new Uint8Array(60_000)));
    await Deno.writeTextFile(`${folder}/.dots`, ".\r\n..\r\n.\r\n");
    const { envelope, message: parts } = await compose({
      from: "Bøb <bob@a.test>",
      to: ["ann@b.test"],
      cc: [],
      bcc: [],
      subject: "grüße 你好",
      text: ".\r\n..dots\r\n.\r\nfrom here",
      html: "<b>ü</b>",
      attach: [`${folder}/random.bin`, `${folder}/.dots`],
      inline: [],
    });
    const message = await bytesOf(parts);
    const options = { ...ANN, caCerts: [(await testCertificates()).ca], timeout: 20_000 };
    await dovecot.deliver("ann", "Subject: older\r\n\r\n");
    await using imap = await connectImap({ ...options, port: dovecot.imaps });
    await imap.select("INBOX");
    const news = imap.idle({ signal: AbortSignal.timeout(20_000) });
    const arrival = news.next();
    {
      await using smtp = await connectSmtp({ ...options, port: postfix.smtp });
      assert(smtp.encrypted);
      const { accepted } = await smtp.send(envelope, message);
      assertEquals(accepted, ["ann@b.test"]);
    }
    assertEquals((await arrival).value, { type: "exists", count: 2 });
    await news.return();
    const [uid = 0] = await imap.search({ subject: "grüße 你好" });
    const byImap = await bytesOf(await imap.message(uid));
    // What servers put on top of it aside.
    const own = byImap.subarray(byImap.length - message.length);
    assertEquals(new TextDecoder().decode(own), new TextDecoder().decode(message));
    assertEquals(own, message);
    const kept = new TextDecoder().decode(byImap).replaceAll("\r\n", "\n");
    assert((await filesOf(`${dovecot.maildir("ann")}/cur`)).includes(kept), "it is in the Maildir");
    await using pop3 = await connectPop3({ ...options, port: dovecot.pop3s });
    const sizes = await pop3.list();
    const { number } = sizes.find(({ size }) => size >= message.length)!;
    assertEquals(await bytesOf(await pop3.retrieve(number)), byImap);
    await pop3.delete(number);
    await pop3.quit();
    await imap.noop();
    assertEquals(await imap.search({ subject: "grüße" }), []);
    assertEquals(imap.selected?.exists, 1);
    await Deno.remove(folder, { recursive: true });
  },
});

async function filesOf(folder: string): Promise<string[]> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  return await Promise.all(names.map((name) => Deno.readTextFile(`${folder}/${name}`)));
}

async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
