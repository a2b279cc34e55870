/** The codecs of `net` as targets: streams in pieces, and values that are encoded again. @module */

import { formatAddress, parseHostPort } from "../../../net/address.ts";
import { formatAddressBytes, readAddressBytes } from "../../../net/address_block.ts";
import { decodeFrameLength, encodeFrame } from "../../../net/connection/frame_codec.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../../net/dns/codec.ts";
import { formatDnsRecord } from "../../../net/dns/record.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { NameCoding } from "../../../net/internal/name_coding.ts";
import { TlsMachine } from "../../../net/internal/tls_machine.ts";
import { parseAnchor, parseCertificate } from "../../../net/internal/x509/certificate.ts";
import { Defect } from "../../../net/internal/x509/defect.ts";
import { namesOf } from "../../../net/internal/x509/names.ts";
import { checkPath, readValidity } from "../../../net/internal/x509/path.ts";
import { readPin } from "../../../net/internal/x509/pin.ts";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "../../../net/imap/codec.ts";
import { charsetDecoder } from "../../../net/mail/charset.ts";
import { DotDecoder, DotEncoder } from "../../../net/mail/dot_codec.ts";
import {
  decodeProxyHeader,
  encodeProxyHeader,
  type ProxyHeader,
} from "../../../net/proxy_protocol_codec.ts";
import { SocksHandshake } from "../../../net/socks_codec.ts";
import { bytesOf } from "../../_support/cost.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { textOf } from "../../_support/http1.ts";
import { CERTIFICATES, PEM } from "../corpus/certificates.ts";
import { CLIENT_HELLO, SERVER_HELLO } from "../corpus/tls.ts";
import { DNS_MESSAGES } from "../corpus/dns.ts";
import type { FuzzTarget } from "../target.ts";

const BYTES = { alphabet: "bytes", limit: 16 * 1024 } as const;
const TEXT = { alphabet: "text", limit: 4096 } as const;

