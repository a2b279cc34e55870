/**
 * The login of SMTP, POP3 and IMAP. It tries one way after the other, and carries SASL messages as
 * Base64 in lines (RFC 4954 §4, RFC 5034 §4, RFC 3501 §6.2.2).
 */

import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import type { SaslCredentials, SaslExchange, SaslName } from "../mail/options.ts";
import { startSasl } from "../mail/sasl.ts";
import type { Dialogue } from "./dialogue.ts";
import { LOGIN_WAYS, type LoginWay, loginWays } from "./login_ways.ts";

/** The commands of one protocol that carry a login. Each rejects with a `ReplyError` if refused. */
export interface LoginCommands {
  /** The mechanisms that the server offers. */
  readonly offered: readonly string[];
  /** Ways besides SASL that the server may support, in any order. */
  readonly others?: Readonly<Partial<Record<LoginWay, () => Promise<void>>>>;
  /** Whether the initial response may follow the name of the mechanism. */
  readonly hasInitial: boolean;
  /**
   * Starts an exchange.
   *
   * @param name The name of the mechanism, with the initial response if there is one.
   * @param shown The same for the trace, without secrets.
   * @returns The first challenge in Base64; undefined if the login has succeeded.
   */
  start(name: string, shown: string): Promise<string | undefined>;
  /** Sends the answer to a challenge. Returns the next one; undefined if the login has succeeded. */
  answer(line: string, shown: string): Promise<string | undefined>;
}

/** Conditions for the choice of a way. */
interface LoginChoice {
  readonly mechanism: LoginWay | undefined;
  readonly allowPlaintext: boolean;
}

/**
 * Codes of refusals after which no other way helps: the server knows the user, and still refuses
 * (RFC 5530 §3, RFC 2449 §8.1.1, RFC 3206 §4).
 */
const FINAL: ReadonlySet<string> = new Set([
  "AUTHORIZATIONFAILED",
  "EXPIRED",
  "CONTACTADMIN",
  "INUSE",
  "LIMIT",
  "IN-USE",
  "LOGIN-DELAY",
]);

/** Codes for a wrong name or secret (RFC 5530 §3, RFC 3206 §5, RFC 4954 §6). */
const WRONG: ReadonlySet<string> = new Set(["AUTHENTICATIONFAILED", "AUTH", "5.7.8"]);

/**
 * Logs in by the best way that both sides support. If the server refuses it, the next way follows: a
 * server may offer a mechanism that it cannot perform, or not for this user. If the server has seen the
 * password itself and says that it is wrong, no other way follows, so that the user is not locked out.
 *
 * @param credentials The credentials, checked already.
 * @throws {ReplyError} The refusal that says most.
 * @throws {NetError} "unsupported", "usage" or "protocol".
 */
export async function logIn(
  dialogue: Dialogue,
  commands: LoginCommands,
  credentials: SaslCredentials,
  { mechanism, allowPlaintext }: LoginChoice,
): Promise<void> {
  dialogue.conceal(credentials.password, credentials.accessToken);
  const { others = {}, offered } = commands;
  const { encrypted } = dialogue;
  const ways = loginWays(offered, credentials, {
    others: Object.keys(others),
    encrypted,
    allowPlaintext,
    mechanism,
  });
  let failure: unknown;
  for (const way of ways) {
    const { needs, exposes } = LOGIN_WAYS[way];
    // SCRAM-SHA-1 does not accept a password that SCRAM-SHA-256 calls wrong.
    if (isCoded(failure, WRONG) && !exposes) continue;
    try {
      const other = others[way];
      if (other !== undefined) return await other();
      const name = way as SaslName;
      const exchange = startSasl([name], credentials, {
        encrypted,
        allowPlaintext,
        mechanism: name,
      });
      return await run(dialogue, commands, exchange);
    } catch (error) {
      const passed = error instanceof Cancelled ? error.cause : error;
      // A TypeError reports a character that SASLprep prohibits. Nothing was sent.
      const isPassing = passed !== error || error instanceof ReplyError ||
        error instanceof TypeError;
      if (!isPassing) throw lossAfter(dialogue, failure, error);
      if (!isCoded(failure, WRONG)) failure = passed;
      const isOver = isCoded(passed, FINAL) ||
        (isCoded(passed, WRONG) && (exposes || needs !== "password"));
      if (isOver || !dialogue.conn.open) throw failure;
    }
  }
  throw failure;
}

function isCoded(error: unknown, codes: ReadonlySet<string>): boolean {
  return error instanceof ReplyError && error.enhanced !== undefined && codes.has(error.enhanced);
}

/** Returns the refusal if the server has ended the connection after it, otherwise the error itself. */
function lossAfter(dialogue: Dialogue, refusal: unknown, error: unknown): unknown {
  const isLost = error instanceof NetError && ["truncated", "reset", "closed"].includes(error.kind);
  if (!isLost || !(refusal instanceof ReplyError) || dialogue.causeOf(error) !== error) {
    return error;
  }
  dialogue.abort(refusal);
  return refusal;
}

/** Runs an exchange. */
async function run(
  dialogue: Dialogue,
  commands: LoginCommands,
  exchange: SaslExchange,
): Promise<void> {
  const { name, initial } = exchange;
  const isSentNow = initial !== undefined && commands.hasInitial;
  const first = isSentNow ? encoded(dialogue, initial) || "=" : undefined;
  let challenge = first === undefined
    ? await commands.start(name, name)
    : await commands.start(`${name} ${first}`, `${name} ***`);
  // Some servers ignore an initial response, and ask for it.
  let next = initial;
  while (challenge !== undefined) {
    const isPrompt = next !== undefined && (!isSentNow || challenge === "");
    const answer = isPrompt ? next! : await answerTo(dialogue, commands, exchange, challenge);
    next = undefined;
    challenge = await commands.answer(encoded(dialogue, answer), "***");
  }
  exchange.finish();
}

/** Computes an answer. If that fails, the exchange is cancelled, if it can be. */
async function answerTo(
  dialogue: Dialogue,
  commands: LoginCommands,
  exchange: SaslExchange,
  challenge: string,
): Promise<Uint8Array> {
  try {
    return await exchange.next(decoded(exchange, challenge));
  } catch (error) {
    if (!exchange.cancellable) throw error;
    try {
      await commands.answer("*", "*");
    } catch (refusal) {
      throw refusal instanceof ReplyError ? new Cancelled(error) : refusal;
    }
    throw dialogue.broken(`accepts a login by ${exchange.name} that was cancelled`);
  }
}

/** The error for an exchange that this side has cancelled. Another one may follow. */
class Cancelled extends Error {
  constructor(cause: unknown) {
    super("The login was cancelled", { cause });
  }
}

function encoded(dialogue: Dialogue, answer: Uint8Array): string {
  const base64 = answer.toBase64();
  // Some servers repeat what they received in their error.
  dialogue.conceal(base64);
  return base64;
}

function decoded({ name }: SaslExchange, challenge: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(challenge);
  } catch {
    // The prompts of LOGIN have no meaning, and some servers send them as plain text.
    if (name === "LOGIN") return new Uint8Array();
    throw new NetError(`Cannot log in by ${name}: the server sent a challenge that is not Base64`, {
      kind: "protocol",
      phase: "response",
    });
  }
}
