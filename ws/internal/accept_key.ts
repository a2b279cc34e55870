const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Returns the value of `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2). */
export async function acceptOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return new Uint8Array(digest).toBase64();
}