const STREAMS: readonly FuzzTarget[] = [
  ...[false, true].map((bareLf): FuzzTarget => ({
    ...BYTES,
    name: `DotDecoder in pieces${bareLf ? ", LF alone" : ""}`,
    seeds: ["a\r\n..b\r\n.\r\nrest", ".\r\n", "a\n..b\n.\nrest", "\r\n.\r.\r\n.\r\n"],
    words: ["\r\n.\r\n", "\r\n..", "\r", "\n", ".", "\n.\n"],
    stream: true,
    read: (pieces) => {
      const decoder = new DotDecoder({ bareLf });
      let [text, rest, isDone] = ["", "", false];
      for (const piece of pieces) {
        if (isDone) {
          rest += piece;
          continue;
        }
        const chunk = decoder.push(bytesOf(piece));
        text += textOf(chunk.data);
        isDone = chunk.done;
        if (isDone) rest = textOf(chunk.rest);
      }
      return { text, rest, isDone };
    },
    encode: ({ text, rest, isDone }: { text: string; rest: string; isDone: boolean }) => {
      // A text without an end, or with another end of its lines, is not what the encoder makes.
      if (!isDone || bareLf || !/^(?:[^\r\n]|\r\n)*\r\n$|^$/.test(text)) return undefined;
      const encoder = new DotEncoder();
      return textOf(encoder.push(bytesOf(text))) + textOf(encoder.end()) + rest;
    },
  })),
  ...(["lines", "frames"] as const).map((kind): FuzzTarget => ({
    ...BYTES,
    limit: 4096,
    name: `Connection.${kind}() in pieces`,
    seeds: ["a\r\nb\nc\r\r\n", "\r\n", "\0\0\0\x02ab\0\0\0\0", "\0\0\x10\0", "a".repeat(100)],
    words: ["\r\n", "\r", "\n", "\0\0\0\x01", "a".repeat(50)],
    throws: [NetError],
    stream: true,
    read: async (pieces) => {
      const [near, far] = memoryPair();
      const sending = (async () => {
        for (const piece of pieces) await far.write(bytesOf(piece));
        await far.close();
      })().catch(() => far.abort());
      const found: unknown[] = [];
      try {
        const all = kind === "lines" ? near.lines({ max: 60 }) : near.frames({ max: 60 });
        for await (const one of all) found.push(one);
        return found;
      } finally {
        near.abort();
        await sending;
      }
    },
  })),
  {
    ...BYTES,
    name: "decodeFrameLength() and encodeFrame()",
    seeds: ["\0\0\0\x02ab", "\x01\0\0\0"],
    read: ([input]) => {
      const bytes = bytesOf(input!);
      const length = decodeFrameLength(bytes);
      return length === undefined || bytes.length < 4 + length
        ? undefined
        : bytes.subarray(4, 4 + length);
    },
    encode: (payload: Uint8Array | undefined) => payload && textOf(encodeFrame(payload)),
  },
  {
    ...BYTES,
    name: "decodeProxyHeader() in pieces",
    seeds: [
      "PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\nGET /",
      "PROXY TCP6 2001:db8::1 ::1 1000 80\r\n",
      "PROXY UNKNOWN\r\nx",
      `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x03\xe8\0\x50rest`,
      `\r\n\r\n\0\r\nQUIT\n\x20\0\0\0`,
      `\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x2b${
        "\x20\x01\x0d\xb8".repeat(8)
      }\x03\xe8\0\x50\x02\0\x04host`,
    ],
    words: ["TCP4 ", "TCP6 ", " 65535", "\r\n", "\x04\0\0", "\x03\0\x04\0\0\0\0"],
    throws: [NetError],
    stream: true,
    read: (pieces) => {
      let all = "";
      for (const piece of pieces) {
        all += piece;
        const found = decodeProxyHeader(bytesOf(all));
        if (found !== undefined) return found.header;
      }
      return undefined;
    },
    encode: (header: ProxyHeader | undefined) => header && textOf(encodeProxyHeader(header)),
  },
  ...[undefined, { username: "ann", password: "secret" }].map((login): FuzzTarget => ({
    ...BYTES,
    name: `SocksHandshake in pieces${login ? ", with a login" : ""}`,
    seeds: [
      "\x05\0\x05\0\0\x01\xc0\0\x02\x01\x1f\x90rest",
      "\x05\x02\x01\0\x05\0\0\x03\x04host\0\x50",
      `\x05\0\x05\0\0\x04${"\0".repeat(16)}\0\x50`,
      "\x05\xff",
      "\x05\0\x05\x05\0\x01\0\0\0\0\0\0",
    ],
    throws: [NetError],
    stream: true,
    read: (pieces) => {
      const socks = new SocksHandshake({ hostname: "a.test", port: 80 }, login);
      let sent = textOf(socks.start());
      let rest: string | undefined;
      let bound: unknown;
      for (const piece of pieces) {
        if (rest !== undefined) {
          rest += piece;
          continue;
        }
        for (const event of socks.push(bytesOf(piece))) {
          if (event.kind === "send") sent += textOf(event.bytes);
          else [bound, rest] = [event.bound, textOf(event.rest)];
        }
      }
      return { sent, bound, rest };
    },
  })),
  ...["utf-7", "iso-2022-kr", "hz-gb-2312", "iso-2022-jp", "gbk", "cp437", "utf-8", "utf-16"]
    .map((charset): FuzzTarget => ({
      ...BYTES,
      name: `charsetDecoder() in pieces, ${charset}`,
      seeds: [
        "a+AO8-b+-",
        "~{VPND~}a~~\n~",
        "\x1b$)C\x0e\x30\x21\x0f",
        "\x1b$B\x30\x21\x1b(B",
        "\xb0\xa1",
      ],
      words: [
        "+",
        "-",
        "+AO8-",
        "~{",
        "~}",
        "~\n",
        "\x1b$)C",
        "\x0e",
        "\x0f",
        "\x1b$B",
        "\x1b(B",
        "\xef\xbb\xbf",
        "\xff\xfe",
      ],
      stream: true,
      read: (pieces) => {
        const decoder = charsetDecoder(charset)!;
        let text = "";
        for (const piece of pieces) text += decoder.decode(bytesOf(piece), { stream: true });
        return text + decoder.decode();
      },
    })),
];

const { good: { cert, key } } = await testCertificates();

/** TLS in pieces: the state of the machine, without its output, which is random. */
const TLS: readonly FuzzTarget[] = (["client", "server"] as const).map((side) => ({
  ...BYTES,
  name: `TlsMachine in pieces, ${side}`,
  seeds: [
    side === "server" ? CLIENT_HELLO : SERVER_HELLO,
    "\x15\x03\x03\0\x02\x02\x28",
    "\x16\x03\x01\0\x05\x01\0\0\x01\0",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "\x14\x03\x03\0\x01\x01",
  ],
  words: ["\x16\x03\x01", "\x15\x03\x03\0\x02", "\x17\x03\x03\0\x01", "\x14\x03\x03\0\x01\x01"],
  read: (pieces) => {
    const common = { minVersion: "TLSv1.2", rejectUnauthorized: false } as const;
    const machine = side === "server"
      ? TlsMachine.server({ context: { ...common, cert, key } })
      : TlsMachine.client({ context: common, serverName: "localhost" });
    try {
      machine.start();
      const target = new Uint8Array(16);
      for (const piece of pieces) machine.receive(bytesOf(piece), target);
      return [machine.error?.message, machine.established, machine.ended, machine.serverName];
    } finally {
      machine.destroy();
    }
  },
}));

