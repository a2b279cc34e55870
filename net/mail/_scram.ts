/** SCRAM without channel binding (RFC 5802 §3), with SHA-256 (RFC 7677) or SHA-1. */

import { saslPrepare } from "./_saslprep.ts";
import { broken, saslName } from "./_mechanisms.ts";
import type { SaslExchange } from "./options.ts";

/** Most hash iterations that a server may demand. They take about a second. */
const MAX_ITERATIONS = 1_000_000;
/** Fewest hash iterations that protect a password (RFC 7677 §4). */
const MIN_ITERATIONS = 4096;

const HASHES = {
  "SCRAM-SHA-256": { hash: "SHA-256", bits: 256 },
  "SCRAM-SHA-1": { hash: "SHA-1", bits: 160 },
} as const;

/** The names of the mechanisms. */
type ScramName = keyof typeof HASHES;

/** The identity of a user, with all values present. */
interface ScramUser {
  readonly username: string;
  readonly password: string;
  readonly authorizationId: string;
}

const utf8 = new TextEncoder();

/** The client's side of SCRAM. */
export class Scram implements SaslExchange {
  readonly name: ScramName;
  readonly initial: Uint8Array<ArrayBuffer>;
  readonly #password: string;
  readonly #header: string;
  readonly #nonce: string;
  readonly #bare: string;
  #signature: Uint8Array | undefined;
  #proved = false;

  constructor(
    name: ScramName,
    { username, password, authorizationId }: ScramUser,
    nonce: string = crypto.getRandomValues(new Uint8Array(18)).toBase64(),
  ) {
    this.name = name;
    this.#password = saslPrepare("password", password);
    this.#header = `n,${authorizationId === "" ? "" : `a=${saslName(authorizationId)}`},`;
    this.#nonce = nonce;
    const prepared = saslPrepare("username", username);
    if (prepared === "") {
      throw new TypeError("username must not be empty after SASLprep (RFC 4013)");
    }
    this.#bare = `n=${saslName(prepared)},r=${this.#nonce}`;
    this.initial = utf8.encode(this.#header + this.#bare);
  }

  get cancellable(): boolean {
    return this.#signature === undefined;
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
    const { hash, bits } = HASHES[this.name];
    const key = await crypto.subtle.importKey(
      "raw",
      utf8.encode(this.#password),
      "PBKDF2",
      false,
      ["deriveBits"],
    );
    const salted = await crypto.subtle.deriveBits(
      { name: "PBKDF2", hash, salt: decode(this.name, salt), iterations },
      key,
      bits,
    );
    const clientKey = await hmac(hash, salted, "Client Key");
    const stored = await crypto.subtle.digest(hash, clientKey);
    const final = `c=${utf8.encode(this.#header).toBase64()},r=${nonce}`;
    const message = `${this.#bare},${text},${final}`;
    const signature = await hmac(hash, stored, message);
    this.#signature = await hmac(hash, await hmac(hash, salted, "Server Key"), message);
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

function decode(name: ScramName, text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw broken(name, "sent text that is not Base64");
  }
}

async function hmac(
  hash: string,
  key: BufferSource,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, [
    "sign",
  ]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, utf8.encode(text)));
}
