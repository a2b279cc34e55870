import { STATUS_TEXT } from "@std/http/status";
import { httpDate } from "../internal/http_date.ts";
import { hasMember } from "../header_list.ts";

/** The options of the head of a response. */
export interface ResponseOptions {
  /** The method of the request. */
  readonly method: string;
  /** The minor version of the client's HTTP/1. */
  readonly minor: 0 | 1;
  /** Whether the request allows another one on its connection. */
  readonly keepAlive: boolean;
  /** The names of the trailers, if there are any. */
  readonly trailers?: string | undefined;
}

/** The framing of a body: its length, chunks, the end of the connection, or no body. */
export type BodyFraming = number | "chunked" | "close" | "none";

/** Fields that belong to the connection, so a handler cannot set them (RFC 9110 §7.6.1). */
const HOP = new Set(["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"]);

/** Status lines with the usual reason, by status. */
const STATUS_LINES: string[] = [];

/** The head of a response. */
export class ResponseHead {
  /** Whether no body is sent, even if the response has one (RFC 9110 §6.4.1). */
  readonly bodiless: boolean;
  /** Whether the response answers HEAD. Its length is that of the body for GET. */
  readonly #ofHead: boolean;
  readonly #status: number;
  readonly #minor: 0 | 1;
  /** The status line, the header lines and the date. */
  readonly #lines: string;
  /** The length that the handler has set. */
  readonly #declared: number | undefined;
  readonly #keepAlive: boolean;
  /** Whether it names protocols to upgrade to (RFC 9110 §15.5.22). */
  readonly #upgrades: boolean;
  /** The names of the trailers. */
  readonly #trailers: string | undefined;

  constructor(response: Response, { method, minor, keepAlive, trailers }: ResponseOptions) {
    const { status, headers } = response;
    let lines = statusLine(status, response.statusText);
    let declared: number | undefined;
    let upgrades = false;
    let dated = false;
    let ends = !keepAlive;
    // An iterator takes three times as long.
    headers.forEach((value, name) => {
      if (name === "trailer" && trailers !== undefined) return;
      if (!HOP.has(name)) lines += `${name}: ${value}\r\n`;
      else if (name === "content-length") declared = lengthOf(value);
      else if (name === "connection") ends ||= hasMember(value, "close");
      else if (name === "upgrade" && status === 426) {
        lines += `${name}: ${value}\r\n`;
        upgrades = true;
      }
      dated ||= name === "date";
    });
    this.#ofHead = method === "HEAD";
    this.bodiless = this.#ofHead || status === 204 || status === 304;
    this.#status = status;
    this.#minor = minor;
    this.#lines = dated ? lines : lines + dateLine();
    this.#declared = declared;
    this.#keepAlive = !ends;
    this.#upgrades = upgrades;
    this.#trailers = this.bodiless ? undefined : trailers;
  }

  /**
   * Returns the framing of the body.
   *
   * @param length The length of the body, if it is known.
   */
  framing(length: number | undefined): BodyFraming {
    if (this.#trailers !== undefined) return "chunked"; // Only chunked bodies have trailers.
    // An empty body for HEAD tells nothing about the length for GET (RFC 9110 §8.6).
    if (length === 0 && this.#ofHead) length = undefined;
    length ??= this.#declared;
    if (length !== undefined) return length;
    if (this.bodiless) return "none";
    return this.#minor === 1 ? "chunked" : "close";
  }

  /** Returns whether the connection may carry another request. */
  keepsAlive(framing: BodyFraming): boolean {
    return this.#keepAlive && framing !== "close";
  }

  /** Returns all lines, with the empty one at the end. */
  text(framing: BodyFraming): string {
    return `${this.#lines}${this.#framingLine(framing)}${this.#connectionLine(framing)}\r\n`;
  }

  #framingLine(framing: BodyFraming): string {
    if (framing === "chunked") {
      const trailers = this.#trailers === undefined ? "" : `trailer: ${this.#trailers}\r\n`;
      return `transfer-encoding: chunked\r\n${trailers}`;
    }
    if (typeof framing === "string" || this.#status === 204) return "";
    return framing === 0 && this.#status === 304 ? "" : `content-length: ${framing}\r\n`;
  }

  #connectionLine(framing: BodyFraming): string {
    if (this.keepsAlive(framing)) {
      // HTTP/1.0 ends a connection unless both sides say otherwise (RFC 9112 §9.3).
      if (this.#minor === 0) return "connection: keep-alive\r\n";
      return this.#upgrades ? "connection: Upgrade\r\n" : "";
    }
    return `connection: ${this.#upgrades ? "Upgrade, " : ""}close\r\n`;
  }
}

/** Returns whether a field belongs to the connection, so a handler cannot set it. */
export function isOfConnection(name: string): boolean {
  return HOP.has(name);
}

/** Returns the first line of a response. */
export function statusLine(status: number, reason: string): string {
  if (reason !== "") return `HTTP/1.1 ${status} ${reason}\r\n`;
  return STATUS_LINES[status] ??= `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? ""}\r\n`;
}

let date = "";
let line = "";

/** Returns the `date` line of the current second. */
export function dateLine(): string {
  const now = httpDate();
  if (now !== date) {
    date = now;
    line = `date: ${now}\r\n`;
  }
  return line;
}

function lengthOf(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
