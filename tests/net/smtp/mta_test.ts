/** `net/smtp` against Exim and OpenSMTPD. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { SmtpPool } from "../../../net/smtp/pool.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { BODIES, countOf, HEAD, untilDelivered } from "../../_support/maildir.ts";
import { needsMta, startExim, startOpenSmtpd } from "../../_support/mta.ts";
import { ANN } from "../../_support/smtp_server.ts";

const exim = needsMta("exim4");
const opensmtpd = needsMta("smtpd");

Deno.test({
  name: `Exim: encrypted, logged in, lines and chunks delivered byte for byte${exim.suffix}`,
  ignore: exim.ignore,
  async fn() {
    await using server = await startExim(["ann"]);
    const options = { caCerts: [(await testCertificates()).ca], timeout: 10_000, ...ANN };
    for (const [tls, port] of [["starttls", server.smtp], ["implicit", server.smtps]] as const) {
      for (const mechanism of ["PLAIN", "LOGIN"] as const) {
        await using mail = await connectSmtp({ ...options, tls, port, mechanism });
        assert(mail.encrypted && mail.extensions.has("CHUNKING"));
      }
      const wrong = connectSmtp({ ...options, tls, port, password: "wrong" });
      assertEquals((await assertRejects(() => wrong, ReplyError)).code, "535");
    }
    await using mail = await connectSmtp({ ...options, port: server.smtp });
    for (const transfer of ["data", "chunks"] as const) {
      for (const [name, body] of Object.entries(BODIES)) {
        const { accepted, rejected } = await mail.send(
          { from: "bob@b.test", to: ["nobody@b.test", "later@b.test", "ann@b.test"] },
          `${HEAD}${name}\r\n\r\n${body}`,
          { transfer, notify: ["failure"], envelopeId: "a b", returnContent: "headers" },
        );
        assertEquals(accepted, ["ann@b.test"]);
        assertEquals(rejected.map(({ error }) => [error.code, error.retryable]), [
          ["571", false],
          ["451", true],
        ]);
      }
    }
    const stream = new Response(`${HEAD}grün\r\n\r\nstream`).body!;
    await mail.send({ from: "", to: ["ann@b.test"] }, stream, { transfer: "chunks" });
    const delivered = await untilDelivered(
      server.maildir("ann"),
      2 * Object.keys(BODIES).length + 1,
    );
    for (const [name, body] of Object.entries(BODIES)) {
      assertEquals(countOf(delivered, name, body), 2, name);
    }
    assertEquals(countOf(delivered, "grün", "stream"), 1);
  },
});

Deno.test({
  name:
    `Exim: more recipients and connections than it takes, each message arrives once${exim.suffix}`,
  ignore: exim.ignore,
  async fn() {
    const users = Array.from({ length: 12 }, (_, i) => `user${i}`);
    await using server = await startExim(users, 2);
    await using pool = new SmtpPool({
      ...{ port: server.smtp, caCerts: [(await testCertificates()).ca], timeout: 10_000 },
      ...{ maxConnections: 6, maxAttempts: 1 },
    });
    const to = users.map((user) => `${user}@b.test`);
    const all = await Promise.all(
      ["one", "two", "three", "four", "five", "six"].map((name) =>
        pool.send({ from: "", to }, `${HEAD}${name}\r\n\r\nhello\r\n`)
      ),
    );
    for (const { accepted } of all) assertEquals(accepted, to);
    assert(pool.stats().connections <= 2, `${pool.stats().connections}`);
    for (const user of ["user0", "user4", "user5", "user11"]) {
      const delivered = await untilDelivered(server.maildir(user), 6);
      assertEquals([delivered.length, countOf(delivered, "six", "hello\r\n")], [6, 1], user);
    }
  },
});

Deno.test({
  name: `OpenSMTPD: refused in part, delivered byte for byte${opensmtpd.suffix}`,
  ignore: opensmtpd.ignore,
  async fn() {
    await using server = await startOpenSmtpd();
    await using mail = await connectSmtp({ port: server.smtp, tls: "none", timeout: 10_000 });
    assert(mail.extensions.has("ENHANCEDSTATUSCODES") && !mail.extensions.has("PIPELINING"));
    for (const [name, body] of Object.entries(BODIES)) {
      const { accepted, rejected } = await mail.send(
        { from: "bob@b.test", to: ["missing@b.test", "ann@elsewhere.test", "ann+x@b.test"] },
        `${HEAD}${name}\r\n\r\n${body}`,
        { notify: ["failure", "delay"] },
      );
      assertEquals([accepted, rejected.map(({ error }) => error.code)], [["ann+x@b.test"], [
        "550",
        "550",
      ]]);
    }
    const delivered = await untilDelivered(server.maildir("ann"), Object.keys(BODIES).length);
    for (const [name, body] of Object.entries(BODIES)) {
      assertEquals(countOf(delivered, name, body), 1, name);
    }
  },
});
