import { formatAddress } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { TcpAttempt, TcpStep } from "./diagnosis.ts";
import { explainBlockage } from "../internal/blockage.ts";
import { connectSocket, destroy } from "../internal/connection_phases.ts";
import { showTime } from "../internal/text.ts";
import { routeTo } from "./_route.ts";
import { timed, type Walk } from "./_timed_step.ts";

/** Most addresses to try. */
const MAX_ADDRESSES = 16;

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
    const route = error.kind === "refused" ? undefined : await routeTo(walk, failed.address);
    const { text, advice } = explainBlockage({ attempt: failed, route });
    const sentence = `${where(failed)} ${text}`;
    if (open.length === 0) {
      return { status: "failed", text: sentence, advice, error, attempts, route };
    }
    return {
      status: "warning",
      text: `${where(open[0]!)} in ${showTime(open[0]!.time)}, but ${sentence}`,
      advice: "Clients that try this address first must wait. Repair it or remove it from DNS.",
      attempts,
      route,
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
    // The system denies this connection, by a rule of its own or by a route that prohibits it.
    if (error instanceof NetError && error.code !== undefined) {
      return { address, time: time(), error };
    }
    throw error;
  }
}
