/**
 * One set of certificates for all tests of a process: making them takes a moment, and tests of one
 * file run against the same server anyway.
 *
 * @module
 */

import { developmentAuthority, type DevelopmentCertificate } from "../../net/tls/certificate.ts";

/** The certificates that TLS tests need, good and bad. */
export interface TestCertificates {
  /** The authority that has issued all of them but `untrusted`; as PEM, for `caCerts`. */
  readonly ca: string;
  /** For localhost, 127.0.0.1 and ::1, valid now. */
  readonly good: DevelopmentCertificate;
  /** The same, but its validity ended a week ago. */
  readonly expired: DevelopmentCertificate;
  /** The same, but its validity begins in a week. */
  readonly notYetValid: DevelopmentCertificate;
  /** Valid now, for `wrong.test` alone. */
  readonly wrongName: DevelopmentCertificate;
  /** Like `good`, from an authority that nobody trusts. */
  readonly untrusted: DevelopmentCertificate;
  /** For a client named `test client`. */
  readonly client: DevelopmentCertificate;
}

let cached: Promise<TestCertificates> | undefined;

/** The set, made at the first call. */
export function testCertificates(): Promise<TestCertificates> {
  return cached ??= makeCertificates();
}

async function makeCertificates(): Promise<TestCertificates> {
  const day = 86_400_000;
  const [authority, stranger] = await Promise.all([developmentAuthority(), developmentAuthority()]);
  const [good, expired, notYetValid, wrongName, untrusted, client] = await Promise.all([
    authority.issue(),
    authority.issue({ notBefore: new Date(Date.now() - 14 * day), days: 7 }),
    authority.issue({ notBefore: new Date(Date.now() + 7 * day), days: 7 }),
    authority.issue({ names: ["wrong.test"] }),
    stranger.issue(),
    authority.issue({ usage: "client", commonName: "test client" }),
  ]);
  return { ca: authority.cert, good, expired, notYetValid, wrongName, untrusted, client };
}
