import { delay } from "@std/async/delay";
import { NetError, type NetErrorKind } from "../../net/errors/errors.ts";
import { connectUdp } from "../../net/udp/socket.ts";
import { ahead } from "./_concurrent_map.ts";
import type { ScanResult } from "./options.ts";
import type { ScanTarget } from "./_targets.ts";
import { udpServiceOf } from "./_udp_payloads.ts";
import { serviceOf } from "./_services.ts";

/** Limits of a scan of UDP. */
export interface UdpLimits {
  readonly concurrency: number;
  /** Time limit after the first datagram. It doubles with each further one. */
  readonly timeout: number;
  readonly retries: number;
  readonly rate: number;
  readonly signal: AbortSignal | undefined;
}

/** Errors that the system reports because of ICMP, and errors of this machine. */
const STATES: Readonly<Partial<Record<NetErrorKind, ScanResult["state"]>>> = {
  refused: "closed",
  timeout: "open|filtered",
  unreachable: "filtered",
};

/** Probes UDP ports. Yields the results in the order of the ports. */
export async function* probeUdp(
  jobs: AsyncIterable<{ host: ScanTarget; ports: Iterable<number> }>,
  limits: UdpLimits,
): AsyncGenerator<ScanResult, void, void> {
  async function* each() {
    let next = performance.now();
    for await (const { host, ports } of jobs) {
      for (const port of ports) {
        limits.signal?.throwIfAborted();
        if (limits.rate > 0) {
          const wait = next - performance.now();
          if (wait > 1) await delay(wait, limits.signal && { signal: limits.signal });
          next = Math.max(next, performance.now()) + 1000 / limits.rate;
        }
        yield { host, port };
      }
    }
  }
  yield* ahead(each(), limits.concurrency, ({ host, port }) => probe(host, port, limits));
}

async function probe(
  { host, address }: ScanTarget,
  port: number,
  { timeout, retries, signal }: UdpLimits,
): Promise<ScanResult> {
  const known = udpServiceOf(port);
  const found = { host, address, port, transport: "udp", service: serviceOf(port) } as const;
  try {
    await using socket = await connectUdp({ hostname: address, port, ...signal && { signal } });
    const started = performance.now();
    const [last = new Uint8Array(), ...others] = known?.payloads.toReversed() ?? [];
    for (const payload of others.toReversed()) await socket.send(payload);
    await socket.request(last, undefined, { timeout, resends: retries });
    const rtt = Math.round((performance.now() - started) * 1000) / 1000;
    return { ...found, state: "open", rtt, ...known && { detected: { protocol: known.protocol } } };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof NetError) || error.kind === "permission") throw error;
    const state = STATES[error.kind] ?? "error";
    return {
      ...found,
      state,
      reason: error.code ?? (state === "closed" ? "ECONNREFUSED" : undefined),
    };
  }
}
