import { assertEquals } from "@std/assert";
import { parseResolvConf } from "../../../net/dns/resolv_conf.ts";

const NOTHING = { servers: [], search: [], ndots: 1 };

Deno.test("parseResolvConf() takes what it understands and omits the rest", () => {
  assertEquals(parseResolvConf(""), NOTHING);
  assertEquals(parseResolvConf("nameserver\nnameserver ns.test\nnameserver 1.2.3\n"), NOTHING);
  assertEquals(parseResolvConf("options ndots:x ndots timeout:1\n"), NOTHING);
  assertEquals(parseResolvConf("NAMESERVER 192.0.2.1\n\tsearch\n"), NOTHING);
  assertEquals(parseResolvConf("nameserver\t192.0.2.1 # first\r\noptions ndots:99"), {
    ...NOTHING,
    servers: ["192.0.2.1"],
    ndots: 15,
  });
  assertEquals(parseResolvConf("search a.test b.test\ndomain c.test. ; the last counts").search, [
    "c.test",
  ]);
});
