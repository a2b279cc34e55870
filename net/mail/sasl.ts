/**
 * Login by SASL (RFC 4422), the same for SMTP, POP3 and IMAP: SCRAM-SHA-256 and SCRAM-SHA-1 (RFC 5802,
 * RFC 7677), PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), OAUTHBEARER (RFC 7628), XOAUTH2, and
 * EXTERNAL (RFC 4422 Appendix A).
 *
 * **Permissions**: none.
 *
 * @module
 */

import { loginWays } from "../internal/login_ways.ts";
import { checkCredentials, SASL_CHOICE } from "../internal/mail_rules.ts";
import { listOf, text } from "../internal/options.ts";
import { bearerMessage, cramAnswer, simpleExchange } from "./_mechanisms.ts";
import { Scram } from "./_scram.ts";
import type { SaslChoice, SaslCredentials, SaslExchange, SaslName } from "./options.ts";

export type { SaslExchange } from "./options.ts";

const OFFERED = listOf(text);

/**
 * Starts a login with the best mechanism that both sides support.
 *
 * @param offered The names of the mechanisms that the server offers.
 * @param credentials The user, and a password or an access token. Neither is needed for EXTERNAL.
 * @param choice Conditions such as encryption, and optionally the only mechanism to use.
 * @returns The exchange, at its beginning.
 * @throws {NetError} "unsupported" if there is no common mechanism that can carry the credentials;
 * "usage" if the common ones need an encrypted connection.
 * @throws {TypeError | RangeError} If an argument has the wrong type, if a name or secret is missing or
 * contains a control character, if the mechanism cannot carry the credentials, or, for SCRAM, if a
 * character is prohibited by SASLprep (RFC 4013).
 */
export function startSasl(
  offered: readonly string[],
  credentials: SaslCredentials,
  choice: SaslChoice,
): SaslExchange {
  OFFERED("offered", offered);
  choice = SASL_CHOICE.check("startSasl", choice);
  const { encrypted, allowPlaintext = false, mechanism, nonce } = choice;
  credentials = checkCredentials("startSasl", credentials, mechanism);
  const conditions = { others: [], encrypted, allowPlaintext, mechanism };
  const [name] = loginWays(offered, credentials, conditions);
  return exchangeOf(name as SaslName, credentials, nonce);
}

function exchangeOf(
  name: SaslName,
  credentials: SaslCredentials,
  nonce: string | undefined,
): SaslExchange {
  const { username = "", password = "", accessToken = "", authorizationId = "" } = credentials;
  switch (name) {
    case "SCRAM-SHA-256":
    case "SCRAM-SHA-1":
      return new Scram(name, { username, password, authorizationId }, nonce);
    case "PLAIN":
      return simpleExchange(name, `${authorizationId}\0${username}\0${password}`);
    case "LOGIN":
      return simpleExchange(name, undefined, [username, password]);
    case "CRAM-MD5":
      return simpleExchange(name, undefined, [cramAnswer(username, password)]);
    case "XOAUTH2":
      // The server sends an error as a challenge, and expects an empty response.
      return simpleExchange(name, `user=${username}\x01auth=Bearer ${accessToken}\x01\x01`, [""]);
    case "OAUTHBEARER":
      // The response to an error is a single \x01 (RFC 7628 §3.2.3).
      return simpleExchange(name, bearerMessage(authorizationId || username, accessToken), [
        "\x01",
      ]);
    case "EXTERNAL":
      return simpleExchange(name, authorizationId || username);
  }
}
