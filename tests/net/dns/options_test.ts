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
    tls: "none",
    recursion: "none",
    dnssec: "none",
    checkingDisabled: "none",
    nsid: "none",
    clientSubnet: "none",
    cookie: "none",
    signal: "none",
  }, (options) => queryDns("host.test", "A", { ...gone, ...options }));
});

Deno.test("queryDns() rejects options that contradict each other or the server", async () => {
  const own = { name: "own", transport: "https" as const, exchange: () => Promise.reject("none") };
  const rows: Array<[QueryDnsOptions, string]> = [
    [{ server: own, port: 53 }, "The options port, tcp and tls do not apply to the server own"],
    [{ server: own, tls: true }, "do not apply"],
    [
      { server: "127.0.0.1", tls: { serverName: "" } },
      "tls.serverName must be a string that is not",
    ],
    [{ server: "127.0.0.1", clientSubnet: "192.0.2.0/33" }, "clientSubnet must be a block of"],
    [{ server: "127.0.0.1", cookie: { client: new Uint8Array(4) } }, "cookie.client must be 8"],
    [{ server: {} as never }, "server must be an IP address, got an object"],
  ];
  for (const [options, message] of rows) {
    await assertRejects(() => queryDns("host.test", "A", options), TypeError, message);
  }
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
