/**
 * Chains of certificates and what a client must think of them, as data. Both engines are tested with
 * all of them. Everything is made anew in each run.
 *
 * @module
 */

import type { TlsFailure } from "../../../net/errors/kinds.ts";
import {
  type CertificateSpec,
  writeCertificate,
  type WrittenCertificate,
} from "../../_support/x509_writer.ts";

/** A chain that a server shows. */
export interface Chain {
  /** What is special about it. */
  readonly name: string;
  /** The certificate of the server first. */
  readonly shown: readonly WrittenCertificate[];
  /** The certificates that the client trusts. */
  readonly trusted: readonly WrittenCertificate[];
  /** The name that the client expects. */
  readonly host: string;
  /** The verdict. */
  readonly verdict: "trusted" | TlsFailure;
}

const DAY = 86_400_000;
const PAST = { notBefore: new Date(Date.now() - 9 * DAY), notAfter: new Date(Date.now() - DAY) };
const FUTURE = { notBefore: new Date(Date.now() + DAY) };
const HOST = "a.test";
const NAMES = [{ dns: HOST }];

/** Names in a certificate, the expected host, and the verdict. RFC 9525 §6. */
const NAME_ROWS: ReadonlyArray<
  readonly [CertificateSpec["names"], string, Chain["verdict"], string?]
> = [
  [NAMES, "a.test", "trusted"],
  [NAMES, "A.TEST", "trusted"],
  [NAMES, "a.test.", "trusted"],
  [NAMES, "b.test", "wrong-name"],
  [NAMES, "test", "wrong-name"],
  [NAMES, "x.a.test", "wrong-name"],
  [[{ dns: "A.Test" }], "a.test", "trusted"],
  [[{ dns: "a.test." }], "a.test", "wrong-name"],
  [[{ dns: "a_b.test" }], "a_b.test", "trusted"],
  [[{ dns: "b.test" }, { dns: "a.test" }], "a.test", "trusted"],
  [undefined, "a.test", "wrong-name", "a.test"],
  [[], "a.test", "wrong-name", "a.test"],
  [[{ dns: "b.test" }], "a.test", "wrong-name", "a.test"],
  [[{ email: "a@a.test" }], "a.test", "wrong-name", "a.test"],
  [[{ uri: "https://a.test/" }], "a.test", "wrong-name", "a.test"],
  [[{ ip: "127.0.0.1" }], "a.test", "wrong-name", "a.test"],
  [[{ dns: "*.a.test" }], "x.a.test", "trusted"],
  [[{ dns: "*.a.test" }], "x.a.test.", "trusted"],
  [[{ dns: "*.a.test" }], "a.test", "wrong-name"],
  [[{ dns: "*.a.test" }], "x.y.a.test", "wrong-name"],
  [[{ dns: "*.test" }], "a.test", "wrong-name"],
  [[{ dns: "*" }], "a.test", "wrong-name"],
  [[{ dns: "*." }], "a.test", "wrong-name"],
  [[{ dns: "x*.a.test" }], "xy.a.test", "wrong-name"],
  [[{ dns: "*x.a.test" }], "yx.a.test", "wrong-name"],
  [[{ dns: "x*y.a.test" }], "xzy.a.test", "wrong-name"],
  [[{ dns: "x*.a.test" }], "x.a.test", "wrong-name"],
  [[{ dns: "x.*.test" }], "x.a.test", "wrong-name"],
  [[{ dns: "*.*.test" }], "x.a.test", "wrong-name"],
  [[{ dns: "**.a.test" }], "x.a.test", "wrong-name"],
  [[{ dns: "xn--*.a.test" }], "xn--bcher-kva.a.test", "wrong-name"],
  [[{ dns: "*.a.test" }], "xn--bcher-kva.a.test", "trusted"],
  [[{ dns: "xn--bcher-kva.test" }], "Bücher.test", "trusted"],
  // The last character is an ideographic full stop, which IDNA reads as a dot (RFC 3490 §3.1).
  [[{ dns: "xn--bcher-kva.test" }], "bücher.test\u3002", "trusted"],
  [[{ ip: "fe80::1" }], "fe80::1%eth0", "trusted"],
  [[{ dns: "*.0.0.1" }], "127.0.0.1", "wrong-name"],
  [[{ dns: "a.test\0.b.test" }], "a.test", "wrong-name"],
  [[{ dns: "" }], "a.test", "wrong-name"],
  [[{ ip: "127.0.0.1" }], "127.0.0.1", "trusted"],
  [[{ ip: "127.0.0.2" }], "127.0.0.1", "wrong-name"],
  [[{ dns: "127.0.0.1" }], "127.0.0.1", "wrong-name"],
  [undefined, "127.0.0.1", "wrong-name", "127.0.0.1"],
  [[{ ip: "2001:db8::1" }], "2001:db8::1", "trusted"],
  [[{ ip: "2001:db8::1" }], "2001:DB8:0:0::0001", "trusted"],
  [[{ ip: "2001:db8::1" }], "[2001:db8::1]", "trusted"],
  [[{ ip: "2001:db8::2" }], "2001:db8::1", "wrong-name"],
];

