/**
 * Mixtures of scripts in names. Pure.
 *
 * A name is "highly restrictive" in the sense of UTS 39 §5.2: all letters are of one script, or of a
 * mixture that a language uses: Latin with those of Japanese, Chinese or Korean. Digits, emoji and
 * marks that many scripts share are allowed with each. Extinct scripts are not allowed (UAX 31 §2.4).
 *
 * **Permissions**: none.
 *
 * @module
 */

/**
 * The sets of scripts that may stand together, as codes of ISO 15924. A set of one script is in
 * current use (UAX 31, tables 5 and 7 of Unicode 17), the most frequent first.
 */
const SETS =
  ("Latn Latn+Hani+Hira+Kana Latn+Hani+Bopo Latn+Hani+Hang Cyrl Arab Deva Grek Hebr Thai " +
    "Beng Taml Telu Gujr Guru Knda Mlym Armn Geor Ethi Khmr Laoo Mymr Sinh Orya Tibt Thaa " +
    "Adlm Bali Bamu Batk Cakm Cans Cham Cher Hmnp Java Kali Lana Lepc Limb Lisu Mand Mtei Newa " +
    "Nkoo Olck Osge Plrd Rohg Saur Sund Sylo Syrc Tale Talu Tavt Tfng Vaii Wcho Yiii").split(" ");

/** Characters that belong to no script. */
const SHARED = "\\p{scx=Zyyy}\\p{scx=Zinh}";
const LETTER = new RegExp(`[^${SHARED}]`, "u");

/** A set of scripts. Its patterns are compiled when a name needs them, because most are never used. */
class ScriptSet {
  readonly #classes: string;
  #letter: RegExp | undefined;
  #text: RegExp | undefined;

  constructor(set: string) {
    this.#classes = set.split("+").map((script) => `\\p{scx=${script}}`).join("");
  }

  has(letter: string): boolean {
    return (this.#letter ??= new RegExp(`[${this.#classes}]`, "u")).test(letter);
  }

  covers(text: string): boolean {
    return (this.#text ??= new RegExp(`^[${this.#classes}${SHARED}]*$`, "u")).test(text);
  }
}

const sets = SETS.map((set) => new ScriptSet(set));

/**
 * Returns whether all letters of a text may stand together.
 *
 * @param text The name of a user or a room.
 * @returns False for a mixture of scripts that no language uses, such as Latin and Cyrillic.
 */
export function fitsTogether(text: string): boolean {
  const letter = LETTER.exec(text)?.[0];
  return letter === undefined || sets.some((set) => set.has(letter) && set.covers(text));
}
