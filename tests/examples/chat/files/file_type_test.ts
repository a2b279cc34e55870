import { assertEquals } from "@std/assert";
import { isPicture, sniffType } from "../../../../examples/chat/files/file_type.ts";

/** Returns the bytes of a text in Latin-1. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const TYPES: Readonly<Record<string, string>> = {
  "\x89PNG\r\n\x1a\n\0\0\0\rIHDR": "image/png",
  "\xff\xd8\xff\xe0\0\x10JFIF": "image/jpeg",
  "GIF89a\x01\0": "image/gif",
  "GIF87a": "image/gif",
  "RIFF\x24\0\0\0WEBPVP8 ": "image/webp",
  "\0\0\0\x20ftypavif\0\0": "image/avif",
  "\0\0\0\x20ftypisom\0\0": "video/mp4",
  "RIFF\x24\0\0\0WAVEfmt ": "audio/wave",
  "%PDF-1.7\n%\xe2\xe3": "application/pdf",
  "PK\x03\x04\x14\0": "application/zip",
  "\x1f\x8b\x08\0": "application/gzip",
  "hello\nworld\t!\r\n": "text/plain; charset=utf-8",
  "": "text/plain; charset=utf-8",
  "\xe4\xbd\xa0\xe5\xa5\xbd": "text/plain; charset=utf-8",
  "\xef\xbb\xbfbom": "text/plain; charset=utf-8",
  "caf\xe9 au lait": "application/octet-stream",
  "a\0b": "application/octet-stream",
  "\x7fELF\x02\x01": "application/octet-stream",
  "MZ\x90\0": "application/octet-stream",
};

Deno.test("sniffType() finds the type in the first bytes", () => {
  for (const [head, type] of Object.entries(TYPES)) {
    assertEquals(sniffType(latin1(head)), type, JSON.stringify(head));
  }
});

Deno.test("sniffType() takes no markup for more than text", () => {
  for (
    const head of ["<!doctype html><script>x</script>", "<svg xmlns='…'/>", "<?xml version=1?>"]
  ) {
    assertEquals(sniffType(new TextEncoder().encode(head)), "text/plain; charset=utf-8");
  }
});

Deno.test("sniffType() accepts a character that the end of the head cuts", () => {
  assertEquals(sniffType(latin1("a\xe4\xbd")), "text/plain; charset=utf-8");
  assertEquals(sniffType(latin1("\x89PN")), "application/octet-stream");
});

Deno.test("isPicture() accepts pictures without scripts only", () => {
  const types = ["image/png", "image/svg+xml", "application/pdf", "text/plain; charset=utf-8"];
  assertEquals(types.map(isPicture), [true, false, false, false]);
});
