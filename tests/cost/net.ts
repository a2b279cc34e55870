/** The functions of `net` that take bytes of a peer. @module */

import {
  formatAddress,
  isGlobalAddress,
  isLoopback,
  normalizeHostname,
  parseHostPort,
  peerNetwork,
} from "../../net/address.ts";
import { AddressBlocks, readAddressBlock, readAddressBytes } from "../../net/address_block.ts";
import { decodeDnsMessage, reverseDnsName } from "../../net/dns/codec.ts";
import { describeDnsError } from "../../net/dns/extension.ts";
import { formatDnsRecord } from "../../net/dns/record.ts";
import { parseResolvConf } from "../../net/dns/resolv_conf.ts";
import { charsetDecoder, decodeCharset, decodeUnlabelled } from "../../net/mail/charset.ts";
import { DotDecoder } from "../../net/mail/dot_codec.ts";
import { decodeEncodedWords, decodeParameters } from "../../net/mail/encoded_words.ts";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import { decodeFrameLength } from "../../net/connection/frame_codec.ts";
import {
  FtpReplyReader,
  FtpSyntaxError,
  isPlainFtpName,
  parseFtpExtendedPassive,
  parseFtpFacts,
  parseFtpPassive,
  parseFtpPath,
  parseFtpSize,
  parseFtpTime,
} from "../../net/ftp/codec.ts";
import { parseFtpListing } from "../../net/ftp/listing.ts";
import {
  decodeModifiedUtf7,
  ImapSyntaxError,
  literalSize,
  parseImapResponse,
} from "../../net/imap/codec.ts";
import { readImapMessage } from "../../net/imap/message.ts";
import { decodeLine, scanLine } from "../../net/connection/line_codec.ts";
import { memoryPair } from "../../net/connection/memory_pair.ts";
import {
  parsePop3Capabilities,
  parsePop3Challenge,
  parsePop3Language,
  parsePop3Numbers,
  parsePop3Status,
  parsePop3Uid,
} from "../../net/pop3/codec.ts";
import { decodeProxyHeader } from "../../net/proxy_protocol_codec.ts";
import { readMessage } from "../../net/mail/message/read_message.ts";
import { startSasl } from "../../net/mail/sasl.ts";
import { parseSmtpExtensions, SmtpReplyReader, SmtpSyntaxError } from "../../net/smtp/codec.ts";
import { SocksHandshake } from "../../net/socks_codec.ts";
import {
  escapeControls,
  escapeJson,
  lowerAscii,
  parseDigits,
  splitWords,
  trimBlanks,
  upperAscii,
} from "../../net/text.ts";
import { connectFtp } from "../../net/ftp/client.ts";
import { connectImap } from "../../net/imap/client.ts";
import { bytesOf, type CostRow } from "../_support/cost.ts";
import { type LineServer, lineServer } from "../_support/line_server.ts";

/** The most of a line of FTP, SMTP and POP3. */
const LINE = 8192;
/** A head of HTTP, of which a host is a part. */
const HEAD = 64 * 1024;
/** Where the limit is higher, this size tells the growth as well. */
const MUCH = 64 * 1024;

/** A row for a function of one text. */
function of(
  run: (text: string) => unknown,
  limit: number,
  more: Partial<CostRow> = {},
): CostRow {
  return { name: `${run.name}()`, covers: [run.name], limit, run, ...more };
}

