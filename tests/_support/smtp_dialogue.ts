/** Judges the result of a dialogue with a client of SMTP. @module */

import { MESSAGE, SECOND, type SmtpDialogue, TO } from "../net/smtp/dialogues.ts";
import type { ScriptServer } from "./smtp_script.ts";

/** The task for a client. */
export interface SmtpTask {
  readonly port: number;
  readonly to: readonly string[];
  readonly message: string;
  readonly login: boolean;
}

/** What a client reports about one message. */
export interface SmtpReport {
  readonly accepted: readonly string[];
  readonly error?: string | undefined;
}

/** Returns the task of a dialogue. */
export function taskOf(
  { to = TO, message = MESSAGE, login = false }: SmtpDialogue,
  port: number,
): SmtpTask {
  return { port, to, message, login };
}

/** Returns what is wrong with the result of a dialogue; an empty string if all is right. */
export function faultOf(
  dialogue: SmtpDialogue,
  { delivered, heard, strange }: Pick<ScriptServer, "delivered" | "heard" | "strange">,
  reports: readonly SmtpReport[],
): string {
  const { to = TO, message = MESSAGE, got = to, again = true } = dialogue;
  const [first, second] = reports;
  const texts = delivered.filter((one) => !one.to.includes(SECOND));
  const have = texts.flatMap((one) => one.to).toSorted().join();
  if (have !== got.toSorted().join()) return `${have || "nobody"} got it`;
  if (texts.some(({ text }) => text !== message.replaceAll("\r\n", "\n"))) return "another text";
  if (strange.length > 0) return `strange command: ${strange[0]}`;
  const missing = (dialogue.heard ?? []).find((form) => !heard.some((line) => form.test(line)));
  if (missing !== undefined) return `no command ${missing}`;
  if (first!.accepted.toSorted().join() !== got.toSorted().join()) {
    return `reports ${first!.accepted.join() || "nobody"}: ${first!.error ?? ""}`;
  }
  const arrived = delivered.length > texts.length;
  if (again && !arrived) return `the session is lost: ${second?.error ?? first!.error ?? ""}`;
  return "";
}
