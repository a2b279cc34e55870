/** What must not be shown, whoever says it. Pure. */

/** Shorter ones stand in too many words by chance: they are masked as words of their own. */
const SHORT = 4;

/** Passwords, tokens, and what they were sent as. */
export class Secrets {
  readonly #all = new Map<string, RegExp>();

  /** Keeps one from now on. */
  add(secret: string | undefined): void {
    if (!secret) return;
    const text = RegExp.escape(secret);
    const [before, after] = secret.length < SHORT
      ? ["(?<![\\p{L}\\p{N}])", "(?![\\p{L}\\p{N}])"]
      : ["", ""];
    this.#all.set(secret, new RegExp(before + text + after, "gu"));
  }

  /** A text without them. */
  mask(text: string): string {
    let masked = text;
    for (const secret of this.#all.values()) masked = masked.replace(secret, "***");
    return masked;
  }
}