const TEXT: CostRow[] = [
  ...[escapeControls, escapeJson, trimBlanks, splitWords, lowerAscii, upperAscii].map((run) =>
    of(run, MUCH)
  ),
  of(
    function (text) {
      return parseDigits(text, Infinity);
    },
    MUCH,
    { name: "parseDigits()", covers: ["parseDigits"] },
  ),
  of(normalizeHostname, HEAD, { around: [["::", "ffff:1"], ["0:", ":ffff:x"]], units: ["0:"] }),
  of(peerNetwork, HEAD, { around: [["fe80::", "1"], ["1:", "::"]] }),
  of(isLoopback, HEAD, { around: [["", "localhost"], ["", ".localhost."], ["127.", ""]] }),
  of(isGlobalAddress, HEAD, { around: [["fe80::", "1"], ["127.", ""]], units: ["1.", ":0"] }),
  of(parseHostPort, HEAD, {
    throws: [TypeError],
    around: [["[", "]:80"], ["a:", ""], ["", ":80"]],
  }),
  {
    name: "formatAddress()",
    covers: ["formatAddress"],
    limit: HEAD,
    around: [["[", "]"]],
    run: (hostname) => formatAddress({ hostname, port: 1 }),
  },
  of(readAddressBytes, HEAD, { around: [["::", "1"], ["1.", ""]] }),
  of(readAddressBlock, HEAD, { around: [["::1/", ""], ["", "/8"]] }),
  {
    name: "AddressBlocks.includes()",
    covers: ["AddressBlocks"],
    limit: HEAD,
    around: [["::", "1"], ["1.", ""]],
    run: (address) => BLOCKS.includes(address),
  },
  {
    name: "toNetError() of a message",
    covers: ["toNetError"],
    limit: MUCH,
    around: [
      ['Requires x access to "', "--allow-x flag"],
      ["error sending request for url (", "): client error (Connect): x"],
      ["error sending request from ", " for a (b): x"],
      ["received fatal alert: ", " (os error 111)"],
    ],
    units: ['",', "--allow-", '",--allow-x', "/"],
    run: (text) => toNetError(new Error(text)),
  },
];

const BLOCKS = new AddressBlocks(["10.0.0.0/8", "fd00::/8"]);

/** DNS messages of 64 KiB that say much of little. */
const DNS: CostRow[] = [
  {
    name: "decodeDnsMessage() and formatDnsRecord()",
    throws: [NetError],
    valid: record(16, "\x01a"),
    covers: ["decodeDnsMessage", "formatDnsRecord"],
    limit: 65_535,
    alphabet: "bytes",
    around: [
      // Questions without end, and answers.
      ["\0\0\x84\0\xff\xff\0\0\0\0\0\0", ""],
      ["\0\0\x84\0\0\0\xff\xff\0\0\0\0", ""],
    ],
    units: ["\0\0\x01\0\x01", "\x01a\0\0\x01\0\x01", "\0\0\x63\0\x01\0\0\0\0\0\0", "\x3faaa"],
    shapes: {
      "a chain of pointers, and records at its end": pointerChain,
      "one TXT of empty texts": (size) => record(16, "\0".repeat(rest(size))),
      "one TXT of full texts": (size) =>
        record(16, (`\xff${"\x80".repeat(255)}`).repeat(size / 256)),
      "one HTTPS of many parameters": (size) => {
        const keys = Array.from({ length: rest(size) >> 2 }, (_, i) => `${word(i + 7)}\0\0`);
        return record(65, `\0\x01\0${keys.join("")}`);
      },
      "one HTTPS of many protocols": (size) =>
        record(65, `\0\x01\0\0\x01${word(rest(size) & ~1)}${"\x01a".repeat(rest(size) >> 1)}`),
      "one NSEC of many types": (size) => {
        const windows = Array.from(
          { length: Math.min(rest(size) / 34, 256) },
          (_, i) => `${String.fromCharCode(i)}\x20${"\xff".repeat(32)}`,
        );
        return record(47, `\0${windows.join("")}`);
      },
      "an extension of many options": (size) =>
        `\0\0\x84\0\0\0\0\0\0\0\0\x01\0\0\x29\x04\xd0\0\0\0\0${word(rest(size) & ~7)}` +
        "\0\x0f\0\x04\0\x06ab".repeat(rest(size) >> 3),
      "one record of an unknown type": (size) => record(99, "x".repeat(rest(size))),
    },
    run: (text) => {
      const { answers, authorities } = decodeDnsMessage(bytesOf(text));
      return [...answers, ...authorities].map(formatDnsRecord);
    },
  },
  of(parseResolvConf, HEAD, {
    around: [["nameserver ", "\n"], ["search ", "\n"], ["options ", "\n"]],
    units: ["nameserver 192.0.2.1\n", "a.test ", "ndots:1 ", "#"],
  }),
  {
    name: "describeDnsError()",
    covers: ["describeDnsError"],
    limit: 65_535,
    run: (text) => describeDnsError({ code: 6, text }),
  },
  of(reverseDnsName, HEAD, { throws: [TypeError], around: [["::", "1"], ["1.", ""]] }),
];

