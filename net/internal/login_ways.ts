/** The ways to log in: what each of them needs, and the order in which a client tries them. Pure. */

import { NetError } from "../errors/errors.ts";
import type { SaslCredentials, SaslName } from "../mail/options.ts";
import { upperAscii } from "../text.ts";

/** A way to log in: a SASL mechanism, or commands of POP3 (APOP, USER) or IMAP (LOGIN-COMMAND). */
export type LoginWay = SaslName | "APOP" | "USER" | "LOGIN-COMMAND";

interface Traits {
  /** The credential that it proves or sends. */
  readonly needs: "password" | "accessToken" | "certificate";
  /** Whether a listener learns the credential, or can compute a password from what is sent. */
  readonly exposes: boolean;
  /** Whether it can name a user to act as, besides the user who logs in. */
  readonly namesAnother: boolean;
}

/** The names of the SASL mechanisms. */
export const SASL_NAMES = [
  "SCRAM-SHA-256",
  "SCRAM-SHA-1",
  "PLAIN",
  "LOGIN",
  "CRAM-MD5",
  "OAUTHBEARER",
  "XOAUTH2",
  "EXTERNAL",
] as const satisfies readonly SaslName[];

/** The ways besides SASL. */
const COMMANDS: ReadonlySet<LoginWay> = new Set(["APOP", "USER", "LOGIN-COMMAND"]);

/** The properties of all ways. */
export const LOGIN_WAYS: Readonly<Record<LoginWay, Traits>> = {
  "SCRAM-SHA-256": { needs: "password", exposes: false, namesAnother: true },
  "SCRAM-SHA-1": { needs: "password", exposes: false, namesAnother: true },
  "PLAIN": { needs: "password", exposes: true, namesAnother: true },
  "LOGIN": { needs: "password", exposes: true, namesAnother: false },
  "CRAM-MD5": { needs: "password", exposes: true, namesAnother: false },
  "APOP": { needs: "password", exposes: true, namesAnother: false },
  "USER": { needs: "password", exposes: true, namesAnother: false },
  "LOGIN-COMMAND": { needs: "password", exposes: true, namesAnother: false },
  "OAUTHBEARER": { needs: "accessToken", exposes: true, namesAnother: true },
  "XOAUTH2": { needs: "accessToken", exposes: true, namesAnother: false },
  "EXTERNAL": { needs: "certificate", exposes: false, namesAnother: true },
};

/** The order for an encrypted connection. Most servers check a password that is sent to them. */
const ENCRYPTED = [
  "SCRAM-SHA-256",
  "SCRAM-SHA-1",
  "PLAIN",
  "LOGIN",
  "LOGIN-COMMAND",
  "USER",
  "CRAM-MD5",
  "APOP",
  "OAUTHBEARER",
  "XOAUTH2",
] as const satisfies readonly LoginWay[];

/** The order for a connection that is not encrypted: the password itself is sent last. */
const OPEN = [
  "SCRAM-SHA-256",
  "SCRAM-SHA-1",
  "CRAM-MD5",
  "APOP",
  "PLAIN",
  "LOGIN",
  "LOGIN-COMMAND",
  "USER",
  "OAUTHBEARER",
  "XOAUTH2",
] as const satisfies readonly LoginWay[];

/** Conditions for the choice. */
interface WayChoice {
  /** The ways besides SASL that the server may support. */
  readonly others: readonly string[];
  readonly encrypted: boolean;
  readonly allowPlaintext: boolean;
  /** The only way to use. */
  readonly mechanism: LoginWay | undefined;
}

/**
 * Returns the ways that both sides support and that the credentials fit, the preferred one first.
 *
 * @param offered The names of the mechanisms that the server offers, in any case.
 * @param credentials The credentials, checked already.
 * @throws {NetError} "unsupported" if there is none; "usage" if all of them need encryption.
 */
export function loginWays(
  offered: readonly string[],
  credentials: SaslCredentials,
  { others, encrypted, allowPlaintext, mechanism }: WayChoice,
): LoginWay[] {
  const known = new Set(offered.map(upperAscii));
  const { accessToken } = credentials;
  const needs = accessToken === undefined ? "password" : "accessToken";
  const wanted = mechanism !== undefined
    ? [mechanism]
    : (encrypted ? ENCRYPTED : OPEN).filter((way) => LOGIN_WAYS[way].needs === needs);
  const common = wanted.filter((way) => COMMANDS.has(way) ? others.includes(way) : known.has(way));
  if (common.length === 0) {
    const sasl = wanted.filter((way) => way === mechanism || !COMMANDS.has(way));
    throw unsupported(
      `the server offers ${[...known].join(", ") || "nothing"}, not ${sasl.join(", ")}`,
    );
  }
  const fit = common.filter((way) => !hasAnother(credentials) || LOGIN_WAYS[way].namesAnother);
  if (fit.length === 0) {
    throw unsupported(
      `${common.join(" and ")} cannot carry authorizationId, nor does the server ` +
        "offer another mechanism that can",
    );
  }
  const safe = fit.filter((way) => encrypted || allowPlaintext || !LOGIN_WAYS[way].exposes);
  if (safe.length > 0) return safe;
  const message = `Cannot log in by ${fit.join(" or ")}: the connection is not encrypted ` +
    "(allowPlaintextLogin: true allows that)";
  throw new NetError(message, { kind: "usage", phase: "request" });
}

/** Returns whether credentials name a user to act as, who is not the one who logs in. */
export function hasAnother({ username, authorizationId }: SaslCredentials): boolean {
  return authorizationId !== undefined && authorizationId !== "" && authorizationId !== username;
}

function unsupported(reason: string): NetError {
  return new NetError(`Cannot log in: ${reason}`, { kind: "unsupported", phase: "request" });
}
