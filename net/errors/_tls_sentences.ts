/**
 * Sentences for failed handshakes: for the alerts of the peer (RFC 8446 §6.2), and for the reasons of
 * this side. Both engines of TLS use the words of rustls.
 */

const CERTIFICATE = "the peer refused the certificate of this side";

/** The alerts by their names in rustls. */
const ALERTS: Readonly<Record<string, string>> = {
  CloseNotify: "the peer ended the connection",
  UnexpectedMessage: "the peer did not expect a message of this side",
  BadRecordMac: "the peer could not decrypt a message of this side",
  RecordOverflow: "a record of this side is too long for the peer",
  HandshakeFailure:
    "the peers have no TLS version or cipher in common, or the peer requires a client certificate",
  CertificateRevoked: `${CERTIFICATE}: it is revoked`,
  CertificateExpired: `${CERTIFICATE}: it is not valid now`,
  UnsupportedCertificate: `${CERTIFICATE}: it is of an unsupported type or for another purpose`,
  UnknownCA: `${CERTIFICATE}: its authority is not trusted`,
  IllegalParameter: "a message of this side has an invalid field for the peer",
  AccessDenied: "the peer denies access to this side",
  DecodeError: "the peer could not read a message of this side",
  DecryptError: "the peer could not verify a signature or a key of this side",
  ProtocolVersion: "the peer does not support a TLS version of this side",
  InsufficientSecurity: "the peer requires stronger ciphers",
  InternalError: "the peer had an internal error",
  InappropriateFallback: "the peer refused a retry with an older TLS version",
  UserCanceled: "the peer canceled the handshake",
  MissingExtension: "a message of this side lacks an extension for the peer",
  UnsupportedExtension: "a message of this side has an extension that the peer did not ask for",
  UnrecognisedName: "the server does not serve this name",
  UnknownPSKIdentity: "the peer does not know the key of this side",
  CertificateRequired: "a client certificate is required",
  NoApplicationProtocol: "the peers have no application protocol in common",
};

/** Reasons of this side, of which rustls has the words. The first match counts. */
const REASONS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^peer doesn't support any known protocol/, "the peers have no application protocol in common"],
  [/^peer sent no certificates/, "the client showed no certificate"],
  [/ServerDoesNotSupportTls12Or13/, "the server supports neither TLS 1.2 nor TLS 1.3"],
  [/ServerTlsVersionIsDisabledByOurConfig/, "the server selected a TLS version below minVersion"],
  [
    /SupportedVersionsExtensionRequired|Tls12NotOffered/,
    "the client offers no TLS version that this side allows",
  ],
  [
    /SignatureAlgorithmsExtensionRequired/,
    "the client offers no signature algorithms, as before TLS 1.2",
  ],
  [/NoCipherSuitesInCommon/, "the peers have no cipher suite in common"],
  [/NoKxGroupsInCommon|NamedGroupsExtensionRequired/, "the peers have no key exchange in common"],
  [/NoSignatureSchemesInCommon/, "the peers have no signature algorithm in common"],
  [
    /ExtendedMasterSecretExtensionRequired/,
    "the peer lacks the extended master secret of TLS 1.2 (RFC 7627)",
  ],
];

/** Returns the sentence for a message about TLS, or undefined if there is none. */
export function tlsSentence(text: string): string | undefined {
  const alert = /received fatal alert: (\w+)/.exec(text)?.[1];
  if (alert !== undefined && Object.hasOwn(ALERTS, alert)) return ALERTS[alert];
  return REASONS.find(([pattern]) => pattern.test(text))?.[1];
}
