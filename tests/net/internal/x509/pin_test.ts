import { assertEquals } from "@std/assert";
import { parseCertificate } from "../../../../net/internal/x509/certificate.ts";
import { pinsOf, readPin } from "../../../../net/internal/x509/pin.ts";
import { writeCertificate } from "../../../_support/x509_writer.ts";

const KEY = "sha256/mhgp4bHWQQnPTgPuBVUr2DxkJUNkSJfmfIUnrEpCkPo=";
const HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

Deno.test("readPin() accepts the forms of RFC 7469, of curl and of openssl", () => {
  assertEquals(readPin(KEY), KEY);
  assertEquals(readPin(KEY.replace("/", "//")), KEY);
  assertEquals(readPin(HEX), HEX);
  assertEquals(readPin(HEX.toUpperCase()), HEX);
  assertEquals(readPin(HEX.toUpperCase().match(/../g)!.join(":")), HEX);
});

Deno.test("readPin() rejects anything else", () => {
  for (
    const text of [
      "",
      "sha256/",
      HEX.slice(2),
      `${HEX}00`,
      KEY.slice(7),
      KEY.replace("sha256", "sha1"),
      KEY.slice(0, -1),
      `${KEY} `,
      HEX.match(/../g)!.join("-"),
      HEX.replace(/../, "9f:"),
    ]
  ) assertEquals(readPin(text), undefined, text);
});

Deno.test("pinsOf() hashes the key as openssl does", async () => {
  const written = await writeCertificate({ cn: "a.test" });
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", written.der));
  assertEquals(pinsOf(parseCertificate(written.der)), {
    key: written.pin,
    certificate: hash.toHex(),
  });
});
