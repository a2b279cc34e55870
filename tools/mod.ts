/**
 * The command-line tools as a library, and the module that all programs use.
 *
 * @example "Test a program without a process"
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineCli, recordingIo } from "@portside/kit/tools";
 *
 * const cli = defineCli({ name: "hello", summary: "Prints hello.", flags: {}, permissions: {} });
 * const io = recordingIo();
 * assertEquals(await cli.run(["--version"], io, () => {}), 0);
 * assertEquals(io.out.startsWith("hello "), true);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

export * from "./cli.ts";
export { diagnose, type DiagnoseLookUp, type DiagnoseOptions, watchPath } from "./diagnose.ts";
export type * from "./diagnose/diagnosis.ts";
export type * from "./diagnose/watch_options.ts";
export {
  type DatagramFaults,
  type FaultControl,
  type FaultControlOptions,
  type FaultProxy,
  type FaultProxyEvent,
  type FaultProxyOptions,
  type FaultProxyStats,
  type NetworkFaults,
  type ProxyFaults,
  type ScheduledFaults,
  serveFaultControl,
  serveFaultProxy,
  serveUdpFaultProxy,
  type UdpFaultProxy,
  type UdpFaultProxyOptions,
  type UdpFaultProxyStats,
  type UdpProxyFaults,
} from "./fault_proxy.ts";
export * from "./parsers/interfaces.ts";
export * from "./parsers/ping.ts";
export {
  scan,
  type ScannedService,
  type ScannedTls,
  type ScanOptions,
  type ScanResult,
  type ScanState,
} from "./scan.ts";
export * from "./parsers/traceroute.ts";
