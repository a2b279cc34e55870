/**
 * Certificates for development and tests, made in memory: nothing to install, no shell call.
 *
 * {@linkcode developmentCertificate} gives a server what it needs to speak TLS on this machine and
 * the client what it needs to verify it. {@linkcode developmentAuthority} is the same with the
 * authority kept, for tests that want several certificates: expired ones, ones for another name,
 * ones for clients.
 *
 * @example "A TLS server and a client that verifies it"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 *
 * const { cert, key, ca } = await developmentCertificate();
 *
 * using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
 * const accepted = listener.accept();
 * using client = await Deno.connectTls({
 *   hostname: "127.0.0.1",
 *   port: (listener.addr as Deno.NetAddr).port,
 *   caCerts: [ca],
 * });
 * using server = await accepted;
 * await Promise.all([client.handshake(), server.handshake()]);
 *
 * await server.write(new TextEncoder().encode("hi"));
 * const buffer = new Uint8Array(2);
 * assertEquals(await client.read(buffer), 2);
 * ```
 *
 * The keys are ECDSA P-256, the certificates follow RFC 5280: the authority is `CA:TRUE` with a
 * path length of 0, a leaf is `CA:FALSE` (rustls and with it Deno refuse anything else), its names
 * stand in the subject alternative name alone, as RFC 9525 wants them.
 *
 * These are no certificates for production: nobody else trusts them, and none can be revoked.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { JsonGeneralName, X509Certificate } from "@peculiar/x509";

/** What {@linkcode developmentAuthority} takes. */
export interface DevelopmentAuthorityOptions {
  /**
   * The authority's common name, at most 64 characters. Six random hexadecimal digits keep two
   * authorities apart in a trust store when it is left out.
   *
   * @default "Portside development authority ‹random›"
   */
  commonName?: string;
  /**
   * How many days the authority is valid from now on.
   *
   * @default 365
   */
  days?: number;
}

/** What {@linkcode developmentCertificate} and {@linkcode DevelopmentAuthority.issue} take. */
export interface DevelopmentCertificateOptions {
  /**
   * The host names and IP addresses that the certificate is valid for. `*.example.test` stands for
   * one label; an international name is written in its ASCII form.
   *
   * @default ["localhost", "127.0.0.1", "::1"], for a client certificate none
   */
  names?: readonly string[];
  /**
   * How many days the certificate is valid, counted from now or from `notBefore`.
   *
   * @default 30
   */
  days?: number;
  /**
   * When the validity begins, cut to whole seconds. A time far enough in the past makes an expired
   * certificate, one in the future a certificate that is not valid yet.
   *
   * @default one hour ago, for peers whose clock is slow
   */
  notBefore?: Date;
  /**
   * What the certificate may be used for (the extended key usage).
   *
   * @default "server"
   */
  usage?: "server" | "client" | "both";
  /**
   * The subject's common name, at most 64 characters. A server that asks for client certificates
   * reads who the client is from it.
   *
   * @default the first of `names` when it is short enough, else "Portside development certificate"
   */
  commonName?: string;
}

/**
 * A certificate with its key, ready for a server or a client. Only `cert` and `key` are enumerable,
 * so that it can be spread into options: `serveTls({ port: 8443, ...certificate }, handler)`.
 */
export interface DevelopmentCertificate {
  /** The certificate as PEM. It is the whole chain: the authority itself has signed it. */
  readonly cert: string;
  /** The private key as PKCS #8 PEM. */
  readonly key: string;
  /** The certificate of the authority as PEM, for the peer that verifies. */
  readonly ca: string;
  /** SHA-256 of the certificate, in the form of `openssl x509 -fingerprint`: `"9F:86:…"`. */
  readonly fingerprint: string;
  /** The names that the certificate is valid for. */
  readonly names: readonly string[];
  /** The first moment of its validity. */
  readonly notBefore: Date;
  /** The last moment of its validity. */
  readonly notAfter: Date;
}

