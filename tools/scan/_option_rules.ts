import {
  flag,
  integer,
  listOf,
  MAX_TIMER,
  OptionRules,
  port,
  type Rule,
  rule,
  signal,
  text,
} from "../../net/internal/options.ts";
import type { ScanOptions } from "./options.ts";

const portList = listOf(port);

/** A text is checked when it is parsed. A list may have all ports, so it is not copied if it is good. */
const ports: Rule = (name, value) => {
  if (typeof value === "string" || (Array.isArray(value) && value.every(isPort))) return;
  portList(name, value);
};

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

/** The rules for the options of `scan`. */
export const SCAN = new OptionRules<ScanOptions>({
  ports,
  exclude: listOf(text),
  concurrency: integer(1, 10_000),
  timeout: integer(1, MAX_TIMER),
  retries: integer(0, 100),
  rate: integer(0, 1_000_000),
  maxProbes: integer(0, Number.MAX_SAFE_INTEGER),
  seed: integer(0, 2 ** 32 - 1),
  udp: flag,
  banner: flag,
  tls: flag,
  service: flag,
  workers: integer(1, 64),
  signal,
});

/** One target, or several. Each is checked when it is parsed. */
export const targetsRule: Rule = rule(
  "a target, or a list of targets",
  (value) =>
    typeof value === "string" ||
    (typeof value === "object" && value !== null &&
      (Symbol.iterator in value || Symbol.asyncIterator in value)),
);
