/**
 * Certificates for development and tests, created in memory without other programs.
 *
 * {@linkcode developmentCertificate} creates a certificate for a server on this machine, and the
 * authority that a client needs to verify it. {@linkcode developmentAuthority} issues several
 * certificates, for example expired ones, ones for other names, and ones for clients.
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
 * The keys are ECDSA P-256, and the certificates follow RFC 5280. The authority is `CA:TRUE` with a
 * path length of 0. A leaf is `CA:FALSE`; Deno rejects anything else. Names of hosts are in the
 * subject alternative name only (RFC 9525).
 *
 * Do not use these certificates in production: no other program trusts them, and they cannot be
 * revoked.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { JsonGeneralName, X509Certificate } from "npm:@peculiar/x509@2.2.0";
import { listOf, oneOf, OptionRules, rule } from "../internal/options.ts";

/** Options of {@linkcode developmentAuthority}. */
export interface DevelopmentAuthorityOptions {
  /**
   * The common name of the authority, 1 to 64 characters. The default contains six random
   * hexadecimal digits, so that a trust store can hold several authorities.
   *
   * @default "Portside development authority ‹random›"
   */
  commonName?: string;
  /**
   * Number of days for which the authority is valid, above 0 and at most 36500.
   *
   * @default 365
   */
  days?: number;
}

/** Options of {@linkcode developmentCertificate} and {@linkcode DevelopmentAuthority.issue}. */
export interface DevelopmentCertificateOptions {
  /**
   * The host names and IP addresses that the certificate is valid for. The star of `*.example.test`
   * matches one label. International names are converted to their ASCII form.
   *
   * @default ["localhost", "127.0.0.1", "::1"], and none for a client certificate
   */
  names?: readonly string[];
  /**
   * Number of days for which the certificate is valid from now or from `notBefore`, above 0 and at
   * most 36500.
   *
   * @default 30
   */
  days?: number;
  /**
   * The start of the validity, rounded down to seconds. With a time in the future, the certificate
   * is not valid yet. With a time more than `days` ago, it has expired.
   *
   * @default one hour ago, for peers whose clock is slow
   */
  notBefore?: Date;
  /**
   * The use of the certificate (the extended key usage).
   *
   * @default "server"
   */
  usage?: "server" | "client" | "both";
  /**
   * The common name of the subject, 1 to 64 characters. Servers identify clients by it.
   *
   * @default the first of `names` if it is short enough, else "Portside development certificate"
   */
  commonName?: string;
}

/**
 * A certificate with its key, for a server or a client. Only `cert` and `key` are enumerable, so the
 * object can be spread into options: `serveTls({ port: 8443, ...certificate }, handler)`.
 */
export interface DevelopmentCertificate {
  /** The certificate as PEM. It is the whole chain, because the root authority has signed it. */
  readonly cert: string;
  /** The private key as PKCS #8 PEM. */
  readonly key: string;
  /** The certificate of the authority as PEM, for the peer that verifies `cert`. */
  readonly ca: string;
  /** The SHA-256 of the certificate, in the form of `openssl x509 -fingerprint`: `"9F:86:…"`. */
  readonly fingerprint: string;
  /** The names that the certificate is valid for. */
  readonly names: readonly string[];
  /** The start of the validity. */
  readonly notBefore: Date;
  /** The end of the validity. */
  readonly notAfter: Date;
}

