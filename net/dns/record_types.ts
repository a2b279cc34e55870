/**
 * The types of DNS records and their fields.
 *
 * Octets that are no text are a `Uint8Array`. A text that is not valid UTF-8 has U+FFFD in its string,
 * and the record then has `octets` with the bytes. Encoding uses `octets` if they are given.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The bytes of a field. */
export type DnsOctets = Uint8Array<ArrayBuffer>;

/** Parameters of a service (RFC 9460). */
export interface DnsServiceParameters {
  /** The parameters that a client must understand, such as `alpn`, or `key99` for an unknown one. */
  readonly mandatory?: readonly string[];
  /** The application protocols of the service, such as `h2`. */
  readonly alpn?: readonly string[];
  /** Whether `alpn` is the complete list, without the default protocol. */
  readonly noDefaultAlpn?: boolean;
  /** The port, if it is not the default one. */
  readonly port?: number;
  /** The IPv4 addresses of the service. */
  readonly ipv4?: readonly string[];
  /** The configurations for an encrypted ClientHello (RFC 9848). */
  readonly ech?: DnsOctets;
  /** The IPv6 addresses of the service. */
  readonly ipv6?: readonly string[];
  /** The URI template of a DNS server over HTTPS, such as `/dns-query{?dns}` (RFC 9461). */
  readonly dohPath?: string;
  /** Whether the service is reached by Oblivious HTTP, too (RFC 9540). */
  readonly ohttp?: boolean;
  /** The values of unknown parameters, and of `alpn` and `dohPath` that are not UTF-8, by number. */
  readonly others?: Readonly<Record<number, DnsOctets>>;
}

/** The fields that all records have. */
export interface DnsOwner {
  /** The name that the record belongs to, without the dot at its end. */
  readonly name: string;
  /** The time for which the record may be cached, in seconds. */
  readonly ttl: number;
}

/** A key of a zone (RFC 4034 §2). */
export interface DnsKeyData {
  /** The type of the record. */
  readonly type: "CDNSKEY" | "DNSKEY";
  /** 256 for a key that signs records, 257 for one that signs keys. */
  readonly flags: number;
  /** Always 3. */
  readonly protocol: number;
  /** The number of the algorithm, for example 13 for ECDSA P-256. */
  readonly algorithm: number;
  /** The key, in the format of its algorithm. */
  readonly publicKey: DnsOctets;
}

/** The digest of a key in the parent zone (RFC 4034 §5). */
export interface DnsDelegationData {
  /** The type of the record. */
  readonly type: "CDS" | "DS";
  /** A checksum of the key, which finds it among others. */
  readonly keyTag: number;
  /** The number of the algorithm. */
  readonly algorithm: number;
  /** 1 for SHA-1, 2 for SHA-256, 4 for SHA-384. */
  readonly digestType: number;
  /** The digest of the owner name and the key. */
  readonly digest: DnsOctets;
}

/** The signature of a set of records (RFC 4034 §3). */
export interface DnsSignatureData {
  /** The type of the record. */
  readonly type: "RRSIG";
  /** The type of the signed records. */
  readonly covered: DnsType;
  /** The number of the algorithm. */
  readonly algorithm: number;
  /** Number of labels of the signed name, without a wildcard. */
  readonly labels: number;
  /** The TTL of the signed records in their zone, in seconds. */
  readonly originalTtl: number;
  /** End of the validity in seconds since 1970, modulo 2^32. */
  readonly expiration: number;
  /** Start of the validity in seconds since 1970, modulo 2^32. */
  readonly inception: number;
  /** A checksum of the key, which finds it among others. */
  readonly keyTag: number;
  /** The zone that signs. */
  readonly signer: string;
  /** The signature. */
  readonly signature: DnsOctets;
}

/** The proof that a name or type does not exist (RFC 4034 §4). */
export interface DnsDenialData {
  /** The type of the record. */
  readonly type: "NSEC";
  /** The next name of the zone. */
  readonly next: string;
  /** The types that the name has. */
  readonly types: readonly DnsType[];
}

/** The proof that a name or type does not exist, with hashed names (RFC 5155 §3). */
export interface DnsHashedDenialData {
  /** The type of the record. */
  readonly type: "NSEC3";
  /** The number of the algorithm. */
  readonly algorithm: number;
  /** The flags. */
  readonly flags: number;
  /** Number of additional rounds of hashing. */
  readonly iterations: number;
  /** Octets that are added before hashing. */
  readonly salt: DnsOctets;
  /** The hash of the next name. */
  readonly next: DnsOctets;
  /** The types that the name has. */
  readonly types: readonly DnsType[];
}

/** A certificate or its digest for a TLS server or a mail address (RFC 6698, RFC 8162). */
export interface DnsTlsaData {
  /** The type of the record. */
  readonly type: "SMIMEA" | "TLSA";
  /** 0 and 1 require a trusted authority as well; 2 names an authority, 3 the certificate itself. */
  readonly usage: number;
  /** 0 for the whole certificate, 1 for its public key. */
  readonly selector: number;
  /** 0 for the data itself, 1 for its SHA-256, 2 for its SHA-512. */
  readonly matchingType: number;
  /** The certificate or its digest. */
  readonly data: DnsOctets;
}

