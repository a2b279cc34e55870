/**
 * Authentication of clients by a name and a password (Basic) or by a token (Bearer). The time of a
 * comparison does not depend on the secret.
 *
 * Both schemes send secrets without encryption. Use them over HTTPS, or only on this machine.
 *
 * @example A password
 * ```ts
 * import { basicAuth, userOf } from "@portside/kit/http/auth";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = basicAuth((request) => new Response(`hello ${userOf(request)}`), {
 *   users: { ada: "lovelace" },
 * });
 * await using server = serveHttp({}, handler);
 * const headers = { authorization: `Basic ${btoa("ada:lovelace")}` };
 * assertEquals(await (await fetch(server.url, { headers })).text(), "hello ada");
 * const refused = await fetch(server.url);
 * assertEquals(refused.status, 401);
 * await refused.body?.cancel();
 * ```
 *
 * **Permissions**: none. Source: RFC 7617 (Basic), RFC 6750 (Bearer), RFC 9110 §11.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  callback,
  listOf,
  optionError,
  OptionRules,
  rule,
  word,
} from "../../net/internal/options.ts";
import { passRefusals } from "../internal/response_headers.ts";
import { problem } from "../problem.ts";
import type { HttpHandler } from "../server/options.ts";

/** Options of {@linkcode basicAuth}. Either `users` or `verify` is required. */
export interface BasicAuthOptions {
  /** The passwords, by user. */
  users?: Readonly<Record<string, string>>;
  /**
   * Checks a password, for example by stored password hashes. It takes precedence over `users`. Any
   * result except `true` refuses the client.
   */
  verify?: (user: string, password: string) => boolean | Promise<boolean>;
  /**
   * The text that a browser shows when it asks for the password, in printable ASCII.
   *
   * @default "restricted"
   */
  realm?: string;
}

/** Options of {@linkcode bearerAuth}. Either `tokens` or `verify` is required. */
export interface BearerAuthOptions {
  /** The valid tokens. */
  tokens?: readonly string[];
  /**
   * Returns the user of a token, or null. It takes precedence over `tokens`. Any result except a
   * non-empty string refuses the client.
   */
  verify?: (token: string) => string | null | Promise<string | null>;
  /**
   * The name of the protected area, in printable ASCII.
   *
   * @default "restricted"
   */
  realm?: string;
}

/** A text that fits into a quoted string of `WWW-Authenticate`. */
const printable = rule(
  "a string of printable ASCII characters",
  (value) => typeof value === "string" && !/[^\x20-\x7e]/.test(value),
);

const BASIC = new OptionRules<BasicAuthOptions>({
  users: passwords,
  verify: callback,
  realm: printable,
});
const BEARER = new OptionRules<BearerAuthOptions>({
  tokens: listOf(word),
  verify: callback,
  realm: printable,
});

/** An object whose values are passwords. */
function passwords(name: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw optionError(name, "an object of users and their passwords", value);
  }
  // The error must not show a password.
  const wrong = Object.entries(value).find(([, password]) => typeof password !== "string");
  if (wrong !== undefined) throw new TypeError(`${name}.${wrong[0]} must be a string`);
}

const users = new WeakMap<Request, string>();
/** A byte order mark is a character of the name, like any other. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The credentials of RFC 9110 §11.4: a scheme and one word. */
const CREDENTIALS = /^([A-Za-z]+) +([A-Za-z0-9._~+/-]+=*)$/;

/**
 * Requires a name and a password for a handler.
 *
 * @param handler The handler for authenticated requests.
 * @param options The users, or a function that checks them.
 * @returns The handler, which answers 401 to other clients.
 * @throws {TypeError} If neither `users` nor `verify` is set, if the handler is missing, or if an option
 * is unknown or has the wrong type.
 *
 * @example Check a password with a function
 * ```ts
 * import { basicAuth } from "@portside/kit/http/auth";
 *
 * const handler = basicAuth(() => new Response("in"), {
 *   verify: (user, password) => Promise.resolve(user === "ada" && password.length > 8),
 * });
 * console.assert(typeof handler === "function");
 * ```
 */
