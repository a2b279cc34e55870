/** Who logs in to IMAP, and how (RFC 3501 §6.2). */

import { checkArgument } from "../internal/dialogue.ts";
import { NetError } from "../errors/errors.ts";
import type { ImapSession } from "./_session.ts";
import { type ImapResponse, imapString } from "./codec.ts";
import { type SaslCredentials, type SaslName, startSasl } from "../mail/sasl.ts";

/** Logs in, by the best mechanism of SASL, or the command LOGIN where there is none. */
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

async function loginPlain(
  session: ImapSession,
  { user, password = "" }: SaslCredentials,
): Promise<void> {
  const { dialogue, capabilities } = session;
  dialogue.checkLogin();
  checkArgument("a user", user);
  checkArgument("a password", password);
  if (capabilities.has("LOGINDISABLED")) {
    throw new NetError(`${dialogue.peer} forbids the command LOGIN`, {
      kind: "unsupported",
      phase: "request",
    });
  }
  const secret = imapString(password);
  if (typeof secret === "string") dialogue.conceal(secret);
  await session.run("Cannot log in", ["LOGIN ", imapString(user), " ", secret], { secret: true });
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
    command += dialogue.opening(exchange);
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
    await dialogue.answer(exchange, response.text, first);
    first = undefined;
  }
}