/** What is left of a size for the content of a record. */
function rest(size: number): number {
  return Math.max(size - 40, 0);
}

/** A message of one answer. */
function record(type: number, data: string): string {
  return `\0\0\x84\0\0\0\0\x01\0\0\0\0\0${word(type)}\0\x01\0\0\0\0${word(data.length)}${data}`;
}

function word(value: number): string {
  return String.fromCharCode(value >> 8 & 255, value & 255);
}

/** A quarter of the message is pointers, each to the one before; records whose names are its end. */
function pointerChain(size: number): string {
  const chain = Math.min(Math.floor(size / 4), 16_000) & ~1;
  let text = "";
  for (let at = 23; at < 23 + chain; at += 2) {
    // The first one leads to a root in front of them.
    text += word(0xc000 | (at === 23 ? 12 : at - 2));
  }
  const last = 23 + chain - 2;
  const count = Math.max(Math.floor((size - 23 - chain) / 12), 0);
  const head = `\0\0\x84\0\0\0${word(count + 1)}\0\0\0\0`;
  const first = `\0\0\x63\0\x01\0\0\0\0${word(chain)}${text}`;
  return head + first + `${word(0xc000 | last)}\0\x63\0\x01\0\0\0\0\0\0`.repeat(count);
}

const STREAMS: CostRow[] = [
  of(decodeLine as never, MUCH, {
    alphabet: "bytes",
    name: "decodeLine()",
    covers: ["decodeLine"],
    run: (text) => decodeLine(bytesOf(text)),
  }),
  {
    name: "scanLine(), line after line",
    covers: ["scanLine"],
    limit: MUCH,
    alphabet: "bytes",
    run: (text) => {
      let bytes: Uint8Array = bytesOf(text);
      for (let scan; (scan = scanLine(bytes, 0, 8192)).type === "line";) {
        bytes = bytes.subarray(scan.next);
      }
    },
  },
  {
    name: "DotDecoder, all at once",
    covers: ["DotDecoder"],
    limit: MUCH,
    alphabet: "bytes",
    units: ["\r\n.", "\r\n..", ".\r", "\r.\r\n.\r"],
    run: (text) => new DotDecoder().push(bytesOf(text)),
  },
  {
    name: "decodeEncodedWords()",
    covers: ["decodeEncodedWords"],
    limit: MUCH,
    units: [
      "=?",
      "?=",
      "=?utf-8?Q?",
      "=?a?Q?x?=",
      "=?a?Q?x?= ",
      "=?utf-8?B?AA==?=",
      "=?utf-8?Q?é?=",
    ],
    run: (text) => decodeEncodedWords(text),
    valid: "=?utf-8?Q?=C3=BC?=",
  },
  {
    name: "readMessage()",
    covers: ["readMessage"],
    limit: 32 * 1024,
    alphabet: "bytes",
    only: true,
    units: ["a\n", "To: =?a?Q?", "To: a,\n", "--b\n", "\xff"],
    around: [
      ["", ""],
      ["To: ", "\n\n"],
      ["Content-Type: multipart/mixed; boundary=b\n\n", "\n--b--\n"],
      ["Content-Type: text/html\n\n", ""],
    ],
    run: (text) => readMessage(bytesOf(text)),
    valid: "To: a@b.test\n\nhi\n",
  },
  {
    name: "readMessage(), a text and many boundaries",
    covers: ["readMessage"],
    limit: 4 * MUCH,
    alphabet: "bytes",
    only: true,
    units: ["a \n"],
    shapes: { "multiparts within one another, and lines like their boundary": nested },
    around: [["Content-Type: text/plain; format=flowed; delsp=yes\n\n", ""]],
    run: (text) => readMessage(bytesOf(text)),
  },
  {
    name: "decodeUnlabelled()",
    covers: ["decodeUnlabelled"],
    limit: MUCH,
    alphabet: "bytes",
    only: true,
    units: ["a", "\xff", "\xc3\xbc"],
    run: (text) => decodeUnlabelled(bytesOf(text)),
  },
  {
    name: "decodeParameters()",
    covers: ["decodeParameters"],
    limit: LINE,
    run: (text) => decodeParameters([["name*", text], ["a*0*", text], ["a*1", text]]),
  },
  {
    name: "charsetDecoder()",
    covers: ["charsetDecoder"],
    limit: LINE,
    run: (text) => charsetDecoder(text),
    valid: "x-cp850",
  },
  ...["utf-7", "iso-2022-kr", "hz-gb-2312", "cp437"].map((charset): CostRow => ({
    name: `decodeCharset(), ${charset}`,
    covers: ["decodeCharset"],
    limit: MUCH,
    alphabet: "bytes",
    only: true,
    units: ["+", "+-", "+AO8-", "~{", "~", "\x1b$)", "\x0e", "\xff", "a"],
    run: (text) => decodeCharset(bytesOf(text), charset),
  })),
  {
    name: "DotDecoder, byte by byte",
    limit: 64 * 1024,
    alphabet: "bytes",
    only: true,
    units: ["a", "\r", "\n", ".", "\r\n.", "\r\n..", ".\r"],
    run: (text) => {
      const decoder = new DotDecoder();
      for (const byte of bytesOf(text)) decoder.push(Uint8Array.of(byte));
    },
  },
  {
    name: "decodeFrameLength()",
    covers: ["decodeFrameLength"],
    limit: MUCH,
    alphabet: "bytes",
    only: true,
    units: ["\0", "\xff"],
    run: (text) => decodeFrameLength(bytesOf(text)),
  },
  {
    name: "Connection.readLine(), byte by byte",
    throws: [NetError],
    valid: "a",
    limit: 32 * 1024,
    alphabet: "bytes",
    only: true,
    units: ["a", "\r"],
    run: async (text) => {
      await using pair = new Pair();
      const line = pair.near.readLine({ max: text.length + 1 });
      for (const letter of `${text}\n`) await pair.far.write(letter);
      await line;
    },
  },
  {
    name: "Connection.lines(), many short ones",
    valid: "a\n",
    limit: 16 * 1024,
    alphabet: "bytes",
    only: true,
    units: ["\n", "a\n", "\r\n", "\r\r\n"],
    run: async (text) => {
      await using pair = new Pair();
      const sending = pair.far.write(text).then(() => pair.far.closeWrite());
      for await (const _ of pair.near.lines());
      await sending;
    },
  },
  {
    name: "decodeProxyHeader()",
    throws: [NetError],
    covers: ["decodeProxyHeader"],
    limit: 64 * 1024,
    alphabet: "bytes",
    around: [["PROXY TCP4 ", "\r\n"], ["\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", ""]],
    units: ["\x04\0\0", "\x20\0\0"],
    run: (text) => decodeProxyHeader(bytesOf(text)),
  },
  {
    name: "SocksHandshake, byte by byte",
    throws: [NetError, TypeError],
    covers: ["SocksHandshake"],
    limit: 64 * 1024,
    alphabet: "bytes",
    only: true,
    around: [["\x05\0", ""], ["\x05\0\x05\0\0\x03\xff", ""]],
    units: ["\0", "\x05", "a"],
    run: (text) => {
      const handshake = new SocksHandshake({ hostname: "a.test", port: 80 });
      for (const byte of bytesOf(text)) handshake.push(Uint8Array.of(byte));
    },
  },
];

