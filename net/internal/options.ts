/**
 * The module that checks all options: their names, types and ranges.
 *
 * A public function checks its options before any I/O. Types are not checked at run time, so a
 * misspelt name or a value of the wrong type would otherwise be ignored.
 *
 * Options may be an instance of a class or inherit from other options. Code that spreads such an object
 * loses what it inherits, so `check()` returns a flat copy, and the function uses only that. What is
 * checked is then what is used.
 *
 * @example The options of a function
 * ```text
 * const RULES = new OptionRules<{ port: number; timeout?: number }>({
 *   port: required(port),
 *   timeout: milliseconds,
 * });
 * options = RULES.check("connect", options);
 * RULES.check("connect", { port: "8000" }); // port must be an integer from 0 to 65535, got string "8000"
 * RULES.check("connect", { port: 1, timeuot: 5 }); // connect has no option "timeuot"; did you mean "timeout"?
 * ```
 *
 * @module
 */

import { escapeControls } from "../text.ts";

/** Maximum delay of a timer, 24.8 days in milliseconds. A longer one would fire at once. */
export const MAX_TIMER = 2 ** 31 - 1;

/**
 * Checks a value that is not undefined, and throws if it does not fit. A rule for nested options returns
 * the flat copy that replaces the value.
 */
export type Check = (name: string, value: unknown) => object | void;

/** A check, or one that also rejects a missing value. */
export type Rule = Check & { readonly isRequired?: true };

/** A rule for each option, so that the compiler reports a rule that is missing. */
export type RuleSet<T> = { readonly [Name in keyof T]-?: Rule };

/** The rules for the options of one function or class. */
export class OptionRules<T extends object> {
  /** The rule for each option; rules for more options can be built from it. */
  readonly rules: RuleSet<T>;
  readonly #required: readonly string[];
  readonly #checked = new WeakSet<object>();

  constructor(rules: RuleSet<T>) {
    this.rules = rules;
    this.#required = Object.entries<Rule>(rules).filter(([, rule]) => rule.isRequired)
      .map(([name]) => name);
  }

  /**
   * Checks options.
   *
   * @param owner The function or class whose options these are, for messages.
   * @returns A flat copy. It is empty if there are no options.
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If a name is unknown, or a value has the wrong type.
   */
  check(owner: string, options: T | undefined): T {
    if (options === undefined && this.#required.length === 0) return {} as T;
    return this.checkGiven(owner, options);
  }

  /** Checks options that must be given, even if none of them is required on its own. */
  checkGiven(owner: string, options: T | undefined): T {
    if (typeof options !== "object" || options === null) {
      throw new TypeError(messageFor(`the options of ${owner}`, "an object", options));
    }
    return this.#checked.has(options) ? options : this.checkAt("", owner, options);
  }

  /** Checks a value of an unknown type, such as a part of other options, or one that JSON had. */
  checkValue(name: string, value: unknown): T {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new TypeError(messageFor(name, "an object", value));
    }
    return this.checkAt(`${name}.`, name, value);
  }

  /**
   * Checks options without making a copy, for functions that are called for each message. The caller
   * must take the values out of the options at once, and must not spread, keep or pass them on.
   */
  checkBriefly(owner: string, options: T | undefined): void {
    if (options === undefined && this.#required.length === 0) return;
    if (typeof options !== "object" || options === null || !isPlain(options)) {
      this.check(owner, options);
      return;
    }
    for (const name in options) this.#checkOne("", owner, name, options[name]);
    this.#checkMissing("", options);
  }

  /**
   * Marks options as checked. A function that has checked them by rules that include these can pass
   * them on: the next function checks nothing, and does not reject names that it does not know.
   */
  assume(options: T): void {
    this.#checked.add(options);
  }

  /** Returns the options among others that these rules know. */
  pick(options: object): T {
    const known: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(options)) {
      if (Object.hasOwn(this.rules, name)) known[name] = value;
    }
    return known as T;
  }

