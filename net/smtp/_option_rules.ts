/** Rules for the options of SMTP clients and pools. */

import { loginRules } from "../internal/mail_rules.ts";
import {
  count,
  integer,
  listOf,
  milliseconds,
  numberFrom,
  OptionRules,
  required,
  rule,
  signal,
  text,
} from "../internal/options.ts";
import type { SmtpEnvelope } from "./codec.ts";
import type { ConnectSmtpOptions, SendMailOptions, SmtpPoolOptions } from "./options.ts";

/** The rules for the options of `connectSmtp`. */
export const CONNECT_SMTP = new OptionRules<ConnectSmtpOptions>({
  ...loginRules().rules,
  localName: rule(
    "a domain name, or an IP address in brackets",
    (value) => typeof value === "string" && /^[\x21-\x7e]{1,255}$/.test(value),
  ),
});

const { connection: _, ...session } = CONNECT_SMTP.rules;

/** The rules for the options of `SmtpPool`. */
export const SMTP_POOL = new OptionRules<SmtpPoolOptions>({
  ...session,
  maxConnections: count,
  maxMessages: count,
  rate: numberFrom(0),
  maxWaiting: count,
  maxAttempts: count,
  minTimeout: milliseconds,
});

const ENVELOPE = new OptionRules<SmtpEnvelope>({
  from: required(text),
  to: required(listOf(text)),
});

/** The rules for the options of `SmtpClient.send`. */
export const SEND_MAIL = new OptionRules<SendMailOptions>({
  size: integer(0, Number.MAX_SAFE_INTEGER),
  signal,
});

/** The rules for the options of `SmtpPool.send`. */
export const POOL_SEND = new OptionRules<Pick<SendMailOptions, "signal">>({ signal });

/**
 * Checks an envelope, except for the form of its addresses, which `formatSmtpPath` checks.
 *
 * @throws {TypeError} If a value has the wrong type, or if there is no recipient.
 */
export function checkEnvelope(envelope: SmtpEnvelope): SmtpEnvelope {
  const checked = ENVELOPE.check("send", envelope);
  if (checked.to.length === 0) throw new TypeError("to must contain at least one recipient");
  return checked;
}
