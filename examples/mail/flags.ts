/** The flags for the server, the encryption and the login. @module */

import type { MailLoginOptions } from "../../net/mail/options.ts";
import { type CliContext, type Flags, type FlagValue, readPem } from "../../tools/cli.ts";
import { readPassword } from "./password.ts";

const FLAGS = {
  server: { type: "host", default: "127.0.0.1", help: "The server" },
  user: { type: "string", help: "Log in as this user; the program asks for the password" },
  passwordFile: {
    type: "string",
    placeholder: "file",
    help: "The file that contains the password",
  },
  allowPlaintextLogin: { type: "boolean", help: "Log in without encryption, too" },
  ca: { type: "list", placeholder: "file", help: "Certificate authority to trust, PEM" },
  timeout: { type: "duration", default: "30s", help: "Time limit for a reply" },
} as const satisfies Flags;

const TLS = {
  type: "choice",
  choices: ["starttls", "implicit", "none"],
  help: "Encryption: starttls, implicit, none",
} as const;

/** The flags of a client. */
export type ClientFlags = typeof FLAGS & {
  /** The port of the server. */
  readonly port: { readonly type: "port"; readonly min: 1; readonly help: string };
  /** The moment at which the connection is encrypted. */
  readonly tls: typeof TLS & { readonly default: "starttls" | "implicit" };
};

/** The values of {@linkcode ClientFlags}. */
export type ClientValues = { -readonly [K in keyof ClientFlags]: FlagValue<ClientFlags[K]> };

/**
 * Returns the flags of a client.
 *
 * @param tls The default of `--tls`.
 * @param ports The default ports, for the help text.
 * @returns The flags, to spread into those of a program.
 */
export function clientFlags(tls: "starttls" | "implicit", ports: string): ClientFlags {
  return {
    ...FLAGS,
    port: { type: "port", min: 1, help: `The port [default: ${ports}]` },
    tls: { ...TLS, default: tls },
  };
}

/**
 * Reads the files that the flags name, or asks for the password.
 *
 * @param values The values of the flags.
 * @param ctx The running program. Its signal ends the session, and its log shows the dialogue.
 * @returns Options for `connectFtp`, `connectSmtp`, `connectPop3` and `connectImap`.
 * @throws {CliError} If a file has the wrong content, or if there is no terminal to ask on.
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