  /** Checks options that are part of others; `path` is the prefix of their names in messages. */
  checkAt(path: string, owner: string, options: object): T {
    const plain = isPlain(options);
    const copy: Record<string, unknown> = {};
    const take = (name: string) => {
      const value = (options as Readonly<Record<string, unknown>>)[name];
      const kept = this.#checkOne(path, owner, name, value) ?? value;
      // A method of a class needs its object.
      copy[name] = !plain && typeof kept === "function" ? kept.bind(options) : kept;
    };
    for (const name in options) take(name);
    if (!plain) {
      // The loop above does not see the getters and methods of a class.
      for (const name in this.rules) if (!(name in copy) && name in options) take(name);
    }
    this.#checkMissing(path, copy);
    return copy as T;
  }

  #checkOne(path: string, owner: string, name: string, value: unknown): object | void {
    if (value === undefined) return;
    const rules = this.rules as Readonly<Record<string, Rule>>;
    if (!Object.hasOwn(rules, name)) throw unknownOption(owner, `${path}${name}`, name, rules);
    return rules[name]!(path + name, value);
  }

  #checkMissing(path: string, options: object): void {
    for (const name of this.#required) {
      const value = (options as Readonly<Record<string, unknown>>)[name];
      if (value === undefined) (this.rules as Record<string, Rule>)[name]!(path + name, undefined);
    }
  }
}

/** Returns whether an object is no instance of a class and inherits nothing. */
function isPlain(options: object): boolean {
  const kind = Object.getPrototypeOf(options);
  return kind === Object.prototype || kind === null;
}

/** Rejects a missing value, too. */
export function required(check: Check): Rule {
  const rule: Rule = (name, value) => check(name, value);
  return Object.assign(rule, { isRequired: true as const });
}

/**
 * Makes a rule.
 *
 * @param requires What the value must be, as it follows "must be": "an integer from 1 to 9".
 * @param accepts Returns whether a value fits.
 */
export function rule(requires: string, accepts: (value: unknown) => boolean): Rule {
  return (name, value) => {
    if (!accepts(value)) throw optionError(name, requires, value);
  };
}

/** Makes a rule for options in an option: `sendQueue: group(new OptionRules(…))`. */
export function group<T extends object>(rules: OptionRules<T>): Rule {
  return (name, value) => rules.checkValue(name, value);
}

/** Makes a rule for an array whose entries fit a rule. */
export function listOf(check: Check): Rule {
  return (name, value) => {
    if (!Array.isArray(value)) throw optionError(name, "an array", value);
    return value.map((entry, i) => check(`${name}[${i}]`, entry) ?? entry);
  };
}

/** Makes a rule for one of several words. */
export function oneOf(...words: readonly string[]): Rule {
  const quoted = words.map((word) => JSON.stringify(word));
  return rule(alternatives(quoted), (value) => words.includes(value as string));
}

/** Makes a rule for one value, such as `false`, or any value that fits another rule. */
export function either(literal: boolean | string | null, check: Check): Rule {
  return (name, value) => value === literal ? undefined : check(name, value);
}

/** Makes a rule for an integer within a range. */
export function integer(least: number, most: number): Rule {
  return rule(
    most === Number.MAX_SAFE_INTEGER
      ? `an integer of at least ${least}`
      : `an integer from ${least} to ${most}`,
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  );
}

/** Makes a rule for a number within a range. The upper end may be Infinity. */
export function numberFrom(least: number, most = Infinity): Rule {
  return rule(
    most === Infinity ? `a number of at least ${least}` : `a number from ${least} to ${most}`,
    (value) => typeof value === "number" && value >= least && value <= most,
  );
}

/** A time: 0 and Infinity lift the limit. */
export const milliseconds: Rule = rule(
  "a number of milliseconds of at least 0",
  (value) => typeof value === "number" && value >= 0,
);

/** A number above 0. */
export const positive: Rule = rule(
  "a number above 0",
  (value) => typeof value === "number" && value > 0,
);

/** A size or a count. Infinity lifts it. */
export const count: Rule = rule(
  "an integer of at least 1, or Infinity",
  (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 1),
);

/** A size or a count that 0 and Infinity lift. */
export const limit: Rule = rule(
  "an integer of at least 0, or Infinity",
  (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 0),
);