const X509: readonly FuzzTarget[] = [
  ...[parseCertificate, parseAnchor].map((parse): FuzzTarget => ({
    ...BYTES,
    name: `${parse.name}(), names, validity and path`,
    seeds: CERTIFICATES,
    words: [
      "\x30\x03\x01\x01\xff",
      "\x06\x03\x55\x1d\x13",
      "\x30\x80",
      "\x30\x82\xff\xff",
      "\x04\x82",
    ],
    throws: [Defect],
    read: ([input]) => {
      const certificate = parse(bytesOf(input!));
      const names = namesOf(certificate.extensions);
      const validity = readValidity(certificate.validity);
      checkPath(certificate, [], [certificate], "server");
      return { names, validity };
    },
  })),
  {
    ...TEXT,
    name: "readPin()",
    seeds: [PEM, "sha256/AAAA", `sha256/${"A".repeat(43)}=`],
    read: ([text]) => readPin(text!),
  },
];

const VALUES: readonly FuzzTarget[] = [
  {
    ...BYTES,
    name: "decodeDnsMessage() and encodeDnsMessage()",
    seeds: DNS_MESSAGES,
    words: [
      "\xc0\x0c",
      "\0\0\x01\0\x01",
      "\0\x29\x04\xd0",
      "\x3f",
      "\0\x10",
      "\0\x0f",
      "\0\x41",
      "\0\x1d",
    ],
    throws: [NetError],
    read: ([input]) => {
      const message = decodeDnsMessage(bytesOf(input!));
      const { answers, authorities, additionals } = message;
      const text = [...answers, ...authorities, ...additionals].map(formatDnsRecord);
      return { message, text };
    },
    encode: ({ message }: { message: ReturnType<typeof decodeDnsMessage> }) =>
      textOf(encodeDnsMessage(message)),
  },
  {
    ...TEXT,
    name: "parseHostPort() and formatAddress()",
    seeds: ["a.test:80", "[::1]:80", "192.0.2.1:0", "[fe80::1%eth0]:65535", ":80", "a"],
    throws: [TypeError],
    read: ([text]) => parseHostPort(text!),
    encode: (value: { hostname: string; port: number }) =>
      /^[\x21-\x7e]+$/.test(value.hostname) ? formatAddress(value) : undefined,
  },
  {
    ...TEXT,
    name: "readAddressBytes() and formatAddressBytes()",
    seeds: ["192.0.2.1", "::1", "2001:db8::1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8", "fe80::1"],
    words: ["::", ":0", "ffff", "1.2.3.4", "%eth0"],
    read: ([text]) => readAddressBytes(text!),
    encode: (bytes: readonly number[] | undefined) => bytes && formatAddressBytes(bytes),
  },
  {
    ...TEXT,
    name: "decodeModifiedUtf7() and encodeModifiedUtf7()",
    seeds: ["&AOQ-", "a&-b", "&ZeVnLIqe-", "&"],
    words: ["&-", "&", "-", "&AOQ-"],
    read: ([text]) => decodeModifiedUtf7(text!),
    encode: (text: string) => encodeModifiedUtf7(text),
  },
  ...["utf-8", "gbk", "shift_jis", "windows-1252", "big5", "euc-kr"].map((label): FuzzTarget => ({
    ...BYTES,
    name: `NameCoding, ${label}`,
    seeds: ["caf\xc3\xa9", "\xb0\xa1\xff", "\x83\x5c", "\xef\xbb\xbfa"],
    read: ([input]) => {
      const coding = new NameCoding(label);
      return { label, text: coding.decode(bytesOf(input!)) };
    },
    encode: ({ text }: { text: string }) => textOf(new NameCoding(label).encode(text)),
  })),
];

/** All of them. */
export const NET_TARGETS: readonly FuzzTarget[] = [...STREAMS, ...TLS, ...X509, ...VALUES];
