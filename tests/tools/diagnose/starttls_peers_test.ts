/** `diagnose` with STARTTLS against Postfix, Dovecot and vsftpd with certificates of every kind. */

import { assertEquals } from "@std/assert";
import { diagnose } from "../../../tools/diagnose.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsDovecot, startDovecot } from "../../_support/dovecot.ts";
import { startVsftpd } from "../../_support/ftp.ts";
import { type Availability, needs, needsRoot } from "../../_support/peers.ts";
import { needsPostfix, startPostfix } from "../../_support/postfix.ts";
import type { DevelopmentCertificate } from "../../../net/tls/certificate.ts";

const { ca, good, expired, notYetValid, wrongName, untrusted } = await testCertificates();

/** Certificates, and the verdict about them; undefined if everything is in order. */
const ROWS: readonly [DevelopmentCertificate, RegExp | undefined][] = [
  [good, undefined],
  [expired, /its certificate expired 7 days ago$/],
  [notYetValid, /its certificate is not valid for another (?:6|7) days/],
  [
    wrongName,
    /its certificate is for wrong\.test, not for 127\.0\.0\.1 \(it contains no addresses\)$/,
  ],
  [untrusted, /, which is not trusted, and which the server does not send$/],
];

/** Asks for the verdict about each URL, and returns those that are wrong. */
async function misjudged(urls: readonly string[], expected: RegExp | undefined): Promise<string[]> {
  const wrong: string[] = [];
  for (const url of urls) {
    const steps = ["dns", "tcp", "tls"] as const;
    const { ok, verdict } = await diagnose(url, { steps, caCerts: [ca], timeout: 30_000 });
    const right = expected === undefined ? ok : !ok && expected.test(verdict);
    if (!right) wrong.push(`${url}: ${verdict}`);
  }
  return wrong;
}

/** Starts servers with a certificate, and gives their URLs. */
type Start = (
  stack: AsyncDisposableStack,
  certificate: DevelopmentCertificate,
) => Promise<string[]>;

const SERVERS: readonly [name: string, Availability, Start][] = [
  ["Dovecot", needsDovecot(), async (stack, certificate) => {
    const { imap, pop3 } = stack.use(await startDovecot("plain", "", {}, certificate));
    return [`imap://127.0.0.1:${imap}`, `pop3://127.0.0.1:${pop3}`];
  }],
  ["Postfix", needsPostfix(), async (stack, certificate) => {
    const dovecot = stack.use(await startDovecot("plain"));
    const { smtp } = stack.use(await startPostfix(dovecot, certificate));
    return [`smtp://127.0.0.1:${smtp}`];
  }],
  ["vsftpd", needsRoot("vsftpd", needs("vsftpd")), async (stack, certificate) => {
    const { port } = stack.use(await startVsftpd({ certificate }));
    return [`ftp://127.0.0.1:${port}`];
  }],
];

for (const [name, { ignore, suffix }, start] of SERVERS) {
  Deno.test({
    name: `diagnose judges each certificate of ${name} after STARTTLS${suffix}`,
    ignore,
    async fn() {
      for (const [certificate, expected] of ROWS) {
        await using stack = new AsyncDisposableStack();
        assertEquals(await misjudged(await start(stack, certificate), expected), []);
      }
    },
  });
}
