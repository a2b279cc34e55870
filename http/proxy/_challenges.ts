import { lowerAscii } from "../../net/text.ts";
import { parseList } from "../header_list.ts";

/** Matches the token at the start of a challenge or parameter, and a following equals sign. */
const START = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(=?)/;

/**
 * Returns the authentication schemes of a `WWW-Authenticate` field, in lower case (RFC 9110 §11.6.1).
 * Commas separate challenges and also the parameters of a challenge. A member that begins with `name=`
 * is a parameter.
 */
export function schemesOf(value: string): string[] {
  const schemes: string[] = [];
  for (const member of parseList(value)) {
    const [, token, equals] = START.exec(member) ?? [];
    if (token !== undefined && equals === "") schemes.push(lowerAscii(token));
  }
  return schemes;
}
