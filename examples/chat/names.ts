/**
 * Which names a user or a room may have, and when two of them are the same. Pure.
 *
 * A line of the chat is `name: text`, a notice is `name joined`. A name holds no space and no
 * colon and starts with a letter, a digit or an emoji, so that no name can make one look like the
 * other, and none can look like the `*` before what the server says.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { RefusalCode } from "./events.ts";

/** A name that may be used, and what it is compared by. */
export interface GoodName {
  /** As it is shown. */
  readonly name: string;
  /** Equal for names that people would take for one another. */
  readonly key: string;
}

/** Why a name may not be used. */
export interface BadName {
  /** The reason, in a form for {@linkcode RefusalCode}. */
  readonly problem: RefusalCode;
  /** For `name-space`: the same without spaces. */
  readonly suggestion?: string;
}

/** The most visible characters of a name. */
export const MAX_NAME = 32;

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/**
 * Checks what somebody gave as a name.
 *
 * @param given As it came.
 * @returns The name, or what is wrong with it.
 */
export function checkName(given: string): GoodName | BadName {
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
  const key = nameKey(name);
  if (key === "" || FORBIDDEN.test(key.normalize("NFKC"))) return { problem: "name-character" };
  if (RESERVED.has(key.replace(/[\p{P}\p{S}]/gu, "")) || LIKE_A_NOTICE.test(key)) {
    return { problem: "name-reserved" };
  }
  return { name, key };
}

/**
 * Checks what somebody gave as the name of a room, with or without `#`.
 *
 * @param given As it came.
 * @returns The name without `#`, or undefined.
 */
export function checkRoom(given: string): GoodName | undefined {
  const name = tidy(given.replace(/^[#＃]/, ""));
  if (!fits(name) || !/^[\p{L}\p{M}\p{N}_-]+$/u.test(name) || !/[\p{L}\p{N}]/u.test(name)) {
    return undefined;
  }
  return { name, key: nameKey(name) };
}

/**
 * Gives what names are compared by: without case, width, invisible characters and the letters
 * that Greek and Cyrillic share with Latin in looks.
 *
 * @param name A name.
 * @returns Its key.
 */
export function nameKey(name: string): string {
  // Up and down folds ß as SS; the capital ẞ has to come down first.
  const folded = name.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .toLowerCase().toUpperCase().toLowerCase().normalize("NFKC").replaceAll("ς", "σ");
  return folded.replace(LOOKALIKES, (letter) => LATIN.get(letter) ?? letter).normalize("NFC");
}

const EMOJI_END = /(?:\p{Extended_Pictographic}\uFE0F?|\p{Emoji_Modifier})$/u;

/** A letter of a script in which joiners change what is seen: Persian, those of India. */
const JOINED_SCRIPT =
  /(?![\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}])[\p{L}\p{M}]$/u;

/** Drops what nobody sees, unless a script or an emoji needs it. */
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
  // The code units are bounded first: one grapheme may be a megabyte.
  return name.length <= MAX_NAME * 12 && [...graphemes.segment(name)].length <= MAX_NAME;
}

/** Colons, asterisks, commas and what looks like them; blanks that count as letters; controls; towers. */
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

/** What the server could be taken for, in both languages. */
const RESERVED = new Set(
  ("server system notice admin administrator moderator chat lobby portside you everyone everybody " +
    "all here nobody private joined left 服务器 系统 系统消息 系统通知 通知 公告 管理员 管理員 系統 系統消息 伺服器 聊天室 大厅 你 您 " +
    "所有人 大家 私信 加入 离开").split(" "),
);

/** `Bob_joined` and `Bob加入了`. */
const LIKE_A_NOTICE = /(?:[\p{P}\p{S}](?:joined|left)|(?:加入|离开|进入|退出)了)$/u;

/** Letters of Cyrillic and Greek, small after folding, and the Latin ones that they look like. */
const LATIN = new Map(
  "аa вb еe кk мm нh оo рp сc тt уy хx іi јj ѕs һh ԁd ԛq ԝw αa βb εe ζz ηh ιi κk μm νv οo ρp τt υy χx"
    .split(" ").map((pair) => [pair[0]!, pair[1]!]),
);
const LOOKALIKES = new RegExp(`[${[...LATIN.keys()].join("")}]`, "gu");
