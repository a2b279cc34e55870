/** Shows the times of a response. @module */

import { formatAddress } from "../../net/address.ts";
import type { HttpResponse, HttpTimings } from "../../http/client/response.ts";

/** A phase of a request, in milliseconds from its start. */
interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const WIDTH = 40;

/** Returns the phases of a request in the order in which they begin. */
function phasesOf(timings: HttpTimings): Phase[] {
  const { queue, resolve = 0, connect = 0, tls = 0, sent, firstByte, total } = timings;
  let at = 0;
  const next = (name: string, length: number): Phase => ({ name, from: at, to: at += length });
  const phases = [next("queue", queue), next("resolve", resolve), next("connect", connect)];
  phases.push(next("tls", tls));
  const first = firstByte ?? total ?? at;
  // A server may answer before it has got the whole request.
  const written = Math.max(at, Math.min(sent ?? first, first));
  phases.push(next("send", written - at), next("wait", Math.max(0, first - written)));
  phases.push(next("body", Math.max(0, (total ?? first) - first)));
  return phases;
}

/** Returns the times of a response of the client as lines with bars, and the connection as the last line. */
export function waterfall(response: HttpResponse): string[] {
  const phases = phasesOf(response.timings!);
  const end = Math.max(...phases.map(({ to }) => to), 0.001);
  const scale = (time: number) => Math.round(time / end * WIDTH);
  const rows = phases.map(({ name, from, to }) => {
    const bar = `${" ".repeat(scale(from))}${"#".repeat(scale(to) - scale(from)) || "|"}`;
    return `${row(name, to - from)} ${bar}`;
  });
  return [...rows, `${row("total", end)} ${connectionOf(response)}`];
}

function row(name: string, time: number): string {
  return `${name.padEnd(8)}${time.toFixed(1).padStart(9)} ms`;
}

function connectionOf({ remoteAddr, tls, reused }: HttpResponse): string {
  const parts = [
    remoteAddr === undefined ? "" : formatAddress(remoteAddr),
    tls === undefined ? "" : [tls.version ?? "TLS", tls.cipher].join(" ").trimEnd(),
    reused ? "reused" : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}
