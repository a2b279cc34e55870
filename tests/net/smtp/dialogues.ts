/**
 * Dialogues with servers as they are met, each written anew: what the server says, and what must have
 * happened at the end. `dialogues_test.ts` runs them with this package, Nodemailer and smtplib.
 *
 * @module
 */

import type { Script } from "../../_support/smtp_script.ts";

/** A dialogue: a message is sent to `to`, then another one to `again@b.test`. */
export interface SmtpDialogue {
  /** What is special about the server. */
  readonly name: string;
  /** The replies that differ from the usual ones. */
  readonly says: Script;
  /** The recipients. @default a@b.test, b@b.test and c@b.test */
  readonly to?: readonly string[];
  /** The message. @default a short one in ASCII */
  readonly message?: string;
  /** Whether the client logs in as ann with the password secret. */
  readonly login?: boolean;
  /** The recipients that must have the message, each once. @default all */
  readonly got?: readonly string[];
  /** Whether the second message must arrive. @default true */
  readonly again?: boolean;
  /** Commands that must have come. */
  readonly heard?: readonly RegExp[];
}

const A = "a@b.test", B = "b@b.test", C = "c@b.test";
const AGAIN = "again@b.test";
/** The recipients of a dialogue that names none. */
export const TO: readonly string[] = [A, B, C];
/** The message of a dialogue that has none of its own. */
export const MESSAGE = "Subject: hi\r\n\r\nhello\r\n";

const MANY = Array.from({ length: 250 }, (_, i) => `u${i}@b.test`);

/** Refuses a recipient with a reply, and accepts the others. */
const refuses = (reply: string): Script => ({ [`RCPT TO:<${B}`]: reply });
const AC = [A, C];

/** Accepts so many recipients for each message. */
const accepts = (most: number, refusal: string): Script => ({
  RCPT: (taken) => taken < most ? "250 ok" : refusal,
});

