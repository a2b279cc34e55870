/** How `net/mail/sasl.ts` prepares names and passwords, by the examples of RFC 4013 and against Python's tables of RFC 3454. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { startSasl } from "../../../net/mail/sasl.ts";
import { needsPython, pythonWith } from "../../_support/peers.ts";

/** A name as SCRAM sends it. */
function prepared(user: string): string {
  const options = { encrypted: false, nonce: "x" };
  const { initial } = startSasl(["SCRAM-SHA-256"], { user, password: "x" }, options);
  const [, name = ""] = /^n,,n=(.*),r=x$/s.exec(new TextDecoder().decode(initial)) ?? [];
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

Deno.test("names for SCRAM are what the examples of RFC 4013 say", () => {
  assertEquals(prepared("I\u00ADX"), "IX");
  assertEquals(prepared("user"), "user");
  assertEquals(prepared("USER"), "USER");
  assertEquals(prepared("\u00AA"), "a");
  assertEquals(prepared("\u2168"), "IX");
  assertThrows(() => prepared("\u0007"), TypeError, "control character");
  assertThrows(() => prepared("\u06271"), TypeError, "directions");
});

Deno.test("names for SCRAM: blanks are blanks, directions are not mixed, errors tell nothing", () => {
  assertEquals(prepared("a\u00A0b\u3000c\u200Bd"), "a b c d");
  assertEquals(prepared("a\u200Db\uFE0F"), "ab");
  assertEquals(prepared("\u0627\u0031\u0628"), "\u0627\u0031\u0628");
  assertEquals(prepared("\u{1F511}\u{1FAE0}"), "\u{1F511}\u{1FAE0}");
  for (
    const bad of ["\u0627a\u0628", "\u05D01", "1\u05D0", "\uE000", "\uFDD0", "a\u200E"]
  ) {
    const { message } = assertThrows(() => prepared(bad), TypeError);
    assert(!message.includes(bad), message);
  }
});

const ORACLE = `
import json, stringprep as s, unicodedata as u
C = [getattr(s, "in_table_" + n) for n in "c12 c21_c22 c3 c4 c5 c6 c7 c8 c9".split()]
def prep(text):
    text = "".join(" " if s.in_table_c12(c) else "" if s.in_table_b1(c) else c for c in text)
    text = u.normalize("NFKC", text)
    if any(t(c) for t in C for c in text): return None
    if any(map(s.in_table_d1, text)):
        if any(map(s.in_table_d2, text)): return None
        if not (s.in_table_d1(text[0]) and s.in_table_d1(text[-1])): return None
    return text or None
of = lambda n: [n, prep(chr(n)), prep("\\u05d0" + chr(n) + "\\u05d0")]
# What was known to Unicode 3.2, and some of what is for private use.
known = [n for n in range(0x110000) if u.ucd_3_2_0.category(chr(n)) not in ("Cn", "Co", "Cs")]
print(json.dumps([of(n) for n in known + [0xe000, 0xf8ff, 0xf0000, 0xffffd, 0x100000, 0xfdd0, 0x1fffe]]))
`;

const python = needsPython();

Deno.test({
  name: `names for SCRAM agree with the tables of Python's stringprep${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    const output = await new Deno.Command(pythonWith()!, { args: ["-c", ORACLE] }).output();
    const rows: [number, string | null, string | null][] = JSON.parse(
      new TextDecoder().decode(output.stdout),
    );
    assert(rows.length > 90_000, `${rows.length}`);
    const ours = (text: string) => {
      try {
        return prepared(text);
      } catch {
        return null;
      }
    };
    const wrong = rows.filter(([code, alone, between]) => {
      const char = String.fromCodePoint(code);
      return ours(char) !== alone || ours(`\u05D0${char}\u05D0`) !== between;
    });
    assertEquals(wrong.map(([code]) => code.toString(16)), []);
  },
});
