/** Certificates that servers of the table show, and what `diagnose` says about them. @module */

import {
  type CertificateSpec,
  writeCertificate,
  type WrittenCertificate,
} from "../../_support/x509_writer.ts";

/** A server with its certificates. */
export interface CertificateRow {
  /** What is special about it. */
  readonly name: string;
  /** The certificates that it shows, its own one first. */
  readonly shown: readonly WrittenCertificate[];
  /** The host that the user names. */
  readonly host: string;
  /** The verdict; undefined if everything is in order. */
  readonly verdict: RegExp | undefined;
}

const DAY = 86_400_000;
const PAST = { notBefore: new Date(Date.now() - 9 * DAY), notAfter: new Date(Date.now() - DAY) };
const FUTURE = { notBefore: new Date(Date.now() + DAY) };
const HERE = "127.0.0.1";
const NAMES = [{ ip: HERE }];

/** Makes the rows. The client trusts only the certificate `root`. */
export async function makeRows(): Promise<{ root: WrittenCertificate; rows: CertificateRow[] }> {
  const root = await writeCertificate({ cn: "Root", ca: true, key: "RSA-2048" });
  const issue = (spec: CertificateSpec = {}, by = root) =>
    writeCertificate({ by, names: NAMES, ca: false, ...spec });
  const sub = (spec: CertificateSpec = {}, by = root) =>
    writeCertificate({ cn: "Sub", by, ca: true, ...spec });
  const rows: CertificateRow[] = [];
  const add = (
    name: string,
    verdict: RegExp | undefined,
    shown: readonly WrittenCertificate[],
    host = HERE,
  ) => rows.push({ name, verdict, shown, host });
  const below = async (name: string, verdict: RegExp | undefined, spec: CertificateSpec = {}) => {
    const authority = await sub(spec);
    add(name, verdict, [await issue({}, authority), authority]);
  };
  const own = async (
    name: string,
    verdict: RegExp | undefined,
    spec: CertificateSpec,
    host?: string,
  ) => add(name, verdict, [await issue(spec)], host);

  await own("signed by the root", undefined, {});
  await below("signed by an authority", undefined);
  await own("RSA", undefined, { key: "RSA-2048" });
  await own("P-384", undefined, { key: "P-384" });
  await own("for the name localhost", undefined, { names: [{ dns: "localhost" }] }, "localhost");
  const [first, other] = [await sub({ cn: "First" }), await sub({ cn: "Other" })];
  const second = await sub({ cn: "Second" }, first);
  const deep = await issue({}, second);
  add("the chain in the wrong order", undefined, [deep, first, second]);
  add("a chain with a stranger", undefined, [deep, second, other, first]);
  add("a chain with the root", undefined, [deep, second, first, root]);

  await own("expired", /its certificate expired 24 hours ago$/, PAST);
  await own("not valid yet", /its certificate is not valid for another (?:24|23) hours/, FUTURE);
  await below("an expired authority", /the authority Sub expired 24 hours ago$/, PAST);
  await below(
    "an authority that is not valid yet",
    /the authority Sub is not valid for another (?:24|23) hours/,
    FUTURE,
  );
  await own("for clients", /its certificate is not for servers$/, { purposes: [2] });
  await below("an authority for clients", /Sub must not issue certificates of servers$/, {
    purposes: [2],
  });
  const sha1 = /is signed by RSA with SHA-1, which is too weak$/;
  await own("SHA-1", new RegExp(`its certificate ${sha1.source}`), { hash: "SHA-1" });
  await below("an authority with SHA-1", new RegExp(`the authority Sub ${sha1.source}`), {
    hash: "SHA-1",
  });
  await own("a short key", /its certificate has a key of RSA 1024 bits, which is too short$/, {
    key: "RSA-1024",
  });
  await below("an authority with a short key", /with a key of RSA 1024 bits/, { key: "RSA-1024" });
  await below("an issuer that is no authority", /Sub is not that of an authority/, { ca: false });
  const short = await sub({ ca: 0 });
  const long = await sub({ cn: "Below" }, short);
  add("a path that is too long", /Sub must not issue certificates of other authorities/, [
    await issue({}, long),
    long,
    short,
  ]);
  const constrained = /must not certify the names|name constraint/;
  await below("names that are not permitted", constrained, { permitted: [{ ip: "10.0.0.0/8" }] });
  await below("names that are excluded", constrained, { excluded: [{ ip: "127.0.0.0/8" }] });
  const unknown = /has an unknown extension that is marked/;
  await own("an unknown critical extension", unknown, { unknownCritical: true });
  await below("an authority with an unknown critical extension", unknown, {
    unknownCritical: true,
  });
  add(
    "a missing authority",
    /is signed by Second, which is not trusted, and which the server does not send$/,
    [deep],
  );
  const rival = await writeCertificate({ cn: "Rival", ca: true });
  const stranger = /Rival is a root authority that this client does not trust$/;
  add("an unknown root", stranger, [await issue({}, rival), rival]);
  add("an unknown root that is not sent", /signed by Rival, which is not trusted/, [
    await issue({}, rival),
  ]);
  const alone = { cn: "Own", names: NAMES };
  add("self-signed", /its certificate is self-signed$/, [
    await writeCertificate({ ...alone, ca: false }),
  ]);
  add("self-signed, and an authority", /\(CA:TRUE\), not of a server, and is self-signed$/, [
    await writeCertificate({ ...alone, ca: true }),
  ]);
  const names = ["mail.test", "db.test", "localhosts", "x.test"].map((dns) => ({ dns }));
  await own(
    "another name",
    /its certificate is for localhosts, .*, not for localhost$/,
    { names },
    "localhost",
  );
  await own("another address", /is for 127\.0\.0\.2, not for 127\.0\.0\.1$/, {
    names: [{ ip: "127.0.0.2" }],
  });
  await own(
    "a wildcard for one label more",
    /\(\*\.localhost covers exactly one label\)$/,
    { names: [{ dns: "*.localhost" }] },
    "localhost",
  );
  await own(
    "only a common name",
    /the common name \(localhost\) does not count/,
    { cn: "localhost", names: [] },
    "localhost",
  );
  await own("forged", /is not signed by the authority that it names \(Root\)$/, { forged: true });
  const twin = await writeCertificate({ cn: "Root", ca: true, key: "RSA-2048" });
  add("another authority of the same name", /is not signed by the authority that it names/, [
    await issue({}, twin),
  ]);
  await own("version 1", /is not of version 3/, { version: 1, cn: HERE });
  await own("marked as an authority", /is that of an authority \(CA:TRUE\)/, { ca: true });
  await own("malformed", /its certificate has malformed dates/, { badDer: true });
  await own("expired, and for another name", /expired 24 hours ago, and is for b\.test, not for/, {
    ...PAST,
    names: [{ dns: "b.test" }],
  });
  return { root, rows };
}
