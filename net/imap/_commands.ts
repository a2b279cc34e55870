/** The commands of IMAP (RFC 3501 §6), written. Pure. */

/** A part of a command: text as it is, or a string that goes as a literal. */
export type ImapPart = string | { readonly literal: Uint8Array };

/**
 * Writes a string so that it is nothing else: quoted, or as a literal where it must be.
 *
 * @param text The string.
 * @returns The part of a command.
 * @throws {TypeError} If it holds CR, LF or NUL.
 */
export function imapString(text: string): ImapPart {
  if (/[\r\n\0]/.test(text)) {
    throw new TypeError(`Cannot send a line break or NUL: ${JSON.stringify(text)}`);
  }
  if (/^[\x20-\x7e]{0,1000}$/.test(text)) return `"${text.replace(/["\\]/g, "\\$&")}"`;
  return { literal: new TextEncoder().encode(text) };
}

/**
 * Writes the name of a folder: modified UTF-7 (RFC 3501 §5.1.3), quoted.
 *
 * @param name The name.
 * @returns The part of a command.
 */
export function imapFolderName(name: string): ImapPart {
  return imapString(encodeModifiedUtf7(name));
}

/**
 * Encodes modified UTF-7.
 *
 * @param text The text.
 * @returns The same in ASCII.
 */
export function encodeModifiedUtf7(text: string): string {
  return text.replaceAll("&", "&-").replace(/[^\x20-\x7e]+/g, (run) => {
    const bytes = new Uint8Array(2 * run.length);
    for (let i = 0; i < run.length; i++) {
      bytes[2 * i] = run.charCodeAt(i) >> 8;
      bytes[2 * i + 1] = run.charCodeAt(i) & 255;
    }
    return `&${bytes.toBase64({ omitPadding: true }).replaceAll("/", ",")}-`;
  });
}

/**
 * Decodes modified UTF-7; what is none stays as it is.
 *
 * @param text The text in ASCII.
 * @returns The text.
 */
export function decodeModifiedUtf7(text: string): string {
  return text.replace(/&([A-Za-z0-9+,]*)-/g, (whole, coded: string) => {
    if (coded === "") return "&";
    try {
      const bytes = Uint8Array.fromBase64(coded.replaceAll(",", "/"));
      if (bytes.length % 2 !== 0) return whole;
      let decoded = "";
      for (let i = 0; i < bytes.length; i += 2) {
        decoded += String.fromCharCode(bytes[i]! << 8 | bytes[i + 1]!);
      }
      return decoded;
    } catch {
      return whole;
    }
  });
}

const ONE = String.raw`(?:[1-9]\d{0,9}|\*)`;
const SET = new RegExp(`^${ONE}(?::${ONE})?(?:,${ONE}(?::${ONE})?)*$`);
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** What messages to look for; all of it has to hold. */
export interface ImapSearch {
  /** Whether they have the flag `\Seen`, and so on. */
  readonly seen?: boolean;
  /** `\Answered`. */
  readonly answered?: boolean;
  /** `\Flagged`. */
  readonly flagged?: boolean;
  /** `\Deleted`. */
  readonly deleted?: boolean;
  /** `\Draft`. */
  readonly draft?: boolean;
  /** A flag of one's own. */
  readonly keyword?: string;
  /** What the field `From` holds. */
  readonly from?: string;
  /** What the field `To` holds. */
  readonly to?: string;
  /** What the field `Cc` holds. */
  readonly cc?: string;
  /** What the field `Bcc` holds. */
  readonly bcc?: string;
  /** What the field `Subject` holds. */
  readonly subject?: string;
  /** What the body holds. */
  readonly body?: string;
  /** What head or body hold. */
  readonly text?: string;
  /** What another field holds: its name, and a text that may be empty. */
  readonly header?: readonly [name: string, text: string];
  /** Received on that day or later, in UTC. */
  readonly since?: Date;
  /** Received before that day, in UTC. */
  readonly before?: Date;
  /** Received on that day, in UTC. */
  readonly on?: Date;
  /** Of that day or later by their field `Date`. */
  readonly sentSince?: Date;
  /** Of before that day by their field `Date`. */
  readonly sentBefore?: Date;
  /** Of that day by their field `Date`. */
  readonly sentOn?: Date;
  /** Larger than so many bytes. */
  readonly larger?: number;
  /** Smaller than so many bytes. */
  readonly smaller?: number;
  /** Of these, e.g. `1:9,12` or `20:*`. */
  readonly uids?: string;
  /** Not these. */
  readonly not?: ImapSearch;
  /** One of the two, or both. */
  readonly or?: readonly [ImapSearch, ImapSearch];
}

