import { parseArgs } from "@std/cli/parse-args";
import { CliError, ExitCode } from "./_failure.ts";
import { nearest, quote } from "../internal/text.ts";
import { convert, type Flag, type Flags, type Positional, type Positionals } from "./_values.ts";

/** Converts `maxConnections` to `max-connections`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Returns the name with its dashes: one dash for a letter, two for a word. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** Returns all other names of a flag. */
export function aliasesOf(flag: Flag): readonly string[] {
  return flag.alias === undefined ? [] : typeof flag.alias === "string" ? [flag.alias] : flag.alias;
}

/**
 * Returns the error for a value that a flag or an argument does not accept: exit code 2.
 *
 * @param name The flag or the argument, as in `--port`.
 * @param value The rejected value. It is escaped and shortened in the message.
 * @param expected The accepted values, as they follow "expected": "a host name".
 * @returns The error, for the caller to throw.
 */
export function badValue(name: string, value: string, expected: string): CliError {
  return new CliError(`Bad value for ${name}: ${quote(value)} (expected ${expected})`, 2);
}

function usage(message: string): CliError {
  return new CliError(message, ExitCode.usage);
}

interface Known {
  key: string;
  name: string;
  flag: Flag;
}

/** Returns the flags by each of their names. Throws a TypeError for ambiguous names. */
export function indexFlags(flags: Flags): Map<string, Known> {
  const index = new Map<string, Known>();
  for (const [key, flag] of Object.entries(flags)) {
    const name = kebab(key);
    for (const spelling of [name, ...aliasesOf(flag)]) {
      if (!/^([a-z][a-z0-9-]*|[A-Z0-9])$/.test(spelling) || spelling.startsWith("no-")) {
        throw new TypeError(`Cannot use ${quote(spelling)} as the name of a flag`);
      }
      if (index.has(spelling)) throw new TypeError(`Two flags are named ${dashed(spelling)}`);
      index.set(spelling, { key, name, flag });
    }
  }
  return index;
}

/** The parts of one argument: `--port=1`, `-p1`, `--no-color`. */
interface Token {
  known: Known | undefined;
  shown: string;
  value: string | undefined;
  negated: boolean;
}

function readToken(arg: string, index: Map<string, Known>): Token {
  const equals = arg.indexOf("=");
  const shown = equals < 0 ? arg : arg.slice(0, equals);
  const value = equals < 0 ? undefined : arg.slice(equals + 1);
  const body = shown.replace(/^--?/, "");
  const long = shown.startsWith("--");
  // "-port" is a typo of "--port", not four letters.
  const known = long || body.length === 1 ? index.get(body) : undefined;
  if (known !== undefined) return { known, shown, value, negated: false };
  if (long && body.startsWith("no-") && value === undefined) {
    const positive = index.get(body.slice(3));
    if (positive?.flag.type === "boolean") return { known: positive, shown, value, negated: true };
  }
  if (!long) {
    const letter = index.get(arg.slice(1, 2));
    if (letter !== undefined && letter.flag.type !== "boolean" && !index.has(body)) {
      return { known: letter, shown: arg.slice(0, 2), value: arg.slice(2), negated: false };
    }
  }
  return { known: undefined, shown, value, negated: false };
}

/** Permissions of Deno: a task passes them on to the program, where they have no effect. */
const OF_DENO = /^--(?:allow|deny)-(?:all|env|ffi|import|net|read|run|scripts|sys|write)$/;

function unknownFlag(shown: string, index: Map<string, Known>): CliError {
  if (OF_DENO.test(shown)) {
    const remedy = `"deno run ${shown}=… FILE" instead of "deno task"; see --help`;
    return usage(`Unknown flag: ${shown} (a flag of Deno, which goes before the file: ${remedy})`);
  }
  const body = shown.replace(/^-+(no-)?/, "");
  const negated = /^--no-/.test(shown);
  const candidates = [...index].flatMap(([name, known]) =>
    name.length > 1 && (!negated || known.flag.type === "boolean") ? [name] : []
  );
  const near = nearest(body, candidates);
  const hint = near === undefined
    ? "see --help"
    : `did you mean --${negated ? "no-" : ""}${near}? see --help`;
  return usage(`Unknown flag: ${quote(shown).slice(1, -1)} (${hint})`);
}

interface Normalized {
  /** `--flag=value` for every flag, then `--` and the positional arguments. */
  argv: string[];
  /** The given flags, each as it was written. `parseArgs` reports a missing boolean as false. */
  given: Map<string, string>;
}

/**
 * Converts the arguments to a form that `parseArgs` reads correctly. By itself, `parseArgs` takes a
 * missing value for an empty one, `--json=maybe` for true, and a negative number for short flags.
 */
