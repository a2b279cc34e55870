/** Reads passwords from a file, a variable or the terminal, never from the command line. @module */

import { secretOf } from "../login/secret.ts";
import { type CliContext, CliError } from "../../tools/cli.ts";

/** The variable of the environment for the password. */
export const PASSWORD = "PORTSIDE_PASSWORD";

/**
 * Reads a password from a file or a variable, or asks for it on the terminal.
 *
 * @param user The name of the user. Without a user no password is needed.
 * @param file The path of a file whose first line is the password.
 * @param ctx The running program. Its signal ends the question.
 * @returns The password; undefined without a user.
 * @throws {CliError} If there is neither a file nor a variable nor a terminal.
 */
export async function readPassword(
  user: string | undefined,
  file: string | undefined,
  ctx: Pick<CliContext, "io" | "signal">,
): Promise<string | undefined> {
  if (user === undefined) {
    if (file !== undefined) throw new CliError("--password-file requires --user", 2);
    return undefined;
  }
  const password = await secretOf({ file, variable: PASSWORD });
  if (password !== undefined) return password;
  if (Deno.stdin.isTerminal()) return await ask(`Password of ${user}: `, ctx);
  throw new CliError("Cannot ask for a password without a terminal: give --password-file", 2);
}

/**
 * Asks on the terminal without showing the input. `promptSecret` of @std/cli blocks the process, so that
 * Ctrl+C would have no effect, and it writes to standard output, which is for results.
 */
async function ask(
  question: string,
  { io, signal }: Pick<CliContext, "io" | "signal">,
): Promise<string> {
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  // In cbreak mode Ctrl+C is a signal. Windows does not have this mode.
  Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
  try {
    signal.throwIfAborted();
    io.stderr(question.replace(/\p{Cc}/gu, "?"));
    return await Promise.race([typedLine(), interrupted]);
  } finally {
    Deno.stdin.setRaw(false);
    signal.removeEventListener("abort", onAbort);
    io.stderr("\n");
  }
}

async function typedLine(): Promise<string> {
  const decoder = new TextDecoder();
  const byte = new Uint8Array(1);
  let typed: string[] = [];
  for (;;) {
    // Read single bytes, because the input after the line belongs to the next reader.
    const end = await Deno.stdin.read(byte) === null;
    const letter = end ? "\x04" : decoder.decode(byte, { stream: true });
    if (letter === "\r" || letter === "\n") return typed.join("");
    if (letter === "\x03" || letter === "\x04") throw new CliError("No password was given", 130);
    if (letter === "\b" || letter === "\x7f") typed.pop();
    else if (letter === "\x15") typed = [];
    else if (!/\p{Cc}/u.test(letter) && letter !== "") typed.push(letter);
  }
}
