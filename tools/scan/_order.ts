/** The random order in which a scan probes the ports of a host. @module */

/** Returns a generator of numbers from 0 to 1 that depends only on the seed (splitmix32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Returns a copy of the ports in a random order. */
export function shuffle(
  ports: Uint16Array<ArrayBuffer>,
  random: () => number,
): Uint16Array<ArrayBuffer> {
  const order = ports.slice();
  for (let i = order.length - 1; i > 0; i--) {
    const k = Math.floor(random() * (i + 1));
    const port = order[i]!;
    order[i] = order[k]!;
    order[k] = port;
  }
  return order;
}
