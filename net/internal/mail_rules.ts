/** Rules for the options that mail and FTP clients share. */

import { Connection } from "../connection/connection.ts";
import type {
  MailClientOptions,
  MailLoginOptions,
  SaslChoice,
  SaslCredentials,
} from "../mail/options.ts";
import { hostName } from "./host_rules.ts";
import { hasAnother, LOGIN_WAYS, type LoginWay, SASL_NAMES } from "./login_ways.ts";
import {
  callback,
  flag,
  milliseconds,
  oneOf,
  OptionRules,
  port,
  required,
  type Rule,
  rule,
  signal,
  word,
} from "./options.ts";
import { TLS_CLIENT } from "./tls_rules.ts";

/** The rules for the options of all mail clients and of the FTP client. */
export const MAIL_CLIENT = new OptionRules<MailClientOptions>({
  hostname: hostName,
  port,
  tls: oneOf("implicit", "starttls", "none"),
  serverName: TLS_CLIENT.rules.serverName,
  caCerts: TLS_CLIENT.rules.caCerts,
  cert: TLS_CLIENT.rules.cert,
  key: TLS_CLIENT.rules.key,
  pin: TLS_CLIENT.rules.pin,
  minVersion: TLS_CLIENT.rules.minVersion,
  connectTimeout: milliseconds,
  timeout: milliseconds,
  keepAlive: milliseconds,
  allowPlaintextLogin: flag,
  signal,
  trace: callback,
  connection: rule("a Connection", (value) => value instanceof Connection),
});

/** A string of one line. Empty strings pass. */
export const oneLine: Rule = rule("a string without line breaks and NUL", isOneLine);

/** A command for the server, which is one line. */
export const command: Rule = rule(
  "a command that is not empty, without line breaks and NUL",
  (value) => isOneLine(value) && value !== "",
);

/** The name of a user. */
export const loginName: Rule = rule(
  "a name that is not empty, without line breaks and NUL",
  (value) => isOneLine(value) && value !== "",
);

/** Rejects anything but one line, without showing the value: it is a password or a token. */
export function secret(name: string, value: unknown): void {
  if (isOneLine(value)) return;
  const message = `${name} must be a string without line breaks and NUL, got a ${typeof value}`;
  throw typeof value === "number" ? new RangeError(message) : new TypeError(message);
}

function isOneLine(value: unknown): boolean {
  return typeof value === "string" && !/[\r\n\0]/.test(value);
}

/** Returns a rule for the name of a mechanism; a protocol may have some besides those of SASL. */
export function mechanismName(...more: readonly string[]): Rule {
  return oneOf(...SASL_NAMES, ...more);
}

const CREDENTIALS = new OptionRules<SaslCredentials>({
  username: loginName,
  user: loginName,
  password: secret,
  accessToken: secret,
  authorizationId: oneLine,
});

/** Returns the rules for options that include a login. */
export function loginRules<M extends string>(
  ...more: readonly string[]
): OptionRules<MailLoginOptions<M>> {
  return new OptionRules<MailLoginOptions<M>>({
    ...MAIL_CLIENT.rules,
    ...CREDENTIALS.rules,
    mechanism: mechanismName(...more),
  });
}

/** The rules for the choice of a mechanism. */
export const SASL_CHOICE = new OptionRules<SaslChoice>({
  encrypted: required(flag),
  allowPlaintext: flag,
  mechanism: mechanismName(),
  nonce: word,
});

/**
 * Checks credentials, before anything is sent.
 *
 * @param owner The function that takes them, for messages.
 * @param mechanism The only mechanism to use.
 * @throws {TypeError} If a value has the wrong type or contains a control character, if the name or the
 * secret is missing, or if the mechanism cannot carry a value.
 */
export function checkCredentials(
  owner: string,
  credentials: SaslCredentials,
  mechanism?: LoginWay,
): SaslCredentials {
  if (credentials === undefined) loginName("username", undefined);
  const checked = withUsername(CREDENTIALS.check(owner, credentials));
  for (const [name, value] of Object.entries(checked)) {
    // XOAUTH2 separates its fields by \x01, PLAIN by NUL.
    if (value !== undefined && /\p{Cc}/u.test(value)) {
      throw new TypeError(`${name} must not contain a control character`);
    }
  }
  const { username, password, accessToken } = checked;
  const secrets = { password, accessToken };
  for (const [name, value] of Object.entries(secrets)) {
    if (value === "") throw new TypeError(`${name} must not be empty`);
    if (value !== undefined && username === undefined) {
      throw new TypeError(`${name} requires username`);
    }
  }
  const traits = mechanism && LOGIN_WAYS[mechanism];
  if (hasAnother(checked) && traits?.namesAnother === false) {
    throw new TypeError(`mechanism ${JSON.stringify(mechanism)} cannot carry authorizationId`);
  }
  if (traits?.needs === "certificate") {
    for (const [name, value] of Object.entries(secrets)) {
      if (value !== undefined) {
        throw new TypeError(`mechanism ${JSON.stringify(mechanism)} does not use ${name}`);
      }
    }
    return checked;
  }
  loginName("username", username);
  if (traits !== undefined && secrets[traits.needs] === undefined) {
    const given = Object.entries(secrets).find(([, value]) => value !== undefined)?.[0] ??
      "username";
    throw new TypeError(
      `mechanism ${JSON.stringify(mechanism)} requires ${traits.needs}: ` +
        `the login offers ${given}, not ${traits.needs}`,
    );
  }
  if (password === undefined && accessToken === undefined) {
    throw new TypeError('username requires password or accessToken, or mechanism "EXTERNAL"');
  }
  return checked;
}

/** Returns options with `username` in place of `user`, which is the former name of the option. */
export function withUsername<T extends { readonly username?: string; readonly user?: string }>(
  { user, ...options }: T,
): Omit<T, "user"> {
  const username = options.username ?? user;
  return username === undefined ? options : { ...options, username };
}

/**
 * Returns the credentials among the options of a client, checked; undefined if there are none.
 *
 * @throws {TypeError} If there is only a part of them.
 */
export function credentialsIn(
  owner: string,
  options: MailLoginOptions<LoginWay>,
): SaslCredentials | undefined {
  const given = CREDENTIALS.pick(options);
  const { mechanism } = options;
  const isEmpty = Object.values(given).every((value) => value === undefined);
  if (isEmpty && mechanism !== "EXTERNAL") {
    if (mechanism !== undefined) throw new TypeError("mechanism requires username");
    return undefined;
  }
  return checkCredentials(owner, given, mechanism);
}
