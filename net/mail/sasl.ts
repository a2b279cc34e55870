/**
 * Login by SASL (RFC 4422), the same for SMTP, POP3 and IMAP: SCRAM-SHA-256 (RFC 5802, RFC 7677),
 * XOAUTH2, PLAIN (RFC 4616) and LOGIN.
 *
 * @example The initial response of PLAIN
 * ```ts
 * import { startSasl } from "@portside/kit/net/mail";
 * import { assertEquals } from "@std/assert";
 *
 * const credentials = { username: "ann", password: "secret" };
 * const exchange = startSasl(["PLAIN", "LOGIN"], credentials, { encrypted: true });
 * assertEquals(exchange.name, "PLAIN");
 * assertEquals(new TextDecoder().decode(exchange.initial), "\0ann\0secret");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { NetError } from "../errors/errors.ts";
import { checkCredentials, SASL_CHOICE, usernameOf } from "../internal/mail_rules.ts";
import { listOf, text } from "../internal/options.ts";
import { saslPrepare } from "./_saslprep.ts";
import type { SaslChoice, SaslCredentials, SaslName } from "./options.ts";
import { upperAscii } from "../text.ts";

/** The client's side of one login. */
export interface SaslExchange {
  /** The mechanism in use. */
  readonly name: SaslName;
  /** The initial response, as bytes; undefined if the server sends the first message. */
  readonly initial: Uint8Array<ArrayBuffer> | undefined;
  /**
   * Responds to a challenge.
   *
   * @param challenge The challenge of the server, decoded from Base64.
   * @returns The response, not yet encoded in Base64.
   * @throws {NetError} "protocol" if the server violates the mechanism or does not know the password.
   */
  next(challenge: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Completes the exchange. Call it when the server reports success.
   *
   * @throws {NetError} "protocol" if the server has not proved that it knows the password.
   */
  finish(): void;
}

/** Most hash iterations that a server may demand. They take about a second. */
const MAX_ITERATIONS = 1_000_000;
/** Fewest hash iterations that protect a password (RFC 7677 §4). */
const MIN_ITERATIONS = 4096;

const OFFERED = listOf(text);

const utf8 = new TextEncoder();

/**
 * Starts a login with the best mechanism that both sides support.
 *
 * @param offered The names of the mechanisms that the server offers.
 * @param credentials The user, and a password or an access token.
 * @param choice Conditions such as encryption, and optionally the only mechanism to use.
 * @returns The exchange, at its beginning.
 * @throws {NetError} "unsupported" if there is no common mechanism; "usage" if the common ones need
 * an encrypted connection.
 * @throws {TypeError | RangeError} If an argument has the wrong type, if a name or secret contains a
 * control character, or, for SCRAM, a character that SASLprep (RFC 4013) prohibits.
 */
export function startSasl(
  offered: readonly string[],
  credentials: SaslCredentials,
  choice: SaslChoice,
): SaslExchange {
  OFFERED("offered", offered);
  credentials = checkCredentials("startSasl", credentials);
  choice = SASL_CHOICE.check("startSasl", choice);
  const username = usernameOf(credentials)!;
  const { password = "", accessToken, authorizationId = "" } = credentials;
  for (
    const [name, value] of Object.entries({ username, password, accessToken, authorizationId })
  ) {
    // XOAUTH2 separates its fields by \x01, PLAIN by NUL.
    if (value !== undefined && /\p{Cc}/u.test(value)) {
      throw new TypeError(`${name} must not contain a control character`);
    }
  }
  const known = new Set(offered.map(upperAscii));
  const order: SaslName[] = accessToken !== undefined
    ? ["XOAUTH2"]
    : ["SCRAM-SHA-256", "PLAIN", "LOGIN"];
  const common = order.filter((name) =>
    known.has(name) && (choice.mechanism === undefined || choice.mechanism === name)
  );
  const safe = choice.encrypted || choice.allowPlaintext === true;
  const name = common.find((one) => safe || one === "SCRAM-SHA-256");
  if (name === undefined) {
    const wanted = choice.mechanism ?? order.join(", ");
    if (common.length > 0) {
      throw new NetError(
        `Cannot log in by ${common.join(" or ")}: the connection is not encrypted`,
        { kind: "usage", phase: "request" },
      );
    }
    throw new NetError(
      `Cannot log in: the server offers ${offered.join(", ") || "nothing"}, not ${wanted}`,
      { kind: "unsupported", phase: "request" },
    );
  }
  switch (name) {
    case "SCRAM-SHA-256":
      return new Scram(username, password, authorizationId, choice.nonce);
    case "PLAIN":
      return simple(name, utf8.encode(`${authorizationId}\0${username}\0${password}`), []);
    case "LOGIN":
      return simple(name, undefined, [utf8.encode(username), utf8.encode(password)]);
    case "XOAUTH2":
      // The server sends an error as a challenge, and expects an empty response.
      return simple(
        name,
        utf8.encode(`user=${username}\x01auth=Bearer ${accessToken}\x01\x01`),
        [new Uint8Array()],
      );
  }
}

function simple(
  name: SaslName,
  initial: Uint8Array<ArrayBuffer> | undefined,
  answers: Uint8Array<ArrayBuffer>[],
): SaslExchange {
  return {
    name,
    initial,
    next() {
      const answer = answers.shift();
      return answer === undefined
        ? Promise.reject(broken(name, "sent a challenge that the mechanism does not have"))
        : Promise.resolve(answer);
    },
    finish() {},
  };
}

function broken(name: SaslName, what: string): NetError {
  return new NetError(`Cannot log in by ${name}: the server ${what}`, {
    kind: "protocol",
    phase: "response",
  });
}

/** SCRAM without channel binding (RFC 5802 §3). */
class Scram implements SaslExchange {
  readonly name = "SCRAM-SHA-256";
  readonly initial: Uint8Array<ArrayBuffer>;
  readonly #password: string;
  readonly #header: string;
  readonly #nonce: string;
  readonly #bare: string;
  #signature: Uint8Array | undefined;
  #proved = false;

