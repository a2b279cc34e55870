/** The rules for the options of the POP3 client. */

import { loginRules, mechanismName } from "../internal/mail_rules.ts";
import { count, flag, integer, listOf, OptionRules, rule } from "../internal/options.ts";
import type { SaslName } from "../mail/options.ts";
import type { ConnectPop3Options, RetrieveAllOptions, TopAllOptions } from "./options.ts";

export const lineCount = integer(0, 2 ** 31 - 1);

export const CONNECT_POP3 = new OptionRules<ConnectPop3Options>({
  ...loginRules<SaslName | "USER" | "APOP">("USER", "APOP").rules,
  utf8: flag,
});
export const MECHANISM = mechanismName("USER", "APOP");
export const RETRIEVE_ALL = new OptionRules<RetrieveAllOptions>({ maxSize: count });
export const TOP_ALL = new OptionRules<TopAllOptions>({
  lines: lineCount,
  maxSize: count,
});
export const languageTag = rule(
  "a language tag such as de, or *",
  (value) =>
    typeof value === "string" && /^(?:\*|[A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8})*)$/.test(value),
);
export const COMMAND = new OptionRules<{ multiline?: boolean }>({ multiline: flag });
export const messageNumber = integer(1, Number.MAX_SAFE_INTEGER);
export const messageNumbers = listOf(messageNumber);
