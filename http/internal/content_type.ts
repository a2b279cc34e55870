import { lowerAscii } from "../../net/text.ts";
import { parseParameters } from "../header_list.ts";

/** Returns the media type of a `Content-Type` in lower case, without parameters; "" without one. */
export function essenceOf(contentType: string | null): string {
  // Most values have no parameters.
  if (contentType === null || contentType === "application/json") return contentType ?? "";
  return lowerAscii(parseParameters(contentType).value);
}

/** Returns the parameter `charset` of a `Content-Type`; undefined without one. */
export function charsetOf(contentType: string | null): string | undefined {
  return contentType === null ? undefined : parseParameters(contentType).parameters.get("charset");
}
