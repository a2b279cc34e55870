/** SASL messages as Base64 in the lines of a protocol (RFC 4954 §4, RFC 5034 §4, RFC 3501 §6.2.2). */

import type { SaslExchange } from "../mail/sasl.ts";
import type { Dialogue } from "./dialogue.ts";

/** Sends the response to a challenge. `first` replaces it if the challenge is an empty prompt. */
export async function answerChallenge(
  dialogue: Dialogue,
  exchange: SaslExchange,
  challenge: string,
  first?: Uint8Array,
): Promise<void> {
  const answer = first ?? await exchange.next(decoded(dialogue, challenge));
  await dialogue.writeLine(encoded(dialogue, answer), "***");
}

/** Returns the initial response as it follows the command, after a space; empty if there is none. */
export function initialResponse(dialogue: Dialogue, { initial }: SaslExchange): string {
  return initial === undefined ? "" : ` ${encoded(dialogue, initial) || "="}`;
}

function encoded(dialogue: Dialogue, answer: Uint8Array): string {
  const base64 = answer.toBase64();
  // Some servers repeat what they received in their error.
  dialogue.conceal(base64);
  return base64;
}

function decoded(dialogue: Dialogue, challenge: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(challenge);
  } catch {
    throw dialogue.broken("sent a challenge that is not Base64");
  }
}
