import { trimBlanks } from "../../net/text.ts";

/** The trace of a request (W3C Trace Context, levels 1 and 2). */
export interface Trace {
  /** The id of the trace, 32 hexadecimal digits. */
  readonly id: string;
  /** The known flags: sampled (1) and random (2). */
  readonly flags: number;
  /** The value of `tracestate` to pass on; undefined if it is missing or invalid. */
  readonly state: string | undefined;
}

/** Two digits of version, the id of the trace, that of the parent, two digits of flags. */
const PARENT = /^([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;
const KNOWN_FLAGS = 3;

/**
 * Reads the trace of a request. Of a higher version, it reads the fields of this one.
 *
 * @param headers The header fields of the request.
 * @returns The trace, or undefined if it is missing or invalid.
 */
export function readTrace(headers: Headers): Trace | undefined {
  const [, version, id, flags, more] = PARENT.exec(headers.get("traceparent") ?? "") ?? [];
  if (version === undefined || version === "ff") return undefined;
  if (version === "00" && more !== undefined) return undefined;
  return {
    id: id!,
    flags: parseInt(flags!, 16) & KNOWN_FLAGS,
    state: readState(headers.get("tracestate")),
  };
}

/** Starts a new trace, sampled and with a random id. */
export function beginTrace(): Trace {
  return { id: randomId(16), flags: KNOWN_FLAGS, state: undefined };
}

/** Returns the fields that pass a trace on to another service, with a new parent id. */
export function traceFields({ id, flags, state }: Trace): Record<string, string> {
  const traceparent = `00-${id}-${randomId(8)}-0${flags}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

const MAX_MEMBERS = 32;
/** Minimum size of `tracestate` that must be passed on (W3C Trace Context §3.3.1.5). */
const MAX_STATE = 512;
const KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

function readState(value: string | null): string | undefined {
  if (value === null || value.length > MAX_STATE * 16) return undefined;
  const members: string[] = [];
  for (const one of value.split(",")) {
    const member = trimBlanks(one);
    if (member === "") continue;
    const equals = member.indexOf("=");
    if (equals === -1 || !KEY.test(member.slice(0, equals))) return undefined;
    if (!VALUE.test(member.slice(equals + 1))) return undefined;
    members.push(member);
  }
  if (members.length > MAX_MEMBERS) return undefined;
  // Beyond that size, first drop long members, then the last ones.
  for (const isToGo of [(member: string) => member.length > 128, () => true]) {
    for (let i = members.length - 1; i >= 0 && sizeOf(members) > MAX_STATE; i--) {
      if (isToGo(members[i]!)) members.splice(i, 1);
    }
  }
  return members.length === 0 ? undefined : members.join(",");
}

function sizeOf(members: readonly string[]): number {
  return members.reduce((size, member) => size + member.length + 1, -1);
}

function randomId(size: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(size));
  bytes[0]! |= 1; // An id of only zeros is invalid.
  return bytes.toHex();
}
