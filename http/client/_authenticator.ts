import { parseChallenges } from "../internal/challenges.ts";
import { theirs } from "./_attempt.ts";
import { digestAuthorization, type DigestChallenge, digestChallenge } from "../internal/digest.ts";
import { checkCredentials } from "./_option_rules.ts";
import type { HttpAuth, HttpAuthRequest, HttpCredentials } from "./options.ts";
import type { Plan } from "./_request_plan.ts";

type Login = Extract<HttpCredentials, { username: string }>;

/** The nonce of a server, and the number of requests that have used it. */
interface UsedChallenge {
  readonly challenge: DigestChallenge;
  count: number;
}

/** The largest number of servers whose nonces are kept. */
const MAX_NONCES = 100;

/** Makes the values of `Authorization`, and answers challenges (RFC 9110 §11). */
export class Authenticator {
  /** The last challenge of each server and user. The one that was used last comes last. */
  readonly #challenges = new Map<string, UsedChallenge>();

  /** Returns the value of `Authorization` for one try; undefined for none. */
  async header(plan: Plan): Promise<string | undefined> {
    const { auth } = plan;
    if (auth === undefined) return undefined;
    const credentials = plan.answer ?? await given(auth, plan, undefined);
    if (credentials === undefined) return undefined;
    if ("bearer" in credentials) return await bearer(credentials);
    return credentials.scheme === "digest" ? this.#digest(credentials, plan) : basic(credentials);
  }

  /**
   * Looks for an answer to a refusal. Returns whether the request is worth another try. A function gets one
   * chance for each request. A digest gets one for each new nonce, which is at most two.
   */
  async answers(plan: Plan, headers: Headers): Promise<boolean> {
    const { auth, body } = plan;
    if (auth === undefined || plan.headers?.has("authorization") === true) return false;
    if (body?.replayable === false) return false;
    const challenges = parseChallenges(headers.get("www-authenticate"));
    if (typeof auth === "function" && plan.answer === undefined) {
      plan.answer = await given(auth, plan, { status: 401, headers, challenges });
      if (plan.answer !== undefined && !isDigest(plan.answer)) return true;
    }
    const login = plan.answer ?? auth;
    if (!isDigest(login)) return false;
    const challenge = digestChallenge(challenges, !body?.inPieces);
    if (challenge === undefined) return false;
    const before = plan.nonces;
    // The same answer would be refused again.
    if (before >= 2 || (before === 1 && !challenge.stale)) return false;
    plan.nonces++;
    this.#keep(keyOf(login, plan), { challenge, count: 0 });
    return true;
  }

  /** Returns the value for a digest, if there has been a challenge. */
  #digest(login: Login, plan: Plan): string | undefined {
    const key = keyOf(login, plan);
    const used = this.#challenges.get(key);
    if (used === undefined) return undefined;
    const { body, method, url } = plan;
    if (used.challenge.qop === "auth-int" && body?.inPieces) return undefined;
    this.#keep(key, used);
    return digestAuthorization(used.challenge, {
      ...login,
      method,
      target: url.pathname + url.search,
      body: body?.whole,
      count: ++used.count,
      cnonce: crypto.getRandomValues(new Uint8Array(16)).toHex(),
    });
  }

  #keep(key: string, used: UsedChallenge): void {
    this.#challenges.delete(key);
    this.#challenges.set(key, used);
    if (this.#challenges.size <= MAX_NONCES) return;
    const [oldest] = this.#challenges.keys();
    this.#challenges.delete(oldest!);
  }
}

function isDigest(auth: HttpAuth): auth is Login {
  return typeof auth === "object" && "username" in auth && auth.scheme === "digest";
}

function keyOf({ username }: Login, { url }: Plan): string {
  return `${url.origin} ${username}`;
}

/** Returns the credentials that an option states or a function returns. */
async function given(
  auth: HttpAuth,
  { method, url }: Plan,
  refused: HttpAuthRequest["refused"],
): Promise<HttpCredentials | undefined> {
  if (typeof auth !== "function") return auth;
  const made = await Promise.try(() => auth({ method, url: url.href, refused })).catch(theirs);
  if (made === null || made === undefined) return undefined;
  checkCredentials("The result of auth", made);
  return made;
}

async function bearer({ bearer: given }: Extract<HttpCredentials, { bearer: unknown }>) {
  const token = typeof given === "function" ? await given() : given;
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw new TypeError(
    "The bearer token must not be empty, nor contain blanks or control characters",
  );
}

function basic({ username, password }: Login): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
