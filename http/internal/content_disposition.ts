import { isDeviceName } from "../../net/internal/local_name.ts";
import { parseParameters } from "../header_list.ts";
import { utf8OfHeader } from "./header_text.ts";
import { decodePart } from "./url_parts.ts";

/** The longest name of a file, in bytes of UTF-8. Most file systems allow 255, and suffixes need room. */
const MAX_NAME = 200;
/** Control characters, direction overrides, and halves of surrogate pairs. */
const INVISIBLE = /\p{Cc}|\p{Cf}|\p{Cs}|[\u2028\u2029]/gu;

/**
 * Returns a name for the content of a response that is safe on every file system: from `filename*` or
 * `filename` of `Content-Disposition` (RFC 6266), else from the path of the URL. The name has no folder,
 * no control characters and no leading dot, and it is never empty.
 */
export function filenameFrom(disposition: string | null, url: string): string {
  const { parameters } = parseParameters(disposition ?? "");
  const extended = extendedValue(parameters.get("filename*"));
  const given = extended ?? utf8OfHeader(parameters.get("filename") ?? "");
  return safeName(given) || safeName(decodePart(URL.parse(url)?.pathname ?? "")) || "download";
}

/** Decodes an extended value such as `UTF-8''%e2%82%ac` (RFC 8187); undefined if it is malformed. */
function extendedValue(value: string | undefined): string | undefined {
  const [, charset, encoded] = /^([\w!#$%&+^`{}~-]+)'[^']*'(.*)$/.exec(value ?? "") ?? [];
  if (charset === undefined || encoded === undefined) return undefined;
  if (!/^(?:utf-8|iso-8859-1)$/i.test(charset)) return undefined;
  const bytes: number[] = [];
  for (const [part, hex] of encoded.matchAll(/%([\da-f]{2})|[^%]/gi)) {
    bytes.push(hex === undefined ? part.charCodeAt(0) & 0xff : parseInt(hex, 16));
  }
  return new TextDecoder(charset).decode(Uint8Array.from(bytes));
}

/** Returns the last part of a path as a safe name; "" if nothing is left of it. */
function safeName(path: string): string {
  const last = (path.split(/[/\\]/).at(-1) ?? "").replace(INVISIBLE, "");
  const name = bare(last.replace(/[<>:"|?*]/g, "_"));
  return shortened(isDeviceName(name) ? `_${name}` : name);
}

/** Removes dots and blanks from both ends. */
function bare(name: string): string {
  let [start, end] = [0, name.length];
  while (start < end && /[.\s]/.test(name[start]!)) start++;
  while (end > start && /[.\s]/.test(name[end - 1]!)) end--;
  return name.slice(start, end);
}

/** Shortens a name in front of its extension. */
function shortened(name: string): string {
  const encoder = new TextEncoder();
  if (encoder.encode(name).length <= MAX_NAME) return name;
  const extension = /\.[^.]{1,20}$/.exec(name)?.[0] ?? "";
  let stem = Array.from(name.slice(0, name.length - extension.length)).slice(0, MAX_NAME);
  while (encoder.encode(stem.join("") + extension).length > MAX_NAME) stem = stem.slice(0, -1);
  return stem.join("") + extension;
}
