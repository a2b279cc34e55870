import { STATUS_TEXT } from "@std/http/status";
import { toLatin1 } from "../internal/http1_bytes.ts";
import { httpDate } from "../internal/http_date.ts";
import { Http1Fields } from "../http1/codec.ts";
import type { ConnectionOption } from "./_head.ts";
import type { ProxyAnswer } from "./options.ts";

/** Thrown if there is no response: the status and the text for the client, and the reason for the log. */
export class ProxyRefusal extends Error {
  constructor(
    readonly status: number,
    /** A sentence for the client, without data of the request. */
    readonly detail: string,
    /** The reason for the log. */
    readonly reason: string = detail,
  ) {
    super(reason);
  }
}

/** Returns the response of a refusal, in plain text. */
export function pageOf(
  status: number,
  detail: string,
  { connection, body, more = "" }: {
    connection: ConnectionOption;
    body: boolean;
    more?: string;
  },
): Uint8Array {
  const reason = reasonOf(status);
  const text = `${status} ${reason}: ${detail}\n`;
  return toLatin1(
    `HTTP/1.1 ${status} ${reason}\r\nDate: ${httpDate()}\r\n` +
      "Content-Type: text/plain; charset=utf-8\r\n" +
      `Content-Length: ${text.length}\r\nCache-Control: no-store\r\n${more}` +
      `${connectionLine(connection)}\r\n${body ? text : ""}`,
  );
}

/** Returns the bytes of a response of a hook. */
export function answerOf(
  answer: ProxyAnswer,
  { connection, body }: { connection: ConnectionOption; body: boolean },
): Uint8Array {
  const { status, headers = { "Content-Type": "text/plain; charset=utf-8" } } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(
      `Cannot answer with status ${status}: it must be an integer from 200 to 599`,
    );
  }
  const reason = reasonOf(status);
  const content = typeof answer.body === "string"
    ? new TextEncoder().encode(answer.body)
    : answer.body ?? toLatin1(`${status} ${reason}\n`);
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  let dated = false;
  // The constructor also checks the fields.
  for (const [name, value] of new Http1Fields(Object.entries(headers))) {
    dated ||= /^date$/i.test(name);
    if (!/^(connection|content-length|transfer-encoding|keep-alive|upgrade)$/i.test(name)) {
      head += `${name}: ${value}\r\n`;
    }
  }
  if (!dated) head += `Date: ${httpDate()}\r\n`;
  const empty = status === 204 || status === 304;
  if (!empty) head += `Content-Length: ${content.length}\r\n`;
  const start = toLatin1(`${head}${connectionLine(connection)}\r\n`);
  if (empty || !body) return start;
  const bytes = new Uint8Array(start.length + content.length);
  bytes.set(start);
  bytes.set(content, start.length);
  return bytes;
}

/** Returns the `Connection` line; empty without a value. */
export function connectionLine(connection: ConnectionOption): string {
  return connection === undefined ? "" : `Connection: ${connection}\r\n`;
}

/** Returns the reason phrase of a status. */
function reasonOf(status: number): string {
  // The table of @std/http has a shorter phrase.
  if (status === 407) return "Proxy Authentication Required";
  return STATUS_TEXT[status as keyof typeof STATUS_TEXT] ?? "";
}
