/** Converts the command line of the HTTP client into options of a request. @module */

import type { HttpAuth, HttpRequestOptions } from "../../http/client/client.ts";
import type { MultipartPart } from "../../http/client/multipart.ts";
import type { HttpResponse } from "../../http/client/response.ts";
import { badValue, CliError } from "../../tools/cli.ts";

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
  readonly bearer: string | undefined;
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

/** Reads the arguments: a method and a URL, or a URL alone, which means GET. */
export function targetOf(first: string, second?: string): { method: string; url: string } {
  const [method, url] = second === undefined ? ["GET", first] : [first, second];
  if (second === undefined && isMethod(first)) {
    throw new CliError(`Missing argument: the URL after ${first} (see --help)`, 2);
  }
  if (!isMethod(method)) throw badValue("method", method, "a method such as GET or POST");
  checkUrl(url);
  return { method, url };
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
      throw badValue(`--${flag}`, text, "the value of a header");
    }
    return [name, value];
  });
}

/** Returns the options for the body. Rejects more than one kind of body. */
export async function bodyOf(
  { data, form, upload, body }: BodyValues,
  method: string,
): Promise<HttpRequestOptions> {
  const fields = pairs("form", form);
  const files = pairs("upload", upload);
  const ways = [data, body, form.length + upload.length > 0 || undefined];
  const count = ways.filter((way) => way !== undefined).length;
  if (count > 1) throw badValue("--data", data ?? "", "one of --data, --form, --upload and --body");
  if (count === 1 && /^(get|head)$/i.test(method)) {
    throw badValue("method", method, "one that takes a body");
  }
  if (data !== undefined) return { json: parsed(data) };
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

/** Returns the credentials of the request. */
export function credentials({ user, bearer }: CredentialValues): HttpAuth | null {
  if (bearer !== undefined) {
    if (/^[\x21-\x7e]+$/.test(bearer)) return { bearer };
    throw badValue("--bearer", "…", "a token without blanks");
  }
  if (user === undefined) return null;
  const at = user.indexOf(":");
  if (at < 0) throw badValue("--user", "…", "name:password");
  return { username: user.slice(0, at), password: user.slice(at + 1) };
}

/** Returns a response as one JSON value, with a body of JSON as a part of it. */
export async function jsonOf(response: HttpResponse): Promise<Record<string, unknown>> {
  const { status, statusText, url, headers, history } = response;
  const type = headers.get("content-type") ?? "";
  const isJson = /^application\/(?:[\w.-]+\+)?json\b/i.test(type);
  const text = isJson ? undefined : await response.text();
  const body = isJson ? await response.json() : text;
  const before = history.map(({ error, ...one }) => ({ ...one, error: error?.message }));
  return { status, statusText, url, headers: Object.fromEntries(headers), body, history: before };
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw badValue("--data", data, "JSON");
  }
}
