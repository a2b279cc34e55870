/** Headers that remember how the caller has written their names. Some servers compare exact names. */
export class SpelledHeaders extends Headers {
  readonly #names = new Map<string, string>();

  constructor(from?: HeadersInit) {
    super(from);
    if (from instanceof SpelledHeaders) {
      for (const [lower, name] of from.#names) this.#names.set(lower, name);
    }
  }

  override set(name: string, value: string): void {
    super.set(name, value);
    this.#names.set(name.toLowerCase(), name);
  }

  override append(name: string, value: string): void {
    super.append(name, value);
    this.#names.set(name.toLowerCase(), name);
  }

  /** Returns a name as it was written. `lower` is the name in lower case. */
  spelled(lower: string): string {
    return this.#names.get(lower) ?? lower;
  }
}
