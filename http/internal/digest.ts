/** Digest authentication (RFC 7616). Pure: the random `cnonce` is an argument. */

import { createHash } from "node:crypto";
import type { Challenge } from "./challenges.ts";

/** A challenge that this side can answer. */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** The algorithm as the server spells it; undefined for MD5 without a name. */
  readonly algorithm: string | undefined;
  readonly hash: string;
  /** Whether the hash of the credentials contains both nonces. */
  readonly session: boolean;
  /** The protection; undefined for the form of RFC 2069. */
  readonly qop: "auth" | "auth-int" | undefined;
  readonly userhash: boolean;
  /** Whether the server says that only the nonce was old, not the credentials wrong. */
  readonly stale: boolean;
}

/** A request to answer for. */
export interface DigestRequest {
  readonly method: string;
  /** The path with its query. */
  readonly target: string;
  readonly username: string;
  readonly password: string;
  /** The body; undefined if it is sent in pieces. */
  readonly body: Uint8Array | undefined;
  /** The number of requests with this nonce, from 1. */
  readonly count: number;
  readonly cnonce: string;
}

/** Names of the hashes in `node:crypto`, the strongest first. */
const HASHES = new Map([["sha-512-256", "sha512-256"], ["sha-256", "sha256"], ["md5", "md5"]]);

/**
 * Returns the strongest challenge that this side can answer; undefined without one. `auth-int` covers the
 * body, so it needs a body that is known as a whole.
 */
export function digestChallenge(
  challenges: readonly Challenge[],
  hasWholeBody: boolean,
): DigestChallenge | undefined {
  const able = challenges.flatMap((one) => readChallenge(one, hasWholeBody) ?? []);
  const rank = ({ hash }: DigestChallenge) => [...HASHES.values()].indexOf(hash);
  return able.sort((a, b) => rank(a) - rank(b))[0];
}

function readChallenge(
  { scheme, parameters }: Challenge,
  hasWholeBody: boolean,
): DigestChallenge | undefined {
  const [realm, nonce] = [parameters.get("realm"), parameters.get("nonce")];
  if (scheme !== "digest" || realm === undefined || nonce === undefined) return undefined;
  const algorithm = parameters.get("algorithm");
  const [, name = "", session] = /^(.*?)(-sess)?$/.exec((algorithm ?? "md5").toLowerCase()) ?? [];
  const hash = HASHES.get(name);
  if (hash === undefined) return undefined;
  const offered = parameters.get("qop")?.toLowerCase().split(",").map((one) => one.trim());
  const qop = offered?.includes("auth")
    ? "auth"
    : offered?.includes("auth-int") && hasWholeBody
    ? "auth-int"
    : undefined;
  if (offered !== undefined && qop === undefined) return undefined;
  return {
    realm,
    nonce,
    opaque: parameters.get("opaque"),
    algorithm,
    hash,
    session: session !== undefined,
    qop,
    userhash: parameters.get("userhash")?.toLowerCase() === "true",
    stale: parameters.get("stale")?.toLowerCase() === "true",
  };
}

/** Returns the value of `Authorization` for a request (RFC 7616 §3.4). */
export function digestAuthorization(challenge: DigestChallenge, request: DigestRequest): string {
  const { realm, nonce, opaque, algorithm, hash, session, qop, userhash } = challenge;
  const { method, target, username, password, body, count, cnonce } = request;
  const h = (...parts: (string | Uint8Array)[]) => {
    const made = createHash(hash);
    for (const part of parts) made.update(part);
    return made.digest("hex");
  };
  const secret = h(`${username}:${realm}:${password}`);
  const first = session ? h(`${secret}:${nonce}:${cnonce}`) : secret;
  const content = qop === "auth-int" ? `:${h(body ?? new Uint8Array())}` : "";
  const second = h(`${method}:${target}${content}`);
  const nc = count.toString(16).padStart(8, "0");
  const response = qop === undefined
    ? h(`${first}:${nonce}:${second}`)
    : h(`${first}:${nonce}:${nc}:${cnonce}:${qop}:${second}`);
  const fields = [
    userField(userhash ? h(`${username}:${realm}`) : username),
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(target)}`,
    ...algorithm === undefined ? [] : [`algorithm=${algorithm}`],
    `response="${response}"`,
    ...opaque === undefined ? [] : [`opaque=${quoted(opaque)}`],
    ...qop === undefined ? [] : [`qop=${qop}`, `nc=${nc}`],
    ...qop === undefined && !session ? [] : [`cnonce="${cnonce}"`],
    ...userhash ? ["userhash=true"] : [],
  ];
  return `Digest ${fields.join(", ")}`;
}

/** Returns the user name, in the form of RFC 8187 if it is not ASCII (RFC 7616 §3.4). */
function userField(username: string): string {
  if (/^[\x20-\x7e]*$/.test(username)) return `username=${quoted(username)}`;
  const encoded = encodeURIComponent(username).replace(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `username*=UTF-8''${encoded}`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
