/** How a session with SMTP, POP3 or IMAP begins. */

import { Dialogue, type DialogueDefaults } from "./dialogue.ts";
import type { MailLoginOptions } from "../mail/options.ts";
import type { SaslCredentials } from "../mail/sasl.ts";

/** A client that has a dialogue. */
interface Session<M> {
  /** Hears the greeting and encrypts; says whether the server knows the user already. */
  begin(): Promise<boolean | void>;
  login(credentials: SaslCredentials, mechanism?: M): Promise<void>;
  noop(): Promise<void>;
}

/** Dials, begins a session and logs in, as far as the options say who. Failing leaves nothing open. */
export async function openSession<M extends string, S extends Session<M>>(
  options: MailLoginOptions<M>,
  defaults: DialogueDefaults,
  make: (dialogue: Dialogue) => S,
): Promise<S> {
  const { user, password, accessToken, mechanism } = options;
  const dialogue = await Dialogue.open(options, defaults);
  try {
    const session = make(dialogue);
    const known = await session.begin();
    if (user !== undefined && known !== true) {
      const credentials = {
        user,
        ...(password !== undefined && { password }),
        ...(accessToken !== undefined && { accessToken }),
      };
      await session.login(credentials, mechanism);
    }
    dialogue.keepAlive.begin(() => session.noop());
    return session;
  } catch (error) {
    dialogue.abort(error);
    throw error;
  }
}