/** Two ends in memory; both are given up at the end. */
class Pair implements AsyncDisposable {
  readonly near;
  readonly far;

  constructor() {
    [this.near, this.far] = memoryPair();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.near.abort();
    this.far.abort();
    await Promise.all([this.near.closed, this.far.closed]);
  }
}

const NOW = new Date(0);

const FTP: CostRow[] = [
  {
    name: "FtpReplyReader of one line",
    throws: [FtpSyntaxError],
    covers: ["FtpReplyReader"],
    limit: LINE,
    around: [["220 ", ""], ["220-", ""]],
    run: (text) => new FtpReplyReader().push(text),
  },
  {
    name: "FtpReplyReader of many lines",
    throws: [FtpSyntaxError],
    limit: MUCH,
    only: true,
    units: ["220-a\n", "a\n", "\n"],
    around: [["220-\n", ""]],
    run: pushLines(FtpReplyReader),
  },
  of(parseFtpExtendedPassive, LINE, { around: [["(|||", "|)"]], units: ["(|||1", "(|||"] }),
  of(parseFtpPassive, LINE, { around: [["(1,1,1,1,1", ")"]], units: ["1,1,1,1,1,"] }),
  of(parseFtpPath, LINE, { around: [['"', '"'], ['"', ""]], units: ['""'] }),
  of(parseFtpSize, LINE, { around: [["5 ", ""]] }),
  of(parseFtpTime, LINE, { around: [["20260101000000.", ""]] }),
  of(parseFtpFacts, MUCH, {
    around: [["", " name"], ["type=file;", " n"], ["type=OS.unix=slink:", "; n"]],
  }),
  {
    name: "parseFtpListing()",
    covers: ["parseFtpListing"],
    limit: MUCH,
    around: [
      ["-rw-r--r-- 1 ", " 12 Mar 10 09:30 a"],
      ["-rw-r--r-- 1 ann users ", ""],
      ["-rw-r--r-- 1 ann users 12 ", " 09:30 a"],
      ["lrw-r--r-- 1 ann users 12 Mar 10 09:30 ", ""],
      ["11-23-26 ", " 09:30AM <DIR> a"],
      ["11-23-26 09:30AM ", " a"],
    ],
    units: ["1 ", "Mar 10 ", " -> "],
    run: (text) => parseFtpListing(text.split("\n"), NOW),
  },
  of(isPlainFtpName, MUCH),
];

