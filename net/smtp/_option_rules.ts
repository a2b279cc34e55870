/** Rules for the options of SMTP clients and pools. */

import { loginRules } from "../internal/mail_rules.ts";
import {
  anObject,
  count,
  flag,
  group,
  integer,
  listOf,
  milliseconds,
  numberFrom,
  oneOf,
  OptionRules,
  required,
  type Rule,
  rule,
  signal,
  text,
} from "../internal/options.ts";
import type {
  ConnectSmtpOptions,
  PoolSendOptions,
  SendMailOptions,
  SmtpEnvelope,
  SmtpPoolOptions,
  SmtpRecipient,
  SmtpTimeouts,
} from "./options.ts";

/** The rules for the options of `connectSmtp`. */
export const CONNECT_SMTP = new OptionRules<ConnectSmtpOptions>({
  ...loginRules().rules,
  localName: rule(
    "a domain name, or an IP address in brackets",
    (value) => typeof value === "string" && /^[\x21-\x7e]{1,255}$/.test(value),
  ),
  protocol: oneOf("smtp", "lmtp"),
  timeouts: group(
    new OptionRules<SmtpTimeouts>({
      greeting: milliseconds,
      ehlo: milliseconds,
      mail: milliseconds,
      rcpt: milliseconds,
      data: milliseconds,
      block: milliseconds,
      final: milliseconds,
    }),
  ),
  finalTimeout: milliseconds,
  maxRecipients: count,
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

/** Events to report, each once. */
const notify: Rule = listOf(oneOf("success", "failure", "delay"));

/** Returns a rule for parameters. `own` are the names that have an option of their own. */
function parameters(own: RegExp): Rule {
  return (name, value) => {
    anObject(name, value);
    for (const [word, given] of Object.entries(value as object)) {
      if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(word) || own.test(word)) {
        throw new TypeError(`${name} must not contain the name ${JSON.stringify(word)}`);
      }
      if (given === true || (typeof given === "string" && /^[!-<>-~]{1,1000}$/.test(given))) {
        continue;
      }
      throw new TypeError(`${name}.${word} must be true, or text without blanks and "="`);
    }
    return { ...value as object };
  };
}

const RECIPIENT = new OptionRules<SmtpRecipient>({
  address: required(text),
  notify,
  originalRecipient: rule(
    "an address of at most 320 characters",
    (value) => typeof value === "string" && /^\P{Cc}{1,320}$/u.test(value),
  ),
  parameters: parameters(/^(?:NOTIFY|ORCPT)$/i),
});

const ENVELOPE = new OptionRules<SmtpEnvelope>({
  from: required(text),
  to: required(
    listOf((name, value) =>
      typeof value === "object" && value !== null
        ? RECIPIENT.checkAt(`${name}.`, name, value)
        : text(name, value)
    ),
  ),
});

/** The rules for the options of `SmtpClient.send`. */
export const SEND_MAIL = new OptionRules<SendMailOptions>({
  size: integer(0, Number.MAX_SAFE_INTEGER),
  notify,
  returnContent: oneOf("full", "headers"),
  envelopeId: rule(
    "printable ASCII of 1 to 100 characters",
    (value) => typeof value === "string" && /^[ -~]{1,100}$/.test(value),
  ),
  requireTls: flag,
  transfer: oneOf("data", "chunks", "binary"),
  parameters: parameters(/^(?:SIZE|BODY|SMTPUTF8|RET|ENVID|REQUIRETLS)$/i),
  signal,
});

const { size: __, ...repeatable } = SEND_MAIL.rules;

/** The rules for the options of `SmtpPool.send`. */
export const POOL_SEND = new OptionRules<PoolSendOptions>(repeatable);

/**
 * Checks an envelope, except for the form of its addresses, which `formatSmtpPath` checks. A recipient
 * that is given twice counts once, or it would get the message twice over several transactions.
 *
 * @throws {TypeError} If a value has the wrong type, or if there is no recipient.
 */
export function checkEnvelope(envelope: SmtpEnvelope): SmtpEnvelope {
  const { from, to } = ENVELOPE.check("send", envelope);
  if (to.length === 0) throw new TypeError("to must contain at least one recipient");
  const recipients = new Map<string, string | SmtpRecipient>();
  for (const one of to) {
    const isPlain = typeof one === "string";
    const address = isPlain ? one : one.address;
    if (!recipients.has(address)) recipients.set(address, isPlain ? one : { ...one });
  }
  return { from, to: [...recipients.values()] };
}
