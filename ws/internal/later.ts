import { ignoreFailure } from "../../net/internal/ignore_failure.ts";

/**
 * A promise that is made when someone asks for it. Most connections have several that nobody asks
 * for, and each would need three objects. A rejection does not end the process if no one handles it.
 *
 * @typeParam T The value of the promise.
 */
export class Later<T> {
  #promise: Promise<T> | undefined;
  #settle: PromiseWithResolvers<T> | undefined;
  #outcome: { readonly value: T } | { readonly error: unknown } | undefined;

  /** The promise. */
  get promise(): Promise<T> {
    if (this.#promise !== undefined) return this.#promise;
    const outcome = this.#outcome;
    if (outcome === undefined) this.#promise = (this.#settle = Promise.withResolvers<T>()).promise;
    else if ("value" in outcome) this.#promise = Promise.resolve(outcome.value);
    else this.#promise = Promise.reject(outcome.error);
    void ignoreFailure(this.#promise);
    return this.#promise;
  }

  /** Resolves the promise, unless it is settled. */
  resolve(value: T): void {
    this.#outcome ??= { value };
    this.#settle?.resolve(value);
    this.#settle = undefined;
  }

  /** Rejects the promise, unless it is settled. */
  reject(error: unknown): void {
    this.#outcome ??= { error };
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}