/** Pushes line after line into a reader of replies. */
function pushLines(Reader: new () => { push(line: string): unknown }) {
  return (text: string): void => {
    const reader = new Reader();
    for (const line of text.split("\n")) reader.push(line);
  };
}

const POP3_AND_SMTP: CostRow[] = [
  of(parsePop3Status, LINE, { around: [["+OK ", ""], ["-ERR [", "] x"]] }),
  of(parsePop3Challenge, LINE, { around: [["+ ", ""]] }),
  of(parsePop3Numbers, LINE, { around: [["1 ", ""], ["1", " 1"], ["1 1 ", ""]] }),
  of(parsePop3Language, LINE, { around: [["de ", ""], ["d", " x"]] }),
  of(parsePop3Uid, LINE, { around: [["1 a", ""], ["1 ", "a"], ["1 a", "b"]] }),
  {
    name: "parsePop3Capabilities()",
    covers: ["parsePop3Capabilities"],
    limit: MUCH,
    around: [["SASL ", ""]],
    run: (text) => parsePop3Capabilities(text.split("\n")),
  },
  {
    name: "SmtpReplyReader of one line",
    throws: [SmtpSyntaxError],
    covers: ["SmtpReplyReader"],
    limit: LINE,
    around: [["250 ", ""], ["250-", ""], ["250 2.0.0 ", ""]],
    run: (text) => new SmtpReplyReader().push(text),
  },
  {
    name: "SmtpReplyReader of many lines",
    throws: [SmtpSyntaxError],
    limit: MUCH,
    only: true,
    units: ["250-a\n", "250-2.0.0 a\n"],
    run: pushLines(SmtpReplyReader),
  },
  {
    name: "parseSmtpExtensions()",
    covers: ["parseSmtpExtensions"],
    limit: MUCH,
    around: [["AUTH=", ""], ["SIZE ", ""]],
    run: (text) => parseSmtpExtensions({ code: 250, lines: ["hi", ...text.split("\n")] }),
  },
  {
    name: "the extensions with many mechanisms",
    limit: MUCH,
    only: true,
    units: ["a"],
    run: (text) => {
      const lines = Array.from({ length: text.length / 32 }, (_, i) => `AUTH A${i} B${i} C${i}`);
      parseSmtpExtensions({ code: 250, lines: ["hi", ...lines] });
    },
  },
  {
    name: "a login by SCRAM",
    throws: [NetError],
    limit: LINE,
    around: [["r=n", ",s=QQ==,i=1"], ["r=nx,s=", ",i=1"], ["r=nx,s=QQ==,i=", ""]],
    run: (text) => {
      const choice = { encrypted: true, nonce: "n" };
      const login = startSasl(["SCRAM-SHA-256"], { username: "a", password: "b" }, choice);
      return login.next(new TextEncoder().encode(text));
    },
  },
  {
    name: "the choice of a login",
    throws: [NetError],
    limit: LINE,
    run: (text) =>
      startSasl(splitWords(text), { username: "a", password: "b" }, { encrypted: true }),
  },
];

