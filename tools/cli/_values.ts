/** Flag types: what may be declared, what a text of argv becomes. Private to `tools/`. @module */

/** A length of time as it is written on a command line: `250ms`, `5s`, `1m30s`, `2h`, or `0`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}` | `${number}m${number}s` | "0";

/** A number of bytes as it is written on a command line: `512`, `64KiB`, `1MB`. */
export type ByteSize = `${number}${"" | "B" | "kB" | "KiB" | "MB" | "MiB" | "GB" | "GiB"}`;

/** What every flag has, whatever its type. */
export interface FlagBase {
  /** One line for `--help`: what it does, without the default, which is added. */
  help: string;
  /** Other names: `"host"` for `--host`, a single letter `"p"` for `-p`. @default [] */
  alias?: string | readonly string[];
  /** What stands for the value in `--help`. @default the type */
  placeholder?: string;
  /** Whether leaving it out is an error. @default false */
  required?: boolean;
}

/**
 * A text. Empty is refused unless {@linkcode StringFlag.allowEmpty} is set. Of type `host` it is
 * the name or address of a host: no blanks, no slashes.
 */
export interface StringFlag extends FlagBase {
  /** The type of the flag. */
  type: "string" | "host";
  /** The value when the flag is left out. @default none */
  default?: string;
  /** Whether `--flag=` is a value. @default false */
  allowEmpty?: boolean;
}

/** A number: `number` takes decimals, `integer` and `port` whole numbers. */
export interface NumberFlag extends FlagBase {
  /** The type of the flag. */
  type: "number" | "integer" | "port";
  /** The value when the flag is left out. @default none */
  default?: number;
  /** The smallest value. @default 0 for ports, else none */
  min?: number;
  /** The largest value. @default 65535 for ports, else none */
  max?: number;
}

/** `--flag` and `--no-flag`. */
export interface BooleanFlag extends FlagBase {
  /** The type of the flag. */
  type: "boolean";
  /** The value when the flag is left out. @default false */
  default?: boolean;
}

/** A length of time; the value is in milliseconds. */
export interface DurationFlag extends FlagBase {
  /** The type of the flag. */
  type: "duration";
  /** The value when the flag is left out. @default none */
  default?: Duration;
  /** The shortest time. @default "0" */
  min?: Duration;
  /** The longest time. @default 24 days, the longest that a timer can wait */
  max?: Duration;
}

/** A number of bytes. */
export interface SizeFlag extends FlagBase {
  /** The type of the flag. */
  type: "size";
  /** The value when the flag is left out. @default none */
  default?: ByteSize;
  /** The smallest size. @default "0" */
  min?: ByteSize;
  /** The largest size. @default "1024GiB" */
  max?: ByteSize;
}

/** One of several words. */
export interface ChoiceFlag extends FlagBase {
  /** The type of the flag. */
  type: "choice";
  /** The words that may be given. */
  choices: readonly string[];
  /** The value when the flag is left out. @default none */
  default?: string;
}

/** A text that may be given several times. */
export interface ListFlag extends FlagBase {
  /** The type of the flag. */
  type: "list";
  /** The values when the flag is left out. @default [] */
  default?: readonly string[];
}

/** What can be declared as a flag. */
export type Flag =
  | StringFlag
  | NumberFlag
  | BooleanFlag
  | DurationFlag
  | SizeFlag
  | ChoiceFlag
  | ListFlag;

/** A positional argument: typed like a flag (a text unless told otherwise), required unless optional. */
export type Positional =
  & { /** Whether it may be left out. @default false */ optional?: boolean }
  & (Exclude<Flag, BooleanFlag> | (Omit<StringFlag, "type"> & { type?: undefined }));

/** Flags by the name of their value: `maxConnections` is given as `--max-connections`. */
export type Flags = Readonly<Record<string, Flag>>;

/** Positional arguments in their order, by the name of their value. */
export type Positionals = Readonly<Record<string, Positional>>;

/** What a flag of type `S` holds when it was given. */
export type GivenValue<S> = S extends { type: "boolean" } ? boolean
  : S extends { type: "list" } ? string[]
  : S extends { type: "choice"; choices: readonly (infer C)[] } ? C
  : S extends { type: "number" | "integer" | "port" | "duration" | "size" } ? number
  : string;