/** The dialogues. */
export const DIALOGUES: readonly SmtpDialogue[] = [
  // Codes.
  ...[
    "571 5.7.1 no",
    "470 later",
    "591 no",
    "599 no",
    "199 odd",
    "650 odd",
    "550",
    "550-",
    "000 no",
  ]
    .map((reply): SmtpDialogue => ({
      name: `${reply} for one of three recipients`,
      says: refuses(reply === "550-" ? "550-no\n550" : reply),
      got: AC,
    })),
  { name: "550 and 551 in one reply", says: refuses("550-no\n551 5.1.6 moved"), got: AC },
  { name: "450 and 451 in one reply", says: refuses("450-no\n451 later"), got: AC },
  { name: "text without a code for one recipient", says: refuses("no such user"), got: AC },
  { name: "text within a refusal", says: refuses("550-no\nsee the page\n550 end"), got: AC },
  {
    name: "text that begins with a number within",
    says: refuses("550-a\n100% spam\n550 b"),
    got: AC,
  },
  {
    name: "2xx of all kinds",
    says: { MAIL: "251 ok", RCPT: "252 ok", ".": "200 ok", RSET: "220 ok" },
  },
  { name: "greeted with 200", says: { greeting: "200 hi" } },
  {
    name: "no text in any reply",
    says: { greeting: "220", MAIL: "250", RCPT: "250", DATA: "354", ".": "250" },
  },
  { name: "tabs after the codes", says: { greeting: "220\thi", MAIL: "250\tok", ".": "250\tok" } },
  { name: "DATA is answered by 350", says: { DATA: "350 go" } },
  { name: "354 in several lines", says: { DATA: "354-go\n354 on" } },
  { name: "the end is answered in several lines", says: { ".": "250-queued\n250-as 1\n250 bye" } },
  {
    name: "replies in another charset",
    says: { greeting: "220 gr\u00fc\u00dfe", RCPT: "250 \u00fc" },
  },
  { name: "replies of 60 lines", says: { RCPT: `${"250-x\n".repeat(59)}250 x` } },
  { name: "replies of 2,000 bytes", says: { RCPT: `250 ${"x".repeat(2000)}` } },
  // The start.
  { name: "greeted in several lines", says: { greeting: "220-a\n220-\n220 b" } },
  { name: "text before the greeting", says: { greeting: "welcome\n220 hi" } },
  {
    name: "text within the extensions",
    says: { EHLO: "250-x\nwelcome\n250-SIZE 1000000\n250 PIPELINING" },
  },
  {
    name: "different codes in the extensions",
    says: { EHLO: "250-x\n220-SIZE 1000000\n250 8BITMIME" },
  },
  { name: "EHLO is unknown", says: { EHLO: "502 what" } },
  { name: "EHLO is refused", says: { EHLO: "550 no" } },
  {
    name: "extensions in small letters",
    says: { EHLO: "250-x\n250-pipelining\n250 size 1000000" },
  },
  { name: "SIZE without a number", says: { EHLO: "250-x\n250-SIZE\n250 PIPELINING" } },
  { name: "SIZE that is none", says: { EHLO: "250-x\n250-SIZE many\n250 PIPELINING" } },
  { name: "SIZE 0", says: { EHLO: "250-x\n250 SIZE 0" } },
  { name: "no extensions", says: { EHLO: "250 x" } },
  { name: "an empty line after a reply", says: { EHLO: "250-x\n250 SIZE 0\n", MAIL: "250 ok\n" } },
  { name: "busy", says: { greeting: "421 too many" }, got: [], again: false },
  { name: "closed to all", says: { greeting: "554 no" }, got: [], again: false },
  { name: "no greeting", says: { greeting: "welcome" }, got: [], again: false },
  // Refusals, after which the session goes on.
  { name: "the sender is refused", says: { MAIL: ["553 no", "250 ok"] }, got: [] },
  { name: "the sender is refused for now", says: { MAIL: ["452 4.3.1 full", "250 ok"] }, got: [] },
  {
    name: "all recipients are refused",
    says: { RCPT: ["550 a", "550 b", "550 c", "250 ok"] },
    got: [],
  },
  { name: "DATA is refused", says: { DATA: ["451 later", "354 go"] }, got: [] },
  { name: "the message is refused", says: { ".": ["554 spam", "250 ok"] }, got: [] },
  { name: "the message is refused for now", says: { ".": ["451 later", "250 ok"] }, got: [] },
  {
    name: "the sender is refused, and so is RSET",
    says: { MAIL: ["553 no", "250 ok"], RSET: "502 what" },
    got: [],
  },
  {
    name: "a login is required",
    says: { MAIL: ["530 5.7.0 authentication required", "250 ok"] },
    got: [],
  },
  { name: "the parameters are refused", says: { MAIL: ["555 5.5.4 what", "250 ok"] }, got: [] },
  { name: "the size is refused", says: { MAIL: ["552 5.3.4 too big", "250 ok"] }, got: [] },
  {
    name: "a recipient is somewhere else",
    says: refuses("551 5.1.6 try <b@elsewhere.test>"),
    got: AC,
  },
  { name: "a recipient is forwarded", says: refuses("251 2.1.5 will forward to <x@c.test>") },
  { name: "DATA is answered by 250", says: { DATA: ["250 ok", "354 go"] }, got: [] },
  {
    name: "all recipients are refused, and 354 follows in a group",
    says: {
      EHLO: "250-x\n250 PIPELINING",
      RCPT: ["550 a", "550 b", "550 c", "250 ok"],
      "DATA without recipients": "354 go",
      ".": ["554 no recipients", "250 ok"],
    },
    got: [],
  },
  {
    name: "all recipients are refused, and DATA in a group",
    says: {
      EHLO: "250-x\n250 PIPELINING",
      RCPT: ["550 a", "550 b", "550 c", "250 ok"],
    },
    got: [],
  },
  {
    name: "the sender is refused in a group, and so is all after it",
    says: { EHLO: "250-x\n250 PIPELINING", MAIL: ["550 no", "250 ok"] },
    got: [],
  },
  {
    name: "a recipient is refused for now in a group",
    says: { EHLO: "250-x\n250 PIPELINING", ...refuses("450 4.2.0 greylisted") },
    got: AC,
  },
  {
    name: "different replies to the recipients, in several lines in a group",
    says: { EHLO: "250-x\n250 PIPELINING", ...refuses("550-5.1.1 no\n550-5.1.1\n550 5.1.1 end") },
    got: AC,
  },
  // 421 ends a session wherever it comes.
  { name: "421 for the sender", says: { MAIL: "421 bye" }, got: [], again: false },
  { name: "421 for a recipient", says: { [`RCPT TO:<${B}`]: "421 bye" }, got: [], again: false },
  { name: "421 for DATA", says: { DATA: "421 bye" }, got: [], again: false },
  { name: "421 for EHLO", says: { EHLO: "421 bye" }, got: [], again: false },
  {
    name: "421 for RSET after a refusal",
    says: { MAIL: "553 no", RSET: "421 bye" },
    got: [],
    again: false,
  },
  { name: "421 in several lines", says: { MAIL: "421-bye\n421 bye" }, got: [], again: false },
  {
    name: "421 for a recipient in a group",
    says: { EHLO: "250-x\n250 PIPELINING", [`RCPT TO:<${B}`]: "421 bye" },
    got: [],
    again: false,
  },
  { name: "the end of the connection for EHLO", says: { EHLO: null }, got: [], again: false },
  {
    name: "the end of the connection for a recipient",
    says: { RCPT: null },
    got: [],
    again: false,
  },
  { name: "the end of the connection after QUIT", says: { QUIT: null } },
  { name: "421 for the message", says: { ".": "421 bye" }, got: [], again: false },
  { name: "the end of the connection for DATA", says: { DATA: null }, got: [], again: false },
  // Limits of recipients.
  ...["452 4.5.3 too many", "452 too many", "552 too many", "550 5.5.3 too many"]
    .map((reply): SmtpDialogue => ({
      name: `${reply} after two recipients`,
      says: accepts(2, reply),
    })),
  { name: "452 4.5.3 after 100 of 250", says: accepts(100, "452 4.5.3 too many"), to: MANY },
  { name: "452 4.2.2 for one mailbox", says: refuses("452 4.2.2 over quota"), got: AC },
  { name: "552 5.2.2 for one mailbox", says: refuses("552 5.2.2 full"), got: AC },
  { name: "452 for one recipient in any message", says: refuses("452 4.5.3 too many"), got: AC },
  {
    name: "LIMITS RCPTMAX=2",
    says: { EHLO: "250-x\n250 LIMITS RCPTMAX=2", ...accepts(2, "550 no") },
  },
  // Addresses and texts.
  { name: "postmaster without a domain", says: {}, to: ["postmaster"] },
  { name: "an address with a quoted name", says: {}, to: ['"a b"@b.test'] },
  { name: "an address at an IP address", says: {}, to: ["a@[127.0.0.1]"] },
  { name: "an address with dots in a row", says: {}, to: ["a..b@b.test"] },
  {
    name: "a header beyond ASCII",
    says: { EHLO: "250-x\n250-8BITMIME\n250 SMTPUTF8" },
    message: "Subject: gr\u00fcn\r\n\r\nhello\r\n",
    heard: [/^MAIL FROM:<.*> .*SMTPUTF8/],
  },
  {
    name: "a body beyond ASCII",
    says: { EHLO: "250-x\n250-8BITMIME\n250 SIZE" },
    message: "Subject: green\r\n\r\ngr\u00fcn\r\n",
    heard: [/^MAIL FROM:<.*> .*BODY=8BITMIME/i],
  },
  {
    name: "a body beyond ASCII without 8BITMIME",
    says: { EHLO: "250-x\n250 SIZE" },
    message: "Subject: green\r\n\r\ngr\u00fcn\r\n",
    got: [],
    again: false,
  },
  { name: "a line of 998 bytes", says: {}, message: `Subject: x\r\n\r\n${"x".repeat(998)}\r\n` },
  { name: "no line ending at the end", says: {}, message: "Subject: x\n\n" },
  { name: "dots at the end", says: {}, message: "Subject: x\r\n\r\n..\r\n.\r\n" },
  { name: "an address at an IPv6 address", says: {}, to: ["a@[IPv6:::1]"] },
  { name: "a name with all signs", says: {}, to: ["a!#$%&'*+-/=?^_`{|}~@b.test"] },
  {
    name: "an address of 254 characters",
    says: {},
    to: [`${"a".repeat(64)}@${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}.test`],
  },
  { name: "lines of dots", says: {}, message: "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n" },
  {
    name: "commands in the text",
    says: {},
    message: "Subject: x\r\n\r\n.\r\nMAIL FROM:<x@y.test>\r\n",
  },
  { name: "line endings of Unix", says: {}, message: "Subject: x\n\na\n.\nb\n" },
  // Logins.
  ...Object.entries<Script>({
    "AUTH PLAIN": { "AUTH PLAIN": "235 in" },
    "AUTH=PLAIN": { "AUTH PLAIN": "235 in" },
    "AUTH LOGIN": {
      "AUTH LOGIN": "334 VXNlcm5hbWU6",
      "YW5u": "334 UGFzc3dvcmQ6",
      "c2VjcmV0": "235 in",
    },
  }).map(([line, says]): SmtpDialogue => ({
    name: `logs in by ${line}`,
    says: { EHLO: `250-x\n250 ${line}`, ...says },
    login: true,
  })),
  {
    name: "logs in by LOGIN with plain prompts",
    says: {
      "EHLO": "250-x\n250 AUTH LOGIN",
      "AUTH LOGIN": "334 Username:",
      "YW5u": "334 Password:",
      "c2VjcmV0": "235 in",
    },
    login: true,
  },
  {
    name: "logs in by the second mechanism",
    says: {
      "EHLO": "250-x\n250 AUTH PLAIN LOGIN",
      "AUTH PLAIN": "504 no",
      "AUTH LOGIN": "334 VXNlcm5hbWU6",
      "YW5u": "334 UGFzc3dvcmQ6",
      "c2VjcmV0": "235 in",
    },
    login: true,
  },
  {
    name: "logs in by the second mechanism, as the first one is too weak",
    says: {
      "EHLO": "250-x\n250 AUTH PLAIN LOGIN",
      "AUTH PLAIN": "534 5.7.9 too weak",
      "AUTH LOGIN": "334 VXNlcm5hbWU6",
      "YW5u": "334 UGFzc3dvcmQ6",
      "c2VjcmV0": "235 in",
    },
    login: true,
  },
  {
    name: "logs in by the second mechanism, as the first one fails for now",
    says: {
      "EHLO": "250-x\n250 AUTH PLAIN LOGIN",
      "AUTH PLAIN": "454 4.7.0 database",
      "AUTH LOGIN": "334 VXNlcm5hbWU6",
      "YW5u": "334 UGFzc3dvcmQ6",
      "c2VjcmV0": "235 in",
    },
    login: true,
  },
  {
    name: "a login by PLAIN whose initial response is ignored",
    says: {
      "EHLO": "250-x\n250 AUTH PLAIN",
      "AUTH PLAIN": "334 ",
      "AGFubgBzZWNyZXQ=": "235 in",
    },
    login: true,
  },
  {
    name: "a login with several lines",
    says: { EHLO: "250-x\n250 AUTH PLAIN", "AUTH PLAIN": "235-2.7.0 welcome\n235 2.7.0 ann" },
    login: true,
  },
  {
    name: "a mechanism in small letters",
    says: { EHLO: "250-x\n250 auth plain", "AUTH PLAIN": "235 in" },
    login: true,
  },
  {
    name: "unknown mechanisms beside a known one",
    says: { EHLO: "250-x\n250 AUTH GSSAPI NTLM X-Y PLAIN", "AUTH PLAIN": "235 in" },
    login: true,
  },
  { name: "no login is offered", says: {}, login: true, got: [], again: false },
  {
    name: "421 for a login",
    says: { EHLO: "250-x\n250 AUTH PLAIN LOGIN", "AUTH PLAIN": "421 bye" },
    login: true,
    got: [],
    again: false,
  },
  {
    name: "a login with 200",
    says: { EHLO: "250-x\n250 AUTH PLAIN", "AUTH PLAIN": "200 in" },
    login: true,
  },
  {
    name: "mechanisms in two lines",
    says: { EHLO: "250-x\n250-AUTH PLAIN\n250 AUTH=X Y", "AUTH PLAIN": "235 in" },
    login: true,
  },
  {
    name: "a wrong password",
    says: { EHLO: "250-x\n250 AUTH PLAIN", "AUTH PLAIN": "535 5.7.8 no" },
    login: true,
    got: [],
    again: false,
  },
];

/** The recipient of the second message. */
export const SECOND: string = AGAIN;
