import { createHash } from "node:crypto";

/** Maximum number of facts in one set. */
const MOST = 256;

/**
 * A set of facts that were proven at some cost and stay true, such as a right signature. The oldest
 * ones are forgotten.
 */
export class Proven {
  readonly #known = new Set<string>();

  /** Runs `prove` unless a fact is known. It throws if the fact is false, which is not remembered. */
  ensure(parts: readonly Uint8Array[], prove: () => void): void {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    const fact = hash.digest("base64");
    if (this.#known.has(fact)) return;
    prove();
    if (this.#known.size >= MOST) this.#known.delete(this.#known.values().next().value!);
    this.#known.add(fact);
  }
}
