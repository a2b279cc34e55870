/** The names of a certificate, read from its bytes. Private to `tools/`, and pure. @module */

/** What a certificate is for. */
export interface CertificateNames {
  /** Names of hosts, some with a star. */
  readonly hosts: readonly string[];
  /** IP addresses in their shortest form. */
  readonly addresses: readonly string[];
}

interface Element {
  readonly tag: number;
  readonly body: Uint8Array;
}

/**
 * Reads the names (RFC 5280 §4.2.1.6). The text that Node makes of them divides them by commas,
 * which a name may hold as well: then it seems to be for hosts that nobody has certified.
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

/** 2.5.29.17. */
const SUBJECT_ALT_NAME = "85,29,17";

/** The elements of DER one after the other, as far as they are whole. */
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

/** The form of an address that all its others become, without its zone. */
export function shortAddress(address: string): string {
  if (!address.includes(":")) return address;
  return new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname.slice(1, -1);
}

const latin1 = new TextDecoder("latin1");
