import { lowerAscii } from "../../net/text.ts";
import { parseParameters } from "../header_list.ts";

/** The media type of a `Content-Type` in lower case, without parameters; "" if there is none. */
export function essenceOf(contentType: string | null): string {
  // Most come without parameters, and these need not be looked at further.
  if (contentType === null || contentType === "application/json") return contentType ?? "";
  return lowerAscii(parseParameters(contentType).value);
}

/** The parameter `charset` of a `Content-Type`; undefined if there is none. */
export function charsetOf(contentType: string | null): string | undefined {
  return contentType === null ? undefined : parseParameters(contentType).parameters.get("charset");
}
