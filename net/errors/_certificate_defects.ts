/** How to make a certificate for a server that every client accepts if it trusts it. */
const PROPER = "make a proper one with developmentCertificate() of net/certificate, or with " +
  "openssl req -x509 -nodes -newkey rsa:2048 -keyout key.pem -out cert.pem -subj /CN=localhost " +
  "-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost";

/**
 * Sentences for the defects of certificates, by the words of rustls. Both engines use these words. The
 * first match counts.
 */
const DEFECTS: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /CaUsedAsEndEntity/,
    "its certificate is that of an authority (CA:TRUE); trust it with caCerts if it has a " +
    `subjectAltName, trust it with pin, or ${PROPER}`,
  ],
  [
    /is not valid for any names/,
    `its certificate has no subjectAltName, and the common name does not count; ${PROPER}`,
  ],
  [/EndEntityUsedAsCa/, "a certificate of its chain is signed by one that is not an authority"],
  [/NameConstraintViolation/, "an authority of its chain must not certify its names"],
  [/PathLenConstraintViolated/, "an authority of its chain must not certify other authorities"],
  [/extended key usage|InvalidPurpose/, "a certificate of its chain is for another purpose"],
  [/BadSignature/, "a certificate of its chain is not signed by the authority that it names"],
  [/UnsupportedCertVersion/, "a certificate of its chain is not of version 3"],
  [/CriticalExtension/, "a certificate of its chain has an unknown extension that is critical"],
  [
    /UnsupportedSignatureAlgorithm/,
    "a certificate of its chain has a signature that is too weak or of an unknown kind",
  ],
  [/BadEncoding|OtherError/, "a certificate of its chain is malformed"],
];

/** The words of rustls for a certificate of other names. */
const OTHER_NAME = /certificate not valid for name "([^"]*)"; certificate is only valid for (.*)/s;
const NAME = /DnsName\("([^"]*)"\)|IpAddress\(([^)]*)\)/g;
/** Most names of a certificate in a message. */
const MOST_NAMES = 5;

function otherNames(wanted: string, valid: string): string {
  const names = Array.from(valid.matchAll(NAME), ([, host, address]) => host ?? address!);
  const shown = names.length <= MOST_NAMES
    ? names
    : [...names.slice(0, MOST_NAMES), `${names.length - MOST_NAMES} more`];
  const list = shown.join(", ").replace(/, ([^,]*)$/, " and $1");
  return `its certificate is for another name: it is valid for ${list}, not for ${wanted}`;
}

/** Returns the reason why the certificate of a peer is rejected; undefined for other messages. */
export function certificateDefect(message: string): string | undefined {
  if (!message.startsWith("invalid peer certificate: ")) return undefined;
  // First, because the names are those that the peer has chosen.
  const [, wanted, valid] = OTHER_NAME.exec(message) ?? [];
  if (wanted !== undefined && valid !== undefined) return otherNames(wanted, valid);
  return DEFECTS.find(([pattern]) => pattern.test(message))?.[1];
}
