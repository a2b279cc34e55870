import * as std from "npm:deno-std@1.4.0/cli/parse_args.js";

/** Options of `parseArgs`. */
export interface ParseOptions {
  /** Flags that are true or false. */
  boolean?: readonly string[];
  /** Flags that take a text. */
  string?: readonly string[];
  /** Flags that may come several times. */
  collect?: readonly string[];
  /** Other names of a flag. */
  alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Flags that `--no-x` switches off. */
  negatable?: readonly string[];
  /** Keeps what follows `--` apart. */
  "--"?: boolean;
  /** Ends the flags at the first argument that is none. */
  stopEarly?: boolean;
  /** Called for every unknown argument. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The parsed flags, `_` holding the rest. */
export interface Args {
  [flag: string]: unknown;
  /** The arguments that are no flags. */
  _: Array<string | number>;
}

/** Parses command-line arguments. */
export const parseArgs: (args: readonly string[], options?: ParseOptions) => Args = std.parseArgs;