/** A port to listen on; 0 lets the system choose. */
export const listenPort: Rule = integer(0, 65535);

/** A port to connect to. */
export const port: Rule = integer(1, 65535);

/** True or false. */
export const flag: Rule = rule("true or false", (value) => typeof value === "boolean");

/** A string. */
export const text: Rule = rule("a string", (value) => typeof value === "string");

/** A string that is not empty. */
export const word: Rule = rule(
  "a string that is not empty",
  (value) => typeof value === "string" && value !== "",
);

/** A function. */
export const callback: Rule = rule("a function", (value) => typeof value === "function");

/** An object. Its content is checked elsewhere. */
export const anObject: Rule = rule(
  "an object",
  (value) => typeof value === "object" && value !== null,
);

/** Accepts a value of any type. */
export function anything(): void {}

/** A signal that cancels. */
export const signal: Rule = rule("an AbortSignal", (value) => value instanceof AbortSignal);

/** The path of a file: a string, or a `file:` URL. */
export const path: Rule = rule(
  "a path that is not empty, or a file: URL",
  (value) =>
    value instanceof URL
      ? value.protocol === "file:"
      : typeof value === "string" && value !== "" && !value.includes("\0"),
);

/** Returns a time limit as a timer needs it: Infinity if there is none. */
export function timeLimit(ms: number): number {
  return ms === 0 || ms > MAX_TIMER ? Infinity : ms;
}

/** Returns a limit as a comparison needs it: Infinity if it is 0, which means none. */
export function countLimit(most: number): number {
  return most === 0 ? Infinity : most;
}

/** Returns the error for a value that does not fit. */
export function optionError(name: string, requires: string, value: unknown): Error {
  const message = messageFor(name, requires, value);
  return typeof value === "number" ? new RangeError(message) : new TypeError(message);
}

function messageFor(name: string, requires: string, value: unknown): string {
  return `${name} must be ${requires}, got ${shown(value)}`;
}

/** Maximum length of a string in an error, in UTF-16 units. */
const SHOWN = 60;

function shown(value: unknown): string {
  if (typeof value === "string") {
    const part = value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value;
    return `string ${escapeControls(JSON.stringify(part))}`;
  }
  if (Array.isArray(value)) return "an array";
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return "an object";
  return `${String(value)}${typeof value === "bigint" ? "n" : ""}`;
}

function unknownOption(owner: string, full: string, name: string, rules: object): TypeError {
  const close = closest(name, Object.keys(rules));
  const hint = close === undefined ? "" : `; did you mean "${close}"?`;
  const said = escapeControls(JSON.stringify(full.slice(0, SHOWN)));
  return new TypeError(`${owner} has no option ${said}${hint}`);
}

/** Returns the known name that is most similar to a word; undefined if none is similar. */
function closest(wanted: string, known: readonly string[]): string | undefined {
  if (wanted.length > SHOWN) return undefined;
  const plain = (name: string) => name.replace(/[^a-z0-9]/gi, "").toLowerCase();
  const word = plain(wanted);
  let best: string | undefined;
  let least = Infinity;
  for (const name of known) {
    const other = plain(name);
    const distance = Math.min(partDistance(word, other), editDistance(word, other));
    if (distance < least) [best, least] = [name, distance];
  }
  return least <= Math.max(2, Math.min(3, word.length / 3)) ? best : undefined;
}

/**
 * Returns the distance of two words if one is part of the other, otherwise Infinity. A single typing
 * error is closer than a common beginning ("host" of "hostname"), which is closer than another part.
 */
function partDistance(a: string, b: string): number {
  if (a.length < 3) return Infinity;
  if (b.startsWith(a) || a.startsWith(b)) return 1.25;
  return b.includes(a) || a.includes(b) ? 1.5 : Infinity;
}

/** Returns how many insertions, deletions, replacements and swaps lead from one word to another. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? before[j - 2]! + 1 : Infinity;
      next.push(Math.min(replaced, swapped, row[j]! + 1, next[j - 1]! + 1));
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}

function alternatives(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} or ${parts.at(-1)}`;
}
