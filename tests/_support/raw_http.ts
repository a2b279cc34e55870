/** A client of raw bytes for servers and proxies of HTTP/1.1. @module */

import type { Connection } from "../../net/connection/connection.ts";
import { connectTcp } from "../../net/tcp/client.ts";

/**
 * Sends bytes as they are and gives all that comes until the server ends, or `millis` are over; with
 * `latin1` one character for each byte.
 */
export async function exchange(
  port: number,
  text: string | Uint8Array,
  { halfClose = false, millis = 30_000, latin1 = false }: {
    halfClose?: boolean;
    millis?: number;
    latin1?: boolean;
  } = {},
): Promise<string> {
  await using conn = await connectTcp({ port, readTimeout: millis, lingerTimeout: 0 });
  await conn.write(text);
  if (halfClose) await conn.closeWrite();
  return await rest(conn, latin1);
}

/** All that comes until the end. */
export async function rest(chunks: AsyncIterable<Uint8Array>, latin1 = false): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  try {
    for await (const chunk of chunks) {
      if (!latin1) all += decoder.decode(chunk, { stream: true });
      else for (const byte of chunk) all += String.fromCharCode(byte);
    }
  } catch (error) {
    all += `<${error instanceof Error && "kind" in error ? error.kind : error}>`;
  }
  return all;
}

/** The status codes of the answers in a text of HTTP/1.1. */
export function statuses(text: string): number[] {
  return Array.from(text.matchAll(/HTTP\/1\.[01] (\d{3})/g), ([, code]) => Number(code));
}

/** Reads one answer with a Content-Length, and leaves the connection open. */
export async function answer(conn: Connection): Promise<string> {
  let head = "";
  for (let line; (line = await conn.readLine({ timeout: 30_000 })) !== null && line !== "";) {
    head += `${line}\r\n`;
  }
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  return `${head}\r\n${new TextDecoder().decode(await conn.readExact(length))}`;
}