  constructor(username: string, password: string, authorizationId: string, nonce?: string) {
    const escape = (name: string) => name.replaceAll("=", "=3D").replaceAll(",", "=2C");
    this.#password = saslPrepare("password", password);
    this.#header = `n,${authorizationId === "" ? "" : `a=${escape(authorizationId)}`},`;
    this.#nonce = nonce ?? crypto.getRandomValues(new Uint8Array(18)).toBase64();
    const name = saslPrepare("username", username);
    if (name === "") throw new TypeError("username must not be empty after SASLprep (RFC 4013)");
    this.#bare = `n=${escape(name)},r=${this.#nonce}`;
    this.initial = utf8.encode(this.#header + this.#bare);
  }

  async next(challenge: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#proved) throw broken(this.name, "sent a challenge that the mechanism does not have");
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(challenge);
    if (this.#signature !== undefined) return this.#verify(text);
    const [, nonce = "", salt = "", rounds = ""] =
      /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=([1-9]\d{0,9})(?:,|$)/.exec(text) ?? [];
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) {
      throw broken(this.name, "sent a challenge that does not belong to this login");
    }
    const iterations = Number(rounds);
    if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
      throw broken(
        this.name,
        `demands ${iterations} iterations, not ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`,
      );
    }
    const key = await crypto.subtle.importKey(
      "raw",
      utf8.encode(this.#password),
      "PBKDF2",
      false,
      ["deriveBits"],
    );
    const salted = await crypto.subtle.deriveBits(
      { name: "PBKDF2", hash: "SHA-256", salt: decode(this.name, salt), iterations },
      key,
      256,
    );
    const clientKey = await hmac(salted, "Client Key");
    const stored = await crypto.subtle.digest("SHA-256", clientKey);
    const final = `c=${utf8.encode(this.#header).toBase64()},r=${nonce}`;
    const message = `${this.#bare},${text},${final}`;
    const signature = await hmac(stored, message);
    this.#signature = await hmac(await hmac(salted, "Server Key"), message);
    const proof = clientKey.map((byte, i) => byte ^ signature[i]!);
    return utf8.encode(`${final},p=${proof.toBase64()}`);
  }

  finish(): void {
    if (!this.#proved) throw broken(this.name, "has not proved that it knows the password");
  }

  #verify(text: string): Uint8Array<ArrayBuffer> {
    const [, error] = /^e=([^,]*)/.exec(text) ?? [];
    if (error !== undefined) throw broken(this.name, `reports ${error}`);
    const [, said = ""] = /^v=([A-Za-z0-9+/=]+)/.exec(text) ?? [];
    const given = decode(this.name, said);
    let different = given.length ^ this.#signature!.length;
    for (const [i, byte] of this.#signature!.entries()) different |= byte ^ (given[i] ?? 0);
    if (different !== 0) throw broken(this.name, "does not know the password");
    this.#proved = true;
    return new Uint8Array();
  }
}

function decode(name: SaslName, text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw broken(name, "sent text that is not Base64");
  }
}

async function hmac(key: BufferSource, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, utf8.encode(text)));
}
