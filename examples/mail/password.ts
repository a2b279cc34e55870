/** Passwords of the mail programs: from a file or asked for, never from the command line. @module */

import { type CliContext, CliError } from "../../tools/cli.ts";

/**
 * Reads a password.
 *
 * @param user Whose it is; without one there is none.
 * @param file The file that holds it in its first line.
 * @param ctx The running program, which may be interrupted meanwhile.
 * @returns The password.
 * @throws {CliError} If it is neither in a file nor can be asked for.
 */
export async function readPassword(
  user: string | undefined,
  file: string | undefined,
  ctx: Pick<CliContext, "io" | "signal">,
): Promise<string | undefined> {
  if (user === undefined) return undefined;
  if (file !== undefined) return (await Deno.readTextFile(file)).split(/\r?\n/, 1)[0]!;
  if (Deno.stdin.isTerminal()) return await ask(`Password of ${user}: `, ctx);
  throw new CliError("Cannot ask for a password without a terminal: give --password-file", 2);
}

/**
 * Asks on the terminal, unseen. `promptSecret` of @std/cli holds the whole process up while it
 * waits, so that nobody would hear Ctrl+C, and asks on standard output, where the result goes.
 */
async function ask(
  question: string,
  { io, signal }: Pick<CliContext, "io" | "signal">,
): Promise<string> {
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  // Windows has no cbreak, in which the terminal makes a signal of Ctrl+C.
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
    // One at a time: what follows the line is for whoever reads next.
    const end = await Deno.stdin.read(byte) === null;
    const letter = end ? "\x04" : decoder.decode(byte, { stream: true });
    if (letter === "\r" || letter === "\n") return typed.join("");
    if (letter === "\x03" || letter === "\x04") throw new CliError("No password was given", 130);
    if (letter === "\b" || letter === "\x7f") typed.pop();
    else if (letter === "\x15") typed = [];
    else if (!/\p{Cc}/u.test(letter) && letter !== "") typed.push(letter);
  }
}
