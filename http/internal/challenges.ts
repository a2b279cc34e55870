import { lowerAscii, trimBlanks } from "../../net/text.ts";
import { parseList } from "../header_list.ts";

/** A challenge of `WWW-Authenticate` (RFC 9110 §11.6.1). */
export interface Challenge {
  /** The scheme in lower case, such as "basic" or "digest". */
  readonly scheme: string;
  /** The parameters: names in lower case, values without quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A limit on the challenges of one response. */
const MAX_CHALLENGES = 20;

/**
 * Parses the challenges of a header. Commas separate both challenges and parameters, so a member begins a
 * challenge if it has a scheme in front. A token in Base64 is skipped.
 */
export function parseChallenges(value: string | null): Challenge[] {
  const challenges: Array<{ scheme: string; parameters: Map<string, string> }> = [];
  for (const member of parseList(value ?? "")) {
    let parameter = member;
    if (!/^[^\s="]+[ \t]*=/.test(member)) {
      const space = member.search(/[ \t]/);
      const scheme = lowerAscii(space < 0 ? member : member.slice(0, space));
      if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(scheme)) continue;
      if (challenges.length >= MAX_CHALLENGES) break;
      challenges.push({ scheme, parameters: new Map() });
      parameter = space < 0 ? "" : trimBlanks(member.slice(space));
    }
    if (/^[\w.~+/-]+=*$/.test(parameter)) continue;
    const equals = parameter.indexOf("=");
    const name = lowerAscii(trimBlanks(parameter.slice(0, Math.max(0, equals))));
    const parameters = challenges.at(-1)?.parameters;
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || parameters === undefined) continue;
    if (!parameters.has(name)) {
      parameters.set(name, unquoted(trimBlanks(parameter.slice(equals + 1))));
    }
  }
  return challenges;
}

function unquoted(value: string): string {
  return value.startsWith('"') && value.endsWith('"') && value.length > 1
    ? value.slice(1, -1).replace(/\\(.)/g, "$1")
    : value;
}
