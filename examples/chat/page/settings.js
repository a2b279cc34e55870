// Language and theme.

import { $ } from "./dom.js";
import { lang, switchLanguage, t } from "./language.js";
import { emit, on } from "./signals.js";
import { load, save } from "./store.js";

const THEMES = ["auto", "light", "dark"];
let theme = THEMES.includes(load("theme")) ? load("theme") : "auto";

function dress() {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").textContent = t.themes[theme];
}
$("theme").addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  save("theme", theme);
  dress();
});

/** Attributes that hold texts: the attribute in the page names the word. */
const ATTRIBUTES = {
  "data-label": "aria-label",
  "data-hint": "placeholder",
  "data-title": "title",
};

on("language", () => {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t[element.dataset.t];
  }
  for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      element.setAttribute(attribute, t[element.getAttribute(name)]);
    }
  }
  for (const button of document.querySelectorAll(".lang")) {
    button.textContent = t.other;
    button.lang = lang === "en" ? "zh-CN" : "en";
    button.setAttribute("aria-label", t.otherLabel);
  }
  dress();
});
for (const button of document.querySelectorAll(".lang")) {
  button.addEventListener("click", switchLanguage);
}

/** Shows all texts for the first time. */
export function speak() {
  emit("language");
}
