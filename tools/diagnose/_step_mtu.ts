import { isIPv6 } from "../internal/program_output.ts";
import { type MtuProbe, searchMtu } from "../internal/mtu_search.ts";
import { parsePing } from "../parsers/ping.ts";
import { checkHost, type Command, command, type CommandResult, runFirst } from "./_commands.ts";
import type { MtuStep } from "./diagnosis.ts";
import { notRun } from "./_step_system.ts";
import { timed, type Walk } from "./_timed_step.ts";

/** The largest size to try: jumbo frames. */
const MOST = 9000;

/** Finds the largest packet that reaches the host without being fragmented. */
export function mtuStep(walk: Walk, host: string): Promise<MtuStep> {
  return timed<MtuStep, "mtu">(walk, "mtu", {}, async () => {
    const six = isIPv6(host);
    const headers = six ? 48 : 28;
    let failed: Exclude<CommandResult<MtuProbe>, { ran: unknown }> | undefined;
    const due = performance.now() + walk.traceTimeout;
    const probe = async (size: number): Promise<MtuProbe> => {
      // After the time limit, and without the program, nothing fits.
      if (failed !== undefined || performance.now() > due) return { fits: false };
      const result = await runFirst([mtuCommand(walk.os, host, size - headers)], {
        ...walk,
        timeout: 2000,
      });
      if (!("ran" in result)) {
        failed = result;
        return { fits: false };
      }
      const named = mtuIn(result.complaint);
      return named === undefined ? result.report : { ...result.report, mtu: named };
    };
    const found = await searchMtu(probe, six ? 1280 : 576, MOST);
    if (failed !== undefined) return notRun(failed);
    if (found === undefined) {
      return {
        status: "warning",
        text: "no answer to echo requests, so the largest packet is unknown",
      };
    }
    const { size, router, blackHole } = found;
    if (blackHole) {
      return {
        status: "warning",
        text: `packets of more than ${size} bytes vanish without a report`,
        advice:
          "A firewall drops the reports of routers (ICMP, RFC 4890). Allow them, or limit the " +
          `size of TCP segments to ${size - (six ? 60 : 40)} bytes (MSS clamping).`,
        ...found,
      };
    }
    const limit = router === undefined ? "" : `, limited by the router ${router}`;
    const more = size === MOST ? " or more" : "";
    return {
      status: "ok",
      text: `packets of ${size} bytes${more} reach the host${limit}`,
      ...found,
    };
  });
}

/** Returns the program that sends one echo request with a payload of this size, not to be fragmented. */
function mtuCommand(os: string, host: string, payload: number): Command<MtuProbe> {
  checkHost(host);
  const size = `${payload}`;
  if (os === "windows") {
    return command("ping", ["-n", "1", "-w", "1000", "-f", "-l", size, host], readProbe);
  }
  if (os === "linux") {
    const args = ["-n", "-c", "1", "-W", "1", "-M", "do", "-s", size, "--", host];
    return command("ping", args, readProbe);
  }
  const six = isIPv6(host);
  const args = six ? ["-n", "-c", "1", "-m"] : ["-n", "-c", "1", "-t", "1", "-D"];
  return command(six ? "ping6" : "ping", [...args, "-s", size, "--", host], readProbe);
}

function readProbe(output: Uint8Array): MtuProbe {
  const { received, troubles } = parsePing(output);
  const text = new TextDecoder().decode(output);
  return { fits: received > 0, mtu: mtuIn(text), from: troubles[0]?.from };
}

/** Returns the size in a report such as `Frag needed and DF set (mtu = 1400)`. */
function mtuIn(text: string): number | undefined {
  const size = /\bmtu ?[=:] ?(\d{2,5})\b/i.exec(text)?.[1];
  return size === undefined ? undefined : Number(size);
}
