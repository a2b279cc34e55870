/** Converts the command line of the HTTP client into options of a request. @module */

import type { HttpAuth, HttpRequestOptions } from "../../http/client/client.ts";
import type { MultipartPart } from "../../http/client/multipart.ts";
import { badValue, CliError } from "../../tools/cli.ts";
import { secretOf } from "../login/secret.ts";

/** The flags for a body. */
export interface BodyValues {
  readonly data: string | undefined;
  readonly form: readonly string[];
  readonly upload: readonly string[];
  readonly body: string | undefined;
}

/** The flags for credentials. */
export interface CredentialValues {
  readonly user: string | undefined;
  readonly userFile: string | undefined;
  readonly digest: boolean;
  readonly bearer: string | undefined;
  readonly bearerFile: string | undefined;
}

/** Rejects a URL that is not one of HTTP. */
export function checkUrl(url: string): void {
  if (/^https?:$/.test(URL.parse(url)?.protocol ?? "")) return;
  throw badValue("url", url.includes("@") ? "…" : url, "an http or https URL");
}

/** Returns a URL without credentials, for output. */
export function shownUrl(url: string): string {
  const parsed = new URL(url);
  if (parsed.username === "" && parsed.password === "") return url;
  parsed.username = parsed.password = "";
  return parsed.href;
}

/** The target of a request. */
export interface Target {
  readonly method: string;
  readonly url: string;
}

/** Methods that are not taken for a host name. */
const METHODS = /^(?:get|head|post|put|patch|delete|options|trace|query)$/i;

/**
 * Reads the arguments: a method and a URL, or a URL alone, which means GET, or POST with a body. A URL
 * without a scheme is one of `http:`; `:8080` is this machine.
 */
export function targetOf(
  first: string,
  second: string | undefined,
  { hasBody = false, request }: { hasBody?: boolean; request?: string | undefined } = {},
): Target {
  if (second === undefined && METHODS.test(first)) {
    throw new CliError(`Missing argument: the URL after ${first} (see --help)`, 2);
  }
  if (second !== undefined && request !== undefined) {
    throw badValue("--request", request, "no METHOD before the URL with it");
  }
  const [given, place] = second === undefined ? [request, first] : [first, second];
  const method = given ?? (hasBody ? "POST" : "GET");
  if (!isMethod(method)) throw badValue("method", method, "a method such as GET or POST");
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(place)
    ? place
    : `http://${place.startsWith(":") ? `127.0.0.1${place}` : place}`;
  checkUrl(url);
  return { method: METHODS.test(method) ? method.toUpperCase() : method, url };
}

/** Returns whether a text is a method. CONNECT is for proxies. */
function isMethod(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text) && !/^connect$/i.test(text);
}

/** Splits values such as `name=value` into pairs. */
export function pairs(
  flag: string,
  values: readonly string[],
  pattern = /^([^=]+)=(.*)$/s,
): [string, string][] {
  return values.map((text) => {
    const [, name, value] = pattern.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw badValue(`--${flag}`, text, flag === "header" ? "name: value" : "name=value");
    }
    try {
      if (flag === "header") new Headers([[name, value]]);
    } catch {
      throw badValue(`--${flag}`, text, "a header with a valid name and value");
    }
    return [name, value];
  });
}

/** Returns the options for the body. Rejects more than one kind of body. */
export async function bodyOf(
  { data, form, upload, body }: BodyValues,
): Promise<HttpRequestOptions> {
  const fields = pairs("form", form);
  const files = pairs("upload", upload);
  const ways = [data, body, form.length + upload.length > 0 || undefined];
  const count = ways.filter((way) => way !== undefined).length;
  if (count > 1) throw badValue("--data", data ?? "", "one of --data, --form, --upload and --body");
  if (data !== undefined) return { json: parsed(data) };
  if (body === "-") return { body: Deno.stdin.readable };
  if (body !== undefined) return { body: new Blob([await Deno.readFile(body)]) };
  if (files.length === 0) return fields.length === 0 ? {} : { form: fields };
  const parts: Record<string, MultipartPart[]> = {};
  for (const [name, value] of fields) (parts[name] ??= []).push(value);
  for (const [name, path] of files) {
    // Check each file before anything is sent.
    if ((await Deno.stat(path)).isDirectory) throw badValue("--upload", path, "a file");
    (parts[name] ??= []).push({ path });
  }
  return { multipart: parts };
}

/** Returns whether flags define a body. */
export function hasBody({ data, form, upload, body }: BodyValues): boolean {
  return data !== undefined || body !== undefined || form.length > 0 || upload.length > 0;
}

/** Returns the credentials of the request. The environment counts only if no flag has any. */
export async function credentials(values: CredentialValues): Promise<HttpAuth | null> {
  const { userFile, bearerFile, digest } = values;
  const given = [values.user, userFile, values.bearer, bearerFile].some((one) => one !== undefined);
  const secret = async (flag: "user" | "bearer", file: string | undefined, variable: string) =>
    given && values[flag] === undefined && file === undefined
      ? undefined
      : await secretOf({ flag, value: values[flag], file, variable });
  const user = await secret("user", userFile, "PORTSIDE_USER");
  const bearer = await secret("bearer", bearerFile, "PORTSIDE_BEARER");
  if (digest && user === undefined) throw badValue("--digest", "", "--user with it");
  if (bearer !== undefined) {
    if (user !== undefined) throw badValue("--bearer", "…", "no --user with it");
    if (/^[\x21-\x7e]+$/.test(bearer)) return { bearer };
    throw badValue("--bearer", "…", "a token without blanks");
  }
  if (user === undefined) return null;
  const at = user.indexOf(":");
  if (at < 0) throw badValue("--user", "…", "name:password");
  const scheme = digest ? "digest" : "basic";
  return { username: user.slice(0, at), password: user.slice(at + 1), scheme };
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw badValue("--data", data, data.startsWith("@") ? "JSON; --body sends a file" : "JSON");
  }
}
