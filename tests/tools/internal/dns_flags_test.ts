import { assertEquals, assertThrows } from "@std/assert";
import { CliError } from "../../../tools/cli.ts";
import {
  checkDnsFlags,
  type DnsModeFlags,
  readQuerySettings,
  readRoots,
} from "../../../tools/internal/dns_flags.ts";

const NONE: DnsModeFlags = { server: [], trace: false, root: [], rootPort: 53 };

Deno.test("checkDnsFlags() rejects flags that have no effect together", () => {
  const rows: [flags: Partial<DnsModeFlags>, says: string][] = [
    [{ trace: true, compare: "a" }, "--trace and --compare exclude each other"],
    [{ trace: true, server: ["a"] }, "--trace begins at --root, not at --server"],
    [{ root: ["127.0.0.1"] }, "--root is for --trace"],
    [{ rootPort: 5353 }, "--root-port is for --trace"],
  ];
  for (const [flags, says] of rows) {
    const error = assertThrows(() => checkDnsFlags({ ...NONE, ...flags }), CliError);
    assertEquals([error.message, error.exitCode], [`Bad flags: ${says}`, 2]);
  }
  checkDnsFlags(NONE);
  checkDnsFlags({ ...NONE, trace: true, root: ["127.0.0.1"], rootPort: 5353 });
  checkDnsFlags({ ...NONE, server: ["a"], compare: "b" });
});

Deno.test("readQuerySettings() and readRoots() check addresses", () => {
  const flags = { dnssec: true, cd: false, nsid: true, recursion: false };
  const settings = { dnssec: true, checkingDisabled: false, nsid: true, recursion: false };
  assertEquals(readQuerySettings(flags), settings);
  assertEquals(readQuerySettings({ ...flags, subnet: "192.0.2.0/24" }), {
    ...settings,
    clientSubnet: "192.0.2.0/24",
  });
  for (const subnet of ["", "192.0.2.0/33", "a.test"]) {
    assertThrows(() => readQuerySettings({ ...flags, subnet }), CliError, "--subnet");
  }
  assertEquals(readRoots([]), undefined);
  assertEquals(readRoots(["::1"])?.map(({ addresses }) => addresses), [["::1"]]);
  assertThrows(() => readRoots(["127.0.0.1", "a.test"]), CliError, '--root: "a.test"');
});
