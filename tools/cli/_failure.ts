/** What ended a program: exit codes, and errors told in one line. Private to `tools/`. @module */

import { escapeControls } from "../../net/text.ts";
import { quote } from "../internal/text.ts";

/** The exit codes of every runnable. */
export const ExitCode = {
  /** The work was done, or a server was stopped by a signal. */
  ok: 0,
  /** The work failed: refused, timed out, not found. */
  failure: 1,
  /** An unknown flag or a bad value. */
  usage: 2,
  /** A permission or a program is missing; the line says which. */
  missing: 3,
  /** An error that nobody foresaw (`EX_SOFTWARE` of sysexits): a bug, shown with its stack. */
  bug: 70,
  /** Interrupted before the work was done, or by a second signal. */
  interrupted: 130,
} as const;

/** An error that the user is told in one line, with the exit code that belongs to it. */
export class CliError extends Error {
  /** The name of the class. */
  override readonly name = "CliError";
  /** What the program exits with. */
  readonly exitCode: number;

  /**
   * Makes an error for the command line.
   *
   * @param message One sentence; text from outside must be escaped in it.
   * @param exitCode What the program exits with.
   * @param options The cause, where there is one.
   */
  constructor(message: string, exitCode: number = ExitCode.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/**
 * The error for a program that has to be installed first: exit code 3.
 *
 * @param program The program, such as `ping`.
 * @param packageName The package that holds it, such as `iputils-ping`.
 * @returns The error, to be thrown.
 *
 * @example "Naming the package"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { missingProgram } from "@portside/kit/tools/cli";
 *
 * const error = missingProgram("ping", "iputils-ping");
 * assertEquals(error.message, "Program is missing: ping (install the package iputils-ping)");
 * assertEquals(error.exitCode, 3);
 * ```
 */
export function missingProgram(program: string, packageName: string): CliError {
  return new CliError(
    `Program is missing: ${escapeControls(program)} (install the package ${packageName})`,
    ExitCode.missing,
  );
}

/** How a program ended, told to the user. */
export interface Failure {
  exitCode: number;
  /** One line, escaped. */
  line: string;
  /** Only for bugs. */
  stack?: string;
}

/** The `--allow-…` flag for what Deno refused, as exact as its message is. */
function missingFlag(message: string): string {
  const match = /Requires (\w+) access(?: to "?(.*?)"?)?, run again with the --allow-(\w+) flag/s
    .exec(message);
  if (match === null) return "-P or the flags of --help";
  const [, , target, name] = match;
  // "<CWD>" and the like stand for a place that Deno does not name.
  if (target === undefined || target.startsWith("<")) return `--allow-${name}`;
  const flag = `--allow-${name}=${target}`;
  return /[\s'"$`\\;&|<>()*?!]/.test(flag) ? `'${flag.replaceAll("'", `'\\''`)}'` : flag;
}

/** A sentence for an error of the operating system, which names the file where there is one. */
function systemSentence(error: Error): string {
  const match = /^(.*?) \(os error \d+\)(?:: \w+ '(.*)')?/s.exec(error.message);
  if (match === null) return error.message;
  const reason = (match[1] ?? "").toLowerCase();
  return match[2] === undefined ? reason : `Cannot use the file ${quote(match[2])}: ${reason}`;
}

function isSystemError(error: Error): boolean {
  // A full disk or too many open files have no class of their own, only the number.
  if (/\(os error \d+\)/.test(error.message)) return true;
  return Object.values(Deno.errors).some((kind) => error instanceof kind);
}

/**
 * The shape of `NetError` and of the errors of a request, told by name so that two copies of the
 * library agree.
 */
function netErrorKind(error: Error): string | undefined {
  if (!isNetErrorName(error.name)) return isPlainFailure(error) ? "response" : undefined;
  const { kind } = error as Error & { kind?: unknown };
  return typeof kind === "string" ? kind : undefined;
}

/** Whether an error is a sentence for the user, and no bug. */
export function isPlainFailure({ name }: Error): boolean {
  return isNetErrorName(name) || name === "HttpStatusError" || name === "HttpDecodeError";
}

/** Whether an error of this name is a failure of the network, whose stack tells nothing. */
export function isNetErrorName(name: unknown): boolean {
  return typeof name === "string" &&
    ["NetError", "ReplyError", "HttpRequestError", "HttpTimeoutError"].includes(name);
}

/** Sorts whatever was thrown into the exit codes of the contract. */
export function describeFailure(error: unknown, signal: AbortSignal): Failure {
  const fail = (exitCode: number, message: string) => ({
    exitCode,
    line: escapeControls(message),
  });
  const { aborted, reason } = signal;
  if (!(error instanceof Error)) {
    return { ...fail(ExitCode.bug, "something that is no error was thrown"), stack: String(error) };
  }
  const kind = netErrorKind(error);
  if (aborted && (error === reason || error.cause === reason || kind === "aborted")) {
    return fail(ExitCode.interrupted, reason instanceof Error ? reason.message : "interrupted");
  }
  if (error instanceof CliError) return fail(error.exitCode, error.message);
  if (kind === "permission") return fail(ExitCode.missing, error.message);
  if (kind !== undefined) return fail(ExitCode.failure, error.message);
  if (error instanceof Deno.errors.NotCapable) {
    const flag = missingFlag(error.message);
    return fail(ExitCode.missing, `Permission is missing: run again with ${flag}`);
  }
  const program = /^Failed to spawn '(.*)': entity not found$/s.exec(error.message)?.[1];
  if (error instanceof Deno.errors.NotFound && program !== undefined) {
    return fail(ExitCode.missing, `Program is missing: ${program}`);
  }
  if (isSystemError(error)) return fail(ExitCode.failure, systemSentence(error));
  return {
    ...fail(ExitCode.bug, `unexpected ${error.name}, a bug of this program: ${error.message}`),
    stack: error.stack ?? String(error),
  };
}