const literal = new TextEncoder();
const BYTE = Uint8Array.of(0x78);

const IMAP: CostRow[] = [
  of(literalSize as never, MUCH, {
    name: "literalSize()",
    covers: ["literalSize"],
    around: [["", "{1}"], ["* OK [", "}"], ["a", "}"], ["* OK ", "}"]],
    run: (text) => literalSize(text, true),
  }),
  {
    name: "parseImapResponse() of one line",
    throws: [ImapSyntaxError],
    covers: ["parseImapResponse"],
    limit: MUCH,
    around: [
      ["* 1 FETCH (", ")"],
      ["* OK [", "] x"],
      ["* OK [A ", ""],
      ["* LIST () ", ""],
      ['* LIST "', '"'],
      ["* SEARCH ", ""],
      ["* STATUS a (", ""],
      ["* STATUS ", ""],
      ["a1 OK ", ""],
      ["+ ", ""],
      ["* 1 FETCH (BODY[", "] NIL)"],
    ],
    units: [
      "BODY[] NIL ",
      "()",
      "(a)",
      '"a" ',
      '"\\\\" ',
      "A[ ",
      "]",
      '"a"b ',
      '"a',
      "UID ",
      "A 1 ",
      "A (a",
      "a)",
    ],
    run: (text) => parseImapResponse([text]),
  },
  {
    name: "parseImapResponse() of quotes that are not escaped",
    throws: [ImapSyntaxError],
    limit: MUCH,
    only: true,
    around: [["* 1 FETCH (ENVELOPE (", ""], ["* 1 FETCH (ENVELOPE (", "))"], [
      '* LIST () "/" "',
      '"',
    ]],
    units: ['"a" b ', '"a"b', '")) ', '"))" ', '" 1', '"( ', '")body[x', '\\" 1', '\\") '],
    run: (text) => parseImapResponse([text]),
  },
  {
    name: "parseImapResponse() of many literals",
    isSizeOnly: true,
    limit: MUCH,
    only: true,
    units: ["x"],
    run: (text) => {
      const segments: (string | Uint8Array)[] = ["* 1 FETCH (A "];
      for (let i = 0; i < text.length; i += 4) segments.push(" {1}", BYTE);
      return parseImapResponse([...segments, ")"]);
    },
  },
  of(decodeModifiedUtf7, MUCH, { around: [["&", "-"], ["&AGE", "-"]] }),
  {
    name: "readImapMessage() of a subject",
    throws: [ImapSyntaxError],
    covers: ["readImapMessage"],
    limit: MUCH,
    around: [["=?utf-8?q?", "?="], ["=?utf-8?b?", "?="], ["=?", "?q?a?="], [
      "=?utf-8?q?a?=",
      "=?utf-8?q?a?=",
    ]],
    units: ["=?utf-8?q?a?= ", "=?utf-8?q?a?=", "=?utf-8?b?YQ==?= ", "=20", "=?utf-8?q?", "?="],
    run: (text) => fetched("ENVELOPE (NIL ", text, " NIL NIL NIL NIL NIL NIL NIL NIL)"),
  },
  {
    name: "readImapMessage() of addresses",
    throws: [ImapSyntaxError],
    limit: MUCH,
    only: true,
    units: ['("a" NIL "b" "c")', '("=?utf-8?q?a?=" NIL "b" "c") ', "(NIL NIL NIL NIL)"],
    run: (text) =>
      readImapMessage(
        parseImapResponse([`* 1 FETCH (ENVELOPE (NIL NIL (${text}) NIL NIL NIL NIL NIL NIL NIL))`]),
      ),
  },
  {
    name: "readImapMessage() of parameters",
    throws: [ImapSyntaxError],
    limit: MUCH,
    only: true,
    units: ['"a*0" "b" ', '"a*0*" "utf-8\'\'%20" ', '"a" "b" '],
    shapes: {
      "pieces of one name": (size) =>
        Array.from({ length: size / 16 }, (_, i) => `"name*${i % 1000}*" "%20"`).join(" "),
      "pieces of many names": (size) =>
        Array.from({ length: size / 16 }, (_, i) => `"n${i}*999" "a"`).join(" "),
      "first pieces of many names": (size) =>
        Array.from({ length: size / 20 }, (_, i) => `"n${i}*0" "a" "n${i}*999" ""`).join(" "),
    },
    run: (text) =>
      readImapMessage(
        parseImapResponse([
          `* 1 FETCH (BODYSTRUCTURE ("TEXT" "PLAIN" (${text}) NIL NIL "7BIT" 1 1))`,
        ]),
      ),
  },
  {
    name: "readImapMessage() of parts within parts",
    throws: [ImapSyntaxError],
    limit: MUCH,
    only: true,
    units: ['("a" "b" NIL NIL NIL "7bit" 1)'],
    shapes: {
      "deep": (size) =>
        `${"(".repeat(Math.min(size / 2, 900))}"a" "b"${")".repeat(Math.min(size / 2, 900))}`,
    },
    run: (text) =>
      readImapMessage(parseImapResponse([`* 1 FETCH (BODYSTRUCTURE (${text} "MIXED"))`])),
  },
  {
    name: "readImapMessage() of the name of a file",
    throws: [ImapSyntaxError],
    limit: MUCH,
    around: [["utf-8''", ""], ["=?utf-8?q?", "?="]],
    run: (text) =>
      fetched(
        'BODYSTRUCTURE ("TEXT" "PLAIN" ("name*" ',
        text,
        ') NIL NIL "7BIT" 1 1 NIL ("attachment" ("filename" "x")))',
      ),
  },
];

