import { assertEquals, assertRejects } from "@std/assert";
import { readJson } from "../../../http/handlers/json.ts";
import { ProblemError } from "../../../http/problem.ts";

function post(headers: Record<string, string>, body = "1"): Request {
  return new Request("http://h/", { method: "POST", headers, body });
}

async function statusOf(request: Request, limit = 1024): Promise<number> {
  return (await assertRejects(() => readJson(request, { maxSize: limit }), ProblemError)).status;
}

Deno.test("readJson() takes the media types of JSON, with parameters and in any case", async () => {
  for (
    const type of [
      "application/json",
      "Application/JSON",
      "application/json;charset=utf-8",
      "application/json \t; x=1",
      "application/vnd.api+json",
      'APPLICATION/LD+JSON; profile="a,b;c"',
    ]
  ) assertEquals(await readJson(post({ "content-type": type })), 1, type);
});

Deno.test("readJson() refuses every other type, also one with a blank that HTTP does not know", async () => {
  for (
    const type of [
      "",
      "text/plain",
      "application/jsonx",
      "application/json\u00a0",
      "\u00a0application/json",
      "application/json\u00a0; x=1",
      "application/+json",
      "application/x json",
      "text/plain; application/json",
      "application/json, text/html",
      'multipart/form-data; x="application/json"',
    ]
  ) assertEquals(await statusOf(post({ "content-type": type })), 415, type);
});

Deno.test("readJson() refuses codings other than identity", async () => {
  const type = { "content-type": "application/json" };
  assertEquals(await readJson(post({ ...type, "content-encoding": "IDENTITY" })), 1);
  for (const coding of ["gzip", "identity, gzip", "\u00a0identity"]) {
    assertEquals(await statusOf(post({ ...type, "content-encoding": coding })), 415, coding);
  }
});

Deno.test("readJson() believes a Content-Length of digits alone, and counts the bytes anyway", async () => {
  const type = { "content-type": "application/json" };
  assertEquals(await statusOf(post({ ...type, "content-length": "11" }), 10), 413);
  // These are no lengths: a transport refuses them, and the body itself is within the limit.
  for (const length of ["0x10", "1e9", " ", "+99", "99999999999999999999"]) {
    assertEquals(await readJson(post({ ...type, "content-length": length }), { maxSize: 10 }), 1);
  }
  assertEquals(await statusOf(post({ ...type, "content-length": "1" }, '"0123456789"'), 10), 413);
});
