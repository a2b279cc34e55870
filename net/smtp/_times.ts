/** The time limits of a session with a server of SMTP (RFC 5321 §4.5.3.2). */

import type { ConnectSmtpOptions, SmtpTimeouts } from "./options.ts";

/** All limits in milliseconds; 0 for no limit. */
export interface SmtpTimes extends Required<SmtpTimeouts> {
  /** For the reply to all other commands. */
  readonly other: number;
}

const MINUTE = 60_000;
/** The minimum that RFC 5321 §4.5.3.2 recommends for the reply to a command. */
const REPLY_TIME = 5 * MINUTE;
/** The minimum that RFC 5321 §4.5.3.2.6 recommends for the reply to a message. */
const FINAL_TIME = 10 * MINUTE;

/** The phases of commands. */
const PHASES: ReadonlyMap<string, keyof SmtpTimes> = new Map([
  ["EHLO", "ehlo"],
  ["HELO", "ehlo"],
  ["LHLO", "ehlo"],
  ["MAIL", "mail"],
  ["RCPT", "rcpt"],
  ["DATA", "data"],
]);

/** Fills in the defaults. A `timeout` replaces those of all phases except the last one. */
export function smtpTimes({ timeout, finalTimeout, timeouts }: ConnectSmtpOptions): SmtpTimes {
  const other = timeout ?? REPLY_TIME;
  return {
    other,
    greeting: timeouts?.greeting ?? other,
    ehlo: timeouts?.ehlo ?? other,
    mail: timeouts?.mail ?? other,
    rcpt: timeouts?.rcpt ?? other,
    data: timeouts?.data ?? timeout ?? 2 * MINUTE,
    block: timeouts?.block ?? timeout ?? 3 * MINUTE,
    final: timeouts?.final ?? finalTimeout ?? FINAL_TIME,
  };
}

/** Returns the limit for the reply to a command. */
export function replyTime(times: SmtpTimes, command: string): number {
  return times[PHASES.get(command.slice(0, 4)) ?? "other"];
}