function normalize(args: readonly string[], index: Map<string, Known>): Normalized {
  const flags: string[] = [];
  const given = new Map<string, string>();
  const switches = new Map<string, string>();
  const positionals: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") {
      positionals.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-" || isNumber(arg, index)) {
      positionals.push(arg);
      continue;
    }
    const { known, shown, value, negated } = readToken(arg, index);
    if (known === undefined) throw unknownFlag(shown, index);
    const { name, flag } = known;
    if (flag.type === "boolean") {
      if (value !== undefined && "expected" in convert(flag, value)) {
        throw badValue(shown, value, "true, false or no value");
      }
      const state = negated ? "false" : value ?? "true";
      // The same switch twice is harmless: there is no doubt about its value.
      if ((switches.get(name) ?? state) !== state) throw givenTwice(given.get(name)!, shown);
      switches.set(name, state);
      given.set(name, shown);
      flags.push(`--${name}=${state}`);
      continue;
    }
    const before = given.get(name);
    if (before !== undefined && flag.type !== "list") throw givenTwice(before, shown);
    given.set(name, shown);
    const next = args[i + 1];
    if (value !== undefined) {
      flags.push(`--${name}=${value}`);
    } else if (next === undefined || (/^-./.test(next) && !isNumber(next, index))) {
      const hint = next === undefined || next.startsWith("--")
        ? "see --help"
        : `write ${quote(`${shown}=${next}`).slice(1, -1)} if the value begins with a dash`;
      throw usage(`Missing value for ${shown} (${hint})`);
    } else {
      flags.push(`--${name}=${next}`);
      i++;
    }
  }
  return { argv: [...flags, "--", ...positionals], given };
}

/** Returns whether an argument is a negative number, and not a flag such as `-4`. */
function isNumber(arg: string, index: Map<string, Known>): boolean {
  return /^-\d/.test(arg) && !index.has(arg.slice(1));
}

function givenTwice(before: string, shown: string): CliError {
  const names = before === shown ? shown : `${before} and ${shown}`;
  return usage(`Flag given twice: ${names} (it has one value; see --help)`);
}

function convertOrThrow(flag: Flag | Positional, name: string, text: string): unknown {
  const converted = convert(flag, text);
  if ("expected" in converted) throw badValue(name, text, converted.expected);
  return converted.value;
}

/** Returns the default value of a flag. Defaults of durations and sizes are declared as text. */
function defaultOf(flag: Flag | Positional, name: string): unknown {
  const { default: value } = flag;
  if (value === undefined) {
    return flag.type === "boolean" ? false : flag.type === "list" ? [] : undefined;
  }
  if (flag.type === "list") return [...(flag.default ?? [])];
  return convertOrThrow(flag, `the default of ${name}`, String(value));
}

/** Reads all flags and positional arguments. Throws a {@linkcode CliError} for a bad one. */
export function readArgs(
  args: readonly string[],
  flags: Flags,
  positionals: Positionals,
): Record<string, unknown> {
  const index = indexFlags(flags);
  const names = (wanted: boolean) =>
    Object.keys(flags).filter((key) => (flags[key]?.type === "boolean") === wanted).map(kebab);
  const { argv, given } = normalize(args, index);
  const parsed = parseArgs(argv, {
    string: [...names(false), "_"],
    boolean: names(true),
    negatable: names(true),
    collect: Object.keys(flags).filter((key) => flags[key]?.type === "list").map(kebab),
  });
  // Help and version work even if a required flag is missing.
  if (parsed.help === true || parsed.version === true) {
    return { help: parsed.help, version: parsed.version };
  }
  const values: Record<string, unknown> = {};
  for (const [key, flag] of Object.entries(flags)) {
    const name = kebab(key);
    const raw = parsed[name];
    const shown = given.get(name);
    if (shown === undefined) {
      if (flag.required === true) throw usage(`Missing flag: ${dashed(name)} (see --help)`);
      values[key] = defaultOf(flag, dashed(name));
    } else if (flag.type === "boolean") {
      values[key] = raw === true;
    } else {
      const texts = (Array.isArray(raw) ? raw : [raw]).map(String);
      const converted = texts.map((text) => convertOrThrow(flag, shown, text));
      values[key] = flag.type === "list" ? converted : converted[0];
    }
  }
  return { ...values, ...readPositionals(parsed._.map(String), positionals) };
}

function readPositionals(
  given: readonly string[],
  positionals: Positionals,
): Record<string, unknown> {
  const rest = [...given];
  const values: Record<string, unknown> = {};
  for (const [key, positional] of Object.entries(positionals)) {
    const name = kebab(key).toUpperCase();
    const texts = positional.type === "list" ? rest.splice(0) : rest.splice(0, 1);
    if (texts.length === 0) {
      const optional = positional.optional === true || positional.default !== undefined;
      if (!optional) throw usage(`Missing argument: ${name} (see --help)`);
      values[key] = defaultOf(positional, name);
    } else {
      const converted = texts.map((text) => convertOrThrow(positional, name, text));
      values[key] = positional.type === "list" ? converted : converted[0];
    }
  }
  const [extra] = rest;
  if (extra !== undefined) throw usage(`Too many arguments: ${quote(extra)} (see --help)`);
  return values;
}