/** Constraints of an authority, the names below it, the expected host, the verdict. */
const CONSTRAINT_ROWS: ReadonlyArray<
  readonly [
    Pick<CertificateSpec, "permitted" | "excluded">,
    CertificateSpec["names"],
    Chain["verdict"],
  ]
> = [
  [{ permitted: [{ dns: "a.test" }] }, NAMES, "trusted"],
  [{ permitted: [{ dns: "test" }] }, NAMES, "trusted"],
  [{ permitted: [{ dns: ".test" }] }, NAMES, "trusted"],
  [{ permitted: [{ dns: "" }] }, NAMES, "trusted"],
  [{ permitted: [{ dns: ".a.test" }] }, NAMES, "bad-certificate"],
  [{ permitted: [{ dns: "b.test" }] }, NAMES, "bad-certificate"],
  [{ permitted: [{ dns: "ba.test" }] }, NAMES, "bad-certificate"],
  [{ permitted: [{ dns: "b.test" }, { dns: "a.test" }] }, NAMES, "trusted"],
  [{ permitted: [{ dns: "a.test" }] }, [...NAMES, { dns: "b.test" }], "bad-certificate"],
  [{ permitted: [{ dns: "test" }] }, [...NAMES, { dns: "*.b.test" }], "trusted"],
  [
    { permitted: [{ dns: "a.test" }, { dns: "x.b.test" }] },
    [...NAMES, { dns: "*.b.test" }],
    "bad-certificate",
  ],
  [{ permitted: [{ ip: "10.0.0.0/8" }] }, NAMES, "trusted"],
  [{ permitted: [{ ip: "10.0.0.0/8" }] }, [...NAMES, { ip: "10.1.2.3" }], "trusted"],
  [{ permitted: [{ ip: "10.0.0.0/8" }] }, [...NAMES, { ip: "11.1.2.3" }], "bad-certificate"],
  [{ permitted: [{ ip: "10.0.0.0/8" }] }, [...NAMES, { ip: "2001:db8::1" }], "bad-certificate"],
  [{ permitted: [{ ip: "2001:db8::/32" }] }, [...NAMES, { ip: "2001:db8::1" }], "trusted"],
  [{ permitted: [{ ip: "2001:db8::/32" }] }, [...NAMES, { ip: "2001:db9::1" }], "bad-certificate"],
  [{ permitted: [{ email: "b.test" }] }, NAMES, "trusted"],
  [{ permitted: [{ email: "b.test" }] }, [...NAMES, { email: "a@b.test" }], "bad-certificate"],
  [{ permitted: [{ uri: "b.test" }] }, [...NAMES, { uri: "https://b.test" }], "bad-certificate"],
  [{ excluded: [{ dns: "a.test" }] }, NAMES, "bad-certificate"],
  [{ excluded: [{ dns: "test" }] }, NAMES, "bad-certificate"],
  [{ excluded: [{ dns: "" }] }, NAMES, "bad-certificate"],
  [{ excluded: [{ dns: ".a.test" }] }, NAMES, "trusted"],
  [{ excluded: [{ dns: "b.test" }] }, NAMES, "trusted"],
  [{ excluded: [{ dns: "b.test" }] }, [...NAMES, { dns: "x.b.test" }], "bad-certificate"],
  [{ excluded: [{ dns: "x.b.test" }] }, [...NAMES, { dns: "*.b.test" }], "bad-certificate"],
  [{ permitted: [{ dns: "test" }], excluded: [{ dns: "a.test" }] }, NAMES, "bad-certificate"],
  [{ excluded: [{ ip: "10.0.0.0/8" }] }, [...NAMES, { ip: "10.1.2.3" }], "bad-certificate"],
  [{ excluded: [{ ip: "0.0.0.0/0" }] }, NAMES, "trusted"],
];

