import { assertEquals } from "@std/assert";
import { formatDnsRecord } from "../../../net/dns/record.ts";
import { RECORDS } from "./records.ts";

Deno.test("formatDnsRecord() writes every type of record as a zone file does", () => {
  for (const [record, text] of RECORDS) assertEquals(formatDnsRecord(record), text);
});
