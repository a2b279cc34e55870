import type { InterfacesStep, PingStep, TraceStep } from "./diagnosis.ts";
import {
  type CommandResult,
  interfaceCommands,
  pingCommands,
  runFirst,
  traceCommands,
} from "./_commands.ts";
import { reverseDnsName } from "../../net/dns/codec.ts";
import type { TraceReport } from "../parsers/traceroute.ts";
import { withGateways } from "./_route.ts";
import { ask } from "./_name_servers.ts";
import { count, showTime } from "../internal/text.ts";
import { timed, type Walk } from "./_timed_step.ts";
import { CliError, ExitCode, missingProgram } from "../cli.ts";

/** Lists the interfaces. */
export function interfacesStep(walk: Walk): Promise<InterfacesStep> {
  const nothing = { interfaces: [] };
  return timed<InterfacesStep, "interfaces">(walk, "interfaces", nothing, async () => {
    const result = await runFirst(interfaceCommands(walk.os), walk);
    if (!("ran" in result)) return { ...notRun(result), ...nothing };
    const interfaces = await withGateways(walk, result.report);
    const up = interfaces.filter((one) => one.up && one.addresses.length > 0);
    const outside = up.filter((one) => !one.loopback);
    const text = [...outside, ...up.filter((one) => one.loopback)].map((one) =>
      `${one.name} ${one.addresses[0]!.address}${
        one.gateways.length > 0 ? ` (gateway ${one.gateways[0]})` : ""
      }`
    ).join(", ");
    if (outside.length > 0) return { status: "ok", text, interfaces };
    return {
      status: "warning",
      text: text === "" ? result.complaint || "no interface has an address" : `only ${text}`,
      advice: "This machine has only a loopback address. Connect it to a network.",
      interfaces,
    };
  });
}

/** Sends echo requests to the first address. */
export function pingStep(walk: Walk, host: string): Promise<PingStep> {
  return timed<PingStep, "ping">(walk, "ping", {}, async () => {
    const timeout = walk.count * 1000 + walk.timeout;
    const result = await runFirst(pingCommands(walk.os, host, walk.count), { ...walk, timeout });
    if (!("ran" in result)) return notRun(result);
    const { report, complaint } = result;
    const { received, transmitted, times, troubles } = report;
    const duplicates = report.duplicates > 0 ? `, ${count(report.duplicates, "duplicate")}` : "";
    if (received === 0 || times === undefined) {
      const text = troubles[0]?.text ||
        (transmitted === 0 && complaint) || `no answer to ${count(transmitted, "echo request")}`;
      const advice = troubles.length > 0
        ? `Check ${troubles[0]!.from}: it reports that the host cannot be reached.`
        : transmitted === 0 && complaint
        ? undefined
        : "Many hosts and firewalls drop echo requests, so the TCP step is more reliable.";
      return { status: "warning", text, advice, report };
    }
    const text = `${received} of ${transmitted} answered, ${showTime(times.average)} on average ` +
      `(${showTime(times.min)} to ${showTime(times.max)})${duplicates}`;
    if (received === transmitted) return { status: "ok", text, report };
    const advice =
      "Packets are lost. Look for a bad cable, a weak radio signal or an overloaded link.";
    return { status: "warning", text, advice, report };
  });
}

/** Traces the route; with `names`, the names of the routers are resolved, too. */
export function traceStep(walk: Walk, host: string, names: boolean): Promise<TraceStep> {
  return timed<TraceStep, "trace">(walk, "trace", {}, async () => {
    const options = { ...walk, timeout: walk.traceTimeout };
    const result = await runFirst(traceCommands(walk.os, host), options);
    if (!("ran" in result)) return notRun(result);
    const { complaint, late, ran } = result;
    const report = names ? await withNames(walk, result.report) : result.report;
    const last = report.hops.findLast((hop) =>
      hop.probes.some((probe) => probe.time !== undefined)
    );
    const who = last?.probes.find((probe) => probe.time !== undefined);
    const name = who?.address ?? who?.name;
    if (report.reached) {
      // The host limits the rate of its answers, so it may be nearer than its first answer.
      const before = report.hops.at(-2);
      const isSure = before === undefined || before.probes.some(({ time }) => time !== undefined);
      const hops = count(report.hops.length, "hop");
      return { status: "ok", text: `reached ${isSure ? "after" : "within"} ${hops}`, report };
    }
    const cut = late ? `, stopped after ${showTime(walk.traceTimeout)}` : "";
    const note = last?.probes.find((probe) => probe.note !== undefined)?.note;
    const text = last === undefined
      ? complaint || `no router answers${cut}`
      : `the last answer is from hop ${last.hop}, ${name}${note ? ` (${note})` : ""}${cut}`;
    const advice = last === undefined
      ? `Routers and firewalls may drop packets of ${ran.program}, so the TCP step is more reliable.`
      : "If TCP fails as well, a device after that hop drops or refuses the packets.";
    return { status: "warning", text, advice, report };
  });
}

/** Maximum time for the name of a router, in milliseconds. */
const NAME_TIME = 1000;

/** Adds the names of the routers, as far as name servers know them. */
async function withNames(walk: Walk, report: TraceReport): Promise<TraceReport> {
  const probes = report.hops.flatMap((hop) => hop.probes);
  const addresses = new Set(probes.flatMap(({ address, name }) => name ? [] : address ?? []));
  const names = new Map<string, string>();
  const hurried = { ...walk, timeout: Math.min(walk.timeout, NAME_TIME) };
  await Promise.all([...addresses].map(async (address) => {
    const { answers } = await ask(hurried, reverseDnsName(address.replace(/%.*$/, "")), ["PTR"]);
    const [first] = answers.flatMap((answer) => answer.answers)
      .flatMap((record) => record.type === "PTR" ? [record.target] : []);
    if (first !== undefined) names.set(address, first);
  }));
  const hops = report.hops.map((hop) => ({
    ...hop,
    probes: hop.probes.map((probe) => ({
      ...probe,
      name: probe.name ?? names.get(probe.address ?? ""),
    })),
  }));
  return { ...report, hops };
}

/** Returns the findings of a step whose program is missing or forbidden. */
export function notRun<T>(result: Exclude<CommandResult<T>, { ran: unknown }>) {
  if ("forbidden" in result) {
    const { program } = result.forbidden;
    return {
      status: "skipped" as const,
      text: `running ${program} is not permitted`,
      advice: `Run again with --allow-run=${program}.`,
    };
  }
  const [{ program, packageName } = { program: "", packageName: "" }] = result.missing;
  const names = result.missing.map((one) => one.program).join(" nor ");
  return {
    status: "skipped" as const,
    text: `${result.missing.length > 1 ? "neither " : ""}${names} is installed`.replace(
      /^(\S+) is installed$/,
      "$1 is not installed",
    ),
    advice: packageName === "part of the system"
      ? `${program} is part of the system. Check whether it is in the PATH.`
      : `Install the package ${packageName}.`,
    missing: { program, packageName },
  };
}

/** Throws an error with exit code 3 if the only step could not run. */
export function throwIfMissing(
  step: { status: string; text: string; advice?: string | undefined; missing?: unknown },
): void {
  if (step.status !== "skipped") return;
  const missing = step.missing as { program: string; packageName: string } | undefined;
  if (missing !== undefined) throw missingProgram(missing.program, missing.packageName);
  throw new CliError(`${step.text}: ${step.advice ?? ""}`, ExitCode.missing);
}
