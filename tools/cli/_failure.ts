import { escapeControls } from "../../net/text.ts";
import { quote } from "../internal/text.ts";

/** The exit codes of every program. */
export const ExitCode = {
  /** Success, or a server was stopped by a signal. */
  ok: 0,
  /** Failure: refused, timed out, not found. */
  failure: 1,
  /** An unknown flag or a bad value. */
  usage: 2,
  /** A missing permission or program; the message names it. */
  missing: 3,
  /** An unexpected error (`EX_SOFTWARE` of sysexits): a bug, shown with its stack. */
  bug: 70,
  /** Interrupted before the end of the work, or by a second signal. */
  interrupted: 130,
} as const;

/** An error that is shown to the user in one line, with its exit code. */
export class CliError extends Error {
  /** The name of the class. */
  override readonly name = "CliError";
  /** The exit code of the program. */
  readonly exitCode: number;

  /**
   * Creates an error for the command line.
   *
   * @param message One sentence. The caller must escape text from outside.
   * @param exitCode The exit code of the program. Default: 1.
   * @param options The cause, if there is one.
   */
  constructor(message: string, exitCode: number = ExitCode.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/**
 * Returns the error for a program that is not installed: exit code 3.
 *
 * @param program Name of the program, such as `ping`.
 * @param packageName Name of its package, such as `iputils-ping`.
 * @returns The error, for the caller to throw.
 *
 * @example "Name the package"
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

/** The failure of a program, as it is shown to the user. */
export interface Failure {
  exitCode: number;
  /** One line, with control characters escaped. */
  line: string;
  /** The stack, only for bugs. */
  stack?: string;
}

/** Returns the `--allow-…` flag for a missing permission, as exact as the message of Deno. */
function missingFlag(message: string): string {
  const match = /Requires (\w+) access(?: to "?(.*?)"?)?, run again with the --allow-(\w+) flag/s
    .exec(message);
  if (match === null) return "-P or the flags of --help";
  const [, , target, name] = match;
  // Deno writes a placeholder such as "<CWD>" for some paths.
  if (target === undefined || target.startsWith("<")) return `--allow-${name}`;
  const flag = `--allow-${name}=${target}`;
  return /[\s'"$`\\;&|<>()*?!]/.test(flag) ? `'${flag.replaceAll("'", `'\\''`)}'` : flag;
}

/** Returns a sentence for an error of the operating system, with the file if there is one. */
function systemSentence(error: Error): string {
  const match = /^(.*?) \(os error \d+\)(?:: \w+ '(.*)')?/s.exec(error.message);
  if (match === null) return error.message;
  const reason = (match[1] ?? "").toLowerCase();
  return match[2] === undefined ? reason : `Cannot use the file ${quote(match[2])}: ${reason}`;
}

function isSystemError(error: Error): boolean {
  // Some errors, such as a full disk, have a number but no class in Deno.
  if (/\(os error \d+\)/.test(error.message)) return true;
  return Object.values(Deno.errors).some((kind) => error instanceof kind);
}

/**
 * Returns the kind of a `NetError` or of a request error. The name decides, not the class, so that
 * two copies of the library work together.
 */
function netErrorKind(error: Error): string | undefined {
  if (!isNetErrorName(error.name)) return isPlainFailure(error) ? "response" : undefined;
  const { kind } = error as Error & { kind?: unknown };
  return typeof kind === "string" ? kind : undefined;
}

/** Returns whether an error has a message for the user and is not a bug. */
export function isPlainFailure({ name }: Error): boolean {
  return isNetErrorName(name) || name === "HttpStatusError" || name === "HttpDecodeError";
}

/** The names of `NetError` and its subclasses. */
const NET_ERRORS: ReadonlySet<string> = new Set([
  "NetError",
  "ReplyError",
  "ImapFetchError",
  "SmtpRecipientsError",
  "HttpRequestError",
  "HttpTimeoutError",
  "TunnelError",
  "WsHandshakeError",
]);

/** Returns whether an error of this name is a network failure, for which a stack is useless. */
export function isNetErrorName(name: unknown): boolean {
  return typeof name === "string" && NET_ERRORS.has(name);
}

/** Returns the exit code and the message for a thrown value. */
export function describeFailure(error: unknown, signal: AbortSignal): Failure {
  const fail = (exitCode: number, message: string) => ({
    exitCode,
    line: escapeControls(message),
  });
  const { aborted, reason } = signal;
  if (!(error instanceof Error)) {
    return {
      ...fail(ExitCode.bug, "a value that is not an error was thrown"),
      stack: String(error),
    };
  }
  const kind = netErrorKind(error);
  if (aborted && (error === reason || error.cause === reason || kind === "aborted")) {
    return fail(ExitCode.interrupted, reason instanceof Error ? reason.message : "interrupted");
  }
  if (error instanceof CliError) return fail(error.exitCode, error.message);
  if (kind === "permission") return fail(ExitCode.missing, error.message);
  if (kind === "address-in-use") {
    const remedy = "stop the other program, or choose another port (see --help)";
    return fail(ExitCode.failure, `${error.message}; ${remedy}`);
  }
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
    ...fail(ExitCode.bug, `unexpected ${error.name}, a bug in this program: ${error.message}`),
    stack: error.stack ?? String(error),
  };
}
