/**
 * Writes certificates byte by byte, also ones that no authority would issue: forged, of version 1,
 * with names in odd forms. `net/certificate` makes only proper ones.
 *
 * @module
 */

/** A name in a certificate or in a name constraint. An address in a constraint has a prefix length. */
export interface WrittenName {
  readonly dns?: string;
  readonly ip?: string;
  readonly email?: string;
  readonly uri?: string;
}

/** The content of a certificate. Everything is optional. */
export interface CertificateSpec {
  /** The common name of the subject. */
  readonly cn?: string;
  /** The signer. @default the certificate itself */
  readonly by?: WrittenCertificate;
  readonly version?: 1 | 3;
  readonly names?: readonly WrittenName[];
  /** Basic constraints: true for an authority, a number for its path length. @default none */
  readonly ca?: boolean | number;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** The extended key usage: the last arc below 1.3.6.1.5.5.7.3; 1 for servers, 2 for clients. */
  readonly purposes?: readonly number[];
  /** The bits of the key usage, for example 5 for keyCertSign. */
  readonly usage?: readonly number[];
  readonly permitted?: readonly WrittenName[];
  readonly excluded?: readonly WrittenName[];
  /** Whether it has an extension that is critical and that nobody knows. */
  readonly unknownCritical?: boolean;
  readonly key?: "P-256" | "P-384" | "RSA-1024" | "RSA-2048";
  readonly keys?: CryptoKeyPair;
  readonly hash?: "SHA-1" | "SHA-256";
  /** Whether the signature is by another key than that of the signer. */
  readonly forged?: boolean;
  /** Whether the validity is malformed. */
  readonly badDer?: boolean;
}

/** A certificate with its key. */
export interface WrittenCertificate {
  readonly der: Uint8Array<ArrayBuffer>;
  readonly pem: string;
  readonly key: string;
  readonly keys: CryptoKeyPair;
  readonly subject: Uint8Array;
  readonly kind: NonNullable<CertificateSpec["key"]>;
  /** The SHA-256 of the public key, as a pin. */
  readonly pin: string;
}

const DAY = 86_400_000;

/** Writes one certificate. */
export async function writeCertificate(spec: CertificateSpec): Promise<WrittenCertificate> {
  const { cn = "", by, version = 3, key: kind = "P-256", hash = "SHA-256" } = spec;
  const keys = spec.keys ?? await generate(kind, hash);
  const subject = cn === "" ? sequence() : nameOf(cn);
  const now = Date.now();
  const { notBefore = new Date(now - DAY), notAfter = new Date(now + 30 * DAY) } = spec;
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
  const signer = by ?? { keys, subject, kind };
  const algorithm = algorithmOf(signer.kind, hash);
  const extensions = extensionsOf(spec);
  const tbs = sequence(
    ...(version === 3 ? [element(0xa0, element(2, bytes(2)))] : []),
    element(2, bytes(1, ...crypto.getRandomValues(new Uint8Array(8)))),
    algorithm,
    signer.subject,
    sequence(time(notBefore), spec.badDer ? element(0x17, text("never")) : time(notAfter)),
    subject,
    spki,
    ...(version === 3 ? [element(0xa3, sequence(...extensions))] : []),
  );
  const secret = spec.forged
    ? (await generate(signer.kind, hash)).privateKey
    : signer.keys.privateKey;
  const signature = await sign(secret, tbs, signer.kind, hash);
  const der = sequence(tbs, algorithm, element(3, join([bytes(0), signature])));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const pin = new Uint8Array(await crypto.subtle.digest("SHA-256", spki));
  return {
    der,
    pem: pem("CERTIFICATE", der),
    key: pem("PRIVATE KEY", pkcs8),
    keys,
    subject,
    kind,
    pin: `sha256/${pin.toBase64()}`,
  };
}

