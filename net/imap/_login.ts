/** The login of IMAP: AUTHENTICATE and LOGIN (RFC 3501 §6.2). */

import { logIn, type LoginCommands } from "../internal/mail_login.ts";
import type { SaslCredentials, SaslName } from "../mail/options.ts";
import { identify } from "./_identity.ts";
import type { ImapSession } from "./_session.ts";
import { type ImapResponse, imapString } from "./codec.ts";

/** Logs in by SASL or by the command LOGIN, and asks for the capabilities that apply from then on. */
export async function loginImap(
  session: ImapSession,
  credentials: SaslCredentials,
  mechanism?: SaslName | "LOGIN-COMMAND",
): Promise<void> {
  const { allowPlaintextLogin = false } = session.options;
  session.forgetCapabilities();
  await logIn(session.dialogue, commandsOf(session, credentials), credentials, {
    mechanism,
    allowPlaintext: allowPlaintextLogin,
  });
  await session.needCapabilities();
  session.isIdentified = false;
  await identify(session);
}

function commandsOf(session: ImapSession, credentials: SaslCredentials): LoginCommands {
  const { capabilities, dialogue, line } = session;
  const offered = [...capabilities].filter((name) => name.startsWith("AUTH="))
    .map((name) => name.slice(5));
  const others = capabilities.has("LOGINDISABLED")
    ? {}
    : { "LOGIN-COMMAND": () => login(session, credentials) };
  const hear = (response: ImapResponse) => session.hear(response);
  let tag = "";
  /** Reads up to the next challenge, or to the end of the command. */
  const next = async (): Promise<string | undefined> => {
    for (;;) {
      const response = await line.read();
      if (response.type === "continue") return response.text;
      if (response.type !== "tagged" || response.tag !== tag) hear(response);
      else if (response.status === "OK") return void session.learn(response);
      else throw session.refusal("Cannot log in", response);
    }
  };
  return {
    offered,
    others,
    hasInitial: capabilities.has("SASL-IR"),
    async start(name) {
      session.allow();
      tag = await line.send([`AUTHENTICATE ${name}`], hear, true);
      return await next();
    },
    async answer(text, shown) {
      await dialogue.writeLine(text, shown);
      return await next();
    },
  };
}

async function login(session: ImapSession, credentials: SaslCredentials): Promise<void> {
  const user = imapString(credentials.username!);
  const secret = imapString(credentials.password!);
  if (typeof secret === "string") session.dialogue.conceal(secret);
  await session.run("Cannot log in", ["LOGIN ", user, " ", secret], { secret: true });
}
