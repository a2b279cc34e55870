import { trimBlanks } from "../../net/text.ts";
import { latin1 } from "../internal/http1_bytes.ts";

/** The readable part of a refused request. */
export interface SkimmedRequest {
  /** The method. */
  readonly method: string;
  /** The target as it was sent. */
  readonly target: string;
  /** The well-formed header fields. */
  readonly fields: Iterable<readonly [name: string, value: string]>;
}

const FIRST = /^([!#$%&'*+.^_`|~\w-]{1,64}) ([\x21-\x7e]+) HTTP\/1\.\d$/;
const FIELD = /^([!#$%&'*+.^_`|~\w-]+):([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Reads the well-formed part of a head that is too large, incomplete or malformed, so that the refusal
 * can be logged and get the fields of CORS. Malformed lines are left out. Only the refusal may depend
 * on the result.
 *
 * @param bytes The received bytes, from the first line on.
 * @returns The request, or undefined if its first line is malformed or incomplete.
 */
export function skimRequest(bytes: Uint8Array): SkimmedRequest | undefined {
  const lines = latin1(bytes, false).split("\r\n");
  // The last line is incomplete.
  const last = lines.indexOf("");
  const [first = "", ...rest] = lines.slice(0, last === -1 ? lines.length - 1 : last);
  const [, method, target] = FIRST.exec(first) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const fields = rest.flatMap((line): [string, string][] => {
    const [, name, value] = FIELD.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, trimBlanks(value)]];
  });
  return { method, target, fields };
}
