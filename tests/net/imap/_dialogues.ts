/**
 * What servers say, and what a client must make of it. Each row is one command: the client does
 * something, the server says `says`, and the client has `must`. The answers are written anew after
 * responses of real servers and after the grammar of RFC 9051 and RFC 3501.
 *
 * @module
 */

/** What a client does, and what `must` holds. */
export type Deed =
  /** Lists the folders: their names. */
  | "list"
  /** Opens INBOX: the number of messages. */
  | "select"
  /** Asks for the status of INBOX: the number of messages. */
  | "status"
  /** Searches: the UIDs. */
  | "search"
  /** Copies message 7 to Archive: nothing. */
  | "copy"
  /** Moves message 7 to Archive: nothing. */
  | "move"
  /** Sends NOOP: nothing. */
  | "noop"
  /** Fetches the flags of message 7. */
  | "flags"
  /** Fetches the envelope of message 7: its subject. */
  | "subject"
  /** Fetches the envelope of message 7: the addresses of its recipients. */
  | "to"
  /** Fetches the size of message 7. */
  | "size"
  /** Fetches the date of arrival of message 7, in milliseconds. */
  | "date"
  /** Fetches the structure of message 7: the types of its parts that contain no others. */
  | "parts"
  /** Fetches the structure of message 7: the file name of its only part. */
  | "file"
  /** Fetches the section TEXT of message 7 as text. */
  | "text";

/** One command and its answer. */
export interface Row {
  readonly name: string;
  readonly does: Deed;
  /** The answer; `$T` stands for the tag. Without one, `$T OK done` follows. */
  readonly says: string;
  /** What the client has; null stands for a value that is missing. */
  readonly must: unknown;
  /** The number of parts that the client reports as unreadable. @default 0 */
  readonly reports?: number;
  /** Whether the client must refuse the answer and end the session. @default false */
  readonly ends?: boolean;
}

const envelope = (subject: string, to = "NIL") =>
  `* 1 FETCH (UID 7 ENVELOPE (NIL ${subject} NIL NIL NIL ${to} NIL NIL NIL NIL))`;
const one = (items: string) => `* 1 FETCH (UID 7 ${items})`;
const part = (type: string, size = "2") => `("TEXT" "${type}" NIL NIL NIL "7BIT" ${size} 1)`;
const address = '(("A" NIL "a" "a.test"))';

