import { assertEquals } from "@std/assert";
import { namesMatch, readNames } from "../../../../net/internal/x509/names.ts";
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
