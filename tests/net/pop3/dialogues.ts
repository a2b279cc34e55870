/**
 * Dialogues with servers as they are met, each written anew: what the server says, and what a client must
 * have read at the end. `dialogues_test.ts` runs them with this package, `compare.ts` with poplib, too.
 *
 * @module
 */

import { FIRST, type Pop3Report, type Pop3Script, SECOND } from "../../_support/pop3_script.ts";

/** A dialogue: the client logs in, lists, reads two messages and a header, deletes, and quits. */
export interface Pop3Dialogue {
  /** What is special about the server. */
  readonly name: string;
  /** The replies that differ from the usual ones. */
  readonly says: Pop3Script;
  /** The parts of the report that differ from the usual ones. `undefined` for a step that must fail. */
  readonly got?: Partial<Pop3Report>;
  /** Commands that must have come. */
  readonly heard?: readonly RegExp[];
}

/** The report on the usual maildrop. */
export const USUAL_REPORT: Pop3Report = {
  sizes: [[1, 120], [2, 200]],
  uids: [[1, "abc"], [2, "def"]],
  first: FIRST,
  second: SECOND,
  head: "Subject: one\r\n\r\n",
  deleted: true,
  quit: true,
};

const NO_USER = "-ERR use another login";
const LONG = "x".repeat(100_000);

/** The reply to a login by AUTH PLAIN. */
const PLAIN: Pop3Script = {
  "AUTH PLAIN": "+ ",
  [btoa("\0ann\0secret")]: "+OK",
};

