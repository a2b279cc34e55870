/** The parsers of the chat as targets. @module */

import { ArchiveError } from "../../../examples/chat/archive/archive_error.ts";
import { findMarks } from "../../../examples/chat/archive/marks.ts";
import { parseSearch } from "../../../examples/chat/archive/search_query.ts";
import { decodeLine } from "../../../examples/chat/archive/transfer_format.ts";
import {
  decodeFileName,
  encodeDisposition,
  safeFileName,
} from "../../../examples/chat/files/file_name.ts";
import { neutralise } from "../../../examples/chat/safe_text.ts";
import { CHARSETS, decodeText, encodeText } from "../../../examples/chat/telnet/charset.ts";
import { TelnetDecoder } from "../../../examples/chat/telnet/codec.ts";
import { LineSplitter } from "../../../examples/chat/telnet/line_splitter.ts";
import { readCommand } from "../../../examples/chat/web_protocol.ts";
import { filenameFrom } from "../../../http/internal/content_disposition.ts";
import { bytesOf } from "../../_support/cost.ts";
import { textOf } from "../../_support/http1.ts";
import type { FuzzTarget } from "../target.ts";

const BYTES = { alphabet: "bytes", limit: 8192 } as const;
const TEXT = { alphabet: "text", limit: 8192 } as const;

/** All of them. */
export const CHAT_TARGETS: readonly FuzzTarget[] = [
  {
    ...BYTES,
    name: "TelnetDecoder in pieces",
    seeds: [
      "a\xff\xffb",
      "\xff\xfb\x01c",
      "\xff\xfa\x18\0xterm\xff\xf0d",
      "\xff\xf6",
      "\xff\xf4\xff\xfd\x06",
    ],
    words: ["\xff", "\xff\xff", "\xff\xf0", "\xff\xfa", "\xfd", "\xfb\x03", "\r\0"],
    stream: true,
    read: (pieces) => {
      const decoder = new TelnetDecoder();
      let [data, answer, asked] = ["", "", false];
      for (const piece of pieces) {
        const input = decoder.decode(bytesOf(piece));
        data += textOf(input.data);
        answer += textOf(input.answer);
        asked ||= input.areYouThere;
      }
      return { data, answer, asked };
    },
  },
  {
    ...BYTES,
    name: "LineSplitter in pieces",
    seeds: ["a\r\nb\nc\rd\r\0e", "\r\n\r\n", `${"x".repeat(30)}\nb\n`],
    words: ["\r", "\n", "\0", "\r\0", "x".repeat(20)],
    stream: true,
    read: (pieces) => {
      const splitter = new LineSplitter(20);
      const lines: string[] = [];
      for (const piece of pieces) {
        splitter.push(bytesOf(piece));
        for (let line; (line = splitter.next()) !== undefined;) {
          lines.push(typeof line === "string" ? line : textOf(line));
        }
      }
      const last = splitter.end();
      return [lines, last && textOf(last)];
    },
  },
  ...CHARSETS.map((charset): FuzzTarget => ({
    ...BYTES,
    name: `decodeText() and encodeText(), ${charset}`,
    seeds: ["caf\xc3\xa9", "\xc4\xe3\xba\xc3", "\xe9", "\x80"],
    read: ([input]) => decodeText(bytesOf(input!), charset),
    // A terminal takes the bytes from 0x80 to 0x9f and 0xff as commands, so they are not sent.
    encode: (text: string | undefined) =>
      text && (charset !== "latin-1" || /^[\0-\x7f\xa0-\xfe]*$/.test(text))
        ? textOf(encodeText(text, charset))
        : undefined,
  })),
  {
    ...TEXT,
    name: "readCommand() and JSON",
    seeds: [
      '{"type":"join","name":"ann","rooms":["#a"],"since":{"epoch":"e","seq":1},"token":"t"}',
      '{"type":"say","text":"hi","id":1,"reply":2,"files":["f"]}',
      '{"type":"react","target":1,"emoji":"x","on":true}',
      '{"type":"search","query":"a","before":5}',
      '{"type":"history","room":"#a","limit":1e3}',
    ],
    words: ['"', ",", ":", "null", "[]", "{}", '"type":', '"__proto__":', "1e999", "-0", "\\u0000"],
    read: ([text]) => readCommand(text!),
  },
  {
    ...TEXT,
    name: "decodeLine() of an export",
    seeds: [
      '{"type":"store","format":1,"epoch":"e","lastSeq":5,"removed":0}',
      '{"type":"user","id":1,"name":"ann","rooms":[{"key":"#a","name":"a"}],"seenAt":1,"session":"gone"}',
      '{"type":"message","seq":1,"at":1,"room":"#a","user":1,"name":"ann","text":"hi","action":false,"deleted":false,"files":[],"reactions":[]}',
      '{"type":"end","lines":3}',
    ],
    words: ['"', ",", "null", "[]", "{}", '"__proto__":', "1e999", "\\u202e", "\\ud800"],
    throws: [ArchiveError],
    read: ([text]) => decodeLine(text!, 1),
    encode: (line: object) => JSON.stringify(line),
  },
  {
    ...TEXT,
    name: "parseSearch() and findMarks()",
    seeds: [
      'hello "two words" from:@ann in:#a before:2026-01-31',
      "\u300c\u4f60\u597d\u300d after:1d",
      "\u0130x",
    ],
    words: ["from:", "in:", "before:", "after:", '"', "\u201c", "2026-02-30", "99999d"],
    read: ([text]) => {
      const { words } = parseSearch(text!);
      for (const [start, end] of findMarks(text!, words) ?? []) {
        if (!(start >= 0 && start < end && end <= text!.length)) throw new Error(`${start} ${end}`);
      }
      return words;
    },
  },
  {
    ...TEXT,
    name: "safeFileName(), encodeDisposition() and filenameFrom()",
    seeds: [
      "a.txt",
      "../../etc/passwd",
      "CON.txt",
      "\u202egnp.exe",
      ".hidden",
      `${"x".repeat(300)}.tar`,
    ],
    words: ["/", "\\", "..", "%e4", "%", '"', ".", "\u4e2d", "COM1."],
    read: ([text]) => {
      const name = safeFileName(decodeFileName(text!) ?? text!);
      if (safeFileName(name) !== name) throw new Error(`Not stable: ${JSON.stringify(name)}`);
      const given = filenameFrom(encodeDisposition("attachment", name), "http://a.test/");
      return [name, given];
    },
  },
  {
    ...TEXT,
    name: "neutralise() twice",
    seeds: [
      "a\x1b[31mb",
      "\u202ea",
      "a\u0301\u0301\u0301",
      "\u{1f468}\u200d\u{1f469}",
      "\u{E0001}",
    ],
    words: ["\x1b[", "\x1b]0;", "\x9b", "\u200d", "\u202e", "\ufe0f", "\u0301"],
    read: ([text]) => {
      const once = neutralise(text!);
      if (neutralise(once) !== once) throw new Error(`Not stable: ${JSON.stringify(once)}`);
      // deno-lint-ignore no-control-regex -- no terminal may see these
      if (/[\x00-\x08\x0a-\x1f\x7f-\x9f]/.test(once)) throw new Error(JSON.stringify(once));
      return once;
    },
  },
];
