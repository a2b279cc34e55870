/** Maximum length of all remembered texts. The authorities of a system have 200,000 characters. */
const MOST = 4_000_000;

/**
 * Remembers what a function returns for texts, such as the authorities in PEM that each connection has.
 * The oldest texts are forgotten.
 */
export class RecentTexts<T extends object | boolean> {
  readonly #read: (text: string) => T;
  readonly #known = new Map<string, T>();
  #length = 0;

  /** Takes a function whose result depends only on the text. */
  constructor(read: (text: string) => T) {
    this.#read = read;
  }

  /** Returns the result for a text. */
  get(text: string): T {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const result = this.#read(text);
    this.#known.set(text, result);
    this.#length += text.length;
    for (const oldest of this.#known.keys()) {
      if (this.#length <= MOST) break;
      this.#known.delete(oldest);
      this.#length -= oldest.length;
    }
    return result;
  }
}
