import { assertEquals } from "@std/assert";
import { type HashName, runningHash } from "../../../net/internal/running_hash.ts";

Deno.test("a running hash is that of all bytes together", () => {
  const rows: [HashName, string][] = [
    ["MD5", "5d41402abc4b2a76b9719d911017c592"],
    ["SHA-1", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"],
    ["SHA-256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"],
    ["CRC32", "3610a686"],
  ];
  for (const [name, expected] of rows) {
    const hash = runningHash(name);
    for (const part of ["he", "", "llo"]) hash.update(new TextEncoder().encode(part));
    assertEquals([hash.algorithm, hash.end()], [name, expected]);
  }
  assertEquals(runningHash("CRC32").end(), "00000000");
  assertEquals(runningHash("SHA-512").end().length, 128);
});
