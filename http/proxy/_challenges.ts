import { lowerAscii } from "../../net/text.ts";
import { parseList } from "../header_list.ts";

/** The token that a challenge or one of its parameters begins with, and what follows it. */
const START = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(=?)/;

/**
 * The authentication schemes of a `WWW-Authenticate` field, in lower case (RFC 9110 §11.6.1). Commas
 * divide challenges, and the parameters of one challenge, too: a member that begins with `name=` is a
 * parameter.
 */
export function schemesOf(value: string): string[] {
  const schemes: string[] = [];
  for (const member of parseList(value)) {
    const [, token, equals] = START.exec(member) ?? [];
    if (token !== undefined && equals === "") schemes.push(lowerAscii(token));
  }
  return schemes;
}
