/** The functions of the chat that take bytes of its users. @module */

import { checkName, checkRoom, nameKey } from "../../examples/chat/names.ts";
import { fitsTogether } from "../../examples/chat/names/scripts.ts";
import { otherKey } from "../../examples/chat/names/skeleton.ts";
import { openArchive } from "../../examples/chat/archive/sqlite_archive.ts";
import { type Face, Lobby, type Member } from "../../examples/chat/lobby.ts";
import { byteLength, isBlank, neutralise } from "../../examples/chat/safe_text.ts";
import { decodeText, guessCharset } from "../../examples/chat/telnet/charset.ts";
import { TelnetDecoder } from "../../examples/chat/telnet/codec.ts";
import { editLine } from "../../examples/chat/telnet/line_editor.ts";
import { LineSplitter } from "../../examples/chat/telnet/line_splitter.ts";
import { hostAllowed, originAllowed, preparePage } from "../../examples/chat/web_page.ts";
import { readCommand } from "../../examples/chat/web_protocol.ts";
import { preferredLang } from "../../examples/chat/words.ts";
import type { CostRow } from "../_support/cost.ts";

/** The longest line that can be allowed; a browser may send six times that. */
const LINE = 64 * 1024;

const VISITORS = { hostname: "127.0.0.1", allowHosts: ["a.test"], allowOrigins: [] };

/** A row for what reads a field of a request. */
function field(name: string, header: string, run: (request: Request) => unknown): CostRow {
  return {
    name: `${name} with a hostile ${header}`,
    valid: "a",
    limit: LINE,
    alphabet: "field",
    around: [['"a"', '"b"'], ["[", "]:80"], ["http://", ""]],
    run: (value) => run(new Request("http://h/", { headers: { [header]: value } })),
  };
}

const page = await preparePage("en", "epoch");

/** A user who speaks, and one who hears it. */
async function speaker(): Promise<{ lobby: Lobby; ann: Member }> {
  let secret = 0;
  const archive = openArchive(":memory:");
  const lobby = new Lobby({ archive, now: () => 0, secret: () => `${secret++}`, maxLine: 0 });
  const replay = { messages: 10, bytes: 1000 };
  const face: Face = { address: "a", network: "a", rooms: "one", replay, hear() {}, deliver() {} };
  const ann = await lobby.join({ name: "ann" }, face);
  await lobby.join({ name: "bob" }, face);
  if (!("say" in ann)) throw new Error("ann may not come in");
  return { lobby, ann };
}

let speaking: ReturnType<typeof speaker> | undefined;

async function said(line: string): Promise<void> {
  const { lobby, ann } = await (speaking ??= speaker());
  ann.say(line);
  await lobby.settled();
}

/** Bytes of a terminal, each in a read of its own, until they are lines. */
function typed(text: string): void {
  const telnet = new TelnetDecoder();
  const lines = new LineSplitter(LINE);
  for (let at = 0; at < text.length; at++) {
    lines.push(telnet.decode(Uint8Array.of(text.charCodeAt(at))).data);
    for (let line; (line = lines.next()) !== undefined;) {
      if (line !== "too-long") editLine(decodeText(line, "latin-1") ?? "");
    }
  }
}

/** All of them. */
export const ROWS: readonly CostRow[] = [
  {
    name: "checkName()",
    covers: ["checkName"],
    limit: LINE,
    units: [
      "\u200d",
      "a\u200d",
      "\u{1F468}\u200d",
      "\u0627\u200c",
      "\ufe0f",
      "a\ufe0f",
      "\u0301",
      "\u0301\u0323",
    ],
    run: checkName,
  },
  {
    name: "checkRoom()",
    covers: ["checkRoom"],
    limit: LINE,
    around: [["#", ""]],
    units: ["\u200d", "a\u200d", "\u0627\u200c", "\ufe0f", "\u0301\u0323"],
    run: checkRoom,
  },
  {
    name: "nameKey()",
    covers: ["nameKey"],
    limit: LINE,
    units: ["\u00df", "\u0430", "\u0301\u0323", "\ufdfa"],
    run: nameKey,
  },
  {
    name: "otherKey()",
    limit: LINE,
    units: ["\u039d", "\u017f", "\u0301\u0323"],
    run: otherKey,
  },
  {
    name: "fitsTogether()",
    limit: LINE,
    units: ["\u0434", "\u30fc", "a\u0434"],
    run: fitsTogether,
  },
  {
    name: "neutralise()",
    covers: ["neutralise"],
    limit: LINE,
    units: [
      "\x1b[1",
      "\x1b]0;",
      "\x90",
      "a\u0301\u200d",
      "\u0301\u200b",
      "\u{1F3F4}\u{E0067}",
      " \u200b",
    ],
    around: [["\x1b[", ""], ["\x1b]", ""], ["\u0301", ""]],
    run: neutralise,
  },
  {
    name: "what a terminal sends byte by byte",
    limit: 4096,
    units: ["\xff\xf6", "\xff\xfa", "\xff\xfb\x01", "\r", "\r\0", "\n", "a\r"],
    run: typed,
  },
  {
    name: "editLine()",
    limit: LINE,
    units: ["\b", "a\b", "a \x17", "a\x15", "a\u0301\b", "\u{1F468}\u200d"],
    run: editLine,
  },
  {
    name: "guessCharset()",
    limit: LINE,
    run: (text) => guessCharset(Uint8Array.from(text, (character) => character.charCodeAt(0))),
  },
  { name: "isBlank()", covers: ["isBlank"], limit: LINE, run: isBlank },
  { name: "byteLength()", covers: ["byteLength"], limit: LINE, run: byteLength },
  {
    name: "preferredLang()",
    covers: ["preferredLang"],
    limit: LINE,
    around: [["zh-", ";q=1"]],
    units: ["fr,", "fr;q=0.5,"],
    run: preferredLang,
  },
  {
    ...field("hostAllowed()", "host", (request) => hostAllowed(request, VISITORS)),
    covers: ["hostAllowed"],
  },
  {
    ...field("originAllowed()", "origin", (request) => originAllowed(request, VISITORS)),
    covers: ["originAllowed"],
  },
  field("the page", "if-none-match", (request) => page.respond(request, "/")),
  field("the page", "host", (request) => page.respond(request, "/")),
  {
    name: "a line that is said",
    valid: "hello",
    limit: LINE,
    around: [["/me ", ""], ["/msg bob ", ""], ["/nick ", ""], ["/join #", ""], ["/", ""]],
    run: said,
  },
  {
    name: "readCommand()",
    covers: ["readCommand"],
    valid: '{"type":"say","text":"hello"}',
    limit: LINE,
    around: [['{"type":"say","text":"', '"}'], ['{"type":"join","name":"a","rooms":["', '"]}']],
    units: ['","', "\\u0000"],
    run: readCommand,
  },
];
