/** `net/smtp/client.ts` against servers of others. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsDovecot, startDovecot } from "../../_support/dovecot.ts";
import { BODIES, countOf, HEAD, untilDelivered } from "../../_support/maildir.ts";
import { needsPython, pythonWith } from "../../_support/peers.ts";
import { needsPostfix, startPostfix } from "../../_support/postfix.ts";
import { startPeer } from "../../_support/runnable.ts";
import { ANN } from "../../_support/smtp_server.ts";

const python = needsPython("aiosmtpd");

Deno.test({
  name: `aiosmtpd takes a message over STARTTLS, every byte of it${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    const { good, ca } = await testCertificates();
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/cert.pem`, good.cert + good.key);
    await using peer = await startPeer(pythonWith("aiosmtpd")!, [
      "-uc",
      `
import asyncio, ssl, sys, hashlib
from aiosmtpd.smtp import SMTP, AuthResult
class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(envelope.mail_from, envelope.rcpt_tos, hashlib.sha256(envelope.original_content).hexdigest(), flush=True)
        return "250 taken"
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("${folder}/cert.pem")
def auth(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"ann" and data.password == b"secret")
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), tls_context=context, require_starttls=True,
        authenticator=auth, auth_required=True, enable_SMTPUTF8=True), "127.0.0.1", 0)
    print("listening on tcp://127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()
asyncio.run(main())`,
    ]);
    const message = Array.from({ length: 3000 }, (_, i) => `.${"ü".repeat(i % 50)} ${i}\r\n`).join(
      "",
    );
    {
      await using mail = await connectSmtp({
        ...ANN,
        caCerts: [ca],
        port: peer.port,
        timeout: 10_000,
      });
      assert(mail.encrypted && mail.extensions.has("SMTPUTF8"));
      await mail.send({ from: "ann@a.test", to: ["b@b.test", "jürgen@b.test"] }, message);
    }
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(message));
    const line = `ann@a.test ['b@b.test', 'jürgen@b.test'] ${new Uint8Array(digest).toHex()}`;
    await peer.until(({ stdout }) => stdout.includes(line), "the same bytes");
    await Deno.remove(folder, { recursive: true });
  },
});

const found = [needsPostfix(), needsDovecot()];
const postfix = found.find(({ ignore }) => ignore) ?? found[0]!;

Deno.test({
  name:
    `Postfix: encrypted, logged in by every mechanism, refused in part, delivered byte for byte, also in chunks${postfix.suffix}`,
  ignore: postfix.ignore,
  async fn() {
    await using dovecot = await startDovecot();
    await using server = await startPostfix(dovecot);
    const { ca } = await testCertificates();
    const options = { caCerts: [ca], timeout: 10_000, ...ANN };
    const ways = [["starttls", server.smtp], ["implicit", server.smtps]] as const;
    for (const [tls, port] of ways) {
      for (const mechanism of ["PLAIN", "LOGIN", "SCRAM-SHA-256"] as const) {
        await using mail = await connectSmtp({ ...options, tls, port, mechanism });
        assert(mail.encrypted && mail.extensions.has("PIPELINING"));
        assertEquals(mail.maxSize, 1_000_000);
      }
      const wrong = { ...options, tls, port, password: "wrong" };
      const refused = await assertRejects(() => connectSmtp(wrong), ReplyError);
      assertEquals([refused.code, refused.retryable], ["535", false]);
    }
    await using mail = await connectSmtp({ ...options, port: server.smtp });
    for (const [name, body] of Object.entries(BODIES)) {
      const to = ["nobody@b.test", "ann@b.test"];
      const sent = await mail.send({ from: "bob@b.test", to }, `${HEAD}${name}\r\n\r\n${body}`);
      assertEquals(sent.accepted, ["ann@b.test"]);
      assertEquals(sent.rejected.map(({ address, error }) => [address, error.code]), [
        ["nobody@b.test", "550"],
      ]);
    }
    // By BDAT, with requests for reports, and a header that is not ASCII.
    for (const [name, body] of Object.entries(BODIES)) {
      const text = `${HEAD}${name} in chunks\r\n\r\n${body}`;
      const requests = {
        notify: ["failure"],
        returnContent: "headers",
        envelopeId: "a b",
      } as const;
      await mail.send({ from: "bob@b.test", to: ["ann@b.test"] }, text, {
        transfer: "chunks",
        ...requests,
      });
    }
    // As a stream, a byte at a time.
    const bytes = new TextEncoder().encode(`${HEAD}stream\r\n\r\n${BODIES["only dots"]}`);
    const stream = async function* () {
      for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1);
    };
    await mail.send({ from: "", to: ["ann@b.test"] }, stream(), { size: bytes.length });
    // More than it takes, said at once and only at the end; the session lives.
    const large = mail.send({ from: "", to: ["ann@b.test"] }, stream(), { size: 2_000_000 });
    assertEquals((await assertRejects(() => large, NetError)).kind, "limit");
    const parts = async function* () {
      for (let i = 0; i < 20_000; i++) yield new Uint8Array(100).fill(i % 50 === 49 ? 10 : 120);
    };
    const toldLate = await assertRejects(
      () => mail.send({ from: "", to: ["ann@b.test"] }, parts()),
      ReplyError,
    );
    assertEquals(toldLate.code, "552");
    await mail.noop();
    const chunks = Object.entries(BODIES).map(([name, body]) => [`${name} in chunks`, body]);
    const wanted: Record<string, string> = {
      ...BODIES,
      ...Object.fromEntries(chunks),
      stream: BODIES["only dots"]!,
    };
    const delivered = await untilDelivered(dovecot.maildir("ann"), Object.keys(wanted).length);
    for (const [name, body] of Object.entries(wanted)) {
      assertEquals(countOf(delivered, name, body), 1, name);
    }
  },
});
