import { assertEquals } from "@std/assert";
import { filenameFrom } from "../../../http/internal/content_disposition.ts";

Deno.test("filenameFrom() reads Content-Disposition and makes the name safe", () => {
  const latin1 = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
  const rows: [string | null, string][] = [
    ['attachment; filename="a b.txt"', "a b.txt"],
    ["attachment; filename=plain.txt", "plain.txt"],
    ["attachment; filename*=UTF-8''%e2%82%ac%20rates.txt; filename=\"E.txt\"", "€ rates.txt"],
    ["attachment; filename=\"E.txt\"; filename*=iso-8859-1'en'%A3.txt", "£.txt"],
    ["attachment; filename=E.txt; filename*=koi8-r''%C1.txt", "E.txt"],
    [`attachment; filename="${latin1("日本.txt")}"`, "日本.txt"],
    ['attachment; filename="\\"quoted\\".txt"', "_quoted_.txt"],
    ['attachment; filename="../../etc/passwd"', "passwd"],
    ['attachment; filename="C:\\\\Windows\\\\x.exe"', "x.exe"],
    ["attachment; filename*=UTF-8''..%2f..%2f.bashrc", "bashrc"],
    ["attachment; filename*=UTF-8''a%00b%1b%0d%0a%e2%80%aec.txt", "abc.txt"],
    ['attachment; filename="NUL.txt"', "_NUL.txt"],
    ['attachment; filename="a:b?.txt. "', "a_b_.txt"],
    ['attachment; filename=".."', "file.bin"],
    ["inline", "file.bin"],
    [null, "file.bin"],
    [`attachment; filename="${"ä".repeat(300)}.txt"`, `${"ä".repeat(98)}.txt`],
  ];
  for (const [disposition, name] of rows) {
    const header = disposition === null || !/ä/.test(disposition)
      ? disposition
      : latin1(disposition);
    assertEquals(filenameFrom(header, "http://a.test/x/file.bin?q=1"), name);
  }
  assertEquals(filenameFrom(null, "http://a.test/%e2%82%ac.txt"), "€.txt");
  assertEquals(filenameFrom(null, "http://a.test/..%2f..%2fx"), "x");
  assertEquals(filenameFrom(null, "http://a.test/%ff"), "%ff");
  assertEquals(filenameFrom(null, "http://a.test/"), "download");
});
