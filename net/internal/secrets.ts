/** Masks secrets in texts that are shown. Pure. */

/** Shorter secrets occur within many words by chance. They are masked only as whole words. */
const SHORT = 4;

/** Passwords, tokens, and their encoded forms. */
export class Secrets {
  /** The longest first, because one secret may be a part of another. */
  #all: readonly (readonly [secret: string, pattern: RegExp])[] = [];

  /** Adds a secret, which is masked from now on. */
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

  /** Returns a text with `***` in place of each secret. */
  mask(text: string): string {
    let masked = text;
    for (const [, pattern] of this.#all) masked = masked.replace(pattern, "***");
    return masked;
  }
}
