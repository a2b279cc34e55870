import { MAX_TIMER } from "../../net/internal/options.ts";

/** A duration on a command line: `250ms`, `5s`, `1m30s`, `2h`, or `0`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}` | `${number}m${number}s` | "0";

/** A number of bytes on a command line: `512`, `64KiB`, `1MB`. */
export type ByteSize = `${number}${"" | "B" | "kB" | "KiB" | "MB" | "MiB" | "GB" | "GiB"}`;

/** The properties of every flag. */
export interface FlagBase {
  /** One line for `--help`. The default is added. */
  help: string;
  /** Other names: `"host"` for `--host`, a single letter `"p"` for `-p`. @default [] */
  alias?: string | readonly string[];
  /** Name of the value in `--help`. @default the type */
  placeholder?: string;
  /** Whether a missing flag is an error. @default false */
  required?: boolean;
}

/**
 * A flag with a text. The text must not be empty unless {@linkcode StringFlag.allowEmpty} is set. The
 * type `host` requires a host name or an address, without spaces and slashes.
 */
export interface StringFlag extends FlagBase {
  /** The type of the flag. */
  type: "string" | "host";
  /** The value when the flag is left out. @default none */
  default?: string;
  /** Whether the empty value `--flag=` is accepted. @default false */
  allowEmpty?: boolean;
}

/** A flag with a number: `number` accepts decimals, `integer` and `port` only integers. */
export interface NumberFlag extends FlagBase {
  /** The type of the flag. */
  type: "number" | "integer" | "port";
  /** The value when the flag is left out. @default none */
  default?: number;
  /** The smallest value. @default 0 for ports, otherwise none */
  min?: number;
  /** The largest value. @default 65535 for ports, otherwise none */
  max?: number;
}

/** A switch: `--flag` and `--no-flag`. */
export interface BooleanFlag extends FlagBase {
  /** The type of the flag. */
  type: "boolean";
  /** The value when the flag is left out. @default false */
  default?: boolean;
}

/** A flag with a duration. The value is in milliseconds. */
export interface DurationFlag extends FlagBase {
  /** The type of the flag. */
  type: "duration";
  /** The value when the flag is left out. @default none */
  default?: Duration;
  /** The shortest time. @default "0" */
  min?: Duration;
  /** The longest time. @default 24 days, the longest delay of a timer */
  max?: Duration;
}

/** A flag with a number of bytes. */
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

/** A flag with one of several words. */
export interface ChoiceFlag extends FlagBase {
  /** The type of the flag. */
  type: "choice";
  /** The accepted words. */
  choices: readonly string[];
  /** The value when the flag is left out. @default none */
  default?: string;
}

/** A flag with a text that may be given several times. */
export interface ListFlag extends FlagBase {
  /** The type of the flag. */
  type: "list";
  /** The values when the flag is left out. @default [] */
  default?: readonly string[];
}

/** A flag of any type. */
export type Flag =
  | StringFlag
  | NumberFlag
  | BooleanFlag
  | DurationFlag
  | SizeFlag
  | ChoiceFlag
  | ListFlag;

/** A positional argument. It has the type of a flag, by default a text, and is required by default. */
export type Positional =
  & { /** Whether the argument may be missing. @default false */ optional?: boolean }
  & (Exclude<Flag, BooleanFlag> | (Omit<StringFlag, "type"> & { type?: undefined }));

/** Flags by the name of their value. `maxConnections` is the flag `--max-connections`. */
export type Flags = Readonly<Record<string, Flag>>;

/** Positional arguments in order, by the name of their value. */
export type Positionals = Readonly<Record<string, Positional>>;

/** The type of the value of a given flag `S`. */
export type GivenValue<S> = S extends { type: "boolean" } ? boolean
  : S extends { type: "list" } ? string[]
  : S extends { type: "choice"; choices: readonly (infer C)[] } ? C
  : S extends { type: "number" | "integer" | "port" | "duration" | "size" } ? number
  : string;

/** The type of the value of a flag. It includes undefined if the flag has no default and is optional. */
export type FlagValue<S> = S extends
  { type: "boolean" | "list" } | { default: unknown } | { required: true } ? GivenValue<S>
  : GivenValue<S> | undefined;

/** The type of the value of a positional argument. */
export type PositionalValue<S> = S extends { type: "list" } | { default: unknown } ? GivenValue<S>
  : S extends { optional: true } ? GivenValue<S> | undefined
  : GivenValue<S>;

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

/** Returns the milliseconds of a duration; undefined for any other text. */
function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ""] ?? NaN);
  }
  return Math.round(total);
}

/** Returns the bytes of a size; undefined for any other text. */
function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(|b|kb|kib|mb|mib|gb|gib)$/i.exec(text);
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * (UNIT_BYTES[(match[2] ?? "").toLowerCase()] ?? NaN));
}

/** A value, or a description of the accepted values. */
export type Converted = { value: unknown } | { expected: string };

/** Converts the text of an argument to the value of a flag. */
export function convert(flag: Flag | Positional, text: string): Converted {
  switch (flag.type) {
    case undefined:
    case "string": {
      const empty = text === "" && flag.allowEmpty !== true;
      return empty ? { expected: "a text that is not empty" } : { value: text };
    }
    case "host":
      // This rejects only impossible names; the resolver decides whether a name exists.
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
      const highest = max === undefined ? MAX_TIMER : parseDuration(max) ?? MAX_TIMER;
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
