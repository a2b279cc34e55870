/**
 * The framing of a chunked body (RFC 9112 §7.1). It is text, which each sender joins with its data.
 *
 * A server and a proxy buffer that data in different ways. The sink of a server writes while the handler
 * makes more, so a buffer belongs to one write, and a silent body holds none. A proxy forwards what
 * one read has brought before it reads again, so each connection has one buffer, and the caller knows
 * when to flush it. One of them in both places would cost the server memory, or the proxy speed.
 */

/** The bytes after the data of a chunk. */
export const CHUNK_END = "\r\n";

/** Returns the line in front of the data of a chunk. */
export function chunkLine(size: number): string {
  return `${size.toString(16)}\r\n`;
}

/** Returns the end of a chunked body, with the lines of its trailers. */
export function lastChunk(trailers = ""): string {
  return trailers === "" ? "0\r\n\r\n" : `0\r\n${trailers}\r\n`;
}