/** Makes all chains. */
export async function makeChains(): Promise<Chain[]> {
  const root = await writeCertificate({ cn: "Root", ca: true, usage: [5, 6] });
  const issue = (spec: CertificateSpec, by = root) => {
    return writeCertificate({ by, names: NAMES, ca: false, ...spec });
  };
  const sub = (spec: CertificateSpec = {}, by = root) => {
    return writeCertificate({ cn: "Sub", by, ca: true, ...spec });
  };
  const chains: Chain[] = [];
  const add = (
    name: string,
    verdict: Chain["verdict"],
    shown: readonly WrittenCertificate[],
    trusted: readonly WrittenCertificate[] = [root],
    host = HOST,
  ) => chains.push({ name, shown, trusted, host, verdict });
  const below = async (
    name: string,
    verdict: Chain["verdict"],
    ...authority: CertificateSpec[]
  ) => {
    const path = [root];
    for (const spec of authority) {
      path.unshift(await sub({ cn: `Sub ${path.length}`, ...spec }, path[0]));
    }
    add(name, verdict, [await issue({}, path[0]), ...path.slice(0, -1)]);
  };

  for (const [names, host, verdict, cn] of NAME_ROWS) {
    const spec = names === undefined ? {} : { names };
    const shown = await writeCertificate({ by: root, ca: false, ...spec, ...(cn && { cn }) });
    const listed = names?.map((name) => Object.values(name)).join();
    const what = `names ${JSON.stringify(listed ?? null)}${cn ? ", also as common name" : ""}`;
    add(`${what}, for ${host}`, verdict, [shown], [root], host);
  }
  for (const [constraints, names, verdict] of CONSTRAINT_ROWS) {
    const authority = await sub(constraints);
    const what = `${JSON.stringify(constraints)}, names ${JSON.stringify(names)}`;
    add(what, verdict, [await issue({ names: names! }, authority), authority]);
  }
  const limited = await writeCertificate({ cn: "Root", ca: true, permitted: [{ dns: "b.test" }] });
  add("constraints of a root", "bad-certificate", [await issue({}, limited)], [limited]);

  await below("a subordinate authority", "trusted", {});
  await below("two subordinate authorities", "trusted", {}, {});
  await below("an expired authority", "expired", PAST);
  await below("an authority that is not valid yet", "not-yet-valid", FUTURE);
  await below("an authority for servers", "trusted", { purposes: [1] });
  await below("an authority for clients", "bad-certificate", { purposes: [2] });
  await below("an issuer that is no authority", "bad-certificate", { ca: false });
  await below("path length 0 and nothing between", "trusted", { ca: 0 });
  await below("path length 0 and one between", "bad-certificate", { ca: 0 }, {});
  await below("path length 1 and one between", "trusted", { ca: 1 }, {});
  await below("an authority with an unknown critical extension", "bad-certificate", {
    unknownCritical: true,
  });
  await below("a forged authority", "bad-certificate", { forged: true });
  await below("a forged authority of version 1", "bad-certificate", { forged: true, version: 1 });
  await below("an authority of version 1", "bad-certificate", { version: 1 });
  await below("a forged authority that is malformed", "bad-certificate", {
    forged: true,
    badDer: true,
  });
  // webpki ignores the key usage, because basic constraints say the same.
  await below("an authority whose key usage has no keyCertSign", "trusted", { usage: [0] });
  const first = await sub({ cn: "First" });
  const second = await sub({ cn: "Second" }, first);
  const deep = await issue({}, second);
  add("the order of the chain is wrong", "trusted", [deep, first, second]);
  add("the chain has a gap", "untrusted", [deep, first]);
  add("the chain has the root, too", "trusted", [deep, second, first, root]);
  add("the chain has strangers", "trusted", [deep, await sub({ cn: "X" }), second, first]);
  const loop = await writeCertificate({ cn: "Loop", ca: true });
  const turned = await writeCertificate({ cn: "Turned", ca: true, by: loop });
  const back = await writeCertificate({ cn: "Loop", ca: true, by: turned, keys: loop.keys });
  add("the chain is a loop", "untrusted", [await issue({}, turned), back, turned]);

  add("expired", "expired", [await issue(PAST)]);
  add("not valid yet", "not-yet-valid", [await issue(FUTURE)]);
  add("expired, for another name", "expired", [await issue({ ...PAST, names: [] })]);
  const reversed = { notBefore: FUTURE.notBefore, notAfter: PAST.notAfter };
  add("a validity that ends before it starts", "expired", [await issue(reversed)]);
  add("for servers", "trusted", [await issue({ purposes: [1] })]);
  add("for servers and clients", "trusted", [await issue({ purposes: [2, 1] })]);
  add("for clients", "bad-certificate", [await issue({ purposes: [2] })]);
  add("key usage digitalSignature", "trusted", [await issue({ usage: [0] })]);
  add("forged", "bad-certificate", [await issue({ forged: true })]);
  add("version 1", "bad-certificate", [await issue({ version: 1, cn: HOST })]);
  add("version 1, forged", "bad-certificate", [
    await issue({ version: 1, cn: HOST, forged: true }),
  ]);
  add("malformed", "bad-certificate", [await issue({ badDer: true })]);
  add("marked as authority", "bad-certificate", [await issue({ ca: true })]);
  add("no basic constraints", "trusted", [await writeCertificate({ by: root, names: NAMES })]);

  const rsa = await writeCertificate({ cn: "RSA", ca: true, key: "RSA-2048" });
  const short = await writeCertificate({ cn: "Short", ca: true, key: "RSA-1024" });
  const curve = await writeCertificate({ cn: "P-384", ca: true, key: "P-384" });
  add("signed by RSA", "trusted", [await issue({}, rsa)], [rsa]);
  add("signed by P-384", "trusted", [await issue({}, curve)], [curve]);
  add("signed by a short key", "bad-certificate", [await issue({}, short)], [short]);
  add("signed with SHA-1", "bad-certificate", [await issue({ hash: "SHA-1" }, rsa)], [rsa]);

  const twin = await writeCertificate({ cn: "Root", ca: true });
  add("an authority of the same name, another key", "bad-certificate", [await issue({}, twin)]);
  add("both authorities of a name", "trusted", [await issue({}, twin)], [root, twin]);
  const own = await writeCertificate({ cn: "Own", names: NAMES, ca: false });
  const ownAuthority = await writeCertificate({ cn: "Own", names: NAMES, ca: true });
  const ownPast = await writeCertificate({ cn: "Own", names: NAMES, ca: true, ...PAST });
  add("self-signed", "untrusted", [own]);
  add("self-signed, trusted", "trusted", [own], [own]);
  add("self-signed, trusted, for another name", "wrong-name", [own], [own], "b.test");
  add("self-signed authority", "bad-certificate", [ownAuthority]);
  add("self-signed authority, trusted", "trusted", [ownAuthority], [ownAuthority]);
  add(
    "self-signed authority, trusted, for another name",
    "wrong-name",
    [ownAuthority],
    [ownAuthority],
    "b.test",
  );
  add("self-signed authority, trusted, expired", "expired", [ownPast], [ownPast]);
  add("another self-signed authority of the same name", "bad-certificate", [ownAuthority], [
    await writeCertificate({ cn: "Own", names: NAMES, ca: true }),
  ]);
  return chains;
}
