/** The formats of saved cookies: JSON, and `cookies.txt` as Netscape, curl and wget write it. */

import type { Cookie } from "./cookie.ts";
import { hasControls } from "./_cookie_parser.ts";

/** Reads cookies from the result of `toJSON`. Entries that are no cookies are skipped. */
export function cookiesOfJson(saved: unknown): Cookie[] {
  const { cookies } = (typeof saved === "object" && saved !== null ? saved : {}) as {
    cookies?: unknown;
  };
  return Array.isArray(cookies) ? cookies.flatMap((one) => cookieOf(one) ?? []) : [];
}

function cookieOf(value: unknown): Cookie | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { name, value: text, domain, path, expires, created, sameSite, ...flags } = value as Record<
    string,
    unknown
  >;
  if (typeof name !== "string" || typeof text !== "string") return undefined;
  if (typeof domain !== "string" || domain === "") return undefined;
  if (typeof path !== "string" || !path.startsWith("/")) return undefined;
  if (hasControls(name + text + domain + path)) return undefined;
  return {
    name,
    value: text,
    domain: domain.toLowerCase(),
    path,
    expires: typeof expires === "number" && Number.isFinite(expires) ? expires : undefined,
    created: typeof created === "number" && Number.isFinite(created) ? created : 0,
    hostOnly: flags.hostOnly !== false,
    secure: flags.secure === true,
    httpOnly: flags.httpOnly === true,
    sameSite: sameSite === "strict" || sameSite === "lax" || sameSite === "none"
      ? sameSite
      : undefined,
  };
}

const HTTP_ONLY = "#HttpOnly_";

/** Reads cookies from `cookies.txt`. Lines that are no cookies are skipped. */
export function cookiesOfText(text: string): Cookie[] {
  return text.split(/\r?\n/).flatMap((line) => cookieOfLine(line) ?? []);
}

function cookieOfLine(line: string): Cookie | undefined {
  const httpOnly = line.startsWith(HTTP_ONLY);
  if (line.startsWith("#") && !httpOnly) return undefined;
  const [domain, below, path, secure, expires, name, ...value] = line
    .slice(httpOnly ? HTTP_ONLY.length : 0).split("\t");
  if (name === undefined || !/^\d+(?:\.\d+)?$/.test(expires!)) return undefined;
  return cookieOf({
    name,
    value: value.join("\t"),
    domain: domain!.replace(/^\./, ""),
    path,
    hostOnly: below!.toUpperCase() !== "TRUE",
    secure: secure!.toUpperCase() === "TRUE",
    httpOnly,
    // 0 means the end of the session.
    expires: Number(expires) === 0 ? undefined : Number(expires) * 1000,
  });
}

/** Writes cookies as `cookies.txt`. A name with a tab has no place in this format. */
export function textOfCookies(cookies: Iterable<Cookie>): string {
  let text = "# Netscape HTTP Cookie File\n";
  for (const { name, value, domain, path, expires, hostOnly, secure, httpOnly } of cookies) {
    if (name.includes("\t") || path.includes("\t")) continue;
    const row = [
      `${httpOnly ? HTTP_ONLY : ""}${hostOnly ? "" : "."}${domain}`,
      hostOnly ? "FALSE" : "TRUE",
      path,
      secure ? "TRUE" : "FALSE",
      expires === undefined ? 0 : Math.max(1, Math.floor(expires / 1000)),
      name,
      value,
    ];
    text += `${row.join("\t")}\n`;
  }
  return text;
}
