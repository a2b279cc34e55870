import { assertEquals, assertStringIncludes } from "@std/assert";
import { NetError, type NetErrorKind } from "../../../net/errors/errors.ts";
import type { PingStep, RouteToHost } from "../../../tools/diagnose/diagnosis.ts";
import { explainBlockage } from "../../../tools/internal/blockage.ts";
import { parsePing } from "../../../tools/parsers/ping.ts";

const LOCAL: RouteToHost = { exists: true, device: "eth0", source: "192.0.2.5" };
const FAR: RouteToHost = { ...LOCAL, gateway: "192.0.2.1" };

function pinged(output: string): PingStep {
  const report = parsePing(output);
  return { step: "ping", status: "ok", text: "", start: 0, time: 0, report };
}

const BEGIN = "PING 192.0.2.7 (192.0.2.7) 56(84) bytes of data.\n";
const END = "\n--- 192.0.2.7 ping statistics ---\n";
const ANSWERS = pinged(
  `${BEGIN}64 bytes from 192.0.2.7: icmp_seq=1 ttl=64 time=1.00 ms\n${END}` +
    "1 packets transmitted, 1 received, 0% packet loss, time 0ms\n" +
    "rtt min/avg/max/mdev = 1.000/1.000/1.000/0.000 ms\n",
);
const SILENT = pinged(
  `${BEGIN}${END}2 packets transmitted, 0 received, 100% packet loss, time 9ms\n`,
);
const trouble = (from: string) =>
  pinged(
    `${BEGIN}From ${from} icmp_seq=1 Destination Host Unreachable\n${END}` +
      "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n",
  );

interface Row {
  readonly kind: NetErrorKind;
  readonly code?: string;
  readonly time?: number;
  readonly route?: RouteToHost;
  readonly ping?: PingStep;
  readonly text: string;
  readonly advice?: string;
}

const ROWS: readonly Row[] = [
  { kind: "refused", text: "refuses connections: nothing listens there" },
  { kind: "refused", ping: SILENT, text: "refuses connections" },
  { kind: "timeout", text: "does not answer in 5.0 s", advice: "The host is down, or a firewall" },
  { kind: "timeout", ping: SILENT, text: "does not answer in 5.0 s" },
  { kind: "timeout", ping: ANSWERS, text: "although the host answers ping: a firewall drops" },
  {
    kind: "timeout",
    ping: pinged(`${BEGIN}${END}4 packets transmitted, 3 received, 25% packet loss, time 9ms\n`),
    text: "and 1 of 4 echo requests got no answer: the network loses packets, or a firewall drops",
    advice: "Find the lossy link",
  },
  {
    kind: "timeout",
    ping: pinged(
      `${BEGIN}${END}1 packets transmitted, 1 received, 0% packet loss, time 0ms\n` +
        "rtt min/avg/max/mdev = 3000.000/3000.000/3000.000/0.000 ms\n",
    ),
    text: "does not answer in 5.0 s, but an echo request takes 3.0 s: the limit is too short",
    advice: "--timeout",
  },
  { kind: "timeout", ping: trouble("192.0.2.5"), route: LOCAL, text: "is off, or has another" },
  {
    kind: "timeout",
    ping: trouble("192.0.2.5"),
    route: FAR,
    text: "the default gateway 192.0.2.1 does not answer",
  },
  {
    kind: "timeout",
    ping: trouble("198.51.100.1"),
    route: FAR,
    text: "the router 198.51.100.1 says that there is no way to the host",
    advice: "The gateway is 192.0.2.1 (eth0)",
  },
  {
    kind: "unreachable",
    code: "EHOSTUNREACH",
    ping: ANSWERS,
    route: FAR,
    text: "although the host answers ping: a firewall rejects this port",
  },
  {
    kind: "unreachable",
    code: "ENETUNREACH",
    route: { exists: false },
    text: "no route leads there",
    advice: "no default gateway",
  },
  {
    kind: "unreachable",
    code: "EHOSTUNREACH",
    time: 3090,
    route: LOCAL,
    text: "is off, or has another address: no device answers on the local network (eth0)",
  },
  {
    kind: "unreachable",
    code: "EHOSTUNREACH",
    time: 3090,
    route: FAR,
    text: "the host is off, because no device has this address",
    advice: "The gateway is 192.0.2.1 (eth0)",
  },
  {
    kind: "unreachable",
    code: "EHOSTUNREACH",
    time: 9,
    route: FAR,
    text: "a router or a firewall rejects the packets",
  },
  {
    kind: "unreachable",
    code: "ENETUNREACH",
    time: 9,
    route: FAR,
    ping: SILENT,
    text: "a router knows no route to its network",
  },
  { kind: "unknown", code: "ENOPROTOOPT", ping: ANSWERS, text: "a firewall rejects this port" },
  { kind: "permission", code: "EACCES", text: "is not allowed by this machine (EACCES)" },
  { kind: "unknown", code: "EINVAL", text: "is not allowed by this machine (EINVAL)" },
  { kind: "reset", text: "resets connections" },
  { kind: "descriptor-limit", text: "fails: " },
];

Deno.test("explainBlockage() uses all evidence", () => {
  for (const { kind, code, time = 5000, route, ping, text, advice } of ROWS) {
    const message = kind === "timeout" ? "Cannot connect: no answer in 5000 ms" : "Cannot connect";
    const error = new NetError(message, { kind, ...(code && { code }) });
    const attempt = { address: "192.0.2.7", time, error };
    const found = explainBlockage({ attempt, route, ping });
    assertStringIncludes(found.text, text);
    if (advice !== undefined) assertStringIncludes(found.advice!, advice);
  }
});

Deno.test("explainBlockage() shows the limit of the system, if it was shorter", () => {
  const error = new NetError("Cannot connect: timed out", { kind: "timeout" });
  const attempt = { address: "192.0.2.7", time: 130_000, error };
  assertEquals(explainBlockage({ attempt }).text, "does not answer in 130 s");
});
