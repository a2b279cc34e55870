/** The flags of SMTP besides those for the server and the login. @module */

import type { SendMailOptions, SmtpNotify } from "../../net/smtp/client.ts";
import { badValue, type Flags, type FlagValue } from "../../tools/cli.ts";

const EVENTS = ["success", "failure", "delay"] as const satisfies SmtpNotify[];

/** The flags. */
export const smtpFlags = {
  timeout: {
    type: "duration",
    default: "5m",
    help: "Time limit for a reply, except the one to the message, which may take 10 minutes",
  },
  lmtp: { type: "boolean", help: "Speak LMTP, as a server does that delivers into mailboxes" },
  notify: {
    type: "list",
    placeholder: "event",
    help: "Ask for a report: success, failure, delay, or never",
  },
  requireTls: { type: "boolean", help: "Send only if all servers on the way use verified TLS" },
} as const satisfies Flags;

/**
 * Returns the options for a message.
 *
 * @param values The values of the flags.
 * @returns The options that `SmtpClient.send` takes.
 * @throws {CliError} If an event does not exist.
 */
export function sendOptions(
  { notify, requireTls }: {
    -readonly [K in keyof typeof smtpFlags]: FlagValue<typeof smtpFlags[K]>;
  },
): SendMailOptions {
  if (notify.length === 0) return { requireTls };
  if (notify.length === 1 && notify[0] === "never") return { requireTls, notify: [] };
  const events = notify.map((event) => {
    const known = EVENTS.find((one) => one === event);
    return known ?? fail(event);
  });
  return { requireTls, notify: events };
}

function fail(event: string): never {
  throw badValue("--notify", event, "success, failure or delay, or never alone");
}
