import {
  anObject,
  anything,
  flag,
  listOf,
  oneOf,
  optionError,
  OptionRules,
  required,
  type Rule,
  rule,
  text,
  word,
} from "../../net/internal/options.ts";
import {
  type BooleanFlag,
  type ChoiceFlag,
  convert,
  type DurationFlag,
  type Flag,
  type FlagBase,
  type Flags,
  type ListFlag,
  type NumberFlag,
  type Positionals,
  type SizeFlag,
  type StringFlag,
} from "./_values.ts";

const words = listOf(word);

/** One name, or several. */
const names: Rule = (name, value) => {
  if (typeof value !== "string") words(name, value);
};

const number = rule("a number", Number.isFinite);

/** A time of any length: a program can need one that is no delay of a timer, such as an age. */
const ANY_TIME: DurationFlag = { type: "duration", help: "", max: "1000000d" };

const duration = rule(
  'a time with its unit, such as "250ms"',
  (value) => typeof value === "string" && "value" in convert(ANY_TIME, value),
);

const size = rule(
  'a size in bytes, such as "64KiB"',
  (value) => typeof value === "string" && "value" in convert({ type: "size", help: "" }, value),
);

const BASE = {
  help: required(text),
  alias: names,
  placeholder: word,
  required: flag,
  type: anything,
};

const TEXT = { ...BASE, default: text, allowEmpty: flag };
const NUMBER = { ...BASE, default: number, min: number, max: number };

const STRING_FLAG = new OptionRules<StringFlag>(TEXT);
const NUMBER_FLAG = new OptionRules<NumberFlag>(NUMBER);

/** The rules for a flag of each type. */
const FLAGS: { readonly [Type in Flag["type"]]: OptionRules<FlagBase> } = {
  string: STRING_FLAG,
  host: STRING_FLAG,
  number: NUMBER_FLAG,
  integer: NUMBER_FLAG,
  port: NUMBER_FLAG,
  boolean: new OptionRules<BooleanFlag>({ ...BASE, default: flag }),
  duration: new OptionRules<DurationFlag>({
    ...BASE,
    default: duration,
    min: duration,
    max: duration,
  }),
  size: new OptionRules<SizeFlag>({ ...BASE, default: size, min: size, max: size }),
  choice: new OptionRules<ChoiceFlag>({ ...BASE, choices: required(words), default: word }),
  list: new OptionRules<ListFlag>({ ...BASE, default: listOf(text) }),
};

const type = oneOf(...Object.keys(FLAGS));

/** Checks the declarations of flags. Throws if one is invalid. */
export function checkFlags(flags: Flags): void {
  for (const [name, declared] of Object.entries(flags)) checkFlag(`flags.${name}`, declared);
}

/** Checks the declarations of positional arguments. Throws if one is invalid. */
export function checkPositionals(positionals: Positionals): void {
  for (const [name, declared] of Object.entries(positionals)) {
    const path = `positionals.${name}`;
    anObject(path, declared);
    const { optional, ...rest } = declared;
    if (optional !== undefined) flag(`${path}.optional`, optional);
    checkFlag(path, { type: "string", ...rest } as Flag);
  }
}

function checkFlag(path: string, declared: Flag): void {
  anObject(path, declared);
  type(`${path}.type`, declared.type);
  FLAGS[declared.type].checkAt(`${path}.`, "defineCli", declared);
  if (declared.default === undefined) return;
  for (const value of [declared.default].flat()) {
    const converted = convert(declared, String(value));
    const isEmpty = value === "" && (declared.type === "string" || declared.type === "list");
    if ("expected" in converted && !isEmpty) {
      throw optionError(`${path}.default`, converted.expected, value);
    }
  }
}
