/** The subject alternative names of a certificate. */
export interface CertificateNames {
  /** Host names, also with a wildcard. */
  readonly hosts: readonly string[];
  /** IP addresses in their shortest form. */
  readonly addresses: readonly string[];
}

interface Element {
  readonly tag: number;
  readonly body: Uint8Array;
}

/**
 * Reads the names of a certificate (RFC 5280 section 4.2.1.6). Node separates them by commas, but a
 * name may contain a comma and would then seem to be several names.
 */
export function readNames(certificate: Uint8Array): CertificateNames {
  const hosts: string[] = [];
  const addresses: string[] = [];
  const [whole] = elements(certificate);
  const [signed] = elements(whole?.body);
  const extensions = [...elements(signed?.body)].find(({ tag }) => tag === 0xa3);
  const [list] = elements(extensions?.body);
  for (const { body } of elements(list?.body)) {
    const [id, ...rest] = elements(body);
    if (id?.body.join() !== SUBJECT_ALT_NAME) continue;
    const [names] = elements(rest.at(-1)?.body);
    for (const { tag, body } of elements(names?.body)) {
      if (tag === 0x82) hosts.push(latin1.decode(body));
      if (tag === 0x87 && (body.length === 4 || body.length === 16)) {
        addresses.push(addressOf(body));
      }
    }
  }
  return { hosts, addresses };
}

/** The identifier 2.5.29.17 in DER. */
const SUBJECT_ALT_NAME = "85,29,17";

/** Yields the complete elements of DER. */
function* elements(bytes: Uint8Array = new Uint8Array()): Generator<Element, void, void> {
  for (let at = 0; at + 2 <= bytes.length;) {
    const tag = bytes[at]!;
    const short = bytes[at + 1]!;
    const more = short < 0x80 ? 0 : short - 0x80;
    if (more > 4) return;
    const start = at + 2 + more;
    const length = more === 0
      ? short
      : bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    if (start + length > bytes.length) return;
    yield { tag, body: bytes.subarray(start, start + length) };
    at = start + length;
  }
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const words = Array.from({ length: 8 }, (_, i) => bytes[2 * i]! * 256 + bytes[2 * i + 1]!);
  return shortAddress(words.map((word) => word.toString(16)).join(":"));
}

/** Returns the normal form of an address, without its zone. */
export function shortAddress(address: string): string {
  if (!address.includes(":")) return address;
  return new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname.slice(1, -1);
}

const latin1 = new TextDecoder("latin1");