/** What the clients make of a hostile server; each run is a session of its own. */
const CLIENTS: CostRow[] = [
  {
    name: "connectImap() and the answer to a search",
    limit: MUCH,
    alphabet: "field",
    only: true,
    around: [["* ESEARCH UID ALL ", ""], ["* SEARCH ", ""], ["* 1 FETCH (", ")"]],
    units: ["1,", "1:2,", "2:1,", ":", "1 ", "1:4294967295,", "a", "("],
    valid: "* ESEARCH UID ALL 1:3",
    run: async (line) => {
      await using server = imapServer(line);
      await using mail = await connectImap({ ...CLEAR, port: server.port });
      await mail.select("INBOX");
      await mail.search();
    },
  },
  {
    name: "connectImap() and many answers to a search",
    isSizeOnly: true,
    limit: MUCH,
    only: true,
    units: [" "],
    run: async ({ length }) => {
      const answers = Array.from(
        { length: length / 8 },
        (_, i) => `* ESEARCH UID ALL ${2 * i + 1}`,
      );
      await using server = imapServer(answers.join("\r\n"));
      await using mail = await connectImap({ ...CLEAR, port: server.port });
      await mail.select("INBOX");
      await mail.search();
    },
  },
  {
    name: "connectImap() and many responses about one message",
    isSizeOnly: true,
    limit: MUCH,
    only: true,
    units: [" "],
    run: async ({ length }) => {
      const parts = Array.from(
        { length: length / 8 },
        (_, i) => `* 1 FETCH (UID 1 BODY[${i + 1}] "")`,
      );
      await using server = imapServer(parts.join("\r\n"));
      await using mail = await connectImap({ ...CLEAR, port: server.port });
      await mail.fetch(1, { sections: ["1"] });
      for await (const _ of mail.fetch(1, { sections: ["1"] }));
    },
  },
  {
    name: "connectImap() and a line that comes in pieces",
    limit: 32 * 1024,
    only: true,
    valid: "a",
    units: ["a"],
    run: async (text) => {
      await using server = lineServer("* PREAUTH hi\r\n", async (line, conn) => {
        const [tag, verb] = line.split(" ");
        if (verb === "NOOP") { for (const letter of `* OK ${text}`) await conn.write(letter); }
        const data = verb === "CAPABILITY" ? "* CAPABILITY IMAP4rev1" : "";
        return `${data}\r\n${tag} OK\r\n`;
      });
      await using mail = await connectImap({ ...CLEAR, port: server.port });
      await mail.noop();
    },
  },
  {
    name: "connectImap() and line breaks that are not escaped",
    limit: MUCH,
    only: true,
    units: [")\r\n", '"\r\n', "a\r\n", '")\r\n'],
    run: async (lines) => {
      await using server = imapServer(`* 1 FETCH (ENVELOPE (NIL "a\r\n${lines}`);
      await using mail = await connectImap({ ...CLEAR, port: server.port });
      await mail.select("INBOX");
      await mail.search();
    },
  },
  {
    name: "connectFtp() and its features",
    limit: LINE - 100,
    alphabet: "field",
    only: true,
    around: [[" ", ""], [" MLST ", ""]],
    units: [" ", "\t", "a ", "type*;", ";"],
    valid: " MLST type*;",
    run: async (feature) => {
      await using server = lineServer(
        "220 hi\r\n",
        (line) => line === "FEAT" ? `211-x\r\n${feature}\r\n211 end\r\n` : "230 ok\r\n",
      );
      await using ftp = await connectFtp({ ...CLEAR, port: server.port });
      return ftp.features;
    },
  },
];

