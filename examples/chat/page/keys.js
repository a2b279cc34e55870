// The keys that work everywhere in the page, and the sheet that explains them.

import { chooseLast } from "./actions.js";
import { $, make } from "./dom.js";
import { t } from "./language.js";
import { follow, following } from "./log.js";
import { step } from "./places.js";
import { openSearch } from "./search.js";
import { me } from "./state.js";

function openHelp() {
  $("keys").replaceChildren(...t.keys.flatMap(([keys, text]) => [
    make("dt", "", ...keys.split(", ").flatMap((key, i) => [i ? ", " : "", make("kbd", "", key)])),
    make("dd", "", text),
  ]));
  $("markup").textContent = t.markup;
  $("sheet").showModal();
}
$("help").addEventListener("click", openHelp);

const isTyping = ({ target }) => target.matches?.("input, textarea");
const BY = { ArrowUp: -1, ArrowDown: 1 };

/** Returns the action of a key; undefined if it has none. */
function actionOf(event) {
  const { key, altKey, shiftKey } = event;
  const control = event.ctrlKey || event.metaKey;
  const letter = key.toLowerCase();
  // The second Ctrl+F opens the search of the browser.
  if (control && !altKey && (letter === "k" || letter === "f")) {
    return $("finder").open ? undefined : openSearch;
  }
  if ((control && key === "/") || (key === "?" && !control && !isTyping(event))) return openHelp;
  if (altKey && !control && Object.hasOwn(BY, key)) return () => step(BY[key], shiftKey);
  if (control && key === "ArrowUp" && !altKey) return chooseLast;
  return undefined;
}

addEventListener("keydown", (event) => {
  if (!me.joined || event.isComposing || event.defaultPrevented) return;
  const dialog = document.querySelector("dialog[open]");
  if (event.key === "Escape" && !dialog && !following) {
    follow();
    $("text").focus();
    return;
  }
  const action = actionOf(event);
  if (!action || (dialog && action !== openSearch)) return;
  event.preventDefault();
  action();
});
for (const button of document.querySelectorAll("dialog .close")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
$("jump").addEventListener("click", () => {
  follow();
  $("text").focus();
});
