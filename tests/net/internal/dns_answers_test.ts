/** `net/internal/dns_answers.ts`: which records belong to a question. */

import { assertEquals } from "@std/assert";
import { withoutForeign } from "../../../net/internal/dns_answers.ts";

const a = (name: string) => ({ name, type: "A" });
const alias = (name: string, target: string) => ({ name, type: "CNAME", target });

Deno.test("withoutForeign() follows aliases in any order, and removes records of other names", () => {
  const own = [a("Two.test"), alias("one.test", "two.test"), alias("Host.test", "ONE.test")];
  assertEquals(withoutForeign("host.test.", "A", [...own, a("bank.test")]), own);
  assertEquals(withoutForeign("host.test", "AAAA", [a("bank.test")]), [a("bank.test")]);
  const loop = [alias("host.test", "one.test"), alias("one.test", "host.test")];
  assertEquals(withoutForeign("host.test", "CNAME", loop), loop);
});
