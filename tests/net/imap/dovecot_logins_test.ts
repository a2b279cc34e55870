/** IMAP and POP3 with Dovecot: logins by certificates and tokens, and quotas. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { main } from "../../../examples/read_mail.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectImap } from "../../../net/imap/client.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { developmentAuthority } from "../../../net/tls/certificate.ts";
import { recordingIo } from "../../../tools/cli.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsDovecot, startDovecot } from "../../_support/dovecot.ts";

const dovecot = needsDovecot();

Deno.test({
  name: `Dovecot: EXTERNAL with a certificate, by the clients and by read_mail${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    const authority = await developmentAuthority();
    const [ann, stranger] = await Promise.all([
      authority.issue({ usage: "client", commonName: "ann" }),
      (await developmentAuthority()).issue({ usage: "client", commonName: "ann" }),
    ]);
    await using server = await startDovecot(
      "external plain",
      `ssl_ca = <$FOLDER/clients.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
passdb {
  driver = static
  mechanisms = external
  args = nopassword=y
}`,
      { "clients.pem": authority.cert },
    );
    await server.deliver("ann", "Subject: for ann\r\n\r\nhi\r\n");
    const { ca } = await testCertificates();
    const mechanism = "EXTERNAL" as const;
    const own = { caCerts: [ca], cert: ann.cert, key: ann.key, mechanism };
    for (const tls of ["implicit", "starttls"] as const) {
      const ports = tls === "implicit"
        ? { imap: server.imaps, pop3: server.pop3s }
        : { imap: server.imap, pop3: server.pop3 };
      // The name in the certificate counts, also for a user who is not named.
      for (const name of [{}, { username: "ann" }]) {
        await using mail = await connectImap({ ...own, ...name, tls, port: ports.imap });
        assertEquals((await mail.select("INBOX")).exists, 1);
        await using pop = await connectPop3({ ...own, ...name, tls, port: ports.pop3 });
        assertEquals((await pop.stat()).count, 1);
      }
    }
    const foreign = { ...own, cert: stranger.cert, key: stranger.key };
    await assertRejects(() => connectImap({ ...foreign, port: server.imaps }), NetError);
    const { cert: _, key: __, ...none } = own;
    await assertRejects(() => connectImap({ ...none, port: server.imaps }), NetError);

    const here = await Deno.makeTempDir();
    for (const [name, text] of Object.entries({ ca, cert: ann.cert, key: ann.key })) {
      await Deno.writeTextFile(`${here}/${name}`, text);
    }
    const files = ["ca", "cert", "key"].flatMap((name) => [`--${name}`, `${here}/${name}`]);
    for (const [protocol, port] of [["imap", server.imaps], ["pop3", server.pop3s]] as const) {
      const io = recordingIo();
      const way = ["--protocol", protocol, "--port", `${port}`, "--mechanism", "external"];
      assertEquals(await main(["list", ...way, ...files], io), 0, io.err);
      assertMatch(io.out, /^ +1 .* for ann\n$/);
    }
    await Deno.remove(here, { recursive: true });
  },
});

Deno.test({
  name: `Dovecot: OAUTHBEARER and XOAUTH2 with tokens that a server checks${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    const asked: string[] = [];
    // A server of RFC 7662.
    await using introspection = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const token = new URLSearchParams(await request.text()).get("token") ?? "";
        asked.push(token);
        return Response.json(
          token === "good" ? { active: true, username: "ann" } : { active: false },
        );
      },
    );
    await using server = await startDovecot(
      "xoauth2 oauthbearer",
      `passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $FOLDER/oauth2.conf
}`,
      {
        "oauth2.conf": `introspection_mode = post
introspection_url = http://127.0.0.1:${introspection.addr.port}/
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
`,
      },
    );
    const { ca } = await testCertificates();
    const ann = { username: "ann", accessToken: "good", caCerts: [ca] };
    for (const mechanism of ["OAUTHBEARER", "XOAUTH2", undefined] as const) {
      const how = mechanism && { mechanism };
      await using mail = await connectImap({ ...ann, ...how, port: server.imaps });
      assertEquals((await mail.select("INBOX")).exists, 0);
      await using pop = await connectPop3({ ...ann, ...how, port: server.pop3s });
      assertEquals((await pop.stat()).count, 0);
      const bad = { ...ann, accessToken: "bad", ...how };
      await assertRejects(() => connectImap({ ...bad, port: server.imaps }), ReplyError, "log in");
      await assertRejects(() => connectPop3({ ...bad, port: server.pop3s }), ReplyError, "log in");
    }
    assertEquals(new Set(asked), new Set(["good", "bad"]));
  },
});

Deno.test({
  name: `Dovecot: quotas, and a message that exceeds one${dovecot.suffix}`,
  ignore: dovecot.ignore,
  async fn() {
    await using server = await startDovecot(
      "plain",
      `mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=1M:messages=3
}`,
    );
    const { ca } = await testCertificates();
    const ann = { username: "ann", password: "secret", caCerts: [ca] };
    await using mail = await connectImap({ ...ann, port: server.imaps });
    await mail.append("INBOX", `Subject: one\r\n\r\n${"x".repeat(100_000)}\r\n`);
    const [quota] = await mail.quotas();
    assertEquals(quota?.root, "User quota");
    assertEquals(quota?.storage?.limit, 1024 * 1024);
    assertEquals(quota!.storage!.used > 90_000, true);
    assertEquals(quota?.messages, { used: 1, limit: 3 });
    const large = "x".repeat(2_000_000);
    const error = await assertRejects(() => mail.append("INBOX", large), ReplyError);
    assertEquals(error.enhanced, "OVERQUOTA");
    assertEquals((await mail.quotas())[0]?.messages?.used, 1);
  },
});
