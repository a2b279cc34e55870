/** IMAP with Cyrus: every form of TLS with every mechanism, and the extensions. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectImap, type ConnectImapOptions } from "../../../net/imap/client.ts";
import type { ImapInvalid } from "../../../net/imap/codec.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsCyrus, startCyrus } from "../../_support/cyrus.ts";

const cyrus = needsCyrus();
const ANN = { username: "ann", password: "secret" };

Deno.test({
  name: `Cyrus: every mechanism over each form of TLS, and the extensions${cyrus.suffix}`,
  ignore: cyrus.ignore,
  async fn() {
    await using server = await startCyrus();
    const { ca } = await testCertificates();
    const invalid: ImapInvalid[] = [];
    const open = (options: ConnectImapOptions) =>
      connectImap({ ...ANN, caCerts: [ca], onInvalid: (part) => invalid.push(part), ...options });
    const mechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"] as const;
    for (const tls of ["implicit", "starttls", "none"] as const) {
      const port = tls === "implicit" ? server.imaps : server.imap;
      const how = { tls, port, allowPlaintextLogin: tls === "none" };
      for (const mechanism of [...mechanisms, "LOGIN-COMMAND", undefined] as const) {
        await using mail = await open({ ...how, ...(mechanism && { mechanism }) });
        assertEquals((await mail.select("INBOX")).exists, 0, `${tls} ${mechanism}`);
      }
    }
    const wrong = () => open({ port: server.imaps, password: "wrong" });
    await assertRejects(wrong, ReplyError, "Cannot log in");

    await using mail = await open({ port: server.imaps });
    const folder = ["INBOX", "Größe"];
    await mail.create(folder);
    const listed = await mail.list("*", "", { status: { size: true, modSeq: true } });
    assertEquals(listed.map(({ path, specialUse }) => [path.at(-1), specialUse]), [
      ["INBOX", undefined],
      ["Größe", undefined],
      ["Sent", "sent"],
    ]);
    const counted = listed.map(({ status, statusError }) =>
      statusError?.message ?? status?.messages
    );
    assertEquals(counted, [0, 0, 0], JSON.stringify(invalid));
    // Cyrus before 3.12 sends freed memory as the id in STATUS, which may be any bytes.
    const isOdd = ({ name, text }: ImapInvalid) =>
      name !== "MAILBOXID" && !/ MAILBOXID /.test(text);
    assertEquals(invalid.filter(isOdd), []);
    invalid.length = 0;
    assertEquals((await mail.list("*", "", { specialUse: true })).length, 1);
    for (const day of [3, 1, 2]) {
      const date = `Date: ${day} Nov 2026 10:00:00 +0000`;
      await mail.append(folder, `Subject: ${day}\r\n${date}\r\n\r\nbody\r\n`);
    }
    const { uidValidity = 0, highestModSeq = 0n, mailboxId } = await mail.select(folder);
    assert(mailboxId !== undefined);
    assertEquals(await mail.sort(["-date"]), [1, 3, 2]);
    assertEquals((await mail.thread()).map(({ uid }) => uid), [2, 3, 1]);
    await mail.store([1, 2], "add", ["\\Deleted"]);
    await mail.expunge(2);
    const items = { flags: true, emailId: true, threadId: true, modSeq: true } as const;
    const messages = await mail.fetch("1:*", items);
    assertEquals(messages.map(({ uid }) => uid), [1, 3]);
    assert(messages.every(({ emailId, modSeq }) => emailId && modSeq));
    const since = { uidValidity, modSeq: highestModSeq };
    const { vanished, changed } = await mail.select(folder, { resync: since });
    assertEquals([vanished, changed?.map(({ uid }) => uid)], [[[2, 2]], [1]]);
    const [quota] = await mail.quotas();
    assertEquals(quota?.storage?.limit, 10_240_000);
    const { personal } = await mail.namespaces();
    assertEquals(personal, [{ prefix: "INBOX.", delimiter: "." }]);
    assertEquals((await mail.id()).vendor, "Project Cyrus");
    await mail.unselect();
    await mail.deleteFolder(folder);
    assertEquals(invalid, []);
  },
});