/** An authority that lives as long as the process and issues certificates. */
export interface DevelopmentAuthority {
  /** Its own certificate as PEM, for `caCerts` and `--ca`. */
  readonly cert: string;
  /** SHA-256 of its certificate, in the form of `openssl x509 -fingerprint`. */
  readonly fingerprint: string;
  /**
   * Issues a certificate with a new key.
   *
   * @param options What to issue.
   * @returns The certificate, its key, and the authority's certificate.
   * @throws {TypeError} If a name is neither a host name nor an IP address.
   * @throws {RangeError} If `days`, `notBefore` or the length of `commonName` is out of range.
   */
  issue(options?: DevelopmentCertificateOptions): Promise<DevelopmentCertificate>;
}

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const MS_PER_DAY = 86_400_000;
const CLOCK_SKEW_MS = 3_600_000;
const DEFAULT_NAMES = ["localhost", "127.0.0.1", "::1"] as const;

/**
 * Makes a certificate for this machine, signed by an authority of its own. The authority's key is
 * thrown away, so whoever trusts `ca` trusts this one certificate and nothing else.
 *
 * @param options Names, validity and usage.
 * @returns The certificate, its key, and the certificate to verify it with.
 * @throws {TypeError} If a name is neither a host name nor an IP address.
 * @throws {RangeError} If `days`, `notBefore` or the length of `commonName` is out of range.
 *
 * @example "For names of your own"
 * ```ts
 * import { assertEquals, assertMatch } from "@std/assert";
 * import { developmentCertificate } from "@portside/kit/net/certificate";
 *
 * const made = await developmentCertificate({ names: ["chat.test", "*.chat.test"], days: 7 });
 * assertMatch(made.cert, /^-----BEGIN CERTIFICATE-----\n/);
 * assertMatch(made.key, /^-----BEGIN PRIVATE KEY-----\n/);
 * assertEquals(made.names, ["chat.test", "*.chat.test"]);
 * ```
 */
export async function developmentCertificate(
  options: DevelopmentCertificateOptions = {},
): Promise<DevelopmentCertificate> {
  const request = checkRequest(options);
  const authority = await developmentAuthority({
    days: Math.max(1, Math.ceil((request.notAfter.getTime() - Date.now()) / MS_PER_DAY)),
  });
  return await authority.issue(options);
}

/**
 * Makes an authority that issues certificates: good ones, and the bad ones that a test needs.
 *
 * @param options Its name and validity.
 * @returns The authority.
 * @throws {RangeError} If `days` or the length of `commonName` is out of range.
 *
 * @example "Certificates that must be refused"
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { developmentAuthority } from "@portside/kit/net/certificate";
 *
 * const authority = await developmentAuthority();
 * const lastWeek = new Date(Date.now() - 7 * 86_400_000);
 * const expired = await authority.issue({ notBefore: lastWeek, days: 1 });
 * const wrongName = await authority.issue({ names: ["elsewhere.test"] });
 * const client = await authority.issue({ usage: "client", commonName: "ann" });
 *
 * assert(expired.notAfter < new Date());
 * assertEquals(wrongName.names, ["elsewhere.test"]);
 * assertEquals(client.ca, authority.cert);
 * ```
 */
export async function developmentAuthority(
  options: DevelopmentAuthorityOptions = {},
): Promise<DevelopmentAuthority> {
  const commonName = checkCommonName(
    options.commonName ?? `Portside development authority ${randomHex(3)}`,
  );
  const days = checkDays(options.days ?? 365);
  const notBefore = wholeSeconds(Date.now() - CLOCK_SKEW_MS);

  const x509 = await loadX509();
  const rootKeys = await generateKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys: rootKeys,
    signingAlgorithm: ECDSA_P256,
    notBefore,
    notAfter: wholeSeconds(Date.now() + days * MS_PER_DAY),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  const ca = pem("CERTIFICATE", root.rawData);

  return {
    cert: ca,
    fingerprint: await fingerprintOf(root),
    async issue(options = {}) {
      const request = checkRequest(options);
      const leafKeys = await generateKeys();
      const leaf = await x509.X509CertificateGenerator.create({
        subject: [{ CN: [request.commonName] }],
        issuer: root.subjectName,
        publicKey: leafKeys.publicKey,
        signingKey: rootKeys.privateKey,
        signingAlgorithm: ECDSA_P256,
        notBefore: request.notBefore,
        notAfter: request.notAfter,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([
            ...(request.usage === "client" ? [] : [x509.ExtendedKeyUsage.serverAuth]),
            ...(request.usage === "server" ? [] : [x509.ExtendedKeyUsage.clientAuth]),
          ]),
          // RFC 5280 §4.2.1.6: an empty subject alternative name is none.
          ...(request.alternativeNames.length === 0
            ? []
            : [new x509.SubjectAlternativeNameExtension([...request.alternativeNames])]),
          await x509.SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
          await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
        ],
      });
      const key = await crypto.subtle.exportKey("pkcs8", leafKeys.privateKey);
      const pair = { cert: pem("CERTIFICATE", leaf.rawData), key: pem("PRIVATE KEY", key) };
      return describe(pair, {
        ca,
        fingerprint: await fingerprintOf(leaf),
        names: request.alternativeNames.map(({ value }) => value),
        notBefore: request.notBefore,
        notAfter: request.notAfter,
      });
    },
  };
}

