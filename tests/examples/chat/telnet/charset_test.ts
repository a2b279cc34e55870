import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  charsetNamed,
  decodeText,
  encodeText,
  guessCharset,
} from "../../../../examples/chat/telnet/charset.ts";

const GBK_HELLO = Uint8Array.of(0xc4, 0xe3, 0xba, 0xc3);
const LATIN_CAFE = Uint8Array.of(0x63, 0x61, 0x66, 0xe9);

Deno.test("decodeText() decodes each encoding, and refuses what is in another one", () => {
  assertEquals(decodeText(GBK_HELLO, "gbk"), "你好");
  assertEquals(decodeText(LATIN_CAFE, "latin-1"), "café");
  assertEquals(decodeText(new TextEncoder().encode("你好"), "utf-8"), "你好");
  assertEquals(decodeText(new TextEncoder().encode("\ufeffa\ufffd"), "utf-8"), "\ufeffa\ufffd");
  assertEquals(decodeText(GBK_HELLO, "utf-8"), undefined);
  assertEquals(decodeText(LATIN_CAFE, "utf-8"), undefined);
  assertEquals(decodeText(LATIN_CAFE, "gbk"), undefined);
});

Deno.test("guessCharset() tells Chinese from accented letters", () => {
  const latin = (text: string) => encodeText(text, "latin-1");
  assertEquals(guessCharset(GBK_HELLO), "gbk");
  assertEquals(guessCharset(encodeText("你好，Ann！吃了吗？", "gbk")), "gbk");
  assertEquals(guessCharset(LATIN_CAFE), "latin-1");
  assertEquals(guessCharset(latin("Zoë Müller, à bientôt")), "latin-1");
  assertEquals(guessCharset(latin("cafés")), "latin-1");
  assertEquals(guessCharset(new TextEncoder().encode("你好")), "utf-8");
});

Deno.test("encodeText() replaces what an encoding lacks", () => {
  assertEquals(decodeText(encodeText("你好 é ř 👍 Ÿ", "gbk"), "gbk"), "你好 é r ? Y");
  assertEquals(
    decodeText(encodeText("½ café ř ﬁ 你 …", "latin-1"), "latin-1"),
    "½ café r fi ? ...",
  );
});

Deno.test("encodeText() never writes controls or the escape byte of Telnet", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.constantFrom("gbk", "latin-1"),
      (text, charset) => {
        const bytes = encodeText(text.replace(/\p{Cc}/gu, ""), charset);
        assertEquals(bytes.includes(255), false);
        if (charset === "latin-1") {
          assertEquals(
            bytes.filter((byte) => byte < 0x20 || (byte >= 0x7f && byte < 0xa0)).length,
            0,
          );
        }
      },
    ),
  );
});

Deno.test("encodeText() and decodeText() agree on everything that GBK has", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0x81, max: 0xfe }),
      fc.integer({ min: 0x40, max: 0xfe }),
      (a, b) => {
        const text = decodeText(Uint8Array.of(a, b), "gbk");
        if (text?.length === 1) assertEquals(decodeText(encodeText(text, "gbk"), "gbk"), text);
      },
    ),
  );
});

Deno.test("charsetNamed() knows the usual names of the encodings", () => {
  const names = ["UTF-8", "utf8", "GBK", "gb18030", "CP936", "Latin-1", "ISO-8859-1", "ascii", ""];
  assertEquals(names.map(charsetNamed), [
    "utf-8",
    "utf-8",
    "gbk",
    "gbk",
    "gbk",
    "latin-1",
    "latin-1",
    undefined,
    undefined,
  ]);
});
