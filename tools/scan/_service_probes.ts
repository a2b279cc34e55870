/**
 * The table of services that a scan recognizes, by their greeting or by the answer to a probe.
 *
 * Sources: SSH RFC 4253 section 4.2; SMTP RFC 5321 section 3.1; FTP RFC 959 section 5.4; IMAP RFC 9051
 * section 7.1; POP3 RFC 1939 section 4; NNTP RFC 3977 section 5.1; HTTP RFC 9112 section 4 and RFC 9113
 * section 3.4; VNC RFC 6143 section 7.1.1; DNS RFC 1035 section 4 and RFC 7766; the MySQL protocol
 * "HandshakeV10"; the Redis protocol RESP; the PostgreSQL protocol "SSLRequest"; RDP MS-RDPBCGR sections
 * 2.2.1.1 and 2.2.1.2; memcached "protocol.txt".
 *
 * @module
 */

/** A service, with the words of the server, which are not escaped yet. */
export interface Recognized {
  readonly protocol: string;
  readonly product?: string | undefined;
  readonly status?: number;
  readonly title?: string | undefined;
}

/** The beginning of what a server sent: as bytes, and as text of Latin-1. */
export interface Said {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** A service whose client speaks first. */
export interface Probe {
  /** Ports where the probe is tried first. */
  readonly ports: readonly number[];
  readonly request: (host: string) => Uint8Array;
  readonly read: (said: Said) => Recognized | undefined;
  /** Whether more must arrive before `read` has all details. */
  readonly wantsMore?: (said: Said) => boolean;
}

const ascii = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

/** The query for `version.bind TXT CH`, with its length. */
const DNS_QUERY = hex(
  "001e 5053 0000 0001 0000 0000 0000 0776657273696f6e 0462696e64 00 0010 0003",
);
const HTTP2_SETTINGS = 4;
/** Most characters of a greeting that are looked at. Some patterns below have a quadratic cost. */
const MOST_LINE = 4096;

/** Returns the service of a server that speaks first; undefined for an unknown greeting. */
export function readGreeting({ bytes, text }: Said): Recognized | undefined {
  const [line = ""] = text.slice(0, MOST_LINE).split(/\r?\n/, 1);
  const ssh = /^SSH-[\d.]+-(.+)/.exec(line);
  if (ssh !== null) return { protocol: "ssh", product: ssh[1] };
  const vnc = /^RFB (\d{3}\.\d{3})/.exec(line);
  if (vnc !== null) return { protocol: "vnc", product: vnc[1] };
  if (/^\* (OK|PREAUTH|BYE)\b/i.test(line)) {
    return { protocol: "imap", product: afterCodes(line.replace(/^\* \w+ */, "")) };
  }
  if (/^\+OK\b/.test(line)) return { protocol: "pop3", product: afterCodes(line.slice(4)) };
  if (/^20[01][ -].*(nntp|news|inn\b)/i.test(line)) {
    return { protocol: "nntp", product: line.slice(4) };
  }
  if (/^[24]2[01][ -]/.test(line)) {
    const product = line.slice(4);
    if (/ftp/i.test(product)) return { protocol: "ftp", product };
    if (/smtp|mail/i.test(product)) return { protocol: "smtp", product };
  }
  if (bytes[0] === 0xff && bytes[1]! >= 0xfb && bytes[1]! <= 0xfe) return { protocol: "telnet" };
  return readMysql({ bytes, text });
}

/** Returns whether a greeting can be of SMTP or of FTP, whose replies have the same form. */
export function isAmbiguous({ text }: Said): boolean {
  return /^220[ -]/.test(text);
}

/** The question that tells SMTP from FTP. */
export const EHLO = ascii("EHLO scan.invalid\r\nQUIT\r\n");

/** Returns whether a server has accepted the greeting of a client of SMTP. */
export function isSmtpReply({ text }: Said): boolean {
  return /(^|\n)250[ -]/.test(text);
}

/** Removes response codes and capabilities in brackets, and the challenge of APOP. */
function afterCodes(text: string): string | undefined {
  const plain = text.replace(/^\[[^\]]*\] */, "").replace(/<[^>]*>/, "").replace(/^ +| +$/g, "");
  return plain === "" ? undefined : plain;
}

