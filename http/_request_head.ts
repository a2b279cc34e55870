/** Limits of the head of a request. */
export interface HeadLimits {
  /** In bytes: the request line and all headers. */
  readonly maxHead: number;
  /** How many headers. */
  readonly maxHeaders: number;
}

/** How the body of a request is framed (RFC 9112 §6.3): its length, or chunks. */
export type Framing = number | "chunked";

/** What the head of a request says. */
export interface RequestHead {
  readonly method: string;
  /** The target as it was sent. */
  readonly target: string;
  readonly minor: 0 | 1;
  readonly headers: [string, string][];
  readonly host: string;
  readonly framing: Framing;
  /** Whether the connection may carry another request. */
  readonly keepAlive: boolean;
  /** Whether the client waits for "100 Continue" before it sends the body. */
  readonly expects: boolean;
}

/** What is wrong with a head: the status to refuse it with, and the words for that. */
export class HeadFault {
  readonly status: number;
  readonly detail: string;

  constructor(status: number, detail: string) {
    this.status = status;
    this.detail = detail;
  }
}

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) ([\x21-\x22\x24-\x7e]+) HTTP\/(\d\.\d)$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/s;
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\x00-\x08\x0a-\x1f\x7f]/;
const NOT_ASCII = /[\x80-\uffff]/;

const decoder = new TextDecoder();

/** The text of bytes, one character each (ISO 8859-1, which `TextDecoder` does not know). */
export function latin1(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  if (!NOT_ASCII.test(text)) return text;
  let exact = "";
  for (let i = 0; i < bytes.length; i += 4096) {
    exact += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return exact;
}

/**
 * Finds the end of a head.
 *
 * @param text What has come.
 * @param from Where to look from: behind what was looked through before, less three.
 * @returns The index behind the empty line, or -1; a fault for a line break that is none, since
 * what one program takes for the end of a line and another does not is how requests are smuggled.
 */
export function headEnd(text: string, from: number): number | HeadFault {
  const end = text.indexOf("\r\n\r\n", from);
  const bare = /(?<!\r)\n|\r(?!\n|$)/.test(text.slice(from, end === -1 ? undefined : end));
  if (bare) return new HeadFault(400, "A line of the head ends in a bare CR or LF");
  return end === -1 ? -1 : end + 4;
}

/**
 * Reads the head of a request (RFC 9112 §3, §5, §6), strictly.
 *
 * @param text The head with the empty line at its end, one character a byte.
 * @param limits How large it may be.
 * @returns What it says, or what is wrong.
 */
export function parseHead(text: string, limits: HeadLimits): RequestHead | HeadFault {
  const lines = text.slice(0, -4).split("\r\n");
  const match = REQUEST_LINE.exec(lines[0]!);
  if (match === null) return new HeadFault(400, "The request line is malformed");
  const [, method = "", target = "", version = ""] = match;
  if (version !== "1.1" && version !== "1.0") {
    return new HeadFault(505, "This server speaks HTTP/1.1");
  }
  if (lines.length - 1 > limits.maxHeaders) {
    return new HeadFault(431, `The request has more than ${limits.maxHeaders} headers`);
  }
  const headers: [string, string][] = [];
  let host: string | undefined;
  let length: string | undefined;
  let coding: string | undefined;
  let connection = "";
  let expect: string | undefined;
  for (let i = 1; i < lines.length; i++) {
    const header = HEADER.exec(lines[i]!);
    if (header === null) return new HeadFault(400, "A header is malformed");
    const name = header[1]!.toLowerCase();
    const value = header[2]!;
    if (FORBIDDEN.test(value)) return new HeadFault(400, "A header holds a control character");
    headers.push([name, value]);
    switch (name) {
      case "host":
        if (host !== undefined) return new HeadFault(400, "There is more than one Host");
        host = value;
        break;
      case "content-length":
        if (length !== undefined && length !== value) {
          return new HeadFault(400, "There is more than one Content-Length");
        }
        length = value;
        break;
      case "transfer-encoding":
        coding = coding === undefined ? value : `${coding}, ${value}`;
        break;
      case "connection":
        connection += `,${value.toLowerCase()}`;
        break;
      case "expect":
        expect = value.toLowerCase();
    }
  }
  if (host === undefined || host === "") return new HeadFault(400, "The Host is missing");
  const minor = version === "1.1" ? 1 : 0;
  const framing = framingOf(length, coding, minor);
  if (framing instanceof HeadFault) return framing;
  if (expect !== undefined && expect !== "100-continue") {
    return new HeadFault(417, "This server knows no such expectation");
  }
  const options = connection === "" ? [] : connection.split(",").map((option) => option.trim());
  return {
    method,
    target,
    minor,
    headers,
    host,
    framing,
    keepAlive: minor === 1 && !options.includes("close"),
    expects: expect !== undefined && minor === 1 && framing !== 0,
  };
}

function framingOf(
  length: string | undefined,
  coding: string | undefined,
  minor: number,
): Framing | HeadFault {
  if (coding !== undefined) {
    // RFC 9112 §6.1: both, or chunks from a client of HTTP/1.0, are signs of smuggling.
    if (length !== undefined) {
      return new HeadFault(400, "There are Content-Length and Transfer-Encoding");
    }
    if (minor === 0) return new HeadFault(400, "HTTP/1.0 has no Transfer-Encoding");
    if (coding.toLowerCase() !== "chunked") {
      return new HeadFault(501, "This server knows no Transfer-Encoding but chunked");
    }
    return "chunked";
  }
  if (length === undefined) return 0;
  if (!/^\d{1,15}$/.test(length)) return new HeadFault(400, "The Content-Length is malformed");
  return Number(length);
}