export function basicAuth(handler: HttpHandler, options: BasicAuthOptions): HttpHandler {
  callback("handler", handler);
  options = BASIC.checkGiven("basicAuth", options);
  const { realm = "restricted" } = options;
  const challenge = `Basic realm=${quote(realm)}, charset="UTF-8"`;
  const verify = options.verify ?? verifyUsers(options.users);
  return passRefusals(async (request, info) => {
    const pair = decodeBasic(credentials(request, "basic"));
    // Only `true` counts. A loosely typed function may return another value.
    if (pair === undefined || (await verify(...pair)) !== true) return refuse(challenge);
    users.set(request, pair[0]);
    return await handler(request, info);
  }, handler);
}

/**
 * Requires a token for a handler.
 *
 * @param handler The handler for authenticated requests.
 * @param options The valid tokens, or a function that checks them.
 * @returns The handler, which answers 401 to other clients.
 * @throws {TypeError} If neither `tokens` nor `verify` is set, if the handler is missing, or if an
 * option is unknown or has the wrong type.
 *
 * @example A fixed token
 * ```ts
 * import { bearerAuth } from "@portside/kit/http/auth";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({}, bearerAuth(() => new Response("in"), { tokens: ["t0ken"] }));
 * const response = await fetch(server.url, { headers: { authorization: "Bearer t0ken" } });
 * assertEquals(await response.text(), "in");
 * ```
 */
export function bearerAuth(handler: HttpHandler, options: BearerAuthOptions): HttpHandler {
  callback("handler", handler);
  options = BEARER.checkGiven("bearerAuth", options);
  const { realm = "restricted" } = options;
  const challenge = `Bearer realm=${quote(realm)}`;
  const verify = options.verify ?? verifyTokens(options.tokens);
  return passRefusals(async (request, info) => {
    const token = credentials(request, "bearer");
    if (token === undefined) return refuse(challenge);
    const user: unknown = await verify(token);
    // Only a name counts. A loosely typed function may return undefined or false.
    if (typeof user !== "string" || user === "") {
      return refuse(`${challenge}, error="invalid_token"`);
    }
    users.set(request, user);
    return await handler(request, info);
  }, handler);
}

/**
 * Returns the user who has sent a request.
 *
 * @param request The request that the handler got.
 * @returns The user; undefined if no wrapper of this module has authenticated the request.
 *
 * @example A request without authentication
 * ```ts
 * import { userOf } from "@portside/kit/http/auth";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(userOf(new Request("http://localhost/")), undefined);
 * ```
 */
export function userOf(request: Request): string | undefined {
  return users.get(request);
}

function credentials(request: Request, scheme: string): string | undefined {
  const match = CREDENTIALS.exec(request.headers.get("authorization") ?? "");
  return match?.[1]?.toLowerCase() === scheme ? match[2] : undefined;
}

function decodeBasic(word: string | undefined): [user: string, password: string] | undefined {
  if (word === undefined) return undefined;
  try {
    const text = utf8.decode(Uint8Array.fromBase64(word));
    const colon = text.indexOf(":");
    // RFC 7617 §2: neither part holds control characters.
    if (colon === -1 || /\p{Cc}/u.test(text)) return undefined;
    return [text.slice(0, colon), text.slice(colon + 1)];
  } catch {
    return undefined;
  }
}

function verifyUsers(
  known: BasicAuthOptions["users"],
): (user: string, password: string) => boolean {
  if (known === undefined) throw new TypeError("Cannot check passwords: set users or verify");
  const secrets = new Map(
    Object.entries(known).map(([user, password]) => [user, digest(password)]),
  );
  const nobody = digest(crypto.randomUUID());
  return (user, password) => {
    // An unknown user takes the same time as a known one.
    const good = same(secrets.get(user) ?? nobody, digest(password));
    return good && secrets.has(user);
  };
}

function verifyTokens(
  known: BearerAuthOptions["tokens"],
): (token: string) => string | null {
  if (known === undefined) throw new TypeError("Cannot check tokens: set tokens or verify");
  const digests = known.map((token) => digest(token));
  return (token) => {
    const given = digest(token);
    let good = false;
    for (const one of digests) good = same(one, given) || good;
    return good ? "bearer" : null;
  };
}

function digest(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

/** Compares two digests in constant time. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

function refuse(challenge: string): Response {
  return problem(401, { headers: { "www-authenticate": challenge } });
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