/** An authority that issues certificates. Its key exists only in the memory of this process. */
export interface DevelopmentAuthority {
  /** The certificate of the authority as PEM, for `caCerts` and `--ca`. */
  readonly cert: string;
  /** The SHA-256 of its certificate, in the form of `openssl x509 -fingerprint`. */
  readonly fingerprint: string;
  /**
   * Issues a certificate with a new key.
   *
   * @param options The names, the validity and the usage.
   * @returns The certificate, its key, and the certificate of the authority.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  issue(options?: DevelopmentCertificateOptions): Promise<DevelopmentCertificate>;
}

/** The latest start of a validity: dates end in the year 275760, 36500 days later than this. */
const LAST_START = 8_640_000_000_000_000 - 36_500 * 86_400_000;

const AUTHORITY = new OptionRules<DevelopmentAuthorityOptions>({
  // ub-common-name is 64 (RFC 5280 appendix A.1).
  commonName: rule(
    "a string of 1 to 64 characters",
    (value) => typeof value === "string" && value.length >= 1 && value.length <= 64,
  ),
  days: rule(
    "a number above 0 and at most 36500",
    (value) => typeof value === "number" && value > 0 && value <= 36_500,
  ),
});

const CERTIFICATE = new OptionRules<DevelopmentCertificateOptions>({
  ...AUTHORITY.rules,
  names: listOf(
    rule(
      "a host name or an IP address",
      (value) => typeof value === "string" && generalNameOf(value) !== undefined,
    ),
  ),
  notBefore: rule(
    "a valid date",
    (value) => value instanceof Date && Math.abs(value.getTime()) <= LAST_START,
  ),
  usage: oneOf("server", "client", "both"),
});

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const MS_PER_DAY = 86_400_000;
const CLOCK_SKEW_MS = 3_600_000;
const DEFAULT_NAMES = ["localhost", "127.0.0.1", "::1"] as const;

/**
 * Creates a certificate for this machine, signed by an authority of its own. The key of the
 * authority is discarded, so a program that trusts `ca` trusts only this certificate.
 *
 * @param options The names, the validity and the usage.
 * @returns The certificate, its key, and the certificate of the authority.
 * @throws {RangeError | TypeError} If an option is invalid.
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
  options = CERTIFICATE.check("developmentCertificate", options);
  const request = requestOf(options);
  const authority = await developmentAuthority({
    days: Math.max(1, Math.ceil((request.notAfter.getTime() - Date.now()) / MS_PER_DAY)),
  });
  return await authority.issue(options);
}

/**
 * Creates an authority that issues certificates, also invalid ones for tests.
 *
 * @param options The name and the validity of the authority.
 * @returns The authority with its own certificate.
 * @throws {RangeError | TypeError} If an option is invalid.
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
  options = AUTHORITY.check("developmentAuthority", options);
  const { commonName = `Portside development authority ${randomHex(3)}`, days = 365 } = options;
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
      options = CERTIFICATE.check("issue", options);
      const request = requestOf(options);
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
          // An empty subject alternative name is invalid (RFC 5280 §4.2.1.6).
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

/** Loads the library at its first use. It takes 100 ms, which programs without TLS should not pay. */
async function loadX509(): Promise<typeof import("npm:@peculiar/x509@2.2.0")> {
  // The dependency injection of the library requires this polyfill to be loaded first.
  await import("npm:reflect-metadata@0.2.2");
  return await import("npm:@peculiar/x509@2.2.0");
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

function requestOf(options: DevelopmentCertificateOptions): CheckedRequest {
  const { usage = "server", days = 30 } = options;
  const names = options.names ?? (usage === "client" ? [] : DEFAULT_NAMES);
  const alternativeNames = names.map((name) => generalNameOf(name)!);
  const [first] = alternativeNames;
  const fallback = first !== undefined && first.value.length <= 64
    ? first.value
    : "Portside development certificate";
  const start = options.notBefore?.getTime() ?? Date.now();
  const notAfter = new Date(start + days * MS_PER_DAY);
  return {
    alternativeNames,
    commonName: options.commonName ?? fallback,
    usage,
    notBefore: wholeSeconds(options.notBefore?.getTime() ?? start - CLOCK_SKEW_MS),
    notAfter: wholeSeconds(notAfter.getTime()),
  };
}

/** Adds properties that are not enumerable, because servers reject unknown options. */
function describe<T extends object, D extends object>(pair: T, description: D): T & D {
  for (const [name, value] of Object.entries(description)) {
    Object.defineProperty(pair, name, { value });
  }
  return pair as T & D;
}

/** Rounds a time down to seconds. X.509 has no fractions of a second. */
function wholeSeconds(time: number): Date {
  return new Date(Math.floor(time / 1000) * 1000);
}

/** Returns a name as it is in a certificate, or undefined if it is invalid. */
function generalNameOf(name: string): JsonGeneralName | undefined {
  const host = /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(name) ? `[${name}]` : name;
  if (/^(\*\.)?[^\s/?#@:\\*[\]]+$/.test(name) || host !== name) {
    const url = URL.parse(`http://${host}/`);
    const hostname = url?.hostname ?? "";
    if (hostname.startsWith("[")) return { type: "ip", value: hostname.slice(1, -1) };
    // The URL parser reads "1" and "0x7f.1" as addresses. They are mistakes in a certificate.
    const isAddress = /^\d+(\.\d+){3}$/.test(hostname);
    if (isAddress && hostname === name) return { type: "ip", value: name };
    if (!isAddress && hostname !== "" && hostname.length <= 253 && !hostname.endsWith(".")) {
      return { type: "dns", value: hostname };
    }
  }
  return undefined;
}
