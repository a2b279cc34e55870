/** Finds out why no connection to an address is possible. It does no I/O. */

import type { PingStep, RouteToHost, TcpAttempt, TraceStep } from "../diagnose/diagnosis.ts";
import type { PingTrouble } from "../parsers/ping.ts";
import { count, showTime } from "./text.ts";

/** Everything that is known about a failed connection. */
export interface Evidence {
  /** The failed attempt. */
  readonly attempt: TcpAttempt;
  readonly route?: RouteToHost | undefined;
  readonly ping?: PingStep | undefined;
  readonly trace?: TraceStep | undefined;
}

/** An explanation: the end of a sentence that begins with the address, and a remedy. */
export interface Blockage {
  readonly text: string;
  readonly advice?: string | undefined;
}

/**
 * The time after which a machine gives up to ask for a hardware address, in milliseconds. Linux asks three
 * times in three seconds.
 */
const NEIGHBOUR_TIME = 2500;

/** Explains a failed connection by all the evidence. */
export function explainBlockage(evidence: Evidence): Blockage {
  const { attempt: { error }, ping, route } = evidence;
  const answersPing = (ping?.report?.received ?? 0) > 0;
  switch (error?.kind) {
    case "refused":
      return {
        text: "refuses connections: nothing listens there",
        advice: "Start the service, or check whether it listens on this port and this address.",
      };
    case "timeout":
      return answersPing ? dropped(evidence) : silent(evidence);
    case "reset":
      return {
        text: "resets connections",
        advice: "A firewall or the service itself rejects this machine.",
      };
    case "permission":
      return forbidden(error.code);
    default:
      break;
  }
  // Linux reports a route of the type blackhole as an invalid argument.
  if (error?.code === "EINVAL") return forbidden(error.code);
  if (!isUnreachable(evidence)) return { text: `fails: ${error?.message ?? "unknown"}` };
  if (route?.exists === false) return noRoute(evidence);
  return answersPing ? REJECTED : unreachable(evidence);
}

function forbidden(code: string | undefined): Blockage {
  return {
    text: `is not allowed by this machine (${code})`,
    advice: "A firewall rule or a route of this machine prohibits it. Check both.",
  };
}

/** The codes of the ICMP messages that a router or a firewall sends (RFC 1812 §5.2.7.1). */
const UNREACHABLE = new Set(["ENETUNREACH", "EHOSTUNREACH", "EHOSTDOWN", "ENONET", "ENOPROTOOPT"]);

function isUnreachable({ attempt: { error } }: Evidence): boolean {
  return error?.kind === "unreachable" || UNREACHABLE.has(error?.code ?? "");
}

const ADD_RULE = "Add a rule for this port to the firewall of the host, or to one in front of it.";

/** Explains a time limit that has expired, although the host answers echo requests. */
function dropped(evidence: Evidence): Blockage {
  const { attempt, ping } = evidence;
  const { transmitted = 0, received = 0, times } = ping?.report ?? {};
  const took = times?.average ?? 0;
  // A connection takes a round trip, as an echo request does.
  if (took > limitOf(attempt) / 2) {
    return {
      text: `${silence(evidence)}, but an echo request takes ${
        showTime(took)
      }: the limit is too short`,
      advice: "Wait longer with --timeout.",
    };
  }
  if (received < transmitted) {
    const lost = `${transmitted - received} of ${count(transmitted, "echo request")}`;
    return {
      text: `${silence(evidence)}, and ${lost} got no answer: ` +
        "the network loses packets, or a firewall drops them",
      advice: "Find the lossy link with diagnose trace --watch, or wait longer with --timeout. " +
        ADD_RULE,
    };
  }
  const text = `${silence(evidence)}, although the host answers ping: a firewall drops the packets`;
  return { text, advice: ADD_RULE };
}

const REJECTED: Blockage = {
  text: "cannot be reached, although the host answers ping: a firewall rejects this port",
  advice: ADD_RULE,
};

