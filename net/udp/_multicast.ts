import { NetError, type NetErrorKind, toNetError } from "../errors/errors.ts";
import type { UdpBackend } from "./_backend.ts";
import type { MulticastMembership, MulticastOptions } from "./options.ts";

/** Kinds that say more than that the system refuses a group. */
const OWN: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>(
  ["permission", "unsupported", "closed", "descriptor-limit"],
);

/** Joins a group. `isClosed` returns whether the socket is closed, which ends the membership. */
export async function joinGroup(
  backend: UdpBackend,
  group: string,
  options: MulticastOptions,
  isClosed: () => boolean,
): Promise<MulticastMembership> {
  const handle = await attempt("join", group, () => backend.join(group, options));
  let left = false;
  const leave = async () => {
    if (left || isClosed()) return;
    left = true;
    await attempt("leave", group, () => handle.leave());
  };
  return { group, leave, [Symbol.asyncDispose]: leave };
}

async function attempt<T>(
  verb: "join" | "leave",
  group: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const failure = toNetError(error, { phase: "multicast", address: group });
    if (OWN.has(failure.kind)) throw failure;
    const message = `Cannot ${verb} the multicast group ${group}: the system refuses (${
      reasonOf(error)
    })`;
    throw new NetError(message, {
      kind: "multicast",
      phase: "multicast",
      address: group,
      code: failure.code,
      cause: error,
    });
  }
}

/** Returns the words of the system, for example "no such device". */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ \(os error \d+\)$/, "").replace(
    /^[A-Z](?=[a-z])/,
    (c) => c.toLowerCase(),
  );
}
