import { trimBlanks } from "../../net/text.ts";

/** A trace that a request belongs to (W3C Trace Context, levels 1 and 2). */
export interface Trace {
  /** The id of the trace: 32 hexadecimal digits. */
  readonly id: string;
  /** The flags that are known: sampled (1) and random (2). */
  readonly flags: number;
  /** `tracestate` to pass on; undefined if there is none that is valid. */
  readonly state: string | undefined;
}

/** Two digits of version, the id of the trace, that of the parent, two digits of flags. */
const PARENT = /^([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;
const KNOWN_FLAGS = 3;

/**
 * Reads the trace of a request. A higher version is read as far as this one goes.
 *
 * @param headers The header fields of the request.
 * @returns The trace, or undefined if none or an invalid one was sent.
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

/** Begins a trace of its own: sampled, with a random id. */
export function beginTrace(): Trace {
  return { id: randomId(16), flags: KNOWN_FLAGS, state: undefined };
}

/** Returns the fields that carry a trace on to another service, with a parent id of their own. */
export function traceFields({ id, flags, state }: Trace): Record<string, string> {
  const traceparent = `00-${id}-${randomId(8)}-0${flags}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

const MAX_MEMBERS = 32;
/** The least that has to be passed on (W3C Trace Context §3.3.1.5). */
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
  // Beyond the size that has to be passed on, long members go first, then the last ones.
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
  bytes[0]! |= 1; // An id of zeros alone is invalid.
  return bytes.toHex();
}
