import { formatAddress } from "../../net/address.ts";
import { NetError, type NetErrorKind } from "../../net/errors/errors.ts";
import type { TcpAttempt, TcpStep } from "./diagnosis.ts";
import { connectSocket, destroy } from "../internal/connection_phases.ts";
import { showTime } from "../internal/text.ts";
import { timed, type Walk } from "./_timed_step.ts";

/** Most addresses to try. */
const MAX_ADDRESSES = 16;

/** The meaning of each kind of failure, and a remedy. */
const MEANING: Partial<Record<NetErrorKind, readonly [text: string, advice: string]>> = {
  refused: [
    "refuses connections: nothing listens there",
    "Start the service, or check whether it listens on this port and this address.",
  ],
  timeout: [
    "does not answer",
    "The host is down, or a firewall drops the packets. Check its rules for this port.",
  ],
  unreachable: [
    "cannot be reached: no route leads there",
    "Check the interfaces, the default gateway and the VPN.",
  ],
  reset: [
    "resets connections",
    "A firewall or the service itself rejects this machine.",
  ],
};

/** Connects to all addresses at the same time. */
export function tcpStep(walk: Walk, addresses: readonly string[]): Promise<TcpStep> {
  return timed<TcpStep, "tcp">(walk, "tcp", { attempts: [] }, async () => {
    const attempts = await Promise.all(
      addresses.slice(0, MAX_ADDRESSES).map((address) => attempt(walk, address)),
    );
    const open = attempts.filter(({ error }) => error === undefined);
    const failed = attempts.find(({ error }) => error !== undefined);
    const where = (one: TcpAttempt) =>
      formatAddress({ hostname: one.address, port: walk.hop.port });
    if (failed?.error === undefined) {
      const text = attempts.map((one) => `${where(one)} in ${showTime(one.time)}`).join(", ");
      return { status: "ok", text, attempts };
    }
    const { error } = failed;
    const [text, advice] = MEANING[error.kind] ?? [`fails: ${error.message}`, undefined];
    const waited = error.kind === "timeout" ? ` in ${showTime(walk.timeout)}` : "";
    const sentence = `${where(failed)} ${text}${waited}`;
    if (open.length === 0) return { status: "failed", text: sentence, advice, error, attempts };
    return {
      status: "warning",
      text: `${where(open[0]!)} in ${showTime(open[0]!.time)}, but ${sentence}`,
      advice: "Clients that try this address first must wait. Repair it or remove it from DNS.",
      attempts,
    };
  });
}

async function attempt(walk: Walk, address: string): Promise<TcpAttempt> {
  const begun = performance.now();
  const time = () => performance.now() - begun;
  try {
    const socket = await connectSocket(address, walk.hop.port, walk);
    const connected = time();
    await destroy(socket);
    return { address, time: connected };
  } catch (error) {
    if (error instanceof NetError && error.kind !== "permission") {
      return { address, time: time(), error };
    }
    throw error;
  }
}
