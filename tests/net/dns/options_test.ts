import { assertRejects } from "@std/assert";
import { queryDns, type QueryDnsOptions } from "../../../net/dns/client.ts";
import type { DnsType } from "../../../net/dns/record.ts";
import { checkEveryOption } from "../../_support/options.ts";

const gone = { server: "127.0.0.1", signal: AbortSignal.abort() };

Deno.test("queryDns() checks every option", async () => {
  await checkEveryOption<QueryDnsOptions>("queryDns", {
    server: "none",
    port: "none",
    timeout: "time",
    tcp: "none",
    recursion: "none",
    signal: "none",
  }, (options) => queryDns("host.test", "A", { ...gone, ...options }));
});

Deno.test("queryDns() checks the name and the type before it sends anything", async () => {
  await assertRejects(
    () => queryDns(undefined as unknown as string, "A", gone),
    TypeError,
    "name must be a string, got undefined",
  );
  await assertRejects(
    () => queryDns("ü/ü", "A", gone),
    TypeError,
    'name must be a domain name, got string "ü/ü"',
  );
  await assertRejects(
    () => queryDns("host.test", "MAIL" as DnsType, gone),
    TypeError,
    'type must be a type of records, such as "MX" or "TYPE15", got string "MAIL"',
  );
});
