/** IMAP and POP3 with Courier: every form of TLS with every mechanism, and journeys. */

import { assertEquals, assertRejects } from "@std/assert";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectImap, type ConnectImapOptions } from "../../../net/imap/client.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsCourier, startCourier } from "../../_support/courier_imap.ts";

const courier = needsCourier();
const ANN = { username: "ann", password: "secret" };

Deno.test({
  name: `Courier: every mechanism over each form of TLS, and whole journeys${courier.suffix}`,
  ignore: courier.ignore,
  async fn() {
    await using server = await startCourier();
    const { ca } = await testCertificates();
    const invalid: unknown[] = [];
    const open = (options: ConnectImapOptions) =>
      connectImap({ ...ANN, caCerts: [ca], onInvalid: (part) => invalid.push(part), ...options });
    for (const tls of ["implicit", "starttls", "none"] as const) {
      const how = { tls, allowPlaintextLogin: tls === "none" };
      const ports = tls === "implicit"
        ? { imap: server.imaps, pop3: server.pop3s }
        : { imap: server.imap, pop3: server.pop3 };
      for (const mechanism of ["CRAM-MD5", "PLAIN", "LOGIN-COMMAND", undefined] as const) {
        const one = mechanism && { mechanism };
        await using mail = await open({ ...how, ...one, port: ports.imap });
        assertEquals(mail.encrypted, tls !== "none", `${tls} ${mechanism}`);
      }
      for (const mechanism of ["CRAM-MD5", "PLAIN", "LOGIN", "USER", undefined] as const) {
        const one = { ...how, ...(mechanism && { mechanism }), port: ports.pop3 };
        await using mail = await connectPop3({ ...ANN, caCerts: [ca], ...one });
        assertEquals((await mail.stat()).count, 0, `${tls} ${mechanism}`);
      }
    }
    const wrong = () => open({ port: server.imaps, password: "wrong" });
    await assertRejects(wrong, ReplyError, "Cannot log in");

    await using mail = await open({ port: server.imaps });
    const folder = ["INBOX", "Größe"];
    await mail.create(folder);
    const listed = await mail.list("*", "", { status: { size: true } });
    assertEquals(listed.map(({ path }) => path).sort(), [["INBOX"], folder]);
    assertEquals(listed.map(({ status }) => status?.messages), [0, 0]);
    for (const day of [3, 1, 2]) {
      const date = `Date: ${day} Nov 2026 10:00:00 +0000`;
      await mail.append(folder, `Subject: ${day}\r\n${date}\r\n\r\nbody\r\n`);
    }
    await mail.select(folder);
    assertEquals(await mail.sort(["-date"]), [1, 3, 2]);
    assertEquals((await mail.thread()).length, 3);
    await mail.store([1, 2], "add", ["\\Deleted"]);
    await mail.expunge(2);
    assertEquals((await mail.fetch("1:*", { envelope: true })).map(({ uid }) => uid), [1, 3]);
    const moved = await mail.move(3, "INBOX");
    assertEquals([...moved], [[3, 1]]);
    // Courier lacks UNSELECT. The message with the mark stays.
    await mail.unselect();
    assertEquals((await mail.status(folder)).messages, 1);
    await mail.deleteFolder(folder);
    assertEquals(invalid, []);

    await using pop = await connectPop3({ ...ANN, caCerts: [ca], port: server.pop3s });
    const text = await new Response(await pop.retrieve(1)).text();
    assertEquals(text.includes("Subject: 2"), true);
    await pop.delete(1);
    await pop.quit();
    assertEquals((await mail.status("INBOX")).messages, 0);
  },
});
