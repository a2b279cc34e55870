import { assertEquals } from "@std/assert";
import { parseAnchor } from "../../../../net/internal/x509/certificate.ts";
import { namesMatch, readNames, textOf } from "../../../../net/internal/x509/names.ts";
import { writeCertificate } from "../../../_support/x509_writer.ts";

Deno.test("readNames() reads host names and addresses, and no others", async () => {
  const { der } = await writeCertificate({
    cn: "cn.test",
    names: [{ dns: "a.test, DNS:b.test" }, { ip: "10.0.0.1" }, { ip: "2001:db8:0:0::1" }]
      .concat([{ email: "a@b.test" }, { uri: "https://c.test" }] as never[]),
  });
  assertEquals(readNames(der), {
    hosts: ["a.test, DNS:b.test"],
    addresses: ["10.0.0.1", "2001:db8::1"],
  });
  assertEquals(readNames(new Uint8Array([1, 2, 3])), { hosts: [], addresses: [] });
});

Deno.test("textOf() quotes a name that could be taken for several", async () => {
  const rows: [Parameters<typeof writeCertificate>[0]["names"], string][] = [
    [undefined, ""],
    [
      [{ dns: "a.test" }, { ip: "10.0.0.1" }, { ip: "::1" }],
      "DNS:a.test, IP Address:10.0.0.1, IP Address:::1",
    ],
    [[{ email: "a@b.test" }, { uri: "https://c.test/" }], "email:a@b.test, URI:https://c.test/"],
    [[{ dns: "a, DNS:b.test" }, { dns: "c" }], 'DNS:"a, DNS:b.test", DNS:c'],
    [[{ uri: 'x", DNS:b.test' }], 'URI:"x\\", DNS:b.test"'],
    [[{ dns: "a\0b\r\n\x1b[31m" }], String.raw`DNS:"a\u0000b\r\n\u001b[31m"`],
  ];
  for (const [names, text] of rows) {
    const { der } = await writeCertificate({ ...names && { names } });
    assertEquals(textOf(parseAnchor(der).extensions), text);
  }
});

Deno.test("namesMatch() does not depend on an expensive pattern", () => {
  const host = `${"a.".repeat(20_000)}test`;
  assertEquals(
    namesMatch({ hosts: [host, "*.test", "-".repeat(50_000)], addresses: [] }, host),
    false,
  );
});

Deno.test("namesMatch() compares addresses in any form", () => {
  const names = { hosts: ["fe80::1"], addresses: ["fe80::1"] };
  assertEquals(namesMatch(names, "FE80:0::1"), true);
  assertEquals(namesMatch(names, "fe80::1%eth0"), true);
  assertEquals(namesMatch({ ...names, addresses: [] }, "fe80::1"), false);
  assertEquals(namesMatch(names, "fe80::zz"), false);
});
