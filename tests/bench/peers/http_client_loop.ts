/**
 * Asks a server over and over with a loop on `Deno.connect`: it writes a head, reads one answer with its
 * headers, and keeps the connection. It has no limits, and does not survive any fault.
 *
 * @module
 */

import { measure, question, VALUE } from "./_http_load.ts";

const asked = question();
const { hostname, port, method, ca } = asked;
const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
const free: { conn: Deno.Conn; buffer: Uint8Array }[] = [];

async function connect() {
  const conn = await Deno.connect({ hostname, port });
  conn.setNoDelay();
  const secure = ca === undefined ? conn : await Deno.startTls(conn, { hostname, caCerts: [ca] });
  return { conn: secure, buffer: new Uint8Array(4096) };
}

const line = `${method} /hello HTTP/1.1\r\nHost: ${hostname}\r\nAccept: */*\r\n`;

await measure(asked, async () => {
  const one = free.pop() ?? await connect();
  const body = method === "POST" ? JSON.stringify(VALUE) : "";
  const more = method === "POST"
    ? `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
    : "";
  await one.conn.write(encoder.encode(`${line}${more}\r\n${body}`));
  const size = await one.conn.read(one.buffer);
  const text = decoder.decode(one.buffer.subarray(0, size ?? 0));
  const end = text.indexOf("\r\n\r\n");
  const headers = new Headers();
  for (const field of text.slice(0, end).split("\r\n").slice(1)) {
    const colon = field.indexOf(":");
    headers.append(field.slice(0, colon), field.slice(colon + 1));
  }
  if (Number(headers.get("content-length")) !== text.length - end - 4) throw new Error("not whole");
  free.push(one);
  return JSON.parse(text.slice(end + 4));
});
