/**
 * The rules for names of users and rooms, and the comparison of names. Pure.
 *
 * A line of the chat is `name: text`, a notice is `name joined`. A name contains no space and no colon,
 * and it starts with a letter, a digit or an emoji. Therefore a message can never look like a notice,
 * and a name can never look like the `*` in front of a line of the server.
 *
 * Names follow UTS 39: a name does not mix scripts, and names that look alike have the same key.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { RefusalCode } from "./events.ts";
import { fitsTogether } from "./names/scripts.ts";
import { foldText, nameKey, otherKey } from "./names/skeleton.ts";

export { nameKey };

/** A valid name with its key. */
export interface GoodName {
  /** The name to display. */
  readonly name: string;
  /** The key for comparison. Names that people could confuse have the same key. */
  readonly key: string;
}

/** The reason for which a name is invalid. */
export interface BadName {
  /** The kind of the problem. */
  readonly problem: RefusalCode;
  /** For `name-space`: the name with `_` in place of spaces. */
  readonly suggestion?: string;
}

/** The maximum length of a name in visible characters. */
export const MAX_NAME = 32;

/**
 * The maximum length of a text that can be a name, with invisible characters. The normalization of
 * Unicode needs quadratic time for stacked marks.
 */
const MAX_GIVEN = 1024;

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/**
 * Checks the name of a user.
 *
 * @param given The text that the user entered.
 * @returns The valid name, or the problem.
 */
export function checkName(given: string): GoodName | BadName {
  if (given.length > MAX_GIVEN) return { problem: "name-long" };
  const name = tidy(given);
  if (name === "") return { problem: "name-empty" };
  if (/\s/u.test(name)) {
    const suggestion = checkName(name.replace(/\s+/gu, "_"));
    return "name" in suggestion
      ? { problem: "name-space", suggestion: suggestion.name }
      : suggestion;
  }
  if (!fits(name)) return { problem: "name-long" };
  if (FORBIDDEN.test(name)) return { problem: "name-character" };
  if (!START.test(name)) return { problem: "name-start" };
  if (FORBIDDEN.test(foldText(name))) return { problem: "name-character" };
  const key = nameKey(name);
  if (key === "") return { problem: "name-character" };
  if (isReserved(name, key)) return { problem: "name-reserved" };
  if (!fitsTogether(name)) return { problem: "name-scripts" };
  return otherKey(name) === undefined ? { name, key } : { problem: "name-lookalike" };
}

/** Returns the name of a room without the `#` in front. */
export function withoutHash(room: string): string {
  return room.replace(/^[#＃]/, "");
}

/**
 * Checks the name of a room.
 *
 * @param given The text that the user entered, with or without `#`.
 * @returns The name without `#`; undefined if it is invalid.
 */
export function checkRoom(given: string): GoodName | undefined {
  if (given.length > MAX_GIVEN) return undefined;
  const name = tidy(withoutHash(given));
  const valid = fits(name) && /^[\p{L}\p{M}\p{N}_-]+$/u.test(name) && /[\p{L}\p{N}]/u.test(name);
  if (!valid || !fitsTogether(name) || otherKey(name) !== undefined) return undefined;
  return { name, key: nameKey(name) };
}

const EMOJI_END = /(?:\p{Extended_Pictographic}\uFE0F?|\p{Emoji_Modifier})$/u;

/** A letter of a script in which joiners are visible, such as Persian and the scripts of India. */
const JOINED_SCRIPT =
  /(?![\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}])[\p{L}\p{M}]$/u;

/** Removes invisible characters, unless a script or an emoji needs them. */
function tidy(given: string): string {
  return given.toWellFormed().normalize("NFC")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, (character, at: number, whole: string) => {
      const before = whole.slice(0, at);
      if (character === "\u200c") return JOINED_SCRIPT.test(before) ? character : "";
      if (character === "\u200d") {
        return EMOJI_END.test(before) || JOINED_SCRIPT.test(before) ? character : "";
      }
      return character === "\uFE0F" && /\p{Emoji}$/u.test(before) ? character : "";
    })
    .trim();
}

function fits(name: string): boolean {
  // Limit the code units first, because one grapheme can be a megabyte.
  return name.length <= MAX_NAME * 12 && [...graphemes.segment(name)].length <= MAX_NAME;
}

/** Colons, asterisks, commas and similar characters; blanks that count as letters; controls; stacked marks. */
const FORBIDDEN = new RegExp(
  "[\\p{Cc}\\p{Cn}\\p{Co}\\p{Cs}\\p{Z}\\p{Bidi_Control}\\u2800\\u3164\\u115F\\u1160\\uFFA0" +
    "\\u{13430}-\\u{13455}\\u{16FE4}\\u{1D159}\\u1803\\uA4FD" +
    ",\\uFF0C\\u3001\\uFE50\\u060C" +
    ":\\uFF1A\\uFE13\\uFE55\\uFE30\\u02D0\\u02D1\\u02F8\\u05C3\\u0589\\u0703\\u0704\\u16EC\\u205A\\u2236\\uA789\\u2982\\u1361\\u1804" +
    "*\\uFF0A\\uFE61\\u204E\\u2051\\u2055\\u2217\\u229B\\u066D\\u2042\\u2731-\\u273D\\u2743-\\u274B\\uA673\\u2A2F" +
    "]|\\p{M}{5}",
  "u",
);

const START = /^[\p{L}\p{N}_\p{Extended_Pictographic}\p{Regional_Indicator}]/u;

function isReserved(name: string, key: string): boolean {
  // Ali has the key of "all", because keys ignore case.
  return RESERVED.has(bare(key)) || bare(foldText(name)) === "all" || LIKE_A_NOTICE.test(key);
}

/** Returns a key without punctuation and symbols. */
function bare(key: string): string {
  return key.replace(/[\p{P}\p{S}]/gu, "");
}

/** Names that users could mistake for the server, in both languages. */
const RESERVED = new Set(
  ("server system notice admin administrator moderator chat lobby portside you everyone everybody " +
    "here nobody private joined left 服务器 系统 系统消息 系统通知 通知 公告 管理员 管理員 系統 系統消息 伺服器 聊天室 大厅 你 您 " +
    "所有人 大家 私信 加入 离开").split(" ").map((word) => bare(nameKey(word))),
);

/** Keys of names that look like a notice: `Bob_joined`, `Bob加入了`. */
const LIKE_A_NOTICE = new RegExp(
  `(?:[\\p{P}\\p{S}](?:${keys("joined left")})|(?:${keys("加入 离开 进入 退出")})${
    nameKey("了")
  })$`,
  "u",
);

function keys(words: string): string {
  return words.split(" ").map(nameKey).join("|");
}
