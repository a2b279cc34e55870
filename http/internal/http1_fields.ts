import { lowerAscii, trimBlanks } from "../../net/text.ts";
import { CLASS, TOKEN, VALUE } from "./http1_bytes.ts";

/** Numbers of the fields that the framing or the proxy reads. 0 stands for any other field. */
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
  contentEncoding: 20,
} as const;

/** The names of the known fields in lower case, by their numbers. */
const NAMES: string[] = [];
/** The same names, grouped by length. */
const BY_LENGTH: [name: Uint8Array, id: number][][] = [];
for (const [key, id] of Object.entries(Known)) {
  const text = NAMES[id] = key === "http2Settings"
    ? "http2-settings"
    : key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const name = new TextEncoder().encode(text);
  for (let i = BY_LENGTH.length; i <= name.length; i++) BY_LENGTH.push([]);
  BY_LENGTH[name.length]!.push([name, id]);
}

/** Returns the name of a known field in lower case. */
export function knownName(known: number): string {
  return NAMES[known]!;
}

/** Returns the number of a known field, or 0. The name must be a token. */
export function knownField(bytes: Uint8Array, start: number, end: number): number {
  const candidates = BY_LENGTH[end - start];
  if (candidates === undefined) return 0;
  for (let c = 0; c < candidates.length; c++) {
    const [name, id] = candidates[c]!;
    let i = 0;
    // In a token, this changes only the case of letters.
    while (i < name.length && (bytes[start + i]! | 0x20) === name[i]) i++;
    if (i === name.length) return id;
  }
  return 0;
}

/** Numbers per line in `RawFields.at`. */
export const STRIDE = 5;

/** Received fields: the text of the head, and `STRIDE` numbers per line. */
export interface RawFields {
  /** From the first line to the empty line, well-formed. */
  readonly text: string;
  /** Start and end of the name, start and end of the value, the number of the known field. */
  readonly at: readonly number[];
}

/** Returns the received fields; undefined after a change. */
export let rawOf: (fields: Http1Fields) => RawFields | undefined;
/** Makes fields from a checked message. */
export let fieldsOf: (raw: RawFields) => Http1Fields;

type Line = readonly [name: string, value: string];

const NO_LINES: readonly Line[] = [];