/** The dialogues. */
export const DIALOGUES: readonly Pop3Dialogue[] = [
  { name: "the usual replies", says: {} },
  // Status lines.
  ...[
    "+OK",
    "+ok hello",
    "+OK <1@a.test> [ready]",
    "+OK\ttab",
    " +OK blank",
    "\n+OK after an empty line",
    "+OK gr\u00fc\u00dfe",
    `+OK ${"long ".repeat(1000)}`,
  ].map((greeting) => ({
    name: `greeting ${JSON.stringify(greeting.slice(0, 24))}`,
    says: { greeting },
  })),
  ...["+OK 2 320 octets", "+OK  2  320", "+OK\t2\t320", "+OK 2", "+OK 002 0320"].map((stat) => ({
    name: `status ${JSON.stringify(stat)}`,
    says: { STAT: stat },
  })),
  {
    name: "replies without text",
    says: { DELE: "+OK", QUIT: "+OK", USER: "+OK", STAT: "+OK 2 320" },
  },
  {
    name: "replies in small letters",
    says: { DELE: "+ok", QUIT: "+Ok", LIST: "+ok\n1 120\n2 200\n." },
  },
  {
    name: "a code without its end",
    says: { "PASS secret": "+OK [X-A in", DELE: "+OK [" },
  },
  {
    name: "an empty line before a reply",
    says: { STAT: "\n+OK 2 320", LIST: "\n+OK\n1 120\n2 200\n." },
  },
  { name: "replies with codes", says: { "PASS secret": "+OK [X-A] in", DELE: "+OK [X-B]" } },
  // Capabilities.
  { name: "no CAPA", says: { CAPA: "-ERR what" } },
  {
    name: "capabilities with blanks and empty lines",
    says: { CAPA: "+OK\n\n USER \nTOP\t\nuidl\n\nSASL\n." },
  },
  { name: "capabilities in small letters", says: { CAPA: "+OK\nuser\nsasl plain\npipelining\n." } },
  { name: "a capability twice", says: { CAPA: "+OK\nUSER\nSASL LOGIN\nSASL PLAIN\n.", ...PLAIN } },
  { name: "a capability with a dot before it", says: { CAPA: "+OK\n..X-DOT\nUSER\n." } },
  {
    name: "UTF8 that is offered and refused",
    says: { CAPA: "+OK\nUSER\nUTF8 USER\nLANG\n.", UTF8: "-ERR [UTF8] no" },
  },
  { name: "pipelining", says: { CAPA: "+OK\nUSER\nPIPELINING\n." } },
  { name: "a long capability", says: { CAPA: `+OK\nUSER\nX-LONG ${"word ".repeat(900)}\n.` } },
  // Logins.
  { name: "SASL, and no USER", says: { CAPA: "+OK\nSASL PLAIN\n.", USER: NO_USER, ...PLAIN } },
  {
    name: "a SASL prompt without a blank",
    says: { CAPA: "+OK\nSASL PLAIN\n.", USER: NO_USER, ...PLAIN, "AUTH PLAIN": "+" },
  },
  {
    name: "a SASL prompt with a text",
    says: { CAPA: "+OK\nSASL PLAIN\n.", USER: NO_USER, ...PLAIN, "AUTH PLAIN": "+ go ahead" },
  },
  {
    name: "SASL without mechanisms, and USER",
    says: { CAPA: "+OK\nSASL\nUSER\n." },
  },
  { name: "USER that is not offered", says: { CAPA: "+OK\nTOP\nUIDL\n." } },
  {
    name: "SASL that is offered and fails",
    says: { CAPA: "+OK\nUSER\nSASL PLAIN LOGIN\n.", AUTH: "-ERR not now" },
  },
  // Lists.
  {
    name: "tabs in lists",
    says: { LIST: "+OK\n1\t120\n2\t200\n.", UIDL: "+OK\n1\tabc\n2\tdef\n." },
  },
  {
    name: "leading blanks in lists",
    says: { LIST: "+OK\n 1 120\n\t2 200\n.", UIDL: "+OK\n 1 abc\n  2 def\n." },
  },
  {
    name: "trailing blanks in lists",
    says: { LIST: "+OK\n1 120 \n2 200\t\n.", UIDL: "+OK\n1 abc \n2 def\t\n." },
  },
  {
    name: "empty lines in lists",
    says: { LIST: "+OK\n\n1 120\n\n2 200\n\n.", UIDL: "+OK\n\n1 abc\n\n2 def\n\n." },
  },
  {
    name: "words after sizes",
    says: { LIST: "+OK\n1 120 octets\n2 200 (unread)\n." },
  },
  {
    name: "a text among the lines of lists",
    says: {
      LIST: "+OK\nscan listing follows\n1 120\n2 200\n.",
      UIDL: "+OK\nids:\n1 abc\n2 def\n.",
    },
  },
  {
    name: "missing sizes and ids",
    says: { LIST: "+OK\n1\n2 200\n.", UIDL: "+OK\n1 \n2 def\n." },
    got: { sizes: [[1, 0], [2, 200]], uids: [[1, ""], [2, "def"]] },
  },
  {
    name: "negative sizes",
    says: { LIST: "+OK\n1 -1\n2 200\n." },
    got: { sizes: [[1, 0], [2, 200]] },
  },
  {
    name: "zeros before numbers",
    says: { LIST: "+OK\n01 0120\n02 0200\n.", UIDL: "+OK\n01 abc\n02 def\n." },
  },
  {
    name: "lists in another order",
    says: { LIST: "+OK\n2 200\n1 120\n.", UIDL: "+OK\n2 def\n1 abc\n." },
    got: { sizes: [[2, 200], [1, 120]], uids: [[2, "def"], [1, "abc"]] },
  },
  {
    name: "sizes of more than 32 and 53 bits",
    says: { LIST: "+OK\n1 6442450944\n2 99999999999999999999\n." },
    got: { sizes: [[1, 6442450944], [2, 0]] },
  },
  {
    name: "ids with blanks, signs and many characters",
    says: { UIDL: `+OK\n1 a b~!"%\n2 ${"i".repeat(200)}\n.` },
    got: { uids: [[1, 'a b~!"%'], [2, "i".repeat(200)]] },
  },
  {
    name: "ids in UTF-8",
    says: { UIDL: "+OK\n1 gr\u00fcn\n2 def\n." },
    got: { uids: [[1, "gr\u00fcn"], [2, "def"]] },
  },
  {
    name: "an id twice",
    says: { UIDL: "+OK\n1 abc\n2 abc\n." },
    got: { uids: [[1, "abc"], [2, "abc"]] },
  },
  {
    name: "a line of a list with a dot before it",
    says: { LIST: "+OK\n..\n1 120\n2 200\n.", UIDL: "+OK\n.1 abc\n2 def\n." },
  },
  {
    name: "an empty maildrop",
    says: { LIST: "+OK\n.", UIDL: "+OK\n." },
    got: { sizes: [], uids: [] },
  },
  { name: "no UIDL", says: { UIDL: "-ERR what" }, got: { uids: undefined } },
  {
    name: "no TOP",
    says: { "TOP": "-ERR what", "TOP 1 0": "-ERR what" },
    got: { head: undefined },
  },
  // Messages.
  { name: "a message that is gone", says: { "RETR 1": "-ERR gone" }, got: { first: undefined } },
  {
    name: "a message that a code refuses for now",
    says: { "RETR 1": "-ERR [SYS/TEMP] try later" },
    got: { first: undefined },
  },
  {
    name: "a message of empty lines",
    says: { "RETR 1": "+OK\n\n\n." },
    got: { first: "\r\n\r\n" },
  },
  {
    name: "a size and a code before a message",
    says: {
      "RETR 1": "+OK 120 octets follow\nx\n.",
      "RETR 2": "+OK [X-A]\nSubject: two\n\nend\n.",
    },
    got: { first: "x\r\n" },
  },
  {
    name: "CR alone in a message",
    says: { "RETR 1": "+OK\na\rb\r\r\n." },
    got: { first: "a\rb\r\r\r\n" },
  },
  {
    name: "dots at the ends of lines",
    says: { "RETR 1": "+OK\na.\n. \n...\n." },
    got: { first: "a.\r\n \r\n..\r\n" },
  },
  {
    name: "more lines than TOP asked for",
    says: { "TOP 1 0": "+OK\nSubject: one\n\n..dot\n." },
    got: { head: "Subject: one\r\n\r\n.dot\r\n" },
  },
  { name: "an empty message", says: { "RETR 1": "+OK\n." }, got: { first: "" } },
  {
    name: "a long line in a message",
    says: { "RETR 1": `+OK\n${LONG}\n.` },
    got: { first: `${LONG}\r\n` },
  },
  {
    name: "dots at the beginning of lines",
    says: { "RETR 1": "+OK\n..\n...\n..a\n." },
    got: { first: ".\r\n..\r\n.a\r\n" },
  },
  {
    name: "a dot between two LF in a message",
    says: { "RETR 1": "+OK\na\v.\v+OK forged\n." },
    got: { first: "a\n.\n+OK forged\r\n" },
  },
  {
    name: "NUL and other control characters in a message",
    says: { "RETR 1": "+OK\na\0b\x1b[2J\n." },
    got: { first: "a\0b\x1b[2J\r\n" },
  },
  { name: "lines that end with LF alone", says: { lineEnd: "\n" } },
  // The end.
  { name: "no message can be deleted", says: { DELE: "-ERR read-only" }, got: { deleted: false } },
  { name: "an end without a reply", says: { QUIT: null }, got: { quit: false } },
  {
    name: "a refusal at the end",
    says: { QUIT: "-ERR some were not deleted" },
    got: { quit: false },
  },
  {
    name: "the end within a session",
    says: { UIDL: null },
    got: only({ sizes: USUAL_REPORT.sizes }),
  },
];

/** A report with these parts alone. */
function only(parts: Partial<Pop3Report>): Partial<Pop3Report> {
  const none = { sizes: undefined, uids: undefined, first: undefined, second: undefined };
  return { ...none, head: undefined, deleted: false, quit: false, ...parts };
}
