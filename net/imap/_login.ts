/** The login of IMAP: AUTHENTICATE and LOGIN (RFC 3501 §6.2). */

import { usernameOf } from "../internal/mail_rules.ts";
import { answerChallenge, initialResponse } from "../internal/sasl_lines.ts";
import { NetError } from "../errors/errors.ts";
import type { ImapSession } from "./_session.ts";
import { type ImapResponse, imapString } from "./codec.ts";
import type { SaslCredentials, SaslName } from "../mail/options.ts";
import { startSasl } from "../mail/sasl.ts";

/** Logs in by the best SASL mechanism, or by the command LOGIN if the server does not support SASL. */
export async function loginImap(
  session: ImapSession,
  credentials: SaslCredentials,
  mechanism?: SaslName | "LOGIN-COMMAND",
): Promise<void> {
  session.dialogue.conceal(credentials.password, credentials.accessToken);
  const offered = [...session.capabilities].filter((name) => name.startsWith("AUTH="))
    .map((name) => name.slice(5));
  if (mechanism === "LOGIN-COMMAND") await loginPlain(session, credentials);
  else if (offered.length > 0 || mechanism !== undefined || credentials.accessToken !== undefined) {
    await authenticate(session, offered, credentials, mechanism);
  } else await loginPlain(session, credentials);
  await session.askCapabilities();
}

async function loginPlain(session: ImapSession, credentials: SaslCredentials): Promise<void> {
  const { dialogue, capabilities } = session;
  dialogue.checkLogin();
  if (capabilities.has("LOGINDISABLED")) {
    throw new NetError(`${dialogue.peer} does not allow the command LOGIN`, {
      kind: "unsupported",
      phase: "request",
    });
  }
  const user = imapString(usernameOf(credentials)!);
  const secret = imapString(credentials.password ?? "");
  if (typeof secret === "string") dialogue.conceal(secret);
  await session.run("Cannot log in", ["LOGIN ", user, " ", secret], { secret: true });
}

async function authenticate(
  session: ImapSession,
  offered: readonly string[],
  credentials: SaslCredentials,
  mechanism: SaslName | undefined,
): Promise<void> {
  const { dialogue, line } = session;
  const exchange = startSasl(offered, credentials, {
    encrypted: dialogue.encrypted,
    allowPlaintext: session.options.allowPlaintextLogin === true,
    ...(mechanism !== undefined && { mechanism }),
  });
  let first = exchange.initial;
  let command = `AUTHENTICATE ${exchange.name}`;
  if (first !== undefined && session.capabilities.has("SASL-IR")) {
    command += initialResponse(dialogue, exchange);
    first = undefined;
  }
  const hear = (response: ImapResponse) => session.hear(response);
  session.allow();
  const tag = await line.send([command], hear, true);
  for (;;) {
    const response = await line.read();
    if (response.type === "tagged" && response.tag === tag) {
      if (response.status !== "OK") throw session.refusal("Cannot log in", response);
      return exchange.finish();
    }
    if (response.type !== "continue") {
      hear(response);
      continue;
    }
    await answerChallenge(dialogue, exchange, response.text, first);
    first = undefined;
  }
}