function extensionsOf(spec: CertificateSpec): Uint8Array[] {
  const { ca, names, purposes, usage, permitted = [], excluded = [] } = spec;
  const found: Uint8Array[] = [];
  const add = (id: number[], critical: boolean, value: Uint8Array) => {
    const mark = critical ? [element(1, bytes(0xff))] : [];
    found.push(sequence(element(6, bytes(...id)), ...mark, element(4, value)));
  };
  if (ca !== undefined) {
    const constraints = [
      ...(ca === false ? [] : [element(1, bytes(0xff))]),
      ...(typeof ca === "number" ? [element(2, bytes(ca))] : []),
    ];
    add([0x55, 0x1d, 19], true, sequence(...constraints));
  }
  if (usage !== undefined) {
    const bits = usage.reduce((sum, bit) => sum | (0x80 >> bit), 0);
    const unused = Math.log2(bits & -bits);
    add([0x55, 0x1d, 15], true, element(3, bytes(unused, bits)));
  }
  if (purposes !== undefined) {
    const ids = purposes.map((last) => element(6, bytes(0x2b, 6, 1, 5, 5, 7, 3, last)));
    add([0x55, 0x1d, 37], false, sequence(...ids));
  }
  if (names !== undefined) add([0x55, 0x1d, 17], false, sequence(...names.map(generalName)));
  if (permitted.length + excluded.length > 0) {
    const trees = (list: readonly WrittenName[]) => list.map((name) => sequence(generalName(name)));
    const parts = [
      ...(permitted.length > 0 ? [element(0xa0, join(trees(permitted)))] : []),
      ...(excluded.length > 0 ? [element(0xa1, join(trees(excluded)))] : []),
    ];
    add([0x55, 0x1d, 30], true, sequence(...parts));
  }
  if (spec.unknownCritical) add([0x2a, 3, 4, 5], true, element(4, bytes(1)));
  return found;
}

function generalName({ dns, ip, email, uri }: WrittenName): Uint8Array {
  if (email !== undefined) return element(0x81, text(email));
  if (dns !== undefined) return element(0x82, text(dns));
  if (uri !== undefined) return element(0x86, text(uri));
  const [address = "", prefix] = ip!.split("/");
  const octets = addressBytes(address);
  if (prefix === undefined) return element(0x87, octets);
  const mask = octets.map((_, i) =>
    (0xff00 >> Math.max(0, Math.min(8, Number(prefix) - 8 * i))) & 0xff
  );
  return element(0x87, join([octets, mask]));
}

function addressBytes(address: string): Uint8Array {
  if (!address.includes(":")) return bytes(...address.split(".").map(Number));
  const [head = "", tail] = address.split("::").map((part) => part);
  const words = (part: string) =>
    part === "" ? [] : part.split(":").map((word) => parseInt(word, 16));
  const [first, last] = [words(head), words(tail ?? "")];
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return bytes(...all.flatMap((word) => [word >> 8, word & 0xff]));
}

function generate(kind: WrittenCertificate["kind"], hash: string): Promise<CryptoKeyPair> {
  const how = kind.startsWith("RSA")
    ? {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: Number(kind.slice(4)),
      publicExponent: bytes(1, 0, 1),
      hash,
    }
    : { name: "ECDSA", namedCurve: kind };
  return crypto.subtle.generateKey(how, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

async function sign(
  key: CryptoKey,
  tbs: Uint8Array<ArrayBuffer>,
  kind: WrittenCertificate["kind"],
  hash: string,
): Promise<Uint8Array> {
  const name = kind.startsWith("RSA") ? "RSASSA-PKCS1-v1_5" : "ECDSA";
  const raw = new Uint8Array(await crypto.subtle.sign({ name, hash }, key, tbs));
  if (name !== "ECDSA") return raw;
  const half = raw.length / 2;
  return sequence(unsigned(raw.subarray(0, half)), unsigned(raw.subarray(half)));
}

function unsigned(value: Uint8Array): Uint8Array {
  let at = 0;
  while (at < value.length - 1 && value[at] === 0) at++;
  const rest = value.subarray(at);
  return element(2, rest[0]! > 0x7f ? join([bytes(0), rest]) : rest);
}

function algorithmOf(kind: WrittenCertificate["kind"], hash: string): Uint8Array {
  if (!kind.startsWith("RSA")) {
    const last = hash === "SHA-1" ? bytes(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1) : undefined;
    return sequence(element(6, last ?? bytes(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2)));
  }
  const last = hash === "SHA-1" ? 5 : 11;
  return sequence(
    element(6, bytes(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last)),
    element(5, bytes()),
  );
}

function nameOf(cn: string): Uint8Array {
  const part = sequence(element(6, bytes(0x55, 4, 3)), element(0x0c, text(cn)));
  return sequence(element(0x31, part));
}

function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? element(0x17, text(digits.slice(2)))
    : element(0x18, text(digits));
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return element(0x30, join(parts));
}

function element(tag: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = body;
  const size = length < 0x80
    ? bytes(length)
    : length < 0x100
    ? bytes(0x81, length)
    : bytes(0x82, length >> 8, length & 0xff);
  return join([bytes(tag), size, body]);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return bytes(...parts.flatMap((part) => [...part]));
}

function bytes(...values: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values);
}

function text(value: string): Uint8Array {
  return Uint8Array.from(value, (letter) => letter.charCodeAt(0));
}

function pem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
