/** Builds the messages of a query, and compares answers with it. */

import { formatAddressBytes, readAddressBlock } from "../address_block.ts";
import { optionError } from "../internal/options.ts";
import { lowerAscii } from "../text.ts";
import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "./codec.ts";
import type { DnsClientSubnet, DnsCookie, DnsExtension } from "./extension.ts";
import type { DnsQuerySettings } from "./query_options.ts";
import type { DnsType } from "./record_types.ts";

/** Largest UDP payload in bytes that is not fragmented on any path (DNS Flag Day 2020). */
const UDP_SIZE = 1232;
/** Encrypted questions have a multiple of this size, which hides the length of the name (RFC 8467). */
const BLOCK = 128;

/** A question, encoded, and what it contains. */
export interface Question {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly message: DnsMessage;
}

/** The question of one query, in the forms in which it is sent. */
export class QuestionForms {
  readonly #fields: Partial<DnsMessage>;
  readonly #extension: DnsExtension;
  readonly #isEncrypted: boolean;

  constructor(
    id: number,
    name: string,
    type: DnsType,
    settings: DnsQuerySettings,
    isEncrypted: boolean,
  ) {
    const { recursion = true, dnssec = false, checkingDisabled = false } = settings;
    const { nsid = false, clientSubnet } = settings;
    this.#isEncrypted = isEncrypted;
    this.#fields = {
      id,
      recursionDesired: recursion,
      authenticated: true,
      checkingDisabled,
      questions: [{ name: toAscii(name), type }],
    };
    this.#extension = {
      udpSize: UDP_SIZE,
      dnssec,
      ...(nsid && { nsid: new Uint8Array() }),
      ...(clientSubnet !== undefined && { clientSubnet: subnetOf(clientSubnet) }),
    };
  }

  /** Returns the question with the extension. */
  extended(cookie?: DnsCookie): Question {
    const extension = { ...this.#extension, ...(cookie !== undefined && { cookie }) };
    const bare = this.#encode(extension);
    if (!this.#isEncrypted) return bare;
    const optionHead = 4;
    const padding = (BLOCK - (bare.bytes.length + optionHead) % BLOCK) % BLOCK;
    return this.#encode({ ...extension, padding });
  }

  /** Returns the question without the extension, for old servers. */
  plain(): Question {
    return this.#encode(undefined);
  }

  #encode(extension: DnsExtension | undefined): Question {
    const bytes = encodeDnsMessage({ ...this.#fields, extension });
    return { bytes, message: decodeDnsMessage(bytes) };
  }
}

function subnetOf(block: string): DnsClientSubnet {
  const { bytes, bits } = readAddressBlock(block)!;
  return { address: formatAddressBytes(bytes), sourcePrefix: bits, scopePrefix: 0 };
}

/**
 * Returns whether a message has the identifier, the question and the cookie of a query. Errors may omit
 * the question.
 */
export function isAnswer(message: DnsMessage, asked: DnsMessage): boolean {
  const [question] = asked.questions;
  const [echo, ...others] = message.questions;
  if (!message.response || message.id !== asked.id || others.length > 0) return false;
  const cookie = asked.extension?.cookie;
  const returned = message.extension?.cookie;
  if (cookie && returned && cookie.client.toHex() !== returned.client.toHex()) return false;
  if (echo === undefined) return message.truncated || message.code !== "NOERROR";
  return echo.type === question?.type && lowerAscii(echo.name) === lowerAscii(question.name);
}

/** Converts a name in another script to ASCII. An ASCII name stays as it is, even with underscores. */
export function toAscii(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name;
  return name.split(/[.。]/).map((label) => {
    if (/^[\x20-\x7e]*$/.test(label)) return label;
    const hostname = URL.parse(`http://${label}.invalid/`)?.hostname ?? "";
    // The URL parser may take other characters for separators of a URL.
    const ascii = /^([^.]+)\.invalid$/.exec(hostname)?.[1];
    if (ascii === undefined) {
      throw optionError("name", "a domain name", name);
    }
    return ascii;
  }).join(".");
}