/** A geographical place (RFC 1876). */
export interface DnsLocationData {
  /** The type of the record. */
  readonly type: "LOC";
  /** Degrees, positive in the north. */
  readonly latitude: number;
  /** Degrees, positive in the east. */
  readonly longitude: number;
  /** Height above the WGS 84 ellipsoid in metres. */
  readonly altitude: number;
  /** Diameter of the place in metres: one digit and a power of ten. */
  readonly size: number;
  /** Horizontal precision in metres: one digit and a power of ten. */
  readonly horizontalPrecision: number;
  /** Vertical precision in metres: one digit and a power of ten. */
  readonly verticalPrecision: number;
}

/** A rule that rewrites a name (RFC 3403 §4). */
export interface DnsNaptrData {
  /** The type of the record. */
  readonly type: "NAPTR";
  /** The order in which rules are used, the lowest first. */
  readonly order: number;
  /** The order among rules of the same `order`, the lowest first. */
  readonly preference: number;
  /** The flags. */
  readonly flags: string;
  /** The service and its protocol, such as `SIP+D2U`. */
  readonly services: string;
  /** The substitution, or an empty text. */
  readonly regexp: string;
  /** The next name, or `.`. */
  readonly replacement: string;
  /** The octets of `flags`, `services` and `regexp`, if one of them is not UTF-8. */
  readonly octets?: readonly DnsOctets[];
}

/** The start of a zone (RFC 1035 §3.3.13). */
export interface DnsAuthorityData {
  /** The type of the record. */
  readonly type: "SOA";
  /** The primary name server of the zone. */
  readonly primary: string;
  /** The mail address of the administrator; its first dot stands for the `@`. */
  readonly mailbox: string;
  /** The version of the zone. */
  readonly serial: number;
  /** Seconds between two checks of a secondary server. */
  readonly refresh: number;
  /** Seconds until a secondary server repeats a failed check. */
  readonly retry: number;
  /** Seconds after which a secondary server without contact stops to answer. */
  readonly expire: number;
  /** The time for which the absence of a record may be cached, in seconds (RFC 2308). */
  readonly minimum: number;
}

/** The data of a record whose type is known by name. */
export type DnsKnownData =
  | { readonly type: "A" | "AAAA"; readonly address: string }
  | { readonly type: "CNAME" | "DNAME" | "NS" | "PTR"; readonly target: string }
  | { readonly type: "MX"; readonly preference: number; readonly exchange: string }
  | {
    readonly type: "TXT";
    readonly texts: readonly string[];
    /** The octets of all texts, if one of them is not UTF-8. */
    readonly octets?: readonly DnsOctets[];
  }
  | {
    readonly type: "HINFO";
    readonly cpu: string;
    readonly os: string;
    /** The octets of `cpu` and `os`, if one of them is not UTF-8. */
    readonly octets?: readonly DnsOctets[];
  }
  | {
    readonly type: "SRV";
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  }
  | {
    readonly type: "CAA";
    readonly flags: number;
    readonly tag: string;
    readonly value: string;
    /** The octets of `value`, if it is not UTF-8. */
    readonly octets?: DnsOctets;
  }
  | {
    readonly type: "URI";
    readonly priority: number;
    readonly weight: number;
    readonly target: string;
    /** The octets of `target`, if it is not UTF-8. */
    readonly octets?: DnsOctets;
  }
  | {
    readonly type: "HTTPS" | "SVCB";
    /** 0 for an alias. */
    readonly priority: number;
    readonly target: string;
    readonly parameters: DnsServiceParameters;
  }
  | {
    readonly type: "SSHFP";
    /** 1 for RSA, 3 for ECDSA, 4 for Ed25519. */
    readonly algorithm: number;
    /** 1 for SHA-1, 2 for SHA-256. */
    readonly fingerprintType: number;
    readonly fingerprint: DnsOctets;
  }
  | {
    readonly type: "CERT";
    /** 1 for X.509, 3 for OpenPGP. */
    readonly certificateType: number;
    readonly keyTag: number;
    readonly algorithm: number;
    readonly certificate: DnsOctets;
  }
  | { readonly type: "OPENPGPKEY"; readonly publicKey: DnsOctets }
  | {
    readonly type: "NSEC3PARAM";
    readonly algorithm: number;
    readonly flags: number;
    readonly iterations: number;
    readonly salt: DnsOctets;
  }
  | DnsAuthorityData
  | DnsDelegationData
  | DnsDenialData
  | DnsHashedDenialData
  | DnsKeyData
  | DnsLocationData
  | DnsNaptrData
  | DnsSignatureData
  | DnsTlsaData;

/** The types of records that are decoded, and all others by their number (RFC 3597). */
export type DnsType = DnsKnownData["type"] | `TYPE${number}`;

/** The data of a record. */
export type DnsData =
  | DnsKnownData
  | { readonly type: `TYPE${number}`; readonly data: DnsOctets };

/** One record. Its other fields depend on its `type`. */
export type DnsRecord = DnsOwner & DnsData;
