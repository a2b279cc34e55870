import { aliasesOf, dashed, kebab } from "./_args.ts";
import { wrap } from "../internal/text.ts";
import type { Flag, Flags, Positional, Positionals } from "./_values.ts";

/** The parts of the help text. */
export interface HelpParts {
  name: string;
  summary: string;
  description?: string;
  flags: Flags;
  standardFlags: Flags;
  positionals: Positionals;
  permissions: Readonly<Record<string, string>>;
  examples: readonly string[];
  exitCodes?: Readonly<Record<number, string>>;
}

/** The exit codes that every program has. */
const EXIT_CODES: Readonly<Record<number, string>> = {
  0: "success, or stopped by a signal",
  1: "failure",
  2: "a flag or an argument is wrong",
  3: "a permission or a program is missing",
  70: "a bug in this program",
  130: "interrupted before the end, or by a second signal",
};

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  string: "text",
  host: "host",
  number: "number",
  integer: "number",
  port: "port",
  duration: "time",
  size: "size",
  list: "text",
};

/** Widths in columns: of the names, and of a whole line. */
const NARROW = 28;
const WIDTH = 80;
const INDENT = " ".repeat(NARROW + 4);

function placeholder(flag: Flag): string {
  if (flag.type === "boolean") return "";
  if (flag.placeholder !== undefined) return ` <${flag.placeholder}>`;
  return flag.type === "choice"
    ? ` <${flag.choices.join("|")}>`
    : ` <${PLACEHOLDERS[flag.type] ?? flag.type}>`;
}

function defaultNote(flag: Flag | Positional): string {
  if ("required" in flag && flag.required === true) return " [required]";
  const repeated = flag.type === "list" ? " [repeatable]" : "";
  const { default: value } = flag;
  if (value === undefined || value === false) return repeated;
  if (value === true) return `${repeated} [default: on]`;
  const shown = flag.type === "list" ? (flag.default ?? []).join(", ") : String(value);
  return shown === "" ? repeated : `${repeated} [default: ${shown}]`;
}

function flagRow([key, flag]: [string, Flag]): [string, string] {
  const name = kebab(key);
  const long = flag.type === "boolean" && flag.default === true ? `--[no-]${name}` : dashed(name);
  const names = [...aliasesOf(flag)].sort((a, b) => a.length - b.length);
  const spellings = [
    ...names.filter((alias) => alias.length === 1).map(dashed),
    long,
    ...names.filter((alias) => alias.length > 1).map(dashed),
  ];
  return [spellings.join(", ") + placeholder(flag), flag.help + defaultNote(flag)];
}

function positionalName([key, positional]: [string, Positional]): string {
  const name = kebab(key).toUpperCase() + (positional.type === "list" ? "…" : "");
  const optional = positional.optional === true || positional.default !== undefined;
  return optional ? `[${name}]` : name;
}

/** Returns the help text. */
export function helpText(parts: HelpParts, color: boolean): string {
  const title = (text: string) => color ? `\x1b[1m${text}\x1b[0m` : text;
  const rows = (entries: Array<[string, string]>) =>
    entries.map(([left, right]) => {
      const lines = wrap(right, WIDTH - NARROW - 4);
      const [first, ...rest] = left.length > NARROW ? ["", ...lines] : lines;
      return [`  ${left.padEnd(NARROW)}  ${first}`, ...rest.map((line) => INDENT + line)]
        .map((line) => line.trimEnd()).join("\n");
    }).join("\n");
  const positionals = Object.entries(parts.positionals);
  const usage = [parts.name, "[flags]", ...positionals.map(positionalName)].join(" ");
  const prose = (text: string) => text.split("\n").flatMap((line) => wrap(line, WIDTH)).join("\n");
  const summary = prose(`${parts.name}: ${parts.summary}`).slice(parts.name.length);
  const sections = [title(parts.name) + summary, `${title("Usage:")} ${usage}`];
  if (parts.description !== undefined) sections.push(prose(parts.description));
  const section = (name: string, entries: Array<[string, string]>) => {
    if (entries.length > 0) sections.push(`${title(name)}\n${rows(entries)}`);
  };
  section(
    "Arguments:",
    positionals.map((entry) => [positionalName(entry), entry[1].help + defaultNote(entry[1])]),
  );
  section("Flags:", Object.entries(parts.flags).map(flagRow));
  section("Common flags:", Object.entries(parts.standardFlags).map(flagRow));
  section("Permissions:", Object.entries(parts.permissions));
  if (parts.examples.length > 0) {
    sections.push(`${title("Examples:")}\n${parts.examples.map((line) => `  ${line}`).join("\n")}`);
  }
  // JavaScript sorts numeric keys.
  section("Exit codes:", Object.entries({ ...EXIT_CODES, ...parts.exitCodes }));
  return sections.join("\n\n") + "\n";
}
