/**
 * Recognises protocols by the first bytes that a server sends. It does no I/O.
 *
 * @module
 */

import { escapeControls } from "../../net/text.ts";

/** A recognised protocol. */
export interface Greeting {
  /** The name of the protocol, such as `SSH`. */
  readonly protocol: string;
  /** The software or the text of the server, escaped; may be empty. */
  readonly detail: string;
  /** The scheme for a diagnosis with STARTTLS, if the protocol has it. */
  readonly scheme?: "smtp" | "imap" | "pop3" | "ftp" | undefined;
}

type Row = readonly [pattern: RegExp, protocol: string, scheme?: Greeting["scheme"]];

/** Texts at the start of a connection. The group of a pattern is the detail. The first match counts. */
const TEXTS: readonly Row[] = [
  [/^SSH-[\d.]+-([^\r\n]*)/, "SSH"], // RFC 4253 §4.2
  [/^HTTP\/1\.[01] \d{3}(?:[^\n]*\n(?:[^\n]*\n)*?server: *([^\r\n]*))?/i, "HTTP"],
  [/^220[ -]([^\r\n]*(?:e?smtp|mail|postfix|exim|sendmail)[^\r\n]*)/i, "SMTP", "smtp"], // RFC 5321 §4.2
  [/^220[ -]([^\r\n]*(?:ftp|filezilla|serv-u)[^\r\n]*)/i, "FTP", "ftp"], // RFC 959 §5.4
  [/^(?:421|554)[ -]([^\r\n]*)/, "SMTP or FTP, which refuses this client"],
  [/^220[ -]([^\r\n]*)/, "SMTP or FTP"],
  [/^\* (?:OK|PREAUTH|BYE) ([^\r\n]*)/, "IMAP", "imap"], // RFC 9051 §7.1
  [/^\+OK ?([^\r\n]*)/, "POP3", "pop3"], // RFC 1939 §4
  [/^20[01] ([^\r\n]*)/, "NNTP"], // RFC 3977 §5.1
  [/^RFB (\d{3}\.\d{3})\n/, "VNC"], // RFC 6143 §7.1.1
  [/^@RSYNCD: ([\d.]+)/, "rsync"],
  [/^(?:-ERR|-NOAUTH|-DENIED) ?([^\r\n]*)/, "Redis"],
  [/^(?::\S+ )?(?:NOTICE|020) ([^\r\n]*)/, "IRC"], // RFC 2812
  [/^<\?xml[^>]*\?>\s*<stream:stream|^<stream:/, "XMPP"], // RFC 6120 §4.2
  [/^INFO (\{[^\r\n]{0,80})/, "NATS"],
  [/^ERROR\r\n$/, "memcached"],
  [/^AMQP/, "AMQP"],
  [/^SIP\/2\.0 (\d{3})/, "SIP"], // RFC 3261 §7.2
];

/** Recognises a protocol by the first bytes of a server; undefined if it is none of the known ones. */
export function identifyGreeting(bytes: Uint8Array): Greeting | undefined {
  const text = textOf(bytes);
  for (const [pattern, protocol, scheme] of TEXTS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    return { protocol, detail: shown(match[1] ?? ""), scheme };
  }
  return identifyBinary(bytes, text);
}

function identifyBinary(bytes: Uint8Array, text: string): Greeting | undefined {
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = bytes;
  // A packet of MySQL: a length of three bytes, the number 0, the version 10 or an error.
  if (bytes.length > 5 && fourth === 0 && (fifth === 10 || fifth === 255)) {
    const length = first + second * 256 + third * 65536;
    if (length > 0 && length < 1024) {
      return {
        protocol: "MySQL",
        detail: fifth === 10 ? shown(textOf(bytes.subarray(5)).split("\0", 1)[0]!) : "",
      };
    }
  }
  // The command IAC with WILL, WONT, DO or DONT (RFC 854).
  if (first === 255 && second >= 251 && second <= 254) return { protocol: "telnet", detail: "" };
  // A SETTINGS frame on stream 0 (RFC 9113 §3.4).
  if (bytes.length >= 9 && fourth === 4 && bytes.subarray(5, 9).every((byte) => byte === 0)) {
    return { protocol: "HTTP/2", detail: "" };
  }
  // An alert (RFC 8446 §6), or a handshake record.
  if ((first === 21 || first === 22) && second === 3 && third <= 4) {
    return { protocol: "TLS", detail: "" };
  }
  // A PostgreSQL error: the letter E and a length.
  if (first === 0x45 && second === 0 && third === 0 && /SFATAL|SERROR/.test(text)) {
    return { protocol: "PostgreSQL", detail: "" };
  }
  return undefined;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 1024));
}

function shown(text: string): string {
  return escapeControls(text.trim().slice(0, 100));
}
