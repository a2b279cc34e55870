import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { createCookieJar } from "../../../http/client/cookie_jar.ts";
import { events, lines, ndjson } from "../../../http/client/streams.ts";

/** A response whose body is cut at these places. */
function cut(text: string, places: readonly number[]): Response {
  const bytes = new TextEncoder().encode(text);
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length]
    .toSorted((a, b) => a - b);
  let at = 0;
  const pieces = ends.map((end) => bytes.slice(at, at = end));
  return new Response(ReadableStream.from(pieces));
}

const PLACES = fc.array(fc.nat(), { maxLength: 8 });
const TEXT = fc.string({ unit: "binary", maxLength: 20 }).map((text) =>
  text.replace(/[\ufeff\0\r\n]|\p{Cs}/gu, "")
);

Deno.test("a body is read as the same lines, values and events, wherever it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(TEXT), PLACES, async (texts, places) => {
      const read = await Array.fromAsync(
        lines(cut(texts.map((one) => `${one}\n`).join(""), places)),
      );
      assertEquals(read, texts);
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue()), PLACES, async (values, places) => {
      const text = values.map((one) => `${JSON.stringify(one)}\r\n`).join("");
      const read = await Array.fromAsync(ndjson(cut(text, places)));
      assertEquals(read, JSON.parse(JSON.stringify(values)));
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(TEXT), PLACES, async (texts, places) => {
      const text = texts.map((one) => `data: ${one}\r\n\r\n`).join("");
      const read = await Array.fromAsync(events(cut(text, places)));
      assertEquals(read.map(({ data }) => data), texts);
    }),
  );
});

Deno.test("whatever servers set, a saved jar sends what the jar sends", () => {
  const word = fc.string({ unit: "grapheme-ascii", maxLength: 8 });
  const attribute = fc.oneof(
    fc.constantFrom("Secure", "HttpOnly", "Path=/", "Path=/a", "Domain=b.test", "Max-Age=60"),
    word,
  );
  const setCookie = fc.tuple(word, word, fc.array(attribute, { maxLength: 4 }))
    .map(([name, value, more]) => [`${name}=${value}`, ...more].join("; "));
  const url = fc.constantFrom(
    "http://a.b.test/",
    "https://a.b.test/a/b",
    "https://b.test/",
    "http://c.test/",
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(url, setCookie), { maxLength: 12 }), url, (set, place) => {
      const jar = createCookieJar();
      for (const [from, one] of set) jar.store(from, [one]);
      const sent = jar.cookies(place);
      assertEquals(createCookieJar(JSON.parse(JSON.stringify(jar))).cookies(place), sent);
      // This format does not keep the order.
      const sorted = (text: string) => text.split("; ").toSorted();
      assertEquals(sorted(createCookieJar(jar.toText()).cookies(place)), sorted(sent));
    }),
  );
});