/** What a declared flag holds: `undefined` only where there is no default and none is required. */
export type FlagValue<S> = S extends
  { type: "boolean" | "list" } | { default: unknown } | { required: true } ? GivenValue<S>
  : GivenValue<S> | undefined;

/** What a declared positional argument holds. */
export type PositionalValue<S> = S extends { type: "list" } | { default: unknown } ? GivenValue<S>
  : S extends { optional: true } ? GivenValue<S> | undefined
  : GivenValue<S>;

// Above this a timer of the runtime overflows and fires at once.
const LONGEST_MS = 2 ** 31 - 1;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };
const UNIT_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  kib: 2 ** 10,
  mb: 1e6,
  mib: 2 ** 20,
  gb: 1e9,
  gib: 2 ** 30,
};

/** Milliseconds of a duration text, `undefined` when it is none. */
function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ""] ?? NaN);
  }
  return Math.round(total);
}

/** Bytes of a size text, `undefined` when it is none. */
function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(|b|kb|kib|mb|mib|gb|gib)$/i.exec(text);
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * (UNIT_BYTES[(match[2] ?? "").toLowerCase()] ?? NaN));
}

/** A value, or the sentence part that says what would have been one. */
export type Converted = { value: unknown } | { expected: string };

/** Turns one text of argv into the value of a flag. */
export function convert(flag: Flag | Positional, text: string): Converted {
  switch (flag.type) {
    case undefined:
    case "string": {
      const empty = text === "" && flag.allowEmpty !== true;
      return empty ? { expected: "a text that is not empty" } : { value: text };
    }
    case "host":
      // Whether the name exists is for the resolver to say; this is none at all.
      return /^[^\s\p{Cc}/@?#]{1,255}$/u.test(text)
        ? { value: text }
        : { expected: "a host name or an address" };
    case "list":
      return text === "" ? { expected: "a text that is not empty" } : { value: text };
    case "boolean":
      return text === "true" || text === "false"
        ? { value: text === "true" }
        : { expected: "true or false" };
    case "choice":
      return flag.choices.includes(text)
        ? { value: text }
        : { expected: `one of ${flag.choices.join(", ")}` };
    case "number":
      return ranged(/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined, flag, "a number");
    case "integer":
      return ranged(/^-?\d+$/.test(text) ? Number(text) : undefined, flag, "a whole number");
    case "port":
      return ranged(
        /^\d+$/.test(text) ? Number(text) : undefined,
        { min: flag.min ?? 0, max: flag.max ?? 65535 },
        "a port number",
      );
    case "duration": {
      const { min = "0", max } = flag;
      const lowest = parseDuration(min) ?? 0;
      const highest = max === undefined ? LONGEST_MS : parseDuration(max) ?? LONGEST_MS;
      const value = parseDuration(text);
      if (value !== undefined && value >= lowest && value <= highest) return { value };
      return {
        expected: value === undefined
          ? "a time with its unit, such as 250ms, 5s or 2m"
          : `a time from ${min} to ${max ?? "24d"}`,
      };
    }
    case "size": {
      const { min = "0", max = "1024GiB" } = flag;
      const value = parseSize(text);
      const inRange = value !== undefined && value >= (parseSize(min) ?? 0) &&
        value <= (parseSize(max) ?? Number.MAX_SAFE_INTEGER);
      if (inRange) return { value };
      return {
        expected: value === undefined
          ? "a size in bytes, such as 512, 64KiB or 1MB"
          : `a size from ${min} to ${max}`,
      };
    }
  }
}

function ranged(
  value: number | undefined,
  { min, max }: { min?: number; max?: number },
  noun: string,
): Converted {
  if (
    value !== undefined && Number.isFinite(value) && value >= (min ?? -Infinity) &&
    value <= (max ?? Infinity)
  ) return { value };
  if (min !== undefined && max !== undefined) return { expected: `${noun} from ${min} to ${max}` };
  if (min !== undefined) return { expected: `${noun} of ${min} or more` };
  if (max !== undefined) return { expected: `${noun} of ${max} or less` };
  return { expected: noun };
}
