/** The SASL mechanisms whose answers need no state besides their number. */

import { createHmac } from "node:crypto";
import { NetError } from "../errors/errors.ts";
import type { SaslExchange, SaslName } from "./options.ts";

/** Computes the answer to a challenge. */
type Answer = (challenge: Uint8Array) => Uint8Array<ArrayBuffer>;

const utf8 = new TextEncoder();

/**
 * Starts an exchange.
 *
 * @param initial The initial response; undefined if the server sends the first message.
 * @param answers The answers to the challenges that may follow, in their order.
 */
export function simpleExchange(
  name: SaslName,
  initial: string | undefined,
  answers: readonly (string | Answer)[] = [],
): SaslExchange {
  const left = [...answers];
  return {
    name,
    initial: initial === undefined ? undefined : utf8.encode(initial),
    cancellable: true,
    next(challenge) {
      const answer = left.shift();
      if (answer === undefined) {
        return Promise.reject(broken(name, "sent a challenge that the mechanism does not have"));
      }
      return Promise.resolve(typeof answer === "string" ? utf8.encode(answer) : answer(challenge));
    },
    finish() {},
  };
}

/** Returns the answer of CRAM-MD5: the name, and the keyed hash of the challenge (RFC 2195 §2). */
export function cramAnswer(username: string, password: string): Answer {
  return (challenge) => {
    const digest = createHmac("md5", password).update(challenge).digest("hex");
    return utf8.encode(`${username} ${digest}`);
  };
}

/** Returns the message of OAUTHBEARER (RFC 7628 §3.1). The header names the user of the mailbox. */
export function bearerMessage(username: string, accessToken: string): string {
  return `n,a=${saslName(username)},\x01auth=Bearer ${accessToken}\x01\x01`;
}

/** Escapes a name for a message whose fields are separated by commas (RFC 5801 §4). */
export function saslName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** Returns the error for a server that violates a mechanism. */
export function broken(name: SaslName, what: string): NetError {
  return new NetError(`Cannot log in by ${name}: the server ${what}`, {
    kind: "protocol",
    phase: "response",
  });
}
