import { CLASS, TOKEN, VALUE } from "./_http1_bytes.ts";

/** Fields that framing or a proxy looks at; 0 is any other. */
export const Known = {
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  upgrade: 5,
  expect: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  proxyAuthorization: 11,
  proxyAuthenticate: 12,
  via: 13,
  maxForwards: 14,
  authorization: 15,
  proxyAuthenticationInfo: 16,
  http2Settings: 17,
  wwwAuthenticate: 18,
  date: 19,
} as const;

/** Their names by length, in lower case. */
const BY_LENGTH: [name: Uint8Array, id: number][][] = [];
for (const [key, id] of Object.entries(Known)) {
  const text = key === "http2Settings"
    ? "http2-settings"
    : key === "te"
    ? key
    : key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const name = new TextEncoder().encode(text);
  for (let i = BY_LENGTH.length; i <= name.length; i++) BY_LENGTH.push([]);
  BY_LENGTH[name.length]!.push([name, id]);
}

/** Which of the known fields a name is. */
export function knownField(bytes: Uint8Array, start: number, end: number): number {
  const candidates = BY_LENGTH[end - start];
  if (candidates === undefined) return 0;
  for (let c = 0; c < candidates.length; c++) {
    const [name, id] = candidates[c]!;
    let i = 0;
    // A token holds no byte that this maps to a letter but a letter ("-" stays "-").
    while (i < name.length && (bytes[start + i]! | 0x20) === name[i]) i++;
    if (i === name.length) return id;
  }
  return 0;
}

/** Where the parts of one line stand in the text: name, value, and which known field it is. */
export const STRIDE = 5;

/** Fields as they came: the text of the head, and `STRIDE` numbers a line. */
export interface RawFields {
  readonly text: string;
  /** Start and end of the name, start and end of the value, the known field. */
  readonly at: readonly number[];
}

/** The lines as they came, unless they have been changed. */
export let rawOf: (fields: Http1Fields) => RawFields | undefined;
/** Fields of a message that has been checked. */
export let fieldsOf: (raw: RawFields) => Http1Fields;

const NO_LINES: readonly (readonly [string, string])[] = [];

/**
 * The header or trailer lines of a message: their order, their duplicates and the case of their
 * names are kept. Names compare without regard to case.
 *
 * @example Order and case stay
 * ```ts
 * import { Http1Fields } from "@portside/kit/http/http1-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const fields = new Http1Fields([["X-B", "1"], ["x-a", "2"], ["X-b", "3"]]);
 * assertEquals(fields.get("x-b"), "1, 3");
 * fields.set("X-B", "4");
 * assertEquals([...fields], [["X-B", "4"], ["x-a", "2"]]);
 * ```
 */
export class Http1Fields implements Iterable<readonly [name: string, value: string]> {
  #raw: RawFields | undefined;
  #list: (readonly [string, string])[] | undefined;

  static {
    rawOf = (fields) => fields.#raw;
    fieldsOf = (raw) => {
      const fields = new Http1Fields(NO_LINES);
      fields.#raw = raw;
      fields.#list = undefined;
      return fields;
    };
  }

  /**
   * Makes fields.
   *
   * @param lines Names and values.
   * @throws {TypeError} If a name or value cannot stand in a message.
   */
  constructor(lines: Iterable<readonly [name: string, value: string]> = []) {
    if (lines === NO_LINES) return;
    this.#list = [];
    for (const [name, value] of lines) this.append(name, value);
  }

  /** How many lines there are. */
  get size(): number {
    return this.#raw === undefined ? this.#list!.length : this.#raw.at.length / STRIDE;
  }

  /**
   * The values of all lines of a name, joined by ", ".
   *
   * @param name The name, in any case.
   * @returns The value, or undefined if there is no such line.
   */
  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(", ");
  }

  /**
   * The values of all lines of a name.
   *
   * @param name The name, in any case.
   * @returns The values, in order.
   */
  getAll(name: string): string[] {
    const lower = name.toLowerCase();
    return this.#lines.filter(([one]) => one.toLowerCase() === lower).map(([, value]) => value);
  }

  /**
   * Whether there is such a line.
   *
   * @param name The name, in any case.
   * @returns Whether there is one.
   */
  has(name: string): boolean {
    return this.getAll(name).length > 0;
  }

  /**
   * Adds a line behind all others.
   *
   * @param name The name, sent as it is.
   * @param value The value.
   * @throws {TypeError} If one of them cannot stand in a message.
   */
  append(name: string, value: string): void {
    this.#change().push(checked(name, value));
  }

  /**
   * Puts one line in place of the first of its name, and removes the others.
   *
   * @param name The name, sent as it is.
   * @param value The value.
   * @throws {TypeError} If one of them cannot stand in a message.
   */
  set(name: string, value: string): void {
    const line = checked(name, value);
    const lower = name.toLowerCase();
    const list = this.#change();
    const first = list.findIndex(([one]) => one.toLowerCase() === lower);
    if (first === -1) list.push(line);
    else {
      this.#list = list.filter(([one], i) => i === first || one.toLowerCase() !== lower);
      this.#list[first] = line;
    }
  }

  /**
   * Removes all lines of a name.
   *
   * @param name The name, in any case.
   */
  delete(name: string): void {
    const lower = name.toLowerCase();
    this.#list = this.#change().filter(([one]) => one.toLowerCase() !== lower);
  }

  /** The lines in order, as name and value. */
  [Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    return this.#lines[Symbol.iterator]();
  }

  get #lines(): readonly (readonly [string, string])[] {
    this.#list ??= listOf(this.#raw!);
    return this.#list;
  }

  #change(): (readonly [string, string])[] {
    this.#list ??= listOf(this.#raw!);
    this.#raw = undefined;
    return this.#list;
  }
}

function listOf({ text, at }: RawFields): (readonly [string, string])[] {
  const list: (readonly [string, string])[] = [];
  for (let i = 0; i < at.length; i += STRIDE) {
    list.push([text.slice(at[i], at[i + 1]), text.slice(at[i + 2], at[i + 3])]);
  }
  return list;
}

function checked(name: string, value: string): readonly [string, string] {
  if (name === "" || !consistsOf(name, TOKEN)) {
    throw new TypeError(`Cannot use the field name ${JSON.stringify(name)}: it is no token`);
  }
  if (!consistsOf(value, VALUE) || /^[ \t]|[ \t]$/.test(value)) {
    throw new TypeError(`Cannot use the value of the field ${name}: ${JSON.stringify(value)}`);
  }
  return [name, value];
}

/** Whether all characters are bytes of a class. */
export function consistsOf(text: string, kind: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || (CLASS[code]! & kind) === 0) return false;
  }
  return true;
}
