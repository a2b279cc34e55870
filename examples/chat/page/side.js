// The side of the page, which is a drawer on a phone.

import { $ } from "./dom.js";
import { emit } from "./signals.js";

/** Closes the drawer. */
export function closeSide() {
  $("side").classList.remove("open");
  $("people-toggle").setAttribute("aria-expanded", "false");
}

$("stage").addEventListener("click", closeSide);
$("people-toggle").addEventListener("click", () => {
  const open = $("side").classList.toggle("open");
  $("people-toggle").setAttribute("aria-expanded", String(open));
  if (!open) return;
  $("side").querySelector("[aria-current]")?.focus();
  emit("side");
});
$("side").addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !$("side").classList.contains("open")) return;
  event.stopPropagation();
  closeSide();
  $("people-toggle").focus();
});
