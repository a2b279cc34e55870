import { escapeControls } from "../../net/text.ts";
import { isIPv6 } from "../internal/program_output.ts";
import { checkHost, type Command, command, interfaceCommands, runFirst } from "./_commands.ts";
import type { Interface } from "../parsers/interfaces.ts";
import type { RouteToHost } from "./diagnosis.ts";
import type { Walk } from "./_timed_step.ts";

/**
 * Returns the route to an address: its gateway, its interface, the address of this machine. Undefined if
 * the system does not tell.
 */
export async function routeTo(walk: Walk, address: string): Promise<RouteToHost | undefined> {
  if (walk.os === "windows") {
    const result = await runFirst(interfaceCommands(walk.os), walk);
    const gateway = "ran" in result
      ? result.report.flatMap(({ gateways }) => gateways)
        .find((one) => isIPv6(one) === isIPv6(address))
      : undefined;
    return gateway === undefined ? undefined : { exists: true, gateway };
  }
  const result = await runFirst(routeCommands(walk.os, address), walk);
  if (!("ran" in result)) return undefined;
  if (result.report !== undefined) return result.report;
  return /unreachable|not in table/i.test(result.complaint) ? { exists: false } : undefined;
}

/** Returns the programs that look up a route. */
function routeCommands(os: string, address: string): Command<RouteToHost | undefined>[] {
  const host = checkHost(address).replace(/%.*$/, "");
  if (os === "linux") return [command("ip", ["route", "get", host], parseIpRoute)];
  const family = isIPv6(host) ? ["-inet6"] : [];
  return [command("route", ["-n", "get", ...family, host], parseRouteGet)];
}

/** Adds the default gateways to the interfaces, if their program has not printed them. */
export async function withGateways(
  walk: Walk,
  interfaces: readonly Interface[],
): Promise<readonly Interface[]> {
  if (walk.os === "windows") return interfaces;
  const commands = walk.os === "linux"
    ? [command("ip", ["route", "show", "default"], parseIpRoute)]
    : [command("route", ["-n", "get", "default"], parseRouteGet)];
  const result = await runFirst(commands, walk);
  const found = "ran" in result ? result.report : undefined;
  const gateway = found?.gateway;
  if (gateway === undefined) return interfaces;
  return interfaces.map((one) =>
    one.name === found?.device ? { ...one, gateways: [...one.gateways, gateway] } : one
  );
}

/** Parses the output of `ip route` (Linux). */
export function parseIpRoute(output: Uint8Array): RouteToHost | undefined {
  const text = new TextDecoder().decode(output);
  const after = (word: string) => new RegExp(`\\b${word} ([\\w.:%-]+)`).exec(text)?.[1];
  const device = after("dev");
  if (device === undefined) return undefined;
  const gateway = after("via inet6") ?? after("via");
  const source = after("src");
  return { exists: true, device, ...(gateway && { gateway }), ...(source && { source }) };
}

/** Parses the output of `route -n get` (macOS, BSD). */
export function parseRouteGet(output: Uint8Array): RouteToHost | undefined {
  const text = new TextDecoder().decode(output);
  const field = (name: string) => {
    const value = new RegExp(`^ *${name}: *(\\S+)`, "m").exec(text)?.[1];
    return value && escapeControls(value);
  };
  const device = field("interface");
  if (device === undefined) return undefined;
  const gateway = field("gateway");
  const source = field("if address");
  // A local network has the name of a link as its gateway.
  const isHost = gateway !== undefined && /^[\da-f.:]+(?:%\w+)?$/i.test(gateway);
  return { exists: true, device, ...(isHost && { gateway }), ...(source && { source }) };
}
