/** The time in which a thread has had a processor. @module */

import process from "node:process";

/** How long this thread has had a processor, in milliseconds; the whole process beyond Linux. */
export function processorTime(): number {
  if (Deno.build.os === "linux") {
    return parseInt(Deno.readTextFileSync("/proc/thread-self/schedstat")) / 1e6;
  }
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
