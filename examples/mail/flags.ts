/** The flags that say which server, how the line is encrypted, and who logs in. @module */

import type { MailLoginOptions } from "../../net/mail/options.ts";
import { type CliContext, type Flags, type FlagValue, readPem } from "../../tools/cli.ts";
import { readPassword } from "./password.ts";

const FLAGS = {
  server: { type: "host", default: "127.0.0.1", help: "The server" },
  user: { type: "string", help: "Log in as this user; the password is asked for" },
  passwordFile: { type: "string", placeholder: "file", help: "The file that holds it" },
  allowPlaintextLogin: { type: "boolean", help: "Log in even where others can read it" },
  ca: { type: "list", placeholder: "file", help: "Authority to trust, PEM" },
  timeout: { type: "duration", default: "30s", help: "How long an answer may take" },
} as const satisfies Flags;

const TLS = {
  type: "choice",
  choices: ["starttls", "implicit", "none"],
  help: "How the line is encrypted: starttls, implicit, none",
} as const;

/** The flags of a client. */
export type ClientFlags = typeof FLAGS & {
  /** Its port. */
  readonly port: { readonly type: "port"; readonly min: 1; readonly help: string };
  /** How the line is encrypted. */
  readonly tls: typeof TLS & { readonly default: "starttls" | "implicit" };
};

/** What they hold. */
export type ClientValues = { -readonly [K in keyof ClientFlags]: FlagValue<ClientFlags[K]> };

/**
 * The flags of a client.
 *
 * @param tls How the line is encrypted unless told otherwise.
 * @param ports The ports in words.
 * @returns The flags, to be spread among its own.
 */
export function clientFlags(tls: "starttls" | "implicit", ports: string): ClientFlags {
  return {
    ...FLAGS,
    port: { type: "port", min: 1, help: `Its port [default: ${ports}]` },
    tls: { ...TLS, default: tls },
  };
}

/**
 * Reads the files that they name, or asks for the password.
 *
 * @param values What they hold.
 * @param ctx The running program: its signal ends the session, its log shows the dialogue.
 * @returns What `connectFtp`, `connectSmtp`, `connectPop3` and `connectImap` take.
 * @throws {CliError} If a file is none of its kind, or nobody can be asked.
 */
export async function clientOptions(
  { server, port, tls, user, passwordFile, allowPlaintextLogin, ca, timeout }: ClientValues,
  ctx: CliContext,
): Promise<MailLoginOptions<never>> {
  const trusted = await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE")));
  return {
    hostname: server,
    port,
    tls,
    caCerts: trusted.length > 0 ? trusted : undefined,
    timeout,
    username: user,
    password: await readPassword(user, passwordFile, ctx),
    allowPlaintextLogin,
    signal: ctx.signal,
    trace: (line) => ctx.log.debug("{from}: {text}", { ...line }),
  };
}