/** All rows. */
export const ROWS: readonly Row[] = [
  // Atoms, flags and names (RFC 9051 §9: atom, astring, flag, mailbox).
  { name: "a bracket in a name", does: "list", says: '* LIST () "/" Re[2', must: ["Re[2"] },
  {
    name: "both brackets in a name",
    does: "list",
    says: '* LIST () "/" [Gmail]',
    must: ["[Gmail]"],
  },
  {
    name: "a bracket in a flag",
    does: "flags",
    says: one("FLAGS ([x \\Seen)"),
    must: ["[x", "\\Seen"],
  },
  {
    name: "a closing bracket in a flag",
    does: "flags",
    says: one("FLAGS (a] \\Seen)"),
    must: ["a]", "\\Seen"],
  },
  {
    name: "a flag in quotes",
    does: "flags",
    says: one('FLAGS ("\\\\Seen" x)'),
    must: ["\\Seen", "x"],
  },
  {
    name: "a flag with a backslash alone in quotes",
    does: "flags",
    says: one('FLAGS ("\\Seen")'),
    must: ["\\Seen"],
  },
  {
    name: "a flag of the server",
    does: "flags",
    says: one("FLAGS (\\X-Foo $MDNSent)"),
    must: ["\\X-Foo", "$MDNSent"],
  },
  { name: "a flag in UTF-8", does: "flags", says: one("FLAGS (grün)"), must: ["grün"] },
  { name: "a list of flags that is NIL", does: "flags", says: one("FLAGS NIL"), must: [] },
  {
    name: "flags in small letters",
    does: "flags",
    says: "* 1 fetch (uid 7 flags (\\seen))",
    must: ["\\seen"],
  },
  {
    name: "a name in a literal",
    does: "list",
    says: '* LIST () "/" {6}\r\na"b\\cd',
    must: ['a"b\\cd'],
  },
  {
    name: "a name with escapes",
    does: "list",
    says: '* LIST () "/" "a\\"b\\\\c"',
    must: ['a"b\\c'],
  },
  {
    name: "quotes in a name that are not escaped",
    does: "list",
    says: '* LIST () "/" "a "b" c"',
    must: ['a "b" c'],
  },
  {
    name: "quotes within a word of a name",
    does: "list",
    says: '* LIST () "/" "a"b"',
    must: ['a"b'],
  },
  { name: "no delimiter", does: "list", says: "* LIST () NIL INBOX", must: ["INBOX"] },
  { name: "a name of digits", does: "list", says: '* LIST () "/" 2026', must: ["2026"] },
  {
    name: "a name in modified UTF-7",
    does: "list",
    says: '* LIST () "/" Entw&APw-rfe',
    must: ["Entwürfe"],
  },
  { name: "a name in UTF-8", does: "list", says: '* LIST () "/" "Entwürfe"', must: ["Entwürfe"] },
  { name: "invalid modified UTF-7", does: "list", says: '* LIST () "/" "a&b"', must: ["a&b"] },
  {
    name: "extended data behind a name",
    does: "list",
    says: '* LIST () "/" a ("CHILDINFO" ("SUBSCRIBED"))',
    must: ["a"],
  },
  {
    name: "a status between folders",
    does: "list",
    says: '* LIST () "/" a\r\n* STATUS a (MESSAGES 1)\r\n* LIST () "/" b',
    must: ["a", "b"],
  },
  {
    name: "blanks to spare in a list",
    does: "list",
    says: '*  LIST  ( \\Marked  )  "/"  INBOX ',
    must: ["INBOX"],
  },
  { name: "no blanks beside lists", does: "list", says: '* LIST ()"/" INBOX', must: ["INBOX"] },
  {
    name: "a folder that cannot be read",
    does: "list",
    says: '* LIST () "/" a\r\n* LIST ( "/" b\r\n* LIST () "/" c',
    must: ["a", "c"],
    reports: 1,
  },
  // Status and codes (§7.1).
  {
    name: "flags that are allowed, without an end",
    does: "select",
    says: "* 3 EXISTS\r\n* OK [PERMANENTFLAGS (\\Seen] x",
    must: 3,
    reports: 1,
  },
  {
    name: "a next UID that is no number",
    does: "select",
    says: "* 3 EXISTS\r\n* OK [UIDNEXT x] x",
    must: 3,
    reports: 1,
  },
  {
    name: "a flag with a bracket in a code",
    does: "select",
    says: "* 3 EXISTS\r\n* OK [PERMANENTFLAGS ([a] \\*)] x",
    must: 3,
  },
  {
    name: "a code without text",
    does: "select",
    says: "* 3 EXISTS\r\n* OK [UIDVALIDITY 5]\r\n$T OK [READ-WRITE]",
    must: 3,
  },
  {
    name: "an unknown code",
    does: "select",
    says: "* 3 EXISTS\r\n* OK [X-FOO (a [b) c] x",
    must: 3,
  },
  {
    name: "a text that begins with a bracket",
    does: "select",
    says: "* 3 EXISTS\r\n* OK [ready",
    must: 3,
    reports: 1,
  },
  {
    name: "a text that ends like a literal",
    does: "select",
    says: "* 3 EXISTS\r\n* OK text {5}\r\n$T OK done {7}",
    must: 3,
  },
  { name: "a result without text", does: "select", says: "* 3 EXISTS\r\n$T OK", must: 3 },
  { name: "a number with blanks", does: "select", says: "*  3  EXISTS ", must: 3 },
  {
    name: "a number that is negative",
    does: "select",
    says: "* 3 EXISTS\r\n* -1 RECENT",
    must: 3,
    reports: 1,
  },
  { name: "a number alone", does: "select", says: "* 3 EXISTS\r\n* 12", must: 3, reports: 1 },
  { name: "a star alone", does: "select", says: "* 3 EXISTS\r\n*", must: 3, reports: 1 },
  { name: "an empty line", does: "select", says: "* 3 EXISTS\r\n", must: 3, reports: 1 },
  {
    name: "a response of an extension",
    does: "select",
    says: "* 3 EXISTS\r\n* X-GUID.A (1 2)",
    must: 3,
  },
  {
    name: "a copy without its sets",
    does: "copy",
    says: "$T OK [COPYUID 9  ] done",
    must: null,
    reports: 1,
  },
  {
    name: "a copy with sets that are none",
    does: "copy",
    says: "$T OK [COPYUID 9 a b] done",
    must: null,
    reports: 1,
  },
  {
    name: "a code of a move before its end",
    does: "move",
    says: "* OK [COPYUID 9 7 3] x\r\n* 1 EXPUNGE",
    must: null,
  },
  { name: "good-bye", does: "noop", says: "* BYE later", must: null, ends: true },
  {
    name: "a change without its number",
    does: "select",
    says: "* 3 EXISTS\r\n* FETCH (FLAGS ())\r\n* EXPUNGE",
    must: 3,
    reports: 2,
  },
  {
    name: "an unknown code with any text",
    does: "select",
    says: '* 3 EXISTS\r\n* OK [X-BAR say "hi (there] x',
    must: 3,
  },
  // Data of folders (§7.3).
  {
    name: "a status of a name with a bracket",
    does: "status",
    says: "* STATUS INBOX (MESSAGES 4 X[Y 5)",
    must: 4,
  },
  { name: "a status with blanks", does: "status", says: "* STATUS INBOX ( MESSAGES 4 ) ", must: 4 },
  {
    name: "a status in small letters",
    does: "status",
    says: '* status "INBOX" (messages 4)',
    must: 4,
  },
  {
    name: "a number of a status that is none",
    does: "status",
    says: "* STATUS INBOX (UNSEEN -1 MESSAGES 4)",
    must: 4,
  },
  {
    name: "a status without an end",
    does: "status",
    says: "* STATUS INBOX (MESSAGES 4\r\n* STATUS INBOX (MESSAGES 5)",
    must: 5,
    reports: 1,
  },
  { name: "nothing found", does: "search", says: "* SEARCH", must: [] },
  { name: "nothing found, and a blank", does: "search", says: "* SEARCH ", must: [] },
  { name: "numbers with blanks", does: "search", says: "* SEARCH  9   7 ", must: [7, 9] },
  { name: "a number twice", does: "search", says: "* SEARCH 7 7 9", must: [7, 9] },
  {
    name: "found in two responses",
    does: "search",
    says: "* SEARCH 7\r\n* SEARCH 9",
    must: [7, 9],
  },
  {
    name: "a modification sequence behind the numbers",
    does: "search",
    says: "* SEARCH 7 9 (MODSEQ 917162500)",
    must: [7, 9],
  },
  { name: "a word between numbers", does: "search", says: "* SEARCH 7 x 9", must: [7, 9] },
  {
    name: "a change between the numbers",
    does: "search",
    says: "* SEARCH 7\r\n* 4 EXISTS\r\n* 1 FETCH (FLAGS ())",
    must: [7],
  },
  // Items of messages (§7.5.2).
  {
    name: "a size that is negative",
    does: "flags",
    says: one("RFC822.SIZE -1 FLAGS (a)"),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a size that is missing",
    does: "flags",
    says: one("RFC822.SIZE FLAGS (a)"),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a size that is missing at the end",
    does: "flags",
    says: one("FLAGS (a) RFC822.SIZE"),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a size that is NIL",
    does: "flags",
    says: one("FLAGS (a) RFC822.SIZE NIL"),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a size of more than 32 bits",
    does: "size",
    says: one("RFC822.SIZE 6442450944"),
    must: 6442450944,
  },
  {
    name: "blanks between items",
    does: "size",
    says: "*  1  FETCH  (  UID  7  RFC822.SIZE  5  ) ",
    must: 5,
  },
  { name: "an unknown item", does: "size", says: one("X-FOO (a (b)) RFC822.SIZE 5"), must: 5 },
  { name: "an item twice", does: "size", says: one("RFC822.SIZE 4 RFC822.SIZE 5"), must: 5 },
  {
    name: "another message first",
    does: "size",
    says: `* 2 FETCH (FLAGS ())\r\n${one("RFC822.SIZE 5")}`,
    must: 5,
  },
  {
    name: "items in two responses",
    does: "size",
    says: `${one("FLAGS ()")}\r\n${one("RFC822.SIZE 5")}`,
    must: 5,
  },
  {
    name: "a parenthesis to spare",
    does: "size",
    says: `${one("RFC822.SIZE 5")})`,
    must: 5,
    reports: 1,
  },
  {
    name: "a parenthesis too few",
    does: "size",
    says: "* 1 FETCH (UID 7 RFC822.SIZE 5",
    must: 5,
    reports: 1,
  },
  {
    name: "no list of items",
    does: "size",
    says: `* 2 FETCH\r\n${one("RFC822.SIZE 5")}`,
    must: 5,
    reports: 1,
  },
  {
    name: "a date with one digit",
    does: "date",
    says: one('INTERNALDATE " 2-Jan-2026 03:04:05 +0100"'),
    must: 1767319445000,
  },
  {
    name: "a date without the blank",
    does: "date",
    says: one('INTERNALDATE "2-Jan-2026 03:04:05 +0100"'),
    must: 1767319445000,
  },
  {
    name: "a date without a zone",
    does: "date",
    says: one('INTERNALDATE "02-Jan-2026 02:04:05"'),
    must: 1767319445000,
  },
  {
    name: "a date that is NIL",
    does: "flags",
    says: one("INTERNALDATE NIL FLAGS (a)"),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a date that is none",
    does: "flags",
    says: one('INTERNALDATE "soon" FLAGS (a)'),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a date that is a list",
    does: "flags",
    says: one("INTERNALDATE () FLAGS (a)"),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a UID that is none",
    does: "flags",
    says: `* 2 FETCH (UID x FLAGS (b))\r\n${one("FLAGS (a)")}`,
    must: ["a"],
    reports: 1,
  },
  // Envelopes.
  { name: "an envelope", does: "subject", says: envelope('"hello"'), must: "hello" },
  {
    name: "a subject in a literal",
    does: "subject",
    says: envelope("{7}\r\na\r\n b)c"),
    must: "a b)c",
  },
  {
    name: "a subject in Windows-1252",
    does: "subject",
    says: envelope("{4}\r\ncaf\xe9"),
    must: "café",
  },
  {
    name: "a quoted subject in Windows-1252",
    does: "subject",
    says: envelope('"caf\xe9"'),
    must: "café",
  },
  {
    name: "a subject with quotes that are not escaped",
    does: "subject",
    says: envelope('"the "best" of"'),
    must: 'the "best" of',
  },
  {
    name: "a subject with quotes before a parenthesis",
    does: "subject",
    says: envelope('"he said ("hi") to"'),
    must: 'he said ("hi") to',
  },
  {
    name: "a subject that begins and ends with quotes",
    does: "subject",
    says: envelope('""hi" and "bye""'),
    must: '"hi" and "bye"',
  },
  {
    name: "a subject with a backslash",
    does: "subject",
    says: envelope('"C:\\temp"'),
    must: "C:\\temp",
  },
  {
    name: "a subject with line breaks",
    does: "subject",
    says: envelope('"one\r\n two"'),
    must: "one two",
  },
  {
    name: "a subject with a line break and no blank",
    does: "subject",
    says: envelope('"one\r\ntwo"'),
    must: "one two",
  },
  {
    name: "a subject with a parenthesis and a line break",
    does: "subject",
    says: envelope('"(one)\r\n (two)"'),
    must: "(one) (two)",
  },
  {
    name: "a subject without an end",
    does: "size",
    says: `* 2 FETCH (UID 8 ENVELOPE (NIL "one\r\n${one("RFC822.SIZE 5")}`,
    must: 5,
    reports: 1,
  },
  { name: "a subject that is NIL", does: "subject", says: envelope("NIL"), must: null },
  {
    name: "a subject that is a list",
    does: "subject",
    says: envelope("(a b)"),
    must: null,
    reports: 1,
  },
  {
    name: "an encoded subject",
    does: "subject",
    says: envelope('"=?utf-8?Q?gr=C3=BC=C3=9Fe?="'),
    must: "grüße",
  },
  {
    name: "a subject in an unknown charset",
    does: "subject",
    says: envelope('"=?x-none?Q?a?="'),
    must: "=?x-none?Q?a?=",
    reports: 1,
  },
  {
    name: "an envelope that is too short",
    does: "subject",
    says: one('ENVELOPE (NIL "short")'),
    must: "short",
  },
  {
    name: "an envelope that is too long",
    does: "subject",
    says: one(`ENVELOPE (NIL "long"${" NIL".repeat(12)})`),
    must: "long",
  },
  {
    name: "an envelope that is NIL",
    does: "subject",
    says: one("ENVELOPE NIL"),
    must: null,
    reports: 1,
  },
  {
    name: "no blanks in an envelope",
    does: "subject",
    says: one(`ENVELOPE (NIL "close" (("A" NIL "a" "a.test"))NIL NIL NIL NIL NIL NIL NIL)`),
    must: "close",
  },
  {
    name: "addresses",
    does: "to",
    says: envelope("NIL", '(("A" NIL "a" "a.test")(NIL NIL "b" "b.test"))'),
    must: ["a@a.test", "b@b.test"],
  },
  {
    name: "blanks between addresses",
    does: "to",
    says: envelope("NIL", '( ("A" NIL "a" "a.test") (NIL NIL "b" "b.test") )'),
    must: ["a@a.test", "b@b.test"],
  },
  { name: "an empty list of addresses", does: "to", says: envelope("NIL", "()"), must: [] },
  { name: "an empty string for addresses", does: "to", says: envelope("NIL", '""'), must: [] },
  {
    name: "a string for addresses",
    does: "to",
    says: envelope("NIL", '"a@a.test"'),
    must: [],
    reports: 1,
  },
  {
    name: "an address that is NIL",
    does: "to",
    says: envelope("NIL", `(NIL ${address.slice(1)}`),
    must: ["a@a.test"],
  },
  {
    name: "an address that is a string",
    does: "to",
    says: envelope("NIL", `("x" ${address.slice(1)}`),
    must: ["a@a.test"],
    reports: 1,
  },
  {
    name: "a group",
    does: "to",
    says: envelope("NIL", '((NIL NIL "friends" NIL)("A" NIL "a" "a.test")(NIL NIL NIL NIL))'),
    must: ["a@a.test"],
  },
  {
    name: "an empty group",
    does: "to",
    says: envelope("NIL", '((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'),
    must: [],
  },
  {
    name: "a local address",
    does: "to",
    says: envelope("NIL", '((NIL NIL "root" NIL))'),
    must: ["root"],
  },
  {
    name: "a name with quotes that are not escaped",
    does: "to",
    says: envelope("NIL", '(("A "B" C" NIL "a" "a.test"))'),
    must: ["a@a.test"],
  },
  // Structures.
  {
    name: "a structure",
    does: "parts",
    says: one(`BODYSTRUCTURE ${part("PLAIN")}`),
    must: ["text/plain"],
  },
  {
    name: "parts without a blank",
    does: "parts",
    says: one(`BODYSTRUCTURE (${part("PLAIN")}${part("HTML")} "MIXED")`),
    must: ["text/plain", "text/html"],
  },
  {
    name: "parts with blanks",
    does: "parts",
    says: one(`BODYSTRUCTURE ( ${part("PLAIN")} ${part("HTML")} "MIXED" )`),
    must: ["text/plain", "text/html"],
  },
  {
    name: "a part with a negative size",
    does: "parts",
    says: one(`BODYSTRUCTURE ${part("PLAIN", "-1")}`),
    must: ["text/plain"],
    reports: 1,
  },
  {
    name: "a part whose size is NIL",
    does: "parts",
    says: one(`BODYSTRUCTURE ${part("PLAIN", "NIL")}`),
    must: ["text/plain"],
  },
  {
    name: "a part that is short",
    does: "parts",
    says: one('BODYSTRUCTURE ("TEXT" "PLAIN")'),
    must: ["text/plain"],
  },
  {
    name: "a part whose type is NIL",
    does: "parts",
    says: one("BODYSTRUCTURE (NIL NIL NIL NIL NIL NIL 1)"),
    must: ["text/plain"],
  },
  {
    name: "parameters that are a string",
    does: "parts",
    says: one('BODYSTRUCTURE ("TEXT" "PLAIN" "x" NIL NIL "7BIT" 1 1)'),
    must: ["text/plain"],
    reports: 1,
  },
  {
    name: "a disposition that is a string",
    does: "parts",
    says: one('BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1 NIL "INLINE")'),
    must: ["text/plain"],
  },
  {
    name: "a file name with quotes that are not escaped",
    does: "parts",
    says: one('BODYSTRUCTURE ("TEXT" "PLAIN" ("NAME" "a "b".txt") NIL NIL "7BIT" 1 1)'),
    must: ["text/plain"],
  },
  {
    name: "a structure that is NIL",
    does: "flags",
    says: one("BODYSTRUCTURE NIL FLAGS (a)"),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a structure without parts",
    does: "flags",
    says: one("BODYSTRUCTURE () FLAGS (a)"),
    must: ["a"],
    reports: 1,
  },
  {
    name: "a text without its lines",
    does: "file",
    says: one(
      'BODYSTRUCTURE ("TEXT" "CSV" NIL NIL NIL "7BIT" 5 NIL ("ATTACHMENT" ("FILENAME" "a.csv")))',
    ),
    must: "a.csv",
  },
  {
    name: "a message without its envelope",
    does: "file",
    says: one(
      'BODYSTRUCTURE ("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 5 NIL NIL 1 NIL ("ATTACHMENT" ("FILENAME" "a.eml")))',
    ),
    must: "a.eml",
  },
  {
    name: "a file name in pieces",
    does: "file",
    says: one(
      `BODYSTRUCTURE ("TEXT" "CSV" NIL NIL NIL "7BIT" 5 1 NIL ("ATTACHMENT" ("FILENAME*0*" "utf-8''%C3" "FILENAME*1*" "%BC.csv")))`,
    ),
    must: "ü.csv",
  },
  // Sections.
  { name: "a section in quotes", does: "text", says: one('BODY[TEXT] "hi"'), must: "hi" },
  { name: "a section in a literal", does: "text", says: one("BODY[TEXT] {2}\r\nhi"), must: "hi" },
  {
    name: "a section in a literal of 8 bits",
    does: "text",
    says: one("BODY[TEXT] ~{2}\r\nhi"),
    must: "hi",
  },
  {
    name: "a section in small letters",
    does: "text",
    says: one("body[text] {2}\r\nhi"),
    must: "hi",
  },
  { name: "a section of no bytes", does: "text", says: one("BODY[TEXT] {0}\r\n"), must: "" },
  { name: "a section that is NIL", does: "text", says: one("BODY[TEXT] NIL"), must: null },
  {
    name: "a section by its old name",
    does: "text",
    says: one("RFC822.TEXT {2}\r\nhi"),
    must: "hi",
  },
  {
    name: "a section that looks like a response",
    does: "text",
    says: one("BODY[TEXT] {13}\r\n* 9 EXISTS\r\n)"),
    must: "* 9 EXISTS\r\n)",
  },
  {
    name: "a section before the UID",
    does: "text",
    says: "* 1 FETCH (BODY[TEXT] {2}\r\nhi UID 7)",
    must: "hi",
  },
  {
    name: "names of fields in quotes",
    does: "text",
    says: one('BODY[HEADER.FIELDS ("To" "a]b")] {1}\r\nx BODY[TEXT] {2}\r\nhi'),
    must: "hi",
  },
  {
    name: "names of fields in a literal",
    does: "text",
    says: one("BODY[HEADER.FIELDS ({2}\r\nTo)] {1}\r\nx BODY[TEXT] {2}\r\nhi"),
    must: "hi",
  },
  // Broken framing.
  { name: "no tag", does: "noop", says: "OK done", must: null, ends: true },
  { name: "another tag", does: "noop", says: "zz9 OK done", must: null, ends: true },
  { name: "a result that is none", does: "noop", says: "$T MAYBE done", must: null, ends: true },
  {
    name: "a literal that is too long",
    does: "noop",
    says: "* X {99999999999}\r\n",
    must: null,
    ends: true,
  },
];
