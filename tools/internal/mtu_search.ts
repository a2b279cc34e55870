/** Finds the largest packet that reaches a host (path MTU discovery, RFC 1191, RFC 8201). */

/** The result of one packet that must not be fragmented. */
export interface MtuProbe {
  /** Whether the host has answered. */
  readonly fits: boolean;
  /** The size that this machine or a router names instead. */
  readonly mtu?: number | undefined;
  /** The router that names it; undefined for this machine. */
  readonly from?: string | undefined;
}

/** The largest packet on a path. */
export interface PathMtu {
  /** The size in bytes with all headers. */
  readonly size: number;
  /** The router that limits it; undefined if it is this machine, or if no router says so. */
  readonly router?: string | undefined;
  /** Whether larger packets vanish without a report. */
  readonly blackHole: boolean;
}

/** Maximum number of sizes that are named by routers, one for each narrower link. */
const MOST_NAMED = 8;

/**
 * Searches the largest size from `least` to `most` for which `probe` succeeds. A packet that gets no answer
 * at all is sent twice. Returns undefined if not even the least size fits.
 */
export async function searchMtu(
  probe: (size: number) => Promise<MtuProbe>,
  least: number,
  most: number,
): Promise<PathMtu | undefined> {
  const twice = async (size: number): Promise<MtuProbe> => {
    const first = await probe(size);
    return first.fits || first.mtu !== undefined ? first : await probe(size);
  };
  if (!(await twice(least)).fits) return undefined;
  let size = most;
  let router: string | undefined;
  for (let i = 0; i < MOST_NAMED; i++) {
    const { fits, mtu, from } = await twice(size);
    if (fits) return { size, router, blackHole: false };
    if (mtu === undefined || mtu >= size || mtu < least) break;
    size = mtu;
    router = from;
  }
  let fits = least;
  for (let above = size; above - fits > 1;) {
    const middle = Math.floor((fits + above) / 2);
    if ((await twice(middle)).fits) fits = middle;
    else above = middle;
  }
  return { size: fits, blackHole: true };
}
