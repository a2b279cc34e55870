/**
 * Reads the certificates that a server shows in TLS 1.2, where they are not encrypted, without a handshake
 * (RFC 5246 §7.4). It also sees certificates with which no handshake succeeds.
 */

import type { Transport } from "../../net/connection/transport.ts";
import { withDeadline } from "../../net/internal/deadline.ts";
import { ReceiveBuffer } from "../../net/internal/receive_buffer.ts";
import { isAddress } from "./program_output.ts";

/** Maximum number of bytes to read. */
const MAX_BYTES = 128 * 1024;

/** The types of records and of handshake messages. */
const HANDSHAKE = 22;
const CERTIFICATE = 11;

/** Suites with ECDHE and with RSA alone; groups; signature algorithms, also weak ones. */
const SUITES = [
  ...[0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014],
  ...[0x9c, 0x9d, 0x2f, 0x35],
];
const GROUPS = [29, 23, 24, 25];
const SIGNATURES = [
  ...[0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601],
  ...[0x0203, 0x0201],
];

/**
 * Sends a hello and reads the certificates. The transport is of no use afterwards.
 *
 * @returns The certificates in DER, that of the server first; none if the server shows none.
 */
export async function readTls12Certificates(
  transport: Transport,
  serverName: string,
  { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
): Promise<Uint8Array[]> {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const reading = (async () => {
    await writeAll(transport, encodeHello(serverName, random));
    const reader = new CertificateReader();
    const buffer = new Uint8Array(17 * 1024);
    for (;;) {
      const size = await transport.read(buffer);
      const found = size === null ? [] : reader.push(buffer.slice(0, size));
      if (found !== undefined) return found;
    }
  })();
  return await withDeadline(reading, timeout, () => new Error("no certificate"), signal);
}

async function writeAll(transport: Transport, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await transport.write(bytes.subarray(sent));
}

/** Encodes the first message of a client that speaks TLS 1.2 at most. */
export function encodeHello(serverName: string, random: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(serverName);
  const extensions = [
    // A server name is never an address (RFC 6066 §3).
    ...(isAddress(serverName) ? [] : [extension(0, vector(2, [0], vector(2, [...name])))]),
    extension(10, vector(2, ...GROUPS.map(two))),
    extension(11, vector(1, [0])),
    extension(13, vector(2, ...SIGNATURES.map(two))),
  ];
  const body = [
    ...[3, 3, ...random, 0],
    ...vector(2, ...SUITES.map(two)),
    ...[1, 0],
    ...vector(2, ...extensions),
  ];
  return Uint8Array.of(HANDSHAKE, 3, 1, ...vector(2, [1], vector(3, body)));
}

function two(number: number): number[] {
  return [number >> 8, number & 255];
}

/** Returns bytes behind their length in so many bytes. */
function vector(bytes: 1 | 2 | 3, ...parts: number[][]): number[] {
  const content = parts.flat();
  const { length } = content;
  return [
    ...[length >> 16, length >> 8, length].slice(3 - bytes).map((byte) => byte & 255),
    ...content,
  ];
}

function extension(type: number, content: number[]): number[] {
  return [...two(type), ...vector(2, content)];
}

/** Finds the message with the certificates in the records of a server. */
export class CertificateReader {
  readonly #records = new ReceiveBuffer();
  readonly #messages = new ReceiveBuffer();
  /** The head of the record and of the message whose content is incomplete. */
  #record: Uint8Array | undefined;
  #message: Uint8Array | undefined;
  #size = 0;

  /** Takes bytes. Returns the certificates, or none if they will not come; undefined if they may. */
  push(bytes: Uint8Array<ArrayBuffer>): Uint8Array[] | undefined {
    this.#size += bytes.length;
    if (this.#size > MAX_BYTES) return [];
    this.#records.push(bytes);
    for (;;) {
      this.#record ??= this.#records.exact(5);
      if (this.#record === undefined) return undefined;
      const [type, , , high = 0, low = 0] = this.#record;
      if (type !== HANDSHAKE) return [];
      const content = this.#records.exact((high << 8) + low);
      if (content === undefined) return undefined;
      this.#record = undefined;
      this.#messages.push(content.slice());
      const found = this.#certificates();
      if (found !== undefined) return found;
    }
  }

  #certificates(): Uint8Array[] | undefined {
    for (;;) {
      this.#message ??= this.#messages.exact(4);
      if (this.#message === undefined) return undefined;
      const content = this.#messages.exact(lengthAt(this.#message, 1));
      if (content === undefined) return undefined;
      const [type] = this.#message;
      this.#message = undefined;
      if (type === CERTIFICATE) return split(content.subarray(3));
    }
  }
}

/** Splits a list of certificates, each behind its length. */
function split(list: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at + 3 <= list.length;) {
    const end = at + 3 + lengthAt(list, at);
    if (end > list.length) break;
    found.push(list.slice(at + 3, end));
    at = end;
  }
  return found;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const [high = 0, middle = 0, low = 0] = bytes.subarray(at, at + 3);
  return (high << 16) + (middle << 8) + low;
}
