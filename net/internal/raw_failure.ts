import { NetError, type NetPhase, toNetError } from "../errors/errors.ts";

const { ConnectionReset } = Deno.errors;

/** Where a raw operation has failed. */
interface Place {
  readonly phase: NetPhase;
  /** The peer. */
  readonly address: string;
}

/**
 * Classifies the error of a raw operation as `toNetError` does. Many clients end a connection by a reset.
 * Classifying that takes longer than everything else that a server does for a short connection, so this
 * case comes first.
 */
export function rawFailure(error: unknown, place: Place): NetError {
  return resetOf(error, place) ?? toNetError(error, place);
}

function resetOf(error: unknown, { phase, address }: Place): NetError | undefined {
  if (phase !== "read" && phase !== "write") return undefined;
  try {
    if (!(error instanceof ConnectionReset) || error.cause !== undefined) return undefined;
    const { code } = error as { code?: unknown };
    if (code !== "ECONNRESET") return undefined;
    const verb = phase === "read" ? "read from" : "write to";
    const message = `Cannot ${verb} ${address}: the peer reset the connection`;
    return new NetError(message, { kind: "reset", phase, address, code, cause: error });
  } catch {
    // A getter or a proxy of a foreign transport threw.
    return undefined;
  }
}
