import {
  callback,
  integer,
  listOf,
  MAX_TIMER,
  oneOf,
  OptionRules,
  rule,
  signal,
  word,
} from "../../net/internal/options.ts";
import { pem } from "../../net/internal/tls_rules.ts";
import type { DiagnoseStepName } from "./diagnosis.ts";
import type { DiagnoseOptions } from "./options.ts";

/** All steps in order. */
export const STEPS: readonly DiagnoseStepName[] = [
  "interfaces",
  "dns",
  "ping",
  "trace",
  "tcp",
  "tls",
  "http",
];

/** The rules for the options of `diagnose`. */
export const DIAGNOSE = new OptionRules<DiagnoseOptions>({
  steps: listOf(oneOf(...STEPS)),
  timeout: integer(1, MAX_TIMER),
  traceTimeout: integer(1, MAX_TIMER),
  count: integer(1, 1000),
  server: word,
  types: listOf(
    rule(
      'a record type such as "MX" or "TYPE99"',
      (value) => typeof value === "string" && /^[A-Z][A-Z0-9]*$/.test(value),
    ),
  ),
  caCerts: listOf(pem),
  onStep: callback,
  signal,
});