/** Returns the words for a time limit that has expired: that of the diagnosis, or that of the system. */
function silence({ attempt }: Evidence): string {
  return `does not answer in ${showTime(limitOf(attempt))}`;
}

function limitOf({ error, time }: TcpAttempt): number {
  const limit = /no answer in (\d+) ms/.exec(error?.message ?? "")?.[1];
  return limit === undefined ? time : Number(limit);
}

/** Explains a time limit that has expired, without any answer to echo requests. */
function silent(evidence: Evidence): Blockage {
  const { ping, trace, route } = evidence;
  const reported = ping?.report?.troubles[0];
  if (reported !== undefined) return byReport(reported, route);
  const last = lastRouter(trace);
  const advice =
    "The host is down, or a firewall drops the packets. Check its rules for this port.";
  return {
    text: silence(evidence),
    advice: last === undefined ? advice : `${advice} The last router that answers is ${last}.`,
  };
}

/** Returns the last router of a route that does not lead to the host. */
function lastRouter(trace: TraceStep | undefined): string | undefined {
  if (trace?.report === undefined || trace.report.reached) return undefined;
  const hop = trace.report.hops.findLast(({ probes }) =>
    probes.some(({ time }) => time !== undefined)
  );
  const probe = hop?.probes.find(({ time }) => time !== undefined);
  return probe && `${probe.address ?? probe.name} at hop ${hop!.hop}`;
}

function noRoute({ attempt: { address } }: Evidence): Blockage {
  return {
    text: "cannot be reached: no route leads there",
    advice: address.includes(":")
      ? "This machine has no default gateway for IPv6. Check the interfaces and the VPN, or use IPv4."
      : "This machine has no default gateway. Check the interfaces, the DHCP client and the VPN.",
  };
}

/** Explains a report that the host cannot be reached, if it does not answer echo requests either. */
function unreachable({ attempt, route, ping }: Evidence): Blockage {
  const reported = ping?.report?.troubles[0];
  if (reported !== undefined) return byReport(reported, route);
  const isSlow = attempt.time > NEIGHBOUR_TIME;
  if (route?.exists && route.gateway === undefined && isSlow) return isOff(route);
  if (isSlow) {
    return {
      text: "cannot be reached: the host is off, because no device has this address",
      advice: "Switch it on, and check its cable and its address." + via(route),
    };
  }
  return {
    text: attempt.error?.code === "ENETUNREACH"
      ? "cannot be reached: a router knows no route to its network"
      : "cannot be reached: a router or a firewall rejects the packets",
    advice: "Check the rules of the firewalls, the routes and the VPN." + via(route),
  };
}

/** Explains a report of this machine or of a router. */
function byReport({ from, text }: PingTrouble, route: RouteToHost | undefined): Blockage {
  if (from === route?.source) {
    if (route.gateway === undefined) return isOff(route);
    return {
      text: `cannot be reached: the default gateway ${route.gateway} does not answer`,
      advice: `Check the router ${route.gateway}, and the cable or the radio of ${route.device}.`,
    };
  }
  if (/filtered|prohibited/i.test(text)) {
    return {
      text: `cannot be reached: the firewall ${from} rejects the packets`,
      advice: ADD_RULE,
    };
  }
  return {
    text: `cannot be reached: the router ${from} says that there is no way to the host`,
    advice: "The host is off, or the router rejects the packets. Check both." + via(route),
  };
}

function isOff({ device }: RouteToHost): Blockage {
  return {
    text: "is off, or has another address: no device answers on the local network" +
      (device === undefined ? "" : ` (${device})`),
    advice: `Switch it on, and check its cable and its address. This machine waited ${
      showTime(3000)
    } for its hardware address.`,
  };
}

function via(route: RouteToHost | undefined): string {
  return route?.gateway === undefined ? "" : ` The gateway is ${route.gateway} (${route.device}).`;
}
