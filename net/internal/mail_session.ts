/** The start of a session with SMTP, POP3 or IMAP. */

import type { MailLoginOptions, SaslCredentials } from "../mail/options.ts";
import { Dialogue, type DialogueDefaults } from "./dialogue.ts";
import type { LoginWay } from "./login_ways.ts";
import { credentialsIn } from "./mail_rules.ts";

/** A client that has a dialogue. */
interface Session<M> {
  /** Reads the greeting and encrypts. Returns true if the server knows the user already. */
  begin(): Promise<boolean | void>;
  login(credentials: SaslCredentials, mechanism?: M): Promise<void>;
  /** Prepares the session for commands after the login, or without one. */
  ready?(): Promise<void>;
  noop(): Promise<void>;
  /** Ends the session politely. It never rejects. */
  close(): Promise<void>;
}

/**
 * Dials, begins a session, and logs in if the options name a user. A failure ends the session.
 *
 * @param options The options, checked already.
 * @param defaults The defaults of the protocol.
 * @param make Makes the client for a dialogue.
 * @throws {TypeError} If the credentials are incomplete, or the mechanism cannot carry them.
 */
export async function openSession<M extends LoginWay, S extends Session<M>>(
  options: MailLoginOptions<M>,
  defaults: DialogueDefaults,
  make: (dialogue: Dialogue) => S,
): Promise<S> {
  const credentials = credentialsIn("the login", options);
  const dialogue = await Dialogue.open(options, defaults);
  const session = make(dialogue);
  try {
    const isLoggedIn = await session.begin();
    if (credentials !== undefined && isLoggedIn !== true) {
      await session.login(credentials, options.mechanism);
    }
    await session.ready?.();
    dialogue.keepAlive.begin(() => session.noop());
    return session;
  } catch (error) {
    // A client must not end a session without a farewell, also after a refusal (RFC 5321 §4.1.1.10).
    if (dialogue.isSpared(error)) await session.close();
    dialogue.abort(error);
    throw error;
  }
}
