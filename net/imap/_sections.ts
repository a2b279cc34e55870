/** Names of the sections of a message (RFC 9051 §6.4.5). Pure. */

import { optionError } from "../internal/options.ts";
import { upperAscii } from "../text.ts";

/** A section, such as `1.2`, `HEADER.FIELDS (TO)` or `TEXT<0.1000>`. */
const SECTION = /^(?:[A-Z0-9.]+(?: \([!-'*-~ ]+\))?)?(<\d{1,10}\.[1-9]\d{0,9}>)?$/i;

/** Throws a `TypeError` unless a string is the name of one section. */
export function checkSection(section: string): void {
  if (section === "" || !SECTION.test(section)) {
    throw optionError("section", "a section such as HEADER, 1.2 or TEXT<0.1000>", section);
  }
}

/** Returns the item of a FETCH command for a section. */
export function sectionItem(section: string): string {
  const at = section.indexOf("<");
  return at === -1 || !section.endsWith(">")
    ? `BODY.PEEK[${section}]`
    : `BODY.PEEK[${section.slice(0, at)}]${section.slice(at)}`;
}

/**
 * Finds the names of sections as the caller wrote them. A server may write them in other letters, with
 * quotes around the names of fields (RFC 9051 §9, header-fld-name), or in another order.
 */
export class SectionNames {
  readonly #sections: readonly string[];
  /** The names by what all names of a section have in common. */
  #asked: ReadonlyMap<string, string> | undefined;
  /** The names by the items of the server. All messages have the same ones. */
  readonly #known = new Map<string, string>();

  constructor(sections: readonly string[] = []) {
    this.#sections = [...sections];
  }

  /** Returns whether these are the names for some sections. */
  areFor(sections: readonly string[]): boolean {
    const own = this.#sections;
    if (sections.length !== own.length) return false;
    for (let i = 0; i < own.length; i++) if (sections[i] !== own[i]) return false;
    return true;
  }

  /** Returns the section of an item such as `BODY[TEXT]<0>`. */
  of(item: string): string {
    const known = this.#known.get(item);
    if (known !== undefined) return known;
    const end = item.lastIndexOf("]");
    const written = item.slice(5, end);
    const name = end === item.length - 1 && this.#sections.includes(written)
      ? written
      : this.#find(written, item.slice(end + 1));
    if (this.#known.size < 100 && item.length < 1000) this.#known.set(item, name);
    return name;
  }

  #find(written: string, origin: string): string {
    this.#asked ??= new Map(this.#sections.map((section) => [keyOf(section), section]));
    const plain = plainName(written);
    return this.#asked.get(keyOf(plain + origin)) ?? this.#asked.get(keyOf(plain)) ?? plain;
  }
}

/** Returns a name in capitals, without quotes and superfluous blanks. */
function plainName(section: string): string {
  return upperAscii(section).replaceAll('"', "").replace(/ +/g, " ").replaceAll("( ", "(")
    .replaceAll(" )", ")").replace(/ $/, "");
}

/** Returns what two names of the same section have in common. */
function keyOf(section: string): string {
  const plain = plainName(section).replace(/\.\d+>$/, ">");
  const [, before, fields, behind] = /^(.*\()(.*)(\).*)$/.exec(plain) ?? [];
  return before === undefined ? plain : before + fields!.split(" ").sort().join(" ") + behind;
}
