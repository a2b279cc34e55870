/** A text in each coding as seeds, one byte a character. @module */

import { textOf } from "../../_support/http1.ts";

const BASE64 = {
  gzip: "H4sIAAAAAAAAA8tIzcnJ11HIQKK4kDmjYjl0DQMAIdO1vpABAAA=",
  deflate: "eJzLSM3JyddRyECiuJA5o2I5dA0DANIhiVk=",
  br: "G48B+I2Ubt5ECVKG1gosbG8qHsYqgRF0tbQh",
  zstd: "KLUv/QBYtQAAQGhlbGxvLCAKBABmNxUAF2ByV1wxAg==",
};

/** "hello, hello, hello" and a line end, 20 times, by the name of the coding. */
export const COMPRESSED = {
  gzip: decoded(BASE64.gzip),
  deflate: decoded(BASE64.deflate),
  br: decoded(BASE64.br),
  zstd: decoded(BASE64.zstd),
};

function decoded(base64: string): string {
  return textOf(Uint8Array.fromBase64(base64));
}
