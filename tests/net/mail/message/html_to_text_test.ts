import { assert, assertEquals, assertThrows } from "@std/assert";
import { htmlToText } from "../../../../net/mail/message/html_to_text.ts";

Deno.test("htmlToText() has what a reader sees", () => {
  const cases: [html: string, text: string][] = [
    ["&ldquo;caf&eacute;&rdquo; &mdash; 5&nbsp;&euro;", "“café” — 5 €"],
    ["it&#x27;s &#8364; &lt;b&gt; &nonsense;", "it's € <b> &nonsense;"],
    ["<!--[if mso]><xml><o:P>96</o:P></xml><![endif]-->Hi", "Hi"],
    ["a<!-- x > y -->b", "ab"],
    ["<title>T</title><style>s</style><script>c</script>x", "x"],
    ["<h1>Head</h1><p>one<br>two</p>", "Head\n\none\ntwo"],
    ["<ul><li>a<li>b</ul>", " * a\n * b"],
    ["<table><tr><td>1<td>2<tr><td>3<td>4</table>", "1 2\n3 4"],
    ["<a href='http://x.test/'>here</a>", "here <http://x.test/>"],
    ["<a href='http://x.test/'>http://x.test/</a>", "http://x.test/"],
    ["<img src=x alt=logo><img src=y>", "logo"],
    ["<blockquote>q</blockquote>", "> q"],
    [
      "<style>b{}</style><p>Hi &amp; <b>bold</b>&#33; &none;</p><SCRIPT>x</SCRIPT >&lt;y",
      "Hi & bold! &none;\n\n<y",
    ],
    [`<style>${"<style>".repeat(100_000)}`, ""],
    ["<".repeat(300_000), "<".repeat(300_000)],
    ["", ""],
    ["<p>", ""],
    ["a < b & c", "a < b & c"],
  ];
  for (const [html, text] of cases) assertEquals(htmlToText(html), text, html.slice(0, 100));
});

Deno.test("htmlToText() leaves out what exceeds its limits, and says so", () => {
  assertEquals(htmlToText("abcdef", { maxLength: 3 }), "abc\n…");
  assertEquals(htmlToText("abc", { maxLength: 3 }), "abc");
  assertEquals(htmlToText(`a${"<div>".repeat(500)}b`), "a\n…");
  assertEquals(htmlToText(`${"<div>".repeat(99)}b`), "b");
  const many = htmlToText("<b>a</b>".repeat(30_000));
  assertEquals([many.length, many.slice(-2)], [20_002, "\n…"]);
  assertThrows(() => htmlToText("x", { maxLength: 0 }), RangeError);
  assertThrows(() => htmlToText("x", { length: 1 } as never), TypeError);
});

Deno.test("htmlToText() is bounded for hostile HTML", () => {
  const units = [
    ...[
      "<div>",
      "<b>",
      "<blockquote>",
      "<ul><li>",
      "<table><tr><td>",
      "<",
      "<a ",
      "<!--",
      "&",
      "&a",
      "<p>",
    ],
    ...[
      "</div>",
      "<pre> ",
      "<img alt=x>",
      "<svg>",
      "<![CDATA[",
      "<?",
      "</",
      "<x y=",
      "<textarea>",
      "\n",
    ],
  ];
  // Without the limits, the libraries need minutes for some of them.
  for (const unit of units) {
    const html = unit.repeat(1024 * 1024 / unit.length);
    assert(htmlToText(html).length <= 1024 * 1024 + 2, unit);
  }
});
