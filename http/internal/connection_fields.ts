/**
 * Fields of one connection or of the framing of one message (RFC 9110 §7.6.1), in lower case. They have
 * no meaning in early hints and in trailers.
 */
export const CONNECTION_FIELDS: readonly string[] = [
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
