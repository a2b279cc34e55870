/**
 * Logging in by SASL (RFC 4422), the same for SMTP, POP3 and IMAP: SCRAM-SHA-256 (RFC 5802,
 * RFC 7677), XOAUTH2, PLAIN (RFC 4616) and LOGIN.
 *
 * @example What PLAIN sends
 * ```ts
 * import { startSasl } from "@portside/kit/net/mail";
 * import { assertEquals } from "@std/assert";
 *
 * const exchange = startSasl(["PLAIN", "LOGIN"], { user: "ann", password: "secret" }, {
 *   encrypted: true,
 * });
 * assertEquals(exchange.name, "PLAIN");
 * assertEquals(new TextDecoder().decode(exchange.initial), "\0ann\0secret");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { NetError } from "../errors/errors.ts";
import { saslPrepare } from "./_saslprep.ts";
import { upperAscii } from "../text.ts";

/** The mechanisms that are known, the preferred one first. */
export type SaslName = "SCRAM-SHA-256" | "XOAUTH2" | "PLAIN" | "LOGIN";

/** Who logs in. */
export interface SaslCredentials {
  /** The user. */
  readonly user: string;
  /** The password; for all mechanisms but XOAUTH2. */
  readonly password?: string;
  /** The access token of OAuth 2, for XOAUTH2. */
  readonly accessToken?: string;
  /** On whose behalf. @default the user's own */
  readonly authorizationId?: string;
}

/** How a mechanism is chosen. */
export interface SaslChoice {
  /** Whether nobody on the way can read along. */
  readonly encrypted: boolean;
  /** Whether a password may be sent where everybody can. @default false */
  readonly allowPlaintext?: boolean;
  /** This one and no other. @default the best that the server offers */
  readonly mechanism?: SaslName;
  /** A number that is used once, for SCRAM. @default by chance */
  readonly nonce?: string;
}

/** One login. */
export interface SaslExchange {
  /** The mechanism. */
  readonly name: SaslName;
  /** What may be sent with the command; undefined where the server speaks first. */
  readonly initial: Uint8Array<ArrayBuffer> | undefined;
  /**
   * Answers a challenge.
   *
   * @param challenge What the server sent, decoded.
   * @returns The answer.
   * @throws {NetError} "protocol", if the server does not keep to the mechanism or does not know
   * the password.
   */
  next(challenge: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * To be called when the server says that the login has succeeded.
   *
   * @throws {NetError} "protocol", if it has not proved that it knows the password.
   */
  finish(): void;
}

/** The most rounds of hashing that a server may ask for: a second of work. */
const MAX_ITERATIONS = 1_000_000;
/** Fewer are no protection (RFC 7677 §4). */
const MIN_ITERATIONS = 4096;

const utf8 = new TextEncoder();

/**
 * Begins a login with the best mechanism that both sides know.
 *
 * @param offered What the server offers.
 * @param credentials Who logs in.
 * @param choice What is allowed.
 * @returns The login.
 * @throws {NetError} "unsupported", if no mechanism is left; "usage", if only the lack of encryption
 * forbids them.
 * @throws {TypeError} If user or password hold a control character, or, for SCRAM, what SASLprep
 * (RFC 4013) forbids.
 */
export function startSasl(
  offered: readonly string[],
  credentials: SaslCredentials,
  choice: SaslChoice,
): SaslExchange {
  const { user, password = "", accessToken, authorizationId = "" } = credentials;
  for (const [name, value] of Object.entries({ user, password, accessToken, authorizationId })) {
    // XOAUTH2 puts \x01 between its fields.
    if (value !== undefined && /\p{Cc}/u.test(value)) {
      throw new TypeError(`Cannot use ${name}: it holds a control character`);
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
        `Cannot log in by ${common.join(" or ")}: the line is not encrypted`,
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
      return new Scram(user, password, authorizationId, choice.nonce);
    case "PLAIN":
      return simple(name, utf8.encode(`${authorizationId}\0${user}\0${password}`), []);
    case "LOGIN":
      return simple(name, undefined, [utf8.encode(user), utf8.encode(password)]);
    case "XOAUTH2":
      // An error comes as a challenge, to be answered by nothing.
      return simple(
        name,
        utf8.encode(`user=${user}\x01auth=Bearer ${accessToken}\x01\x01`),
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
        ? Promise.reject(broken(name, "asks for more than the mechanism has"))
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

  constructor(user: string, password: string, authorizationId: string, nonce?: string) {
    const escape = (name: string) => name.replaceAll("=", "=3D").replaceAll(",", "=2C");
    this.#password = saslPrepare("password", password);
    this.#header = `n,${authorizationId === "" ? "" : `a=${escape(authorizationId)}`},`;
    this.#nonce = nonce ?? crypto.getRandomValues(new Uint8Array(18)).toBase64();
    const name = saslPrepare("user", user);
    if (name === "") throw new TypeError("Cannot use user: it is empty");
    this.#bare = `n=${escape(name)},r=${this.#nonce}`;
    this.initial = utf8.encode(this.#header + this.#bare);
  }

  async next(challenge: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#proved) throw broken(this.name, "asks for more than the mechanism has");
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(challenge);
    if (this.#signature !== undefined) return this.#verify(text);
    const [, nonce = "", salt = "", rounds = ""] =
      /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=([1-9]\d{0,9})(?:,|$)/.exec(text) ?? [];
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) {
      throw broken(this.name, "sent no challenge of this login");
    }
    const iterations = Number(rounds);
    if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
      throw broken(
        this.name,
        `wants ${iterations} rounds, not ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`,
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
    if (error !== undefined) throw broken(this.name, `says ${error}`);
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
    throw broken(name, "sent what is no Base64");
  }
}

async function hmac(key: BufferSource, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, utf8.encode(text)));
}
