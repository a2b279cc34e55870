import { portOf } from "./_services.ts";

const LAST = 65_535;

/**
 * Parses `22,80,1-1024`, `-` (all), `-1024`, `60000-` and names. Returns each port once, in order.
 *
 * @throws {RangeError} If a part is invalid; the message names it.
 */
export function parsePorts(text: string): number[] {
  return uniquePorts(eachPort(text));
}

function* eachPort(text: string): Generator<number, void, void> {
  for (const part of text.split(",")) {
    const [from, to] = readPart(part.trim());
    for (let port = from; port <= to; port++) yield port;
  }
}

/** Returns each port once, in order of appearance. With all ports, a Set takes ten times as long. */
export function uniquePorts(ports: Iterable<number>): number[] {
  const seen = new Uint8Array(LAST + 1);
  const unique: number[] = [];
  for (const port of ports) {
    if (seen[port] === 1) continue;
    seen[port] = 1;
    unique.push(port);
  }
  return unique;
}

function readPart(part: string): [number, number] {
  const range = /^(\d{0,6})-(\d{0,6})$/.exec(part);
  if (range !== null) {
    const from = range[1] === "" ? 1 : readPort(range[1]!, part);
    const to = range[2] === "" ? LAST : readPort(range[2]!, part);
    if (from > to) throw wrong(part, "the first port of a range must be the smaller one");
    return [from, to];
  }
  if (/^\d+$/.test(part)) {
    const port = readPort(part, part);
    return [port, port];
  }
  const port = portOf(part.toLowerCase());
  if (port === undefined) {
    throw wrong(part, "expected 22, 80-90, -1024, 60000-, - or a name such as https");
  }
  return [port, port];
}

function readPort(text: string, part: string): number {
  const port = Number(text);
  if (text.length > 5 || port < 1 || port > LAST) {
    throw wrong(part, "a port must be from 1 to 65535");
  }
  return port;
}

function wrong(part: string, expected: string): RangeError {
  return new RangeError(`Cannot use the ports ${JSON.stringify(part)}: ${expected}`);
}

/** Formats ports as a short list of ranges: `80-90,443`. */
export function formatPorts(ports: readonly number[]): string {
  const sorted = [...ports].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length;) {
    let end = i;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    parts.push(end === i ? `${sorted[i]}` : `${sorted[i]}-${sorted[end]}`);
    i = end + 1;
  }
  return parts.join(",");
}
