/** The settings of the HTTP client, from its flags. @module */

import type { HttpClientOptions } from "../../http/client/client.ts";
import { type CookieJar, createCookieJar } from "../../http/client/cookie_jar.ts";
import { badValue } from "../../tools/cli.ts";
import { routeOf, type RouteValues } from "./route.ts";

/** The flags for connections and limits. */
export interface ConnectionValues extends RouteValues {
  readonly http2: boolean;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  readonly timeout: number | undefined;
  readonly connectTimeout: number | undefined;
  readonly retries: number;
  readonly maxRedirects: number;
  readonly maxBody: number | undefined;
}

/** The largest answer that is kept in memory, in bytes. */
const IN_MEMORY = 64 * 1024 * 1024;

/** Returns the options of a client. Reads the files that the flags name. */
export async function connectionOf(
  { connectTimeout, http2, ...values }: ConnectionValues,
  inMemory: boolean,
): Promise<HttpClientOptions> {
  if (http2 && values.pin.length > 0) throw badValue("--http2", "", "no --pin with it");
  return {
    ...await routeOf(values),
    http2,
    ...connectTimeout !== undefined && { connectTimeout },
    timeouts: {
      headers: values.headersTimeout,
      body: values.bodyTimeout,
      total: values.timeout ?? 0,
    },
    retry: { total: values.retries },
    maxRedirects: values.maxRedirects,
    maxBody: values.maxBody ?? (inMemory ? IN_MEMORY : Infinity),
  };
}

/** Returns a cookie jar with the cookies of a file in the format of curl, if the file exists. */
export async function cookiesOf(file: string | undefined): Promise<CookieJar | undefined> {
  if (file === undefined) return undefined;
  try {
    const text = await Deno.readTextFile(file);
    // The jar replaces the file, which must not be another one by mistake.
    if (!text.split(/\r?\n/).every(isCookieLine)) {
      throw badValue("--cookie-jar", file, "a file of cookies, or a new one");
    }
    return createCookieJar(text);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return createCookieJar();
    throw error;
  }
}

/** Returns whether a line of a cookie file is empty, a comment, or a cookie of seven fields. */
function isCookieLine(line: string): boolean {
  return line.trim() === "" || line.startsWith("#") || line.split("\t").length >= 7;
}

/** Saves the cookies. Nobody else may read a new file, because cookies are secrets. */
export async function saveCookies(
  file: string | undefined,
  jar: CookieJar | undefined,
): Promise<void> {
  if (file === undefined || jar === undefined) return;
  await Deno.writeTextFile(file, jar.toText(), { mode: 0o600 });
}