/**
 * Writes what to search for.
 *
 * @param search What to look for.
 * @returns The parts of a command, blanks between them included.
 * @throws {TypeError | RangeError} If a text holds a line break, or a value is none.
 */
export function imapSearch(search: ImapSearch): ImapPart[] {
  const parts: ImapPart[] = [];
  const add = (...more: ImapPart[]) => {
    for (const part of more) parts.push(...(parts.length === 0 ? [part] : [" ", part]));
  };
  for (const [name, value] of Object.entries(search)) {
    if (value === undefined) continue;
    const word = name.toUpperCase();
    switch (name) {
      case "seen":
      case "answered":
      case "flagged":
      case "deleted":
      case "draft":
        add(value ? word : `UN${word}`);
        break;
      case "keyword":
        add(word, imapFlag(value));
        break;
      case "header":
        add(word, imapString(value[0]), imapString(value[1]));
        break;
      case "since":
      case "before":
      case "on":
      case "sentSince":
      case "sentBefore":
      case "sentOn":
        add(word, imapDate(value));
        break;
      case "larger":
      case "smaller":
        if (!Number.isSafeInteger(value) || value < 0) {
          throw new RangeError(`Cannot search for ${name} ${value}: it is a number of bytes`);
        }
        add(word, `${value}`);
        break;
      case "uids":
        add("UID", imapSet(value));
        break;
      case "not":
        add(word, "(");
        parts.push(...imapSearch(value), ")");
        break;
      case "or":
        add(word, "(");
        parts.push(...imapSearch(value[0]), ")", " ", "(", ...imapSearch(value[1]), ")");
        break;
      case "from":
      case "to":
      case "cc":
      case "bcc":
      case "subject":
      case "body":
      case "text":
        add(word, imapString(value));
        break;
      default:
        throw new TypeError(`Cannot search for ${JSON.stringify(name)}: it is not known`);
    }
  }
  return parts.length === 0 ? ["ALL"] : parts;
}

/**
 * Checks a set of numbers.
 *
 * @param set Numbers, or as IMAP writes them: `1:9,12`, `20:*`.
 * @returns The set.
 * @throws {RangeError} If it is none.
 */
export function imapSet(set: string | number | readonly number[]): string {
  const text = typeof set === "string" ? set : [set].flat().join(",");
  if (SET.test(text)) return text;
  throw new RangeError(`Cannot use the messages ${JSON.stringify(text)}: give 1:9,12 or 20:*`);
}

/**
 * Checks a flag.
 *
 * @param flag The flag, e.g. `\Seen` or `$Junk`.
 * @returns The flag.
 * @throws {TypeError} If it is none.
 */
export function imapFlag(flag: string): string {
  if (/^\\?[^\s(){}%*"\\\]\p{Cc}]{1,100}$/u.test(flag) && /^[\x21-\x7e]+$/.test(flag)) return flag;
  throw new TypeError(`Cannot use the flag ${JSON.stringify(flag)}`);
}

function imapDate(date: Date): string {
  if (Number.isNaN(date.getTime())) throw new RangeError("Cannot search for a date that is none");
  return `${date.getUTCDate()}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()}`;
}

/**
 * A date and time as APPEND wants it.
 *
 * @param date The time.
 * @returns The same, in quotes.
 */
export function imapDateTime(date: Date): string {
  const day = `${date.getUTCDate()}`.padStart(2, " ");
  return `"${day}${imapDate(date).replace(/^\d+/, "")} ${date.toISOString().slice(11, 19)} +0000"`;
}