/** Reads a packet with number 0: the handshake of version 10, or an error (0xff). */
function readMysql({ bytes, text }: Said): Recognized | undefined {
  const length = bytes[0]! | bytes[1]! << 8 | bytes[2]! << 16;
  if (bytes.length < 6 || bytes[3] !== 0 || length < 4 || length > 4096) return undefined;
  if (bytes[4] === 10) {
    const version = /^([\x20-\x7e]{1,80})\0/.exec(text.slice(5));
    return version === null ? undefined : { protocol: "mysql", product: version[1] };
  }
  if (bytes[4] !== 0xff || bytes.length !== length + 4) return undefined;
  return { protocol: "mysql", product: text.slice(7, 200) };
}

function readHttp({ bytes, text }: Said): Recognized | undefined {
  const head = /^HTTP\/1\.[01] (\d{3})/.exec(text);
  if (head === null) {
    const isSettings = bytes.length >= 9 && bytes[3] === HTTP2_SETTINGS && bytes[0] === 0 &&
      text.slice(5, 9) === "\0\0\0\0";
    return isSettings ? { protocol: "http", product: "HTTP/2" } : undefined;
  }
  const end = text.search(/\r?\n\r?\n/);
  const fields = end === -1 ? text : text.slice(0, end);
  const body = end === -1 ? bytes.subarray(0, 0) : bytes.subarray(end);
  const title = /<title[^>]{0,200}>([^<]{1,300})/i.exec(new TextDecoder().decode(body));
  return {
    protocol: "http",
    status: Number(head[1]),
    product: /^server:[ \t]*([^\r\n]+)/im.exec(fields)?.[1],
    title: title?.[1]?.replace(/[ \t\r\n]+/g, " ").replace(/^ | $/g, ""),
  };
}

function readDns({ bytes, text }: Said): Recognized | undefined {
  const isReply = bytes.length >= 14 && text.slice(2, 4) === "PS" && (bytes[4]! & 0x80) !== 0;
  if (!isReply) return undefined;
  // The answer follows the question: type 16, class 3, four bytes of time, and the size.
  const at = text.indexOf("\0\x10\0\x03", DNS_QUERY.length);
  const start = at + 11;
  const version = at === -1 ? "" : text.slice(start, start + (bytes[start - 1] ?? 0));
  return { protocol: "dns", product: version === "" ? undefined : version };
}

/** The probes, those for the most common services first. */
export const PROBES: readonly Probe[] = [
  {
    ports: [80, 8080, 8000, 8008, 8081, 8888, 3000, 5000, 9000, 9090],
    request: (host) => {
      const name = host.includes(":") ? `[${host.replace(/%.*$/, "")}]` : host;
      return ascii(
        `GET / HTTP/1.1\r\nHost: ${name}\r\nAccept: */*\r\nUser-Agent: portside-scan\r\n` +
          "Connection: close\r\n\r\n",
      );
    },
    read: readHttp,
    wantsMore: ({ text }) => text.startsWith("HTTP/1") && !/<\/title/i.test(text),
  },
  {
    ports: [6379],
    request: () => ascii("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"),
    read: ({ text }) =>
      /^(\+PONG|-NOAUTH|-DENIED|-NOPERM|-LOADING|-MASTERDOWN)/.test(text)
        ? { protocol: "redis", product: /redis_version:([^\r\n]+)/.exec(text)?.[1] }
        : undefined,
    wantsMore: ({ text }) =>
      /^\+PONG\r\n(?!-)/.test(text) && !/redis_version:[^\r]{1,100}\r/.test(text),
  },
  {
    ports: [5432],
    request: () => hex("00000008 04d2162f"),
    read: ({ text }) => text === "S" || text === "N" ? { protocol: "postgresql" } : undefined,
  },
  {
    ports: [3389],
    request: () => hex("03000013 0ee00000000000 0100080003000000"),
    read: ({ bytes }) =>
      bytes[0] === 3 && bytes[1] === 0 && bytes.length >= 7 && bytes[5] === 0xd0
        ? { protocol: "rdp" }
        : undefined,
  },
  { ports: [53], request: () => DNS_QUERY, read: readDns },
  {
    ports: [11211],
    request: () => ascii("version\r\n"),
    read: ({ text }) => {
      const version = /^VERSION ([^\r\n]+)/.exec(text)?.[1];
      return version === undefined ? undefined : { protocol: "memcached", product: version };
    },
  },
];
