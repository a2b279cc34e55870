/** The flags for the server, the encryption and the login. @module */

import { SASL_NAMES } from "../../net/internal/login_ways.ts";
import { credentialsIn } from "../../net/internal/mail_rules.ts";
import type { MailLoginOptions, SaslName } from "../../net/mail/options.ts";
import {
  badValue,
  type CliContext,
  CliError,
  type Flags,
  type FlagValue,
} from "../../tools/cli.ts";
import { ROUTE_FLAGS, routeOf } from "../http/route.ts";
import { secretOf } from "../login/secret.ts";
import { readPassword } from "./password.ts";

const FLAGS = {
  server: { type: "host", default: "127.0.0.1", help: "The server" },
  user: { type: "string", help: "Log in as this user; the program asks for the password" },
  passwordFile: {
    type: "string",
    placeholder: "file",
    help: "The file that contains the password; or the variable PORTSIDE_PASSWORD",
  },
  allowPlaintextLogin: { type: "boolean", help: "Log in without encryption, too" },
  ca: ROUTE_FLAGS.ca,
  cert: ROUTE_FLAGS.cert,
  key: ROUTE_FLAGS.key,
  pin: ROUTE_FLAGS.pin,
  timeout: { type: "duration", default: "30s", help: "Time limit for a reply" },
} as const satisfies Flags;

/** The flags of a login by SASL. */
export const loginFlags = {
  mechanism: {
    type: "string",
    placeholder: "name",
    help:
      "The only mechanism to use, such as PLAIN, XOAUTH2, or EXTERNAL by --cert [default: all, the best one first]",
  },
  tokenFile: {
    type: "string",
    placeholder: "file",
    help:
      "The file that contains an OAuth 2 access token, instead of a password; or the variable PORTSIDE_TOKEN",
  },
} as const satisfies Flags;

/** The ways to log in besides SASL. */
type CommandWay = "USER" | "APOP" | "LOGIN-COMMAND";

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
  { server, port, tls, user, passwordFile, allowPlaintextLogin, ca, cert, key, pin, timeout }:
    ClientValues,
  ctx: CliContext,
): Promise<MailLoginOptions<never>> {
  return {
    ...await routeOf({ ca, cert, key, pin }),
    hostname: server,
    port,
    tls,
    timeout,
    username: user,
    password: await readPassword(user, passwordFile, ctx),
    allowPlaintextLogin,
    signal: ctx.signal,
    trace: (line) => ctx.log.debug("{from}: {text}", { ...line }),
  };
}

/**
 * Reads the token that a flag names, and checks the mechanism.
 *
 * @param values The values of all flags.
 * @param more The mechanisms of the protocol besides those of SASL.
 * @param ctx The running program, as for {@linkcode clientOptions}.
 * @returns Options for `connectSmtp`, `connectPop3` and `connectImap`.
 * @throws {CliError} As {@linkcode clientOptions} does, and for an unknown mechanism.
 */
export async function loginOptions<M extends CommandWay = never>(
  { mechanism, tokenFile, ...values }: ClientValues & {
    mechanism?: string | undefined;
    tokenFile?: string | undefined;
  },
  more: readonly M[],
  ctx: CliContext,
): Promise<MailLoginOptions<SaslName | M>> {
  const names = [...SASL_NAMES, ...more];
  const name = names.find((one) => one === mechanism?.toUpperCase());
  if (mechanism !== undefined && name === undefined) {
    throw badValue("--mechanism", mechanism, names.join(", "));
  }
  const { user, passwordFile, ...rest } = values;
  const isExternal = name === "EXTERNAL";
  if (isExternal && values.cert === undefined) {
    throw new CliError("--mechanism EXTERNAL requires --cert and --key", 2);
  }
  if (tokenFile !== undefined && user === undefined) {
    throw new CliError("--token-file requires --user", 2);
  }
  if (passwordFile !== undefined && (tokenFile !== undefined || isExternal)) {
    const other = isExternal ? "--mechanism EXTERNAL" : "--token-file";
    throw new CliError(`--password-file and ${other} exclude each other`, 2);
  }
  // The variable counts if the flags select no other way to log in.
  const mayUseVariable = user !== undefined && passwordFile === undefined &&
    (name === undefined || name === "OAUTHBEARER" || name === "XOAUTH2");
  const accessToken = tokenFile !== undefined || mayUseVariable
    ? await secretOf({ file: tokenFile, variable: "PORTSIDE_TOKEN" })
    : undefined;
  if (accessToken === undefined && !isExternal) {
    return checked({ ...await clientOptions(values, ctx), mechanism: name });
  }
  const options = await clientOptions({ ...rest, passwordFile, user: undefined }, ctx);
  return checked({ ...options, username: user, accessToken, mechanism: name });
}

/** Checks a login. An error names the flags. */
function checked<M extends SaslName | CommandWay>(
  options: MailLoginOptions<M>,
): MailLoginOptions<M> {
  try {
    credentialsIn("the login", options);
  } catch (error) {
    const message = (error as Error).message.replaceAll("username", "--user")
      .replaceAll("accessToken", "--token-file").replace(/^mechanism/, "--mechanism");
    throw new CliError(message, 2);
  }
  return options;
}