const CLEAR = { tls: "none", allowPlaintextLogin: true } as const;

/** A server that answers a search with a line. */
function imapServer(found: string): LineServer {
  return lineServer("* PREAUTH hi\r\n", (line) => {
    const [tag, verb] = line.split(" ");
    const data = verb === "SELECT"
      ? "* 1000 EXISTS"
      : verb === "UID"
      ? found
      : "* CAPABILITY IMAP4rev2";
    return `${data}\r\n${tag} OK\r\n`;
  });
}

/** A message with up to 98 multiparts in one, and a text whose lines are nearly the boundary of all. */
function nested(size: number): string {
  const around = "--b\nContent-Type: multipart/mixed; boundary=b\n\n".repeat(
    Math.min(98, size / 2700),
  );
  const line = `--b${" ".repeat(500)}x\n`;
  return `${around.slice(4)}--b\n\n${line.repeat((size - around.length) / line.length)}`;
}

/** A message of which one string is a literal. */
function fetched(before: string, text: string, after: string): unknown {
  const bytes = literal.encode(text);
  const lines = [`* 1 FETCH (${before}{${bytes.length}}`, bytes, `${after})`];
  return readImapMessage(parseImapResponse(lines));
}

/** All of them. */
export const ROWS: readonly CostRow[] = [
  ...TEXT,
  ...DNS,
  ...STREAMS,
  ...FTP,
  ...POP3_AND_SMTP,
  ...IMAP,
  ...CLIENTS.map((row) => ({ ...row, connects: true, throws: [NetError] })),
];