/** Loaded at first use: the library costs 100 ms, which a program without TLS need not pay. */
async function loadX509(): Promise<typeof import("@peculiar/x509")> {
  // The library's dependency injection wants this polyfill to be there first.
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
}

async function fingerprintOf(certificate: X509Certificate): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", certificate.rawData));
  return digest.toHex().toUpperCase().match(/../g)!.join(":");
}

function pem(label: string, der: ArrayBuffer): string {
  const lines = new Uint8Array(der).toBase64().match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

interface CheckedRequest {
  readonly alternativeNames: readonly JsonGeneralName[];
  readonly commonName: string;
  readonly usage: "server" | "client" | "both";
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function checkRequest(options: DevelopmentCertificateOptions): CheckedRequest {
  const usage = options.usage ?? "server";
  if (usage !== "server" && usage !== "client" && usage !== "both") {
    throw new TypeError(`Cannot use usage, expected "server", "client" or "both": ${usage}`);
  }
  const names = options.names ?? (usage === "client" ? [] : DEFAULT_NAMES);
  const alternativeNames = names.map(toGeneralName);
  const [first] = alternativeNames;
  const fallback = first !== undefined && first.value.length <= 64
    ? first.value
    : "Portside development certificate";
  const days = checkDays(options.days ?? 30);
  const start = options.notBefore?.getTime() ?? Date.now();
  const notAfter = new Date(start + days * MS_PER_DAY);
  if (Number.isNaN(notAfter.getTime())) {
    throw new RangeError(`Cannot use notBefore, expected a valid date: ${options.notBefore}`);
  }
  return {
    alternativeNames,
    commonName: checkCommonName(options.commonName ?? fallback),
    usage,
    notBefore: wholeSeconds(options.notBefore?.getTime() ?? start - CLOCK_SKEW_MS),
    notAfter: wholeSeconds(notAfter.getTime()),
  };
}

/** Adds properties that are not enumerable: servers reject options that they do not know. */
function describe<T extends object, D extends object>(pair: T, description: D): T & D {
  for (const [name, value] of Object.entries(description)) {
    Object.defineProperty(pair, name, { value });
  }
  return pair as T & D;
}

/** X.509 has no fractions of a second; what is reported must be what stands in the certificate. */
function wholeSeconds(time: number): Date {
  return new Date(Math.floor(time / 1000) * 1000);
}

function checkDays(days: number): number {
  if (!(days > 0 && days <= 36_500)) {
    throw new RangeError(`Cannot use days, expected more than 0 and at most 36500: ${days}`);
  }
  return days;
}

function checkCommonName(commonName: string): string {
  // RFC 5280 appendix A.1: ub-common-name is 64.
  if (commonName.length < 1 || commonName.length > 64) {
    throw new RangeError(
      `Cannot use commonName, expected 1 to 64 characters: ${JSON.stringify(commonName)}`,
    );
  }
  return commonName;
}

function toGeneralName(name: string): JsonGeneralName {
  const host = /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(name) ? `[${name}]` : name;
  if (/^(\*\.)?[^\s/?#@:\\*[\]]+$/.test(name) || host !== name) {
    const url = URL.parse(`http://${host}/`);
    const hostname = url?.hostname ?? "";
    if (hostname.startsWith("[")) return { type: "ip", value: hostname.slice(1, -1) };
    // The URL parser takes "1" and "0x7f.1" for addresses; nobody means that in a certificate.
    const isAddress = /^\d+(\.\d+){3}$/.test(hostname);
    if (isAddress && hostname === name) return { type: "ip", value: name };
    if (!isAddress && hostname !== "" && hostname.length <= 253 && !hostname.endsWith(".")) {
      return { type: "dns", value: hostname };
    }
  }
  throw new TypeError(
    `Cannot use a name, expected a host name or an IP address: ${JSON.stringify(name)}`,
  );
}
