// The language of the page, and times as the reader writes them.

import { emit } from "./signals.js";
import { load, save } from "./store.js";
import { en } from "./words_en.js";
import { zh } from "./words_zh.js";

const WORDS = { en, zh };

function preferred() {
  const asked = [new URLSearchParams(location.search).get("lang"), load("lang")];
  // The last one is the language of the server.
  for (const tag of [...asked, ...navigator.languages ?? [], document.documentElement.lang]) {
    const known = tag?.slice(0, 2).toLowerCase();
    if (Object.hasOwn(WORDS, known)) return known;
  }
  return "en";
}

/** The code of the language. */
export let lang = preferred();
/** The texts in the language. */
export let t = WORDS[lang];

/** Changes to the other language. */
export function switchLanguage() {
  lang = lang === "en" ? "zh" : "en";
  t = WORDS[lang];
  save("lang", lang);
  formats = undefined;
  emit("language");
}

let formats;
/** Formats are made once, because making one takes longer than using it. */
function format() {
  if (formats) return formats;
  const own = navigator.language;
  // Names of days are words of the language; the clock is that of the reader.
  const words = own?.toLowerCase().startsWith(lang) ? own : lang;
  return formats = {
    time: new Intl.DateTimeFormat(own, { timeStyle: "short" }),
    full: new Intl.DateTimeFormat(own, { dateStyle: "medium", timeStyle: "short" }),
    day: new Intl.DateTimeFormat(words, { dateStyle: "full" }),
  };
}

/** Returns the time of the day, e.g. 14:05 or 2:05 PM. */
export function timeText(at) {
  return format().time.format(at);
}

/** Returns the date and the time. */
export function fullText(at) {
  return format().full.format(at);
}

/** Returns the name of the day. */
export function dayText(at) {
  return format().day.format(at);
}
