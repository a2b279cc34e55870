/** What must not be shown, whoever says it. Pure. */

/** Shorter ones stand in too many words by chance: they are masked as words of their own. */
const SHORT = 4;

/** Passwords, tokens, and what they were sent as. */
export class Secrets {
  /** The longest first: another may be a part of it. */
  #all: readonly (readonly [secret: string, pattern: RegExp])[] = [];

  /** Keeps one from now on. */
  add(secret: string | undefined): void {
    if (!secret || this.#all.some(([known]) => known === secret)) return;
    const text = RegExp.escape(secret);
    const [before, after] = secret.length < SHORT
      ? ["(?<![\\p{L}\\p{N}])", "(?![\\p{L}\\p{N}])"]
      : ["", ""];
    const pattern = new RegExp(before + text + after, "gu");
    this.#all = [...this.#all, [secret, pattern] as const]
      .sort(([one], [other]) => other.length - one.length);
  }

  /** A text without them. */
  mask(text: string): string {
    let masked = text;
    for (const [, pattern] of this.#all) masked = masked.replace(pattern, "***");
    return masked;
  }
}