/**
 * The header or trailer lines of a message. They keep their order, their duplicates and the case of
 * their names. Names are compared without regard to case. After one pass over all lines, the cost of
 * each method depends only on the lines of its name.
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
  /** The lines; undefined in place of a removed one. */
  #list: (Line | undefined)[] | undefined;
  /** The indices of the lines of a name in the list, by the name in lower case. */
  #index: Map<string, number[]> | undefined;
  #removed = 0;
  /** Whether an iterator may still read the list, so that a change needs a copy. */
  #lent = false;

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
   * @param lines Pairs of a name and a value.
   * @throws {TypeError} If a name or value is not allowed in a message.
   */
  constructor(lines: Iterable<readonly [name: string, value: string]> = []) {
    if (lines === NO_LINES) return;
    this.#list = [];
    for (const [name, value] of lines) this.append(name, value);
  }

  /** The number of lines. */
  get size(): number {
    if (this.#raw !== undefined) return this.#raw.at.length / STRIDE;
    return this.#list!.length - this.#removed;
  }

  /**
   * Returns the values of all lines of a name, joined by ", ".
   *
   * @param name The name, in any case.
   * @returns The value, or undefined if there is no such line.
   */
  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(", ");
  }

  /**
   * Returns the values of all lines of a name.
   *
   * @param name The name, in any case.
   * @returns The values, in order.
   */
  getAll(name: string): string[] {
    const list = this.#lines;
    return this.#find(name)?.map((i) => list[i]![1]) ?? [];
  }

  /**
   * Returns whether there is a line of a name.
   *
   * @param name The name, in any case.
   * @returns Whether such a line exists.
   */
  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /**
   * Adds a line after all others.
   *
   * @param name The name, which is sent unchanged.
   * @param value The value, without blanks at its ends.
   * @throws {TypeError} If the name or the value is not allowed in a message.
   */
  append(name: string, value: string): void {
    const line = checked(name, value);
    const list = this.#change();
    if (this.#index !== undefined) add(this.#index, name, list.length);
    list.push(line);
  }

  /**
   * Replaces the first line of a name, and removes the others of that name.
   *
   * @param name The name, which is sent unchanged.
   * @param value The value, without blanks at its ends.
   * @throws {TypeError} If the name or the value is not allowed in a message.
   */
  set(name: string, value: string): void {
    const line = checked(name, value);
    const places = this.#find(name);
    if (places === undefined) return this.append(name, value);
    const list = this.#change();
    list[places[0]!] = line;
    for (let i = 1; i < places.length; i++) list[places[i]!] = undefined;
    this.#removed += places.length - 1;
    places.length = 1;
  }

  /**
   * Removes all lines of a name.
   *
   * @param name The name, in any case.
   */
  delete(name: string): void {
    const places = this.#find(name);
    if (places === undefined) return;
    const list = this.#change();
    for (const i of places) list[i] = undefined;
    this.#removed += places.length;
    this.#index!.delete(lowerAscii(name));
  }

  /**
   * Returns an iterator over the current lines, in order. Later changes do not affect it.
   *
   * @returns Pairs of a name and a value.
   */
  [Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    let list = this.#lines;
    if (this.#removed > 0) {
      list = this.#list = list.filter((line) => line !== undefined);
      this.#index = undefined;
      this.#removed = 0;
    }
    this.#lent = true;
    return (list as Line[])[Symbol.iterator]();
  }

  get #lines(): (Line | undefined)[] {
    return this.#list ??= listOf(this.#raw!);
  }

  /** Returns the list for a change. */
  #change(): (Line | undefined)[] {
    let list = this.#lines;
    if (this.#lent) {
      list = this.#list = list.slice();
      this.#lent = false;
    }
    this.#raw = undefined;
    return list;
  }

  /** Returns the indices of the lines of a name; undefined without any. */
  #find(name: string): number[] | undefined {
    let index = this.#index;
    if (index === undefined) {
      index = this.#index = new Map();
      const list = this.#lines;
      for (let i = 0; i < list.length; i++) {
        if (list[i] !== undefined) add(index, list[i]![0], i);
      }
    }
    return index.get(lowerAscii(name));
  }
}

/** Returns the values of a known field of a received message, joined by ", "; undefined without any. */
export function knownValue(fields: Http1Fields, known: number): string | undefined {
  const raw = rawOf(fields);
  if (raw === undefined) return fields.get(knownName(known));
  const { text, at } = raw;
  let value: string | undefined;
  for (let i = STRIDE - 1; i < at.length; i += STRIDE) {
    if (at[i] !== known) continue;
    const one = text.slice(at[i - 2], at[i - 1]);
    value = value === undefined ? one : `${value}, ${one}`;
  }
  return value;
}

function add(index: Map<string, number[]>, name: string, at: number): void {
  const lower = lowerAscii(name);
  const places = index.get(lower);
  if (places === undefined) index.set(lower, [at]);
  else places.push(at);
}

function listOf({ text, at }: RawFields): Line[] {
  const list: Line[] = [];
  for (let i = 0; i < at.length; i += STRIDE) {
    list.push([text.slice(at[i], at[i + 1]), text.slice(at[i + 2], at[i + 3])]);
  }
  return list;
}

function checked(name: string, value: string): Line {
  if (name === "" || !consistsOf(name, TOKEN)) {
    throw new TypeError(`Cannot use the field name ${JSON.stringify(name)}: it is not a token`);
  }
  if (!consistsOf(value, VALUE) || trimBlanks(value) !== value) {
    throw new TypeError(
      `Cannot use the value of the field ${name}: it is malformed: ${JSON.stringify(value)}`,
    );
  }
  return [name, value];
}

/** Returns whether all characters are bytes of a class. */
export function consistsOf(text: string, kind: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || (CLASS[code]! & kind) === 0) return false;
  }
  return true;
}
