/** argv against a specification. Private to `tools/`. @module */

import { parseArgs } from "@std/cli/parse-args";
import { CliError, ExitCode } from "./_failure.ts";
import { nearest, quote } from "../internal/text.ts";
import { convert, type Flag, type Flags, type Positional, type Positionals } from "./_values.ts";

/** `maxConnections` → `max-connections`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** How a name is written on the command line: one letter takes one dash. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** All other names of a flag. */
export function aliasesOf(flag: Flag): readonly string[] {
  return flag.alias === undefined ? [] : typeof flag.alias === "string" ? [flag.alias] : flag.alias;
}

/** The error for a value that a flag or an argument cannot take: exit code 2. */
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

/** Every spelling of every flag. Names that would be ambiguous are a mistake of the programmer. */
export function indexFlags(flags: Flags): Map<string, Known> {
  const index = new Map<string, Known>();
  for (const [key, flag] of Object.entries(flags)) {
    const name = kebab(key);
    for (const spelling of [name, ...aliasesOf(flag)]) {
      if (!/^([a-z][a-z0-9-]*|[A-Z])$/.test(spelling) || spelling.startsWith("no-")) {
        throw new TypeError(`Not usable as the name of a flag: ${quote(spelling)}`);
      }
      if (index.has(spelling)) throw new TypeError(`Two flags are named ${dashed(spelling)}`);
      index.set(spelling, { key, name, flag });
    }
  }
  return index;
}

/** One argument taken apart: `--port=1`, `-p1`, `--no-color`. */
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

function unknownFlag(shown: string, index: Map<string, Known>): CliError {
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
  /**
   * The flags that occur, each as it was written last; `parseArgs` itself reports a boolean that
   * was left out as false.
   */
  given: Map<string, string>;
}

/**
 * Brings argv into the one form that `parseArgs` reads without guessing: it takes a missing value
 * for an empty one, `--json=maybe` for true, and a negative number for a bundle of letters.
 */
function normalize(args: readonly string[], index: Map<string, Known>): Normalized {
  const flags: string[] = [];
  const given = new Map<string, string>();
  const positionals: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") {
      positionals.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-" || /^-\d/.test(arg)) {
      positionals.push(arg);
      continue;
    }
    const { known, shown, value, negated } = readToken(arg, index);
    if (known === undefined) throw unknownFlag(shown, index);
    const { name, flag } = known;
    given.set(name, shown);
    if (flag.type === "boolean") {
      if (value !== undefined && "expected" in convert(flag, value)) {
        throw badValue(shown, value, "true or false, or no value at all");
      }
      flags.push(negated ? `--no-${name}` : `--${name}=${value ?? "true"}`);
      continue;
    }
    const next = args[i + 1];
    if (value !== undefined) {
      flags.push(`--${name}=${value}`);
    } else if (next === undefined || (/^-[^\d]/.test(next))) {
      const hint = next === undefined || next.startsWith("--")
        ? "see --help"
        : `write ${quote(`${shown}=${next}`).slice(1, -1)} for a value that begins with a dash`;
      throw usage(`Missing value for ${shown} (${hint})`);
    } else {
      flags.push(`--${name}=${next}`);
      i++;
    }
  }
  return { argv: [...flags, "--", ...positionals], given };
}

function convertOrThrow(flag: Flag | Positional, name: string, text: string): unknown {
  const converted = convert(flag, text);
  if ("expected" in converted) throw badValue(name, text, converted.expected);
  return converted.value;
}

/** The default of a flag as a value: durations and sizes are declared as text. */
function defaultOf(flag: Flag | Positional, name: string): unknown {
  const { default: value } = flag;
  if (value === undefined) {
    return flag.type === "boolean" ? false : flag.type === "list" ? [] : undefined;
  }
  if (flag.type === "list") return [...(flag.default ?? [])];
  return convertOrThrow(flag, `the default of ${name}`, String(value));
}

/** The values of all flags and positional arguments. Throws {@linkcode CliError} for bad ones. */
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
  // Help and version are wanted even where the rest is incomplete.
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
