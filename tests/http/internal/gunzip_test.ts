import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { gunzip } from "../../../http/internal/gunzip.ts";
import { joinedBytes } from "../../../net/internal/joined_bytes.ts";
import { PieceReader } from "../../../http/internal/piece_reader.ts";

type Bytes = Uint8Array<ArrayBuffer>;

async function decoded(body: Bytes, size: number): Promise<Bytes> {
  const pieces = function* () {
    for (let at = 0; at < body.length; at += size) yield body.slice(at, at + size);
  };
  const source = (async function* () {
    yield* pieces();
  })();
  return joinedBytes(await Array.fromAsync(gunzip(new PieceReader(source))));
}

const noise = new Uint8Array(40_000).map((_, i) => Math.imul(i, 2654435761) >>> 13);
const member = (content: Uint8Array) => new Uint8Array(gzipSync(content));

Deno.test("gunzip() decodes all members in pieces of any size, and ignores what follows", async () => {
  const members = [
    member(noise),
    member(new Uint8Array()),
    member(noise.slice(0, 9)),
    member(noise),
  ];
  const want = joinedBytes([noise, noise.slice(0, 9), noise]);
  const body = joinedBytes([...members, new TextEncoder().encode("garbage")]);
  for (const size of [7, 1000, 8192, body.length]) assertEquals(await decoded(body, size), want);
});

Deno.test("gunzip() reports a body that is cut, damaged, or has very many empty members", async () => {
  const whole = member(noise);
  for (const size of [1, 5, 18, whole.length >> 1, whole.length - 8, whole.length - 1]) {
    const error = await assertRejects(() => decoded(whole.slice(0, size), 4096), Error);
    assertEquals((error as { code?: unknown }).code, "Z_BUF_ERROR", `${size}`);
  }
  for (const at of [0, whole.length >> 1, whole.length - 1, whole.length - 5]) {
    const damaged = whole.slice();
    damaged[at]! ^= 0xff;
    const error = await assertRejects(() => decoded(damaged, 4096), Error);
    assertEquals((error as { code?: unknown }).code, "Z_DATA_ERROR", `${at}`);
  }
  const empty = joinedBytes(Array(10_002).fill(member(new Uint8Array())));
  const error = await assertRejects(() => decoded(empty, empty.length), Error);
  assertEquals((error as { code?: unknown }).code, "Z_DATA_ERROR");
});
