/** IMAP and POP3 with Dovecot: every form of TLS with every mechanism, and the extensions. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectImap } from "../../../net/imap/client.ts";
import type { ImapEvent } from "../../../net/imap/options.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsDovecot, startDovecot } from "../../_support/dovecot.ts";

const dovecot = needsDovecot();
const MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"] as const;
const ANN = { username: "ann", password: "secret" };
const ALL = "plain login scram-sha-256 scram-sha-1 cram-md5 apop";

Deno.test({
  name:
    `Dovecot takes every mechanism over each form of TLS, and refuses a wrong password${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    await using server = await startDovecot(ALL);
    const { ca } = await testCertificates();
    const forms = [
      { tls: "implicit", imap: server.imaps, pop3: server.pop3s },
      { tls: "starttls", imap: server.imap, pop3: server.pop3 },
      { tls: "none", imap: server.imap, pop3: server.pop3 },
    ] as const;
    for (const { tls, imap, pop3 } of forms) {
      const options = { tls, caCerts: [ca], allowPlaintextLogin: tls === "none" };
      for (const mechanism of [...MECHANISMS, "LOGIN-COMMAND", undefined] as const) {
        const how = mechanism && { mechanism };
        await using mail = await connectImap({ ...options, ...ANN, ...how, port: imap });
        assert(mail.capabilities.has("SORT"), `${tls} ${mechanism}`);
        assertEquals((await mail.select("INBOX")).exists, 0);
      }
      for (const mechanism of [...MECHANISMS, "USER", "APOP", undefined] as const) {
        const how = mechanism && { mechanism };
        await using mail = await connectPop3({ ...options, ...ANN, ...how, port: pop3 });
        assertEquals((await mail.stat()).count, 0, `${tls} ${mechanism}`);
      }
    }
    const wrong = { username: "ann", password: "wrong", caCerts: [ca] };
    const error = await assertRejects(
      () => connectImap({ ...wrong, port: server.imaps }),
      ReplyError,
    );
    assertEquals(error.enhanced, "AUTHENTICATIONFAILED");
    await assertRejects(() => connectPop3({ ...wrong, port: server.pop3s }), ReplyError, "AUTH");
  },
});

Deno.test({
  name: `Dovecot: folders by path, counters, searches, sorting, threads, unselect${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    await using server = await startDovecot();
    const { ca } = await testCertificates();
    await using mail = await connectImap({
      ...ANN,
      caCerts: [ca],
      port: server.imaps,
      id: { name: "portside", version: "1" },
    });
    assertEquals((await mail.id()).name, "Dovecot");
    await mail.create(["Größe", "a & b"]);
    const folder = ["Größe", "a & b"];
    const post = async (subject: string, day: number, id: string, to = "") => {
      const text = `Subject: ${subject}\r\nDate: ${day} Nov 2026 10:00:00 +0000\r\n` +
        `Message-ID: <${id}@x.test>\r\n${to && `In-Reply-To: <${to}@x.test>\r\n`}\r\nbody\r\n`;
      return await mail.append(folder, text, { flags: day === 1 ? ["\\Seen"] : [] });
    };
    const uids = [
      await post("b", 3, "m1"),
      await post("a", 1, "m2"),
      await post("Re: b", 2, "m3", "m1"),
    ];
    assertEquals(uids, [1, 2, 3]);
    const listed = await mail.list("*", "", { status: { size: true, modSeq: true } });
    const own = listed.find(({ path }) => path.length === 2)!;
    assertEquals(own.path, folder);
    assertEquals([own.status?.messages, own.status?.unseen], [3, 2]);
    assert(own.status!.size! > 200 && own.status!.highestModSeq! > 0n);
    await mail.select(folder);
    assertEquals(await mail.sort(["subject", "-date"]), [2, 1, 3]);
    assertEquals(await mail.sort(["-date"], { seen: false }), [1, 3]);
    const threads = await mail.thread();
    assertEquals(threads, [
      { uid: 2, answers: [] },
      { uid: 1, answers: [{ uid: 3, answers: [] }] },
    ]);
    const [part] = await mail.fetch(2, { sections: ["TEXT<1.3>"] });
    assertEquals(new TextDecoder().decode(part!.sections.get("TEXT<1.3>")!), "ody");
    await mail.store([1, 3], "add", ["\\Deleted"]);
    await mail.expunge(3);
    assertEquals(await mail.search(), [1, 2]);
    await mail.unselect();
    assertEquals(mail.selected, undefined);
    const { personal } = await mail.namespaces();
    assertEquals(personal.length, 1);
    await mail.rename(folder, ["Größe", "c"]);
    await mail.deleteFolder(["Größe", "c"]);
  },
});

Deno.test({
  name: `Dovecot: a second session learns what has changed and vanished${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    await using server = await startDovecot();
    const { ca } = await testCertificates();
    const options = { ...ANN, caCerts: [ca], port: server.imaps };
    await using one = await connectImap(options);
    for (let i = 0; i < 5; i++) await one.append("INBOX", `Subject: ${i}\r\n\r\n`);
    const { uidValidity, highestModSeq, exists } = await one.select("INBOX", { condstore: true });
    assertEquals(exists, 5);
    const events: ImapEvent[] = [];
    await using two = await connectImap({ ...options, onEvent: (event) => events.push(event) });
    await two.select("INBOX", { resync: { uidValidity: uidValidity!, modSeq: highestModSeq! } });
    await one.store([2, 4], "add", ["\\Deleted"]);
    await one.store(5, "add", ["\\Flagged"]);
    await one.expunge([2, 4]);
    await two.noop();
    const gone = events.flatMap((event) => event.type === "vanished" ? event.uids : []);
    assertEquals(gone.flat().sort(), [2, 2, 4, 4]);
    assertEquals(two.selected?.exists, 3);
    await using three = await connectImap(options);
    const resync = { uidValidity: uidValidity!, modSeq: highestModSeq! };
    const { vanished, changed } = await three.select("INBOX", { resync });
    assertEquals([vanished, changed?.map(({ uid }) => uid)], [[[2, 2], [4, 4]], [5]]);
    const since = await three.changedSince("1:*", highestModSeq!);
    assertEquals(since.messages.map(({ uid, flags }) => [uid, flags]), [[5, ["\\Flagged"]]]);
    assertEquals(since.vanished, [[2, 2], [4, 4]]);
    const late = { unchangedSince: highestModSeq! };
    assertEquals(await three.store([3, 5], "add", ["\\Seen"], late), [5]);
  },
});
